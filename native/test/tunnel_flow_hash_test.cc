#include "tunnel/flow_hash.h"

#include <doctest/doctest.h>

#include <set>

#include "tunnel_packets.h"

using namespace mqvpn::tunnel;
using namespace mqvpn::tunnel::test;

namespace {
const HashKey kKey{0x0706050403020100, 0x0f0e0d0c0b0a0908};
std::uint32_t hash(const Bytes& packet, const HashKey& key = kKey) { return flowHash(packet, key); }

Bytes ports(std::uint16_t from, std::uint16_t to) {
  Bytes header(8);
  put16(header, 0, from);
  put16(header, 2, to);
  return header;
}
Bytes join(std::initializer_list<Bytes> parts) {
  Bytes all;
  for (const Bytes& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}
}  // namespace

TEST_CASE("packets of one flow have one hash, whatever else differs") {
  Udp udp;
  const std::uint32_t one = hash(udp4(udp, 100, 1));
  udp.ttl = 3;
  udp.ecn = 2;
  CHECK(hash(udp4(udp, 1200, 2)) == one);
}

TEST_CASE("each part of the 5-tuple tells flows apart") {
  const Udp base;
  std::set<std::uint32_t> hashes{hash(udp4(base, 100))};
  Udp other = base;
  other.source ^= 1;
  CHECK(hashes.insert(hash(udp4(other, 100))).second);
  other = base;
  other.destination ^= 1;
  CHECK(hashes.insert(hash(udp4(other, 100))).second);
  other = base;
  ++other.from;
  CHECK(hashes.insert(hash(udp4(other, 100))).second);
  other = base;
  ++other.to;
  CHECK(hashes.insert(hash(udp4(other, 100))).second);
  Bytes tcp = udp4(base, 100);
  tcp[9] = 6;
  CHECK(hashes.insert(hash(tcp)).second);
}

TEST_CASE("another key gives other hashes, so collisions cannot be prepared") {
  CHECK(hash(udp4({}, 100)) != hash(udp4({}, 100), {1, 2}));
}

TEST_CASE("all fragments of an IPv4 packet have one hash, which its identification decides") {
  Bytes first = udp4({}, 100);
  put16(first, 4, 77);
  put16(first, 6, 0x2000);
  Bytes second = first;
  put16(second, 6, 0x0040);
  put16(second, 20, 0xbeef);  // payload where the first has a port
  CHECK(hash(first) == hash(second));
  put16(second, 4, 78);
  CHECK(hash(first) != hash(second));
}

TEST_CASE("IPv6 extension headers are passed over") {
  const Bytes plain = ip6(17, ports(1, 2));
  const Bytes options(8);
  Bytes hopByHop = options;
  hopByHop[0] = 60;  // then destination options
  Bytes destination = options;
  destination[0] = 17;
  CHECK(hash(ip6(0, join({hopByHop, destination, ports(1, 2)}))) == hash(plain));
  CHECK(hash(ip6(0, join({hopByHop, destination, ports(1, 3)}))) != hash(plain));
}

TEST_CASE("fragments of an IPv6 packet have one hash, and an atomic fragment that of its flow") {
  Bytes fragment(8);
  fragment[0] = 17;
  put16(fragment, 2, 1);  // offset 0, more follow
  put16(fragment, 6, 99);
  Bytes later = fragment;
  put16(later, 2, 8 << 3);
  CHECK(hash(ip6(44, join({fragment, ports(1, 2)}))) == hash(ip6(44, join({later, ports(7, 7)}))));
  put16(fragment, 2, 0);
  CHECK(hash(ip6(44, join({fragment, ports(1, 2)}))) == hash(ip6(17, ports(1, 2))));
}

TEST_CASE("pings with different identifiers are different flows, their sequence numbers do not matter") {
  Bytes ping = udp4({}, 64);
  ping[9] = 1;
  ping[20] = 8;
  const std::uint32_t one = hash(ping);
  ping[26] ^= 1;  // sequence number
  CHECK(hash(ping) == one);
  ping[24] ^= 1;  // identifier
  CHECK(hash(ping) != one);
}

TEST_CASE("cut off and malformed packets have a hash too") {
  const Bytes whole = ip6(0, join({Bytes(8), ports(1, 2)}));
  for (std::size_t size = 0; size <= whole.size(); ++size) (void)flowHash(std::span(whole).first(size), kKey);
  // A chain of extension headers that ends beyond the packet.
  Bytes chain(8);
  chain[1] = 255;
  CHECK(hash(ip6(0, chain)) == hash(ip6(0, chain)));
  CHECK(hash(Bytes{}) == 0);
  CHECK(hash(Bytes(60, 0x70)) == 0);
}

TEST_CASE("a thousand flows spread over the buckets of a fair queue") {
  std::set<std::uint32_t> buckets;
  for (std::uint16_t port = 0; port < 1000; ++port) {
    Udp udp;
    udp.from = port;
    buckets.insert(hash(udp4(udp, 64)) % 1024);
  }
  // 1000 balls in 1024 bins fill 638 of them on average; 40 are more than three standard deviations.
  CHECK(buckets.size() > 598);
  CHECK(buckets.size() < 678);
}
