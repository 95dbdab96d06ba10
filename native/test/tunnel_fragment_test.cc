#include "tunnel/fragment.h"

#include <doctest/doctest.h>

#include "tunnel_packets.h"

using namespace mqvpn::tunnel;
using namespace mqvpn::tunnel::test;

namespace {

unsigned fieldOf(const Bytes& packet) { return packet[6] * 256u + packet[7]; }

std::vector<Bytes> cut(const Bytes& packet, std::size_t most) {
  const Fragmenter fragmenter(packet, most);
  std::vector<Bytes> all;
  for (std::size_t i = 0; i < fragmenter.count(); ++i) {
    Bytes one(most);
    one.resize(fragmenter.write(i, one.data()));
    all.push_back(std::move(one));
  }
  return all;
}

}  // namespace

TEST_CASE("the fragments of a packet hold its payload, in their places, and fit") {
  for (const std::size_t size : {29u, 1000u, 1300u, 1301u, 4000u, 9000u}) {
    for (const std::size_t most : {28u, 68u, 1280u, 1281u, 1400u}) {
      CAPTURE(size);
      CAPTURE(most);
      const Bytes packet = udp4({.dontFragment = false}, size, 77);
      Bytes payload(packet.size() - 20);
      std::size_t filled = 0;
      const std::vector<Bytes> fragments = cut(packet, most);
      REQUIRE_FALSE(fragments.empty());
      for (std::size_t i = 0; i < fragments.size(); ++i) {
        const Bytes& one = fragments[i];
        REQUIRE(one.size() <= most);
        REQUIRE(one[2] * 256u + one[3] == one.size());
        REQUIRE(checksumFold(checksumAdd(one.data(), 20)) == 0xffff);
        REQUIRE((fieldOf(one) & 0x2000) == (i + 1 < fragments.size() ? 0x2000 : 0));
        REQUIRE(std::equal(one.begin() + 12, one.begin() + 20, packet.begin() + 12));
        const std::size_t at = (fieldOf(one) & 0x1fff) * 8;
        REQUIRE(at + one.size() - 20 <= payload.size());
        std::copy(one.begin() + 20, one.end(), payload.begin() + static_cast<std::ptrdiff_t>(at));
        filled += one.size() - 20;
      }
      CHECK(filled == payload.size());
      CHECK(std::equal(payload.begin(), payload.end(), packet.begin() + 20));
    }
  }
}

TEST_CASE("a fragment that is cut again keeps its place and its flag") {
  const std::vector<Bytes> first = cut(udp4({.dontFragment = false}, 4000), 1500);
  REQUIRE(first.size() == 3);
  const std::vector<Bytes> again = cut(first[1], 800);
  REQUIRE(again.size() == 2);
  CHECK((fieldOf(again[0]) & 0x1fff) == (fieldOf(first[1]) & 0x1fff));
  CHECK((fieldOf(again[1]) & 0x2000) != 0);
}

TEST_CASE("a packet with options, and what is no IPv4 packet, is not cut") {
  Bytes packet = udp4({}, 2000);
  packet[0] = 0x46;
  CHECK(cut(packet, 1280).empty());
  CHECK(cut(ip6(17, Bytes(2000)), 1280).empty());
  CHECK(cut(Bytes(), 1280).empty());
  CHECK(cut(Bytes(20, 0x45), 1280).empty());
}
