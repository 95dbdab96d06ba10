// Frames that are well-formed: known bytes, and round trips of random ones.

#include <doctest/doctest.h>

#include "quic_codec_support.h"

using namespace mqvpn::quic;
using namespace mqvpn::quic::test;

namespace {

constexpr std::size_t kFrameKinds = std::variant_size_v<Frame>;
constexpr auto kNone = MultipathVersion::kNone;
constexpr auto kDraft21 = MultipathVersion::kDraft21;
constexpr auto kDraft10 = MultipathVersion::kDraft10;

struct Read {
  std::string text;
  Error error;
  std::uint64_t type = 0;
};

/// All frames of a payload, one per line.
Read readAll(Bytes payload, MultipathVersion multipath) {
  FrameReader reader(payload, multipath);
  Read read;
  Frame frame;
  while (reader.next(frame)) read.text.append(read.text.empty() ? "" : "\n").append(describe(frame));
  read.error = reader.error();
  read.type = reader.type();
  return read;
}

struct Sample {
  const char* bytes;
  const char* frame;
  MultipathVersion multipath;
  /// Whether writing gives the same bytes: one frame may have several encodings.
  bool canonical = true;
};

const Sample kSamples[] = {
    {"00", "PADDING 1", kNone},
    {"00000000", "PADDING 4", kNone},
    {"01", "PING", kNone},
    {"02 7bbd 05 00 02", "ACK delay 5 15291-15293", kNone},
    {"02 0a 00 02 01 00 03 01 00", "ACK delay 0 9-10 4-7 1-1", kNone},
    {"03 0a 00 00 0a 01 02 4100", "ACK delay 0 0-10 ecn 1 2 256", kNone},
    {"04 04 02 4040", "RESET_STREAM 4 2 64", kNone},
    {"05 08 03", "STOP_SENDING 8 3", kNone},
    {"06 4100 03 aabbcc", "CRYPTO 256 aabbcc", kNone},
    {"07 02 beef", "NEW_TOKEN beef", kNone},
    {"08 04 aabb", "STREAM 4 0 aabb", kNone, false},
    {"09 04 aabb", "STREAM fin 4 0 aabb", kNone, false},
    {"0a 04 02 aabb", "STREAM 4 0 aabb", kNone, false},
    {"0b 04 02 aabb", "STREAM fin 4 0 aabb", kNone, false},
    {"0c 04 07 aabb", "STREAM 4 7 aabb", kNone, false},
    {"0d 04 07 aabb", "STREAM fin 4 7 aabb", kNone, false},
    {"0e 04 07 02 aabb", "STREAM 4 7 aabb", kNone},
    {"0f 04 07 02 aabb", "STREAM fin 4 7 aabb", kNone},
    {"0f 04 ffffffffffffffff 00", "STREAM fin 4 4611686018427387903 ", kNone},
    {"10 80100000", "MAX_DATA 1048576", kNone},
    {"11 04 4400", "MAX_STREAM_DATA 4 1024", kNone},
    {"12 4064", "MAX_STREAMS bidi 100", kNone},
    {"13 d000000000000000", "MAX_STREAMS uni 1152921504606846976", kNone},
    {"14 05", "DATA_BLOCKED 5", kNone},
    {"15 04 05", "STREAM_DATA_BLOCKED 4 5", kNone},
    {"16 05", "STREAMS_BLOCKED bidi 5", kNone},
    {"17 05", "STREAMS_BLOCKED uni 5", kNone},
    {"18 02 01 04 c0ffee00 000102030405060708090a0b0c0d0e0f",
     "NEW_CONNECTION_ID 2 1 c0ffee00 000102030405060708090a0b0c0d0e0f", kNone},
    {"19 03", "RETIRE_CONNECTION_ID 3", kNone},
    {"1a 0001020304050607", "PATH_CHALLENGE 0001020304050607", kNone},
    {"1b 0001020304050607", "PATH_RESPONSE 0001020304050607", kNone},
    {"1c 0a 06 02 6869", "CONNECTION_CLOSE 10 6 6869", kNone},
    {"1d 4100 02 6869", "CONNECTION_CLOSE app 256 0 6869", kNone},
    {"1e", "HANDSHAKE_DONE", kNone},
    {"30 aabbcc", "DATAGRAM aabbcc", kNone, false},
    {"30", "DATAGRAM ", kNone, false},
    {"31 03 aabbcc", "DATAGRAM aabbcc", kNone},
    {"3e 02 0a 00 00 00", "PATH_ACK path 2 delay 0 10-10", kDraft21},
    {"3f 02 0a 00 01 00 00 00 01 02 03", "PATH_ACK path 2 delay 0 10-10 8-8 ecn 1 2 3", kDraft21},
    {"7e75 01 3e", "PATH_ABANDON 1 62", kDraft21},
    {"7e76 01 05", "PATH_STATUS_BACKUP 1 5", kDraft21},
    {"7e77 01 05", "PATH_STATUS_AVAILABLE 1 5", kDraft21},
    {"7e78 01 02 01 01 cc 000102030405060708090a0b0c0d0e0f",
     "PATH_NEW_CONNECTION_ID path 1 2 1 cc 000102030405060708090a0b0c0d0e0f", kDraft21},
    {"7e79 01 03", "PATH_RETIRE_CONNECTION_ID path 1 3", kDraft21},
    {"7e7a c0000000ffffffff", "MAX_PATH_ID 4294967295", kDraft21},
    {"7e7b 04", "PATHS_BLOCKED 4", kDraft21},
    {"7e7c 04 02", "PATH_CIDS_BLOCKED 4 2", kDraft21},
    {"95228c00 02 0a 00 00 00", "PATH_ACK path 2 delay 0 10-10", kDraft10},
    {"95228c01 02 0a 00 00 00 01 02 03", "PATH_ACK path 2 delay 0 10-10 ecn 1 2 3", kDraft10},
    {"95228c05 01 3e 00", "PATH_ABANDON 1 62", kDraft10},
    {"95228c05 01 3e 02 6869", "PATH_ABANDON 1 62", kDraft10, false},
    {"95228c07 01 05", "PATH_STATUS_BACKUP 1 5", kDraft10},
    {"95228c08 01 05", "PATH_STATUS_AVAILABLE 1 5", kDraft10},
    {"95228c09 01 02 01 01 cc 000102030405060708090a0b0c0d0e0f",
     "PATH_NEW_CONNECTION_ID path 1 2 1 cc 000102030405060708090a0b0c0d0e0f", kDraft10},
    {"95228c0a 01 03", "PATH_RETIRE_CONNECTION_ID path 1 3", kDraft10},
    {"95228c0c c0000000ffffffff", "MAX_PATH_ID 4294967295", kDraft10},
};

}  // namespace

