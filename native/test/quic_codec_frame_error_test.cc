// Frames that are not well-formed, each with the error that its RFC or draft asks for.

#include <doctest/doctest.h>

#include "quic_codec_support.h"

using namespace mqvpn::quic;
using namespace mqvpn::quic::test;

namespace {

constexpr auto kNone = MultipathVersion::kNone;
constexpr auto kDraft21 = MultipathVersion::kDraft21;
constexpr auto kDraft10 = MultipathVersion::kDraft10;

/// The error of a payload; how many frames came before it.
struct Outcome {
  Error error;
  std::size_t frames = 0;
  std::uint64_t type = 0;
};

Outcome read(const char* hex, MultipathVersion multipath = kNone) {
  const auto bytes = fromHex(hex);
  FrameReader reader(bytes, multipath);
  Outcome outcome;
  Frame frame;
  while (reader.next(frame)) ++outcome.frames;
  // An error stays.
  CHECK_FALSE(reader.next(frame));
  outcome.error = reader.error();
  outcome.type = reader.type();
  return outcome;
}

TransportError codeOf(const char* hex, MultipathVersion multipath = kNone) {
  const Error error = read(hex, multipath).error;
  // Whoever reads the log wants to know what was wrong.
  if (error) CHECK(std::string(error.reason) != "");
  return error.code;
}

constexpr auto kFine = TransportError::kNoError;
constexpr auto kEncoding = TransportError::kFrameEncodingError;
constexpr auto kViolation = TransportError::kProtocolViolation;

}  // namespace

TEST_CASE("a packet without a frame is a protocol violation") { CHECK(codeOf("") == kViolation); }

TEST_CASE("a frame of unknown type is an encoding error, and tells its type") {
  for (const char* type :
       {"1f", "20", "2f", "32", "3d", "4040", "7e74", "7e7d", "95228c02", "95228cff", "ffffffffffffffff"}) {
    CAPTURE(std::string(type));
    for (const auto multipath : {kNone, kDraft21, kDraft10}) CHECK(codeOf(type, multipath) == kEncoding);
  }
  CHECK(read("01 7e74").type == 0x3e74);
  CHECK(read("01 7e74").frames == 1);
}

TEST_CASE("multipath frames are unknown on a connection without multipath or with the other draft") {
  for (const char* frame : {"3e 00 00 00 00 00", "3f 00 00 00 00 00 00 00 00", "7e75 01 00", "7e76 01 00",
                            "7e77 01 00", "7e78 00 00 00 01 aa 000102030405060708090a0b0c0d0e0f",
                            "7e79 01 00", "7e7a 01", "7e7b 01", "7e7c 01 00"}) {
    CAPTURE(std::string(frame));
    CHECK(codeOf(frame, kDraft21) == kFine);
    CHECK(codeOf(frame, kNone) == kEncoding);
    CHECK(codeOf(frame, kDraft10) == kEncoding);
  }
  for (const char* frame :
       {"95228c00 00 00 00 00 00", "95228c01 00 00 00 00 00 00 00 00", "95228c05 01 00 00", "95228c07 01 00",
        "95228c08 01 00", "95228c09 00 00 00 01 aa 000102030405060708090a0b0c0d0e0f", "95228c0a 01 00",
        "95228c0c 01"}) {
    CAPTURE(std::string(frame));
    CHECK(codeOf(frame, kDraft10) == kFine);
    CHECK(codeOf(frame, kNone) == kEncoding);
    CHECK(codeOf(frame, kDraft21) == kEncoding);
  }
  CHECK(read("7e7a 01", kNone).type == frame_type::kMaxPathId);
}

TEST_CASE("a frame type in more bytes than needed is a protocol violation") {
  for (const char* frame : {"4001", "80000001", "c000000000000001", "4000", "4002 00 00 00 00", "400a 00 00",
                            "4030", "4031 00", "403e 00 00 00 00 00", "80003e7a 01", "c000000015228c0c 01"}) {
    CAPTURE(std::string(frame));
    for (const auto multipath : {kNone, kDraft21, kDraft10}) CHECK(codeOf(frame, multipath) == kViolation);
  }
}

TEST_CASE("a type that is cut is an encoding error") {
  for (const char* frame : {"40", "7e", "95228c", "ffffffffffffff"})
    CHECK(codeOf(frame, kDraft21) == kEncoding);
}

