#include <doctest/doctest.h>

#include <random>
#include <vector>

#include "probe/packet.h"

using namespace mqvpn::probe;

namespace {

std::vector<uint8_t> encoded(const Packet& packet) {
  std::vector<uint8_t> bytes(packet.size);
  encode(packet, bytes);
  return bytes;
}

const Packet kExample{Role::kServe, 200, 0x0123456789abcdef, 42, 1'700'000'000'123};

}  // namespace

TEST_CASE("a packet reads back as it was written, at every size") {
  for (const size_t size : {kHeaderBytes, size_t{33}, size_t{200}, size_t{1472}, kMaxPacketBytes}) {
    Packet packet = kExample;
    packet.size = static_cast<uint16_t>(size);
    const auto back = decodeDatagram(encoded(packet));
    REQUIRE(back);
    CHECK(back->role == packet.role);
    CHECK(back->size == packet.size);
    CHECK(back->session == packet.session);
    CHECK(back->seq == packet.seq);
    CHECK(back->txNs == packet.txNs);
  }
}

TEST_CASE("the header's bytes are where the drawing says") {
  const auto bytes = encoded(kExample);
  const std::vector<uint8_t> start(bytes.begin(), bytes.begin() + 24);
  CHECK(start == std::vector<uint8_t>{'m',  'q',  'P',  'b',  1, 1, 0, 200, 0x01, 0x23, 0x45, 0x67,
                                      0x89, 0xab, 0xcd, 0xef, 0, 0, 0, 0,   0,    0,    0,    42});
}

TEST_CASE("a datagram that is shorter or longer than it says is foreign") {
  auto bytes = encoded(kExample);
  for (size_t size = 0; size < bytes.size(); ++size)
    CHECK_FALSE(decodeDatagram(std::span(bytes).first(size)));
  bytes.push_back(0);
  CHECK_FALSE(decodeDatagram(bytes));
}

TEST_CASE("another magic, version, role or an impossible size is foreign") {
  for (const size_t at : {0, 1, 2, 3, 4, 5, 6}) {
    auto bytes = encoded(kExample);
    bytes[at] ^= 0x82;
    CHECK_FALSE(decodeDatagram(bytes));
  }
  auto tooSmall = encoded(kExample);
  tooSmall[7] = kHeaderBytes - 1;
  CHECK_FALSE(decodeHeader(tooSmall));
}

TEST_CASE("random bytes are foreign") {
  std::mt19937_64 random(1);
  for (int i = 0; i < 20'000; ++i) {
    std::vector<uint8_t> bytes(random() % 300);
    for (auto& byte : bytes) byte = static_cast<uint8_t>(random());
    CHECK_FALSE(decodeDatagram(bytes));
  }
}

TEST_CASE("the filler of two packets differs, so that compression gains nothing") {
  Packet next = kExample;
  ++next.seq;
  const auto a = encoded(kExample), b = encoded(next);
  size_t same = 0;
  for (size_t i = kHeaderBytes; i < a.size(); ++i) same += a[i] == b[i];
  CHECK(same < 10);
}