TEST_CASE("every frame type has the bytes that its RFC or draft shows") {
  for (const Sample& sample : kSamples) {
    CAPTURE(std::string(sample.bytes));
    const auto bytes = fromHex(sample.bytes);
    FrameReader reader(bytes, sample.multipath);
    Frame frame;
    REQUIRE(reader.next(frame));
    CHECK(describe(frame) == sample.frame);
    std::uint8_t buffer[100];
    Writer out(buffer);
    REQUIRE(writeFrame(out, frame, sample.multipath));
    if (sample.canonical) CHECK(toHex(out.written()) == toHex(bytes));
    CHECK(readAll(out.written(), sample.multipath).text == sample.frame);
    CHECK_FALSE(reader.next(frame));
    CHECK_FALSE(reader.error());
  }
}

TEST_CASE("every frame comes back as it was written, with either version of multipath and without") {
  const std::uint64_t seed = testSeed();
  CAPTURE(seed);
  for (const MultipathVersion multipath : {kNone, kDraft21, kDraft10}) {
    RandomFrames random(seed);
    for (std::size_t round = 0; round < 200; ++round) {
      for (std::size_t kind = 0; kind < kFrameKinds; ++kind) {
        const Frame frame = random.frame(kind, multipath != kNone);
        REQUIRE(frame.index() == kind);
        const bool multipathOnly = kind >= Frame(PathAbandonFrame{}).index();
        const bool blocked = kind >= Frame(PathsBlockedFrame{}).index();
        const bool known = !multipathOnly || multipath == kDraft21 || (multipath == kDraft10 && !blocked);
        std::uint8_t buffer[1000];
        Writer out(buffer);
        REQUIRE(writeFrame(out, frame, multipath) == known);
        if (!known) {
          CHECK(out.size() == 0);
          continue;
        }
        const Read read = readAll(out.written(), multipath);
        CHECK(read.text == describe(frame));
        CHECK_FALSE(read.error);
      }
    }
  }
}

