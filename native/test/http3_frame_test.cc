#include <doctest/doctest.h>

#include "http3/frame.h"
#include "http3_support.h"

using namespace mqvpn::http3;
using namespace mqvpn::http3::test;

namespace {

struct Sink final : FrameSink {
  std::vector<std::uint64_t> started;
  std::vector<std::pair<std::uint64_t, ByteVector>> frames;
  ByteVector data;
  Error onFrameStart(std::uint64_t type, std::uint64_t) override {
    started.push_back(type);
    return {};
  }
  Error onDataPayload(std::span<std::uint8_t> bytes) override {
    data.insert(data.end(), bytes.begin(), bytes.end());
    return {};
  }
  Error onFrame(std::uint64_t type, mqvpn::quic::Bytes payload) override {
    frames.emplace_back(type, ByteVector(payload.begin(), payload.end()));
    return {};
  }
};

}  // namespace

TEST_CASE("frames are found wherever the stream is split") {
  const ByteVector stream = frame(0x01, hex("aabbcc")) + frame(0x00, hex("01020304")) +
                            frame(0x21, hex("ffff")) + frame(0x40, {}) + frame(0x00, {}) + frame(0x04, {}) +
                            frame(0x00, hex("05"));
  for (std::size_t size = 1; size <= stream.size(); ++size) {
    FrameReader reader;
    Sink sink;
    for (std::size_t at = 0; at < stream.size(); at += size) {
      ByteVector part(stream.begin() + static_cast<std::ptrdiff_t>(at),
                      stream.begin() + static_cast<std::ptrdiff_t>(std::min(at + size, stream.size())));
      REQUIRE_FALSE(reader.push(part, sink));
    }
    CHECK(sink.started == std::vector<std::uint64_t>{1, 0, 0x21, 0x40, 0, 4, 0});
    CHECK(sink.frames == std::vector<std::pair<std::uint64_t, ByteVector>>{{1, hex("aabbcc")}, {4, {}}});
    CHECK(sink.data == hex("0102030405"));
    CHECK(reader.atBoundary());
  }
}

TEST_CASE("a stream may end only between frames") {
  const ByteVector whole = frame(0x00, hex("0102"));
  for (std::size_t size = 1; size < whole.size(); ++size) {
    FrameReader reader;
    Sink sink;
    ByteVector part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    REQUIRE_FALSE(reader.push(part, sink));
    CHECK_FALSE(reader.atBoundary());
  }
}

TEST_CASE("frame types of HTTP/2 are refused, reserved ones are not") {
  for (const std::uint64_t type : {0x02, 0x06, 0x08, 0x09}) {
    FrameReader reader;
    Sink sink;
    ByteVector bytes = frame(type, {});
    CHECK(reader.push(bytes, sink).code == ErrorCode::kFrameUnexpected);
  }
  for (std::uint64_t n = 0; n < 50; ++n) {
    FrameReader reader;
    Sink sink;
    ByteVector bytes = frame(0x1f * n + 0x21, hex("00"));
    CHECK_FALSE(reader.push(bytes, sink));
  }
}

TEST_CASE("a frame that would have to be collected is bounded; DATA and unknown frames are not") {
  Sink sink;
  ByteVector atLimit = frame(0x01, ByteVector(FrameReader::kMaxBuffered));
  CHECK_FALSE(FrameReader().push(atLimit, sink));
  CHECK(sink.frames.size() == 1);
  std::uint8_t header[16];
  for (const std::uint64_t type : {0x01, 0x03, 0x04, 0x05, 0x07, 0x0d}) {
    const std::size_t size = writeFrameHeader(header, type, FrameReader::kMaxBuffered + 1);
    CHECK(FrameReader().push(std::span(header).first(size), sink).code == ErrorCode::kExcessiveLoad);
  }
  for (const std::uint64_t type : {0x00, 0x21}) {
    FrameReader reader;
    const std::size_t size = writeFrameHeader(header, type, mqvpn::quic::kVarintMax);
    CHECK_FALSE(reader.push(std::span(header).first(size), sink));
    ByteVector some(100000);
    CHECK_FALSE(reader.push(some, sink));
  }
  CHECK(sink.data.size() == 100000);
}

TEST_CASE("lengths in more bytes than they need are read as well") {
  FrameReader reader;
  Sink sink;
  ByteVector bytes = hex("c000000000000000 80000002 abcd");
  CHECK_FALSE(reader.push(bytes, sink));
  CHECK(sink.data == hex("abcd"));
}
