#include <doctest/doctest.h>

#include <random>

#include "tunnel/segment_checksum.h"
#include "tunnel/segment_packet.h"
#include "tunnel_segment_support.h"

using namespace mqvpn::tunnel;
using namespace mqvpn::tunnel::test;

namespace {

/// As a number in host order; 0 and 0xffff are the same sum.
std::uint32_t value(std::uint64_t sum) {
  std::uint8_t bytes[2];
  store16(bytes, checksumFold(sum));
  const std::uint32_t read = read16(bytes);
  return read == 0xffff ? 0 : read;
}
std::uint32_t canonical(std::uint32_t sum) { return sum == 0xffff ? 0 : sum; }

}  // namespace

TEST_CASE("the checksum of any length at any alignment is that of the slow implementation") {
  std::mt19937 random(1);
  Packet data(4096 + 64);
  for (auto& byte : data) byte = static_cast<std::uint8_t>(random());
  for (std::size_t size = 0; size < 2100; size += size < 300 ? 1 : 37) {
    const std::size_t offset = random() % 64;
    const std::span<const std::uint8_t> part = std::span(data).subspan(offset, size);
    REQUIRE(value(checksumAdd(part.data(), size)) == canonical(slowSum(part)));
    Packet copy(size + 1, 0xa5);
    REQUIRE(value(checksumCopy(copy.data(), part.data(), size)) == canonical(slowSum(part)));
    REQUIRE(std::equal(part.begin(), part.end(), copy.begin()));
    REQUIRE(copy[size] == 0xa5);
  }
}

TEST_CASE("sums neither overflow nor lose a carry over a megabyte of the largest and smallest words") {
  for (const int fill : {0xff, 0x7f, 0x80, 0x00}) {
    const Packet data(std::size_t{3} << 19, static_cast<std::uint8_t>(fill));
    CHECK(value(checksumAdd(data.data(), data.size())) == canonical(slowSum(data)));
  }
}

TEST_CASE("sums of ranges of even length add up") {
  Packet data(1000);
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::uint8_t>(i * i);
  const std::uint64_t first = checksumAdd(data.data(), 334);
  CHECK(value(checksumAdd(data.data() + 334, 666, first)) == canonical(slowSum(data)));
}

TEST_CASE("the pseudo-header's sum is that of the slow implementation") {
  for (const bool ipv6 : {false, true}) {
    for (const bool tcp : {false, true}) {
      Spec spec;
      spec.ipv6 = ipv6;
      spec.tcp = tcp;
      const Packet packet = superPacket(spec);
      const std::uint32_t transport = transportOf(spec);
      CHECK(value(pseudoHeaderSum(packet.data(), ipv6, tcp ? 6 : 17, packet.size() - transport)) ==
            canonical(pseudoSum(packet, transport, tcp)));
    }
  }
}