TEST_CASE("a payload of many frames is read in order") {
  const std::uint64_t seed = testSeed();
  CAPTURE(seed);
  RandomFrames random(seed);
  for (int round = 0; round < 100; ++round) {
    std::uint8_t buffer[4000];
    Writer out(buffer);
    std::string expected;
    std::size_t last = 0;
    for (int i = 0; i < 8; ++i) {
      std::size_t kind = random.below(kFrameKinds);
      // Two runs of PADDING beside each other are one.
      if (kind == 0 && last == 0) kind = 1;
      last = kind;
      const Frame frame = random.frame(kind, true);
      REQUIRE(writeFrame(out, frame, kDraft21));
      expected.append(expected.empty() ? "" : "\n").append(describe(frame));
    }
    const Read read = readAll(out.written(), kDraft21);
    CHECK(read.text == expected);
    CHECK_FALSE(read.error);
  }
}

TEST_CASE("a frame cut anywhere gives an error or fewer bytes of it, and is never read beyond its end") {
  const std::uint64_t seed = testSeed();
  CAPTURE(seed);
  RandomFrames random(seed);
  for (const MultipathVersion multipath : {kDraft21, kDraft10}) {
    for (std::size_t round = 0; round < 4; ++round) {
      for (std::size_t kind = 0; kind < kFrameKinds; ++kind) {
        const Frame frame = random.frame(kind, true);
        std::uint8_t buffer[1000];
        Writer out(buffer);
        if (!writeFrame(out, frame, multipath)) continue;
        for (std::size_t size = 1; size < out.size(); ++size) {
          // A copy of exactly this size, so that the sanitizer sees any read behind it.
          const std::vector<std::uint8_t> cut(buffer, buffer + size);
          const Read read = readAll(cut, multipath);
          CAPTURE(toHex(cut));
          if (kind == 0) {
            CHECK(read.text == "PADDING " + std::to_string(size));
          } else {
            CHECK(read.text.empty());
            CHECK(read.error.code == TransportError::kFrameEncodingError);
          }
        }
      }
    }
  }
}

TEST_CASE("a frame that does not fit leaves the packet as it was") {
  const std::uint64_t seed = testSeed();
  CAPTURE(seed);
  RandomFrames random(seed);
  for (std::size_t kind = 0; kind < kFrameKinds; ++kind) {
    const Frame frame = random.frame(kind, true);
    std::uint8_t whole[1000];
    Writer all(whole);
    REQUIRE(writeFrame(all, frame));
    for (std::size_t room = 0; room < all.size(); ++room) {
      std::vector<std::uint8_t> buffer(1 + room);
      Writer out(buffer);
      out.u8(0x01);
      CHECK_FALSE(writeFrame(out, frame));
      CHECK(out.ok());
      CHECK(out.size() == 1);
    }
    std::vector<std::uint8_t> buffer(all.size());
    Writer out(buffer);
    CHECK(writeFrame(out, frame));
  }
}

