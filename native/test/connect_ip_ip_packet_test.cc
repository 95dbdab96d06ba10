#include <doctest/doctest.h>

#include <random>

#include "connect_ip/checksum.h"
#include "connect_ip_support.h"

using namespace mqvpn::connect_ip;
using namespace mqvpn::connect_ip::test;

namespace {

PacketError errorOf(ByteVector bytes) {
  PacketView out;
  return parsePacket(bytes, out);
}

ByteVector changed(ByteVector bytes, std::size_t at, std::uint8_t value) {
  bytes[at] = value;
  return bytes;
}

ByteVector fragment6(std::uint8_t next, std::uint16_t offset, bool more) {
  const auto field = static_cast<std::uint16_t>(offset << 3 | (more ? 1 : 0));
  return {next, 0, static_cast<std::uint8_t>(field >> 8), static_cast<std::uint8_t>(field), 0, 0, 0, 1};
}

ByteVector join(ByteVector a, const ByteVector& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

}  // namespace

TEST_CASE("an IPv4 packet is taken apart") {
  ByteVector bytes = packet("10.0.0.2", "192.0.2.1", ByteVector(100), 6, 33);
  const PacketView seen = view(bytes);
  CHECK(seen.version == 4);
  CHECK(seen.ttl == 33);
  CHECK(seen.protocol == 6);
  CHECK(seen.payloadOffset == 20);
  CHECK(seen.payloadSize() == 100);
  CHECK((seen.sourceAddress() == ip("10.0.0.2")));
  CHECK((seen.destinationAddress() == ip("192.0.2.1")));
  CHECK(seen.source4() == 0x0a000002);
  CHECK(seen.destination4() == 0xc0000201);
  CHECK_FALSE(seen.fragment);
  CHECK(seen.firstFragment);
}

TEST_CASE("an IPv6 packet is taken apart") {
  ByteVector bytes = packet("fd00::2", "2001:db8::1", ByteVector(100), 17, 33);
  const PacketView seen = view(bytes);
  CHECK(seen.version == 6);
  CHECK(seen.ttl == 33);
  CHECK(seen.protocol == 17);
  CHECK(seen.payloadOffset == 40);
  CHECK((seen.sourceAddress() == ip("fd00::2")));
  CHECK((seen.destinationAddress() == ip("2001:db8::1")));
}

TEST_CASE("bytes behind the packet are cut off, missing ones are an error") {
  for (ByteVector bytes : {packet("10.0.0.2", "10.0.0.3"), packet("fd00::2", "fd00::3")}) {
    const std::size_t size = bytes.size();
    bytes.resize(size + 18);
    CHECK(view(bytes).bytes.size() == size);
    bytes.resize(size - 1);
    CHECK(errorOf(bytes) == PacketError::kTotalLength);
    bytes.resize(19);
    CHECK(errorOf(bytes) == PacketError::kHeaderLength);
  }
  CHECK(errorOf({}) == PacketError::kEmpty);
  for (const unsigned version : {0U, 1U, 5U, 7U, 15U})
    CHECK(errorOf(changed(packet("10.0.0.2", "10.0.0.3"), 0, static_cast<std::uint8_t>(version << 4 | 5))) ==
          PacketError::kVersion);
}

TEST_CASE("IPv4 header and total length must fit each other") {
  const ByteVector good = packet("10.0.0.2", "10.0.0.3");
  CHECK(errorOf(changed(good, 0, 0x44)) == PacketError::kHeaderLength);
  CHECK(errorOf(changed(good, 0, 0x4f)) == PacketError::kHeaderLength);
  CHECK(errorOf(changed(good, 3, 19)) == PacketError::kTotalLength);
  CHECK(errorOf(changed(good, 3, 20)) == PacketError::kNone);
  // Options.
  ByteVector options = changed(good, 0, 0x46);
  CHECK(view(options).payloadOffset == 24);
}

TEST_CASE("fragments are told") {
  ByteVector first = changed(packet("10.0.0.2", "10.0.0.3"), 6, 0x20);
  CHECK(view(first).fragment);
  CHECK(view(first).firstFragment);
  ByteVector later = changed(packet("10.0.0.2", "10.0.0.3"), 7, 0x01);
  CHECK(view(later).fragment);
  CHECK_FALSE(view(later).firstFragment);
  ByteVector dontFragment = changed(packet("10.0.0.2", "10.0.0.3"), 6, 0x40);
  CHECK_FALSE(view(dontFragment).fragment);

  ByteVector first6 = packet("fd00::2", "fd00::3", join(fragment6(17, 0, true), ByteVector(8)), 44);
  CHECK(view(first6).fragment);
  CHECK(view(first6).firstFragment);
  CHECK(view(first6).protocol == 17);
  CHECK(view(first6).payloadOffset == 48);
  // What follows is the middle of something, whatever it looks like.
  ByteVector later6 = packet("fd00::2", "fd00::3", join(fragment6(0, 9, true), ByteVector(8, 0xff)), 44);
  CHECK_FALSE(view(later6).firstFragment);
  CHECK(view(later6).payloadOffset == 48);
}

TEST_CASE("IPv6 extension headers are walked, to a bound") {
  const ByteVector hopByHop{60, 0, 1, 4, 0, 0, 0, 0};
  const ByteVector destination{43, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  const ByteVector routing{51, 0, 0, 0, 0, 0, 0, 0};
  const ByteVector authentication{58, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  const ByteVector chain =
      join(join(join(join(hopByHop, destination), routing), authentication), ByteVector(8));
  ByteVector bytes = packet("fd00::2", "fd00::3", chain, 0);
  CHECK(view(bytes).protocol == 58);
  CHECK(view(bytes).payloadOffset == 40 + 8 + 16 + 8 + 24);
  // Every place where it can end too early.
  for (std::size_t size = 0; size < 8 + 16 + 8 + 24; ++size)
    CHECK(errorOf(packet("fd00::2", "fd00::3",
                         ByteVector(chain.begin(), chain.begin() + static_cast<std::ptrdiff_t>(size)), 0)) ==
          PacketError::kExtensionHeaders);
  // No next header, and ESP, end the walk.
  for (const std::uint8_t last : {std::uint8_t{59}, std::uint8_t{50}}) {
    ByteVector ends = packet("fd00::2", "fd00::3", {}, last);
    CHECK(view(ends).protocol == last);
  }
  ByteVector eight;
  for (int i = 0; i < 8; ++i)
    eight = join(eight, {static_cast<std::uint8_t>(i == 7 ? 17 : 60), 0, 1, 4, 0, 0, 0, 0});
  ByteVector atLimit = packet("fd00::2", "fd00::3", eight, 60);
  CHECK(view(atLimit).protocol == 17);
  CHECK(errorOf(packet("fd00::2", "fd00::3", join({60, 0, 1, 4, 0, 0, 0, 0}, eight), 60)) ==
        PacketError::kExtensionHeaders);
}

TEST_CASE("RFC 1071: the example's sum, odd lengths, sums in parts") {
  // RFC 1071 §3: 00 01 f2 03 f4 f5 f6 f7 sums to ddf2.
  const ByteVector example{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
  CHECK(checksumFinish(checksumAdd(example)) == static_cast<std::uint16_t>(~0xddf2));
  const std::span<const std::uint8_t> all(example);
  CHECK(checksumAdd(all.subspan(4), checksumAdd(all.first(4))) == checksumAdd(all));
  CHECK(checksumFinish(checksumAdd(ByteVector{0xab})) == static_cast<std::uint16_t>(~0xab00));
  CHECK(checksumFinish(checksumAdd({})) == 0xffff);
}

TEST_CASE("a spent hop leaves a checksum that is right") {
  std::mt19937 random(3);
  for (int round = 0; round < 2000; ++round) {
    const std::string source =
        "10." + std::to_string(random() % 256) + "." + std::to_string(random() % 256) + ".1";
    ByteVector bytes =
        packet(source, "192.0.2.1", ByteVector(random() % 30), static_cast<std::uint8_t>(random()),
               static_cast<std::uint8_t>(1 + random() % 255));
    PacketView seen = view(bytes);
    const std::uint8_t before = seen.ttl;
    decrementTtl(seen);
    CHECK(bytes[8] == before - 1);
    CHECK(seen.ttl == before - 1);
    // RFC 1071: the sum over a right header is all ones.
    CHECK(checksumFinish(checksumAdd(std::span<const std::uint8_t>(bytes).first(20))) == 0);
  }
  ByteVector six = packet("fd00::2", "fd00::3", {}, 59, 7);
  PacketView seen = view(six);
  decrementTtl(seen);
  CHECK(six[7] == 6);
}
