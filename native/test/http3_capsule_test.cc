#include <doctest/doctest.h>

#include "http3/capsule.h"
#include "http3_support.h"

using namespace mqvpn::http3;
using namespace mqvpn::http3::test;

namespace {

struct Sink final : CapsuleSink {
  std::vector<std::pair<std::uint64_t, ByteVector>> capsules;
  bool wantsCapsule(std::uint64_t type) override { return type <= 3; }
  Error onCapsule(std::uint64_t type, std::span<std::uint8_t> value) override {
    capsules.emplace_back(type, ByteVector(value.begin(), value.end()));
    std::fill(value.data() - 16, value.data() + value.size(), std::uint8_t{0xee});
    return {};
  }
};

/// With the room in front that push() demands.
Error push(CapsuleReader& reader, const ByteVector& bytes, Sink& sink) {
  ByteVector padded = ByteVector(16) + bytes;
  return reader.push(std::span(padded).subspan(16), sink);
}

ByteVector capsule(std::uint64_t type, const ByteVector& value) {
  ByteVector out;
  appendCapsule(out, type, value);
  return out;
}

}  // namespace

TEST_CASE("capsules are found wherever the stream is split, unknown ones are skipped") {
  const ByteVector stream = hex("01 07 00 04 0a080002 20") + capsule(0x2575, hex("0102030405")) +
                            hex("03 0a 04 00000000 ffffffff 00") + capsule(0, {}) + capsule(0x40, {}) +
                            capsule(0, ByteVector(100, 7));
  for (std::size_t size = 1; size <= stream.size(); ++size) {
    CapsuleReader reader;
    Sink sink;
    for (std::size_t at = 0; at < stream.size(); at += size) {
      const ByteVector part(stream.begin() + static_cast<std::ptrdiff_t>(at),
                            stream.begin() + static_cast<std::ptrdiff_t>(std::min(at + size, stream.size())));
      REQUIRE_FALSE(push(reader, part, sink));
    }
    REQUIRE(sink.capsules.size() == 4);
    CHECK(sink.capsules[0] == std::pair<std::uint64_t, ByteVector>(1, hex("00 04 0a080002 20")));
    CHECK(sink.capsules[1] == std::pair<std::uint64_t, ByteVector>(3, hex("04 00000000 ffffffff 00")));
    CHECK(sink.capsules[2] == std::pair<std::uint64_t, ByteVector>(0, {}));
    CHECK(sink.capsules[3].second == ByteVector(100, 7));
    CHECK(reader.atBoundary());
  }
}

TEST_CASE("a stream may end only between capsules") {
  const ByteVector whole = hex("01 07 00 04 0a080002 20");
  for (std::size_t size = 1; size < whole.size(); ++size) {
    CapsuleReader reader;
    Sink sink;
    REQUIRE_FALSE(
        push(reader, ByteVector(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)), sink));
    CHECK_FALSE(reader.atBoundary());
  }
}

TEST_CASE("a capsule that is wanted is bounded, an unknown one may be of any size") {
  Sink sink;
  CapsuleReader atLimit;
  CHECK_FALSE(push(atLimit, capsule(0, ByteVector(kMaxCapsuleValue)), sink));
  CHECK(sink.capsules.at(0).second.size() == kMaxCapsuleValue);

  std::uint8_t header[16];
  std::size_t size = writeCapsuleHeader(header, 0, kMaxCapsuleValue + 1);
  CapsuleReader beyond;
  CHECK(push(beyond, ByteVector(header, header + size), sink).code == ErrorCode::kExcessiveLoad);

  size = writeCapsuleHeader(header, 0x1234, mqvpn::quic::kVarintMax);
  CapsuleReader unknown;
  CHECK_FALSE(push(unknown, ByteVector(header, header + size), sink));
  CHECK_FALSE(push(unknown, ByteVector(200000), sink));
  CHECK_FALSE(unknown.atBoundary());
}