TEST_CASE("nothing is added to a packet that has already overflown") {
  std::uint8_t buffer[4];
  Writer out(buffer);
  out.zeros(5);
  CHECK_FALSE(writeFrame(out, PingFrame{}));
  CHECK_FALSE(out.ok());
}

TEST_CASE("the header of a DATAGRAM frame has a length unless the frame is the last") {
  std::uint8_t buffer[200];
  Writer out(buffer);
  REQUIRE(writeDatagramHeader(out, 100, false));
  CHECK(toHex(out.written()) == "314064");
  Writer last(buffer);
  REQUIRE(writeDatagramHeader(last, 100, true));
  CHECK(toHex(last.written()) == "30");

  Writer exact(std::span<std::uint8_t>(buffer, 103));
  CHECK(writeDatagramHeader(exact, 100, false));
  Writer tight(std::span<std::uint8_t>(buffer, 102));
  CHECK_FALSE(writeDatagramHeader(tight, 100, false));
  CHECK(tight.size() == 0);
  CHECK(writeDatagramHeader(tight, 100, true));
  Writer none(std::span<std::uint8_t>(buffer, 0));
  CHECK_FALSE(writeDatagramHeader(none, 0, true));
}

TEST_CASE("the overhead of STREAM and CRYPTO frames is what writing them costs") {
  const std::uint64_t seed = testSeed();
  CAPTURE(seed);
  RandomFrames random(seed);
  for (int i = 0; i < 500; ++i) {
    std::uint8_t buffer[400];
    Writer out(buffer);
    if (random.coin()) {
      const auto frame = std::get<StreamFrame>(random.frame(Frame(StreamFrame{}).index(), false));
      REQUIRE(writeFrame(out, frame));
      CHECK(out.size() ==
            streamFrameOverhead(frame.streamId, frame.offset, frame.data.size()) + frame.data.size());
    } else {
      const auto frame = std::get<CryptoFrame>(random.frame(Frame(CryptoFrame{}).index(), false));
      REQUIRE(writeFrame(out, frame));
      CHECK(out.size() == cryptoFrameOverhead(frame.offset, frame.data.size()) + frame.data.size());
    }
  }
}

TEST_CASE("only ACK, PADDING and CONNECTION_CLOSE elicit no acknowledgement, only four frames probe a path") {
  RandomFrames random(1);
  std::string quiet;
  std::string probing;
  for (std::size_t kind = 0; kind < kFrameKinds; ++kind) {
    const Frame frame = random.frame(kind, false);
    const std::string text = describe(frame);
    const std::string name = text.substr(0, text.find(' ')) + " ";
    if (!isAckEliciting(frame)) quiet += name;
    if (isProbing(frame)) probing += name;
  }
  CHECK(quiet == "PADDING ACK CONNECTION_CLOSE ");
  CHECK(probing == "PADDING NEW_CONNECTION_ID PATH_CHALLENGE PATH_RESPONSE ");
  AckFrame ofPath;
  ofPath.pathId = 3;
  CHECK_FALSE(isAckEliciting(ofPath));
}

TEST_CASE("CONNECTION_CLOSE names the frame that was at fault by the code point of the peer's draft") {
  std::uint8_t buffer[20];
  Writer out(buffer);
  REQUIRE(writeFrame(out, ConnectionCloseFrame{false, 10, frame_type::kMaxPathId, {}}, kDraft10));
  CHECK(toHex(out.written()) == "1c0a95228c0c00");
  CHECK(readAll(out.written(), kDraft10).text == "CONNECTION_CLOSE 10 15994 ");
}

TEST_CASE("the reader tells the type of the last frame, in draft 21's numbers") {
  Frame frame;
  const auto bytes = fromHex("0e 00 00 01 aa 95228c0c 05");
  FrameReader reader(bytes, kDraft10);
  REQUIRE(reader.next(frame));
  CHECK(reader.type() == 0x0e);
  REQUIRE(reader.next(frame));
  CHECK(reader.type() == frame_type::kMaxPathId);
}