TEST_CASE("ACK ranges below packet number 0 are an encoding error") {
  CHECK(codeOf("02 05 00 00 05") == kFine);
  CHECK(codeOf("02 05 00 00 06") == kEncoding);
  // 5-5, then a gap of 2 leads to 1; a range down to 0.
  CHECK(codeOf("02 05 00 01 00 02 01") == kFine);
  CHECK(codeOf("02 05 00 01 00 02 02") == kEncoding);
  CHECK(codeOf("02 05 00 01 00 03 00") == kFine);
  CHECK(codeOf("02 05 00 01 00 04 00") == kEncoding);
  CHECK(codeOf("02 05 00 01 00 ffffffffffffffff 00") == kEncoding);
  CHECK(codeOf("02 05 00 01 00 00 ffffffffffffffff") == kEncoding);
  CHECK(codeOf("3e 01 05 00 00 06", kDraft21) == kEncoding);
  CHECK(codeOf("95228c00 01 05 00 00 06", kDraft10) == kEncoding);
}

TEST_CASE("an ACK that claims more ranges than there are bytes is an encoding error") {
  CHECK(codeOf("02 4100 00 02 00 00 00") == kEncoding);
  CHECK(codeOf("02 4100 00 ffffffffffffffff 00 00 00") == kEncoding);
  CHECK(codeOf("03 05 00 00 00 01 01") == kEncoding);
}

TEST_CASE("stream and crypto data may end at offset 2^62-1 but not behind it") {
  CHECK(codeOf("0e 00 ffffffffffffffff 00") == kFine);
  CHECK(codeOf("0e 00 fffffffffffffffe 01 aa") == kFine);
  CHECK(codeOf("0e 00 ffffffffffffffff 01 aa") == kEncoding);
  CHECK(codeOf("0c 00 ffffffffffffffff aa") == kEncoding);
  CHECK(codeOf("06 ffffffffffffffff 00") == kFine);
  CHECK(codeOf("06 ffffffffffffffff 01 aa") == kEncoding);
}

TEST_CASE("data longer than the packet is an encoding error") {
  for (const char* frame : {"0a 00 02 aa", "0e 00 00 ffffffffffffffff aa", "06 00 02 aa", "07 02 aa",
                            "31 02 aa", "31 ffffffffffffffff", "1c 00 00 02 aa", "1d 00 02 aa"}) {
    CAPTURE(std::string(frame));
    CHECK(codeOf(frame) == kEncoding);
  }
  CHECK(codeOf("95228c05 01 00 02 aa", kDraft10) == kEncoding);
}

TEST_CASE("NEW_TOKEN without a token is an encoding error") { CHECK(codeOf("07 00") == kEncoding); }

TEST_CASE("limits of streams go to 2^60") {
  for (const char* type : {"12", "13", "16", "17"}) {
    CAPTURE(std::string(type));
    CHECK(codeOf((std::string(type) + "d000000000000000").c_str()) == kFine);
    CHECK(codeOf((std::string(type) + "d000000000000001").c_str()) == kEncoding);
  }
}

TEST_CASE("NEW_CONNECTION_ID has an ID of 1 to 20 bytes and retires no later one") {
  const std::string token = "000102030405060708090a0b0c0d0e0f";
  const std::string id20(40, 'a');
  for (const auto& [prefix, multipath] : {std::pair<std::string, MultipathVersion>{"18", kNone},
                                          {"7e7801", kDraft21},
                                          {"95228c0901", kDraft10}}) {
    CAPTURE(prefix);
    CHECK(codeOf((prefix + "05 05 14" + id20 + token).c_str(), multipath) == kFine);
    CHECK(codeOf((prefix + "05 05 01 aa" + token).c_str(), multipath) == kFine);
    CHECK(codeOf((prefix + "05 05 00" + token).c_str(), multipath) == kEncoding);
    CHECK(codeOf((prefix + "05 05 15 aa" + id20 + token).c_str(), multipath) == kEncoding);
    CHECK(codeOf((prefix + "05 06 01 aa" + token).c_str(), multipath) == kEncoding);
  }
}

TEST_CASE("a path ID above 2^32-1 is a protocol violation") {
  const std::string most = "c0000000ffffffff";
  const std::string above = "c000000100000000";
  struct {
    const char* before;
    const char* after;
    MultipathVersion multipath;
  } const frames[] = {
      {"3e", "00000000", kDraft21},
      {"3f", "00000000000000", kDraft21},
      {"7e75", "00", kDraft21},
      {"7e76", "00", kDraft21},
      {"7e77", "00", kDraft21},
      {"7e78", "000001aa000102030405060708090a0b0c0d0e0f", kDraft21},
      {"7e79", "00", kDraft21},
      {"7e7a", "", kDraft21},
      {"7e7b", "", kDraft21},
      {"7e7c", "00", kDraft21},
      {"95228c00", "00000000", kDraft10},
      {"95228c05", "0000", kDraft10},
      {"95228c07", "00", kDraft10},
      {"95228c0c", "", kDraft10},
  };
  for (const auto& [before, after, multipath] : frames) {
    CAPTURE(std::string(before));
    CHECK(codeOf((before + most + after).c_str(), multipath) == kFine);
    CHECK(codeOf((before + above + after).c_str(), multipath) == kViolation);
  }
}
