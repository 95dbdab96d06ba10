#include <doctest/doctest.h>

#include <array>

#include "connect_ip/icmp.h"
#include "connect_ip_support.h"

using namespace mqvpn::connect_ip;
using namespace mqvpn::connect_ip::test;

namespace {

const IpAddress kRouter4 = ip("10.0.0.1");
const IpAddress kRouter6 = ip("fd00::1");

ByteVector answer(ByteVector about, IcmpError error, std::uint32_t mtu = 0) {
  const PacketView seen = view(about);
  ByteVector out(kMaxIcmpSize);
  out.resize(writeIcmpError(out, seen, error, seen.version == 4 ? kRouter4 : kRouter6, mtu));
  return out;
}

/// Whether all checksums in it are right.
bool isSound(ByteVector bytes) {
  const PacketView seen = view(bytes);
  const auto payload = seen.bytes.subspan(seen.payloadOffset);
  if (seen.version == 4)
    return checksumFinish(checksumAdd(seen.bytes.first(20))) == 0 &&
           checksumFinish(checksumAdd(payload)) == 0;
  const std::uint64_t pseudo = checksumAdd(seen.bytes.subspan(8, 32)) + payload.size() + 58;
  return checksumFinish(checksumAdd(payload, pseudo)) == 0;
}

std::pair<int, int> typeAndCode(const ByteVector& bytes) {
  const std::size_t at = bytes.at(0) >> 4 == 4 ? 20 : 40;
  return {bytes.at(at), bytes.at(at + 1)};
}

}  // namespace

TEST_CASE("ICMP for IPv4: addresses, type, quote and checksums") {
  const ByteVector about = packet("10.0.0.2", "192.0.2.1", ByteVector(100, 0xab));
  const std::array<std::pair<IcmpError, std::pair<int, int>>, 6> all{{{IcmpError::kNoRoute, {3, 0}},
                                                                      {IcmpError::kHostUnreachable, {3, 1}},
                                                                      {IcmpError::kProhibited, {3, 13}},
                                                                      {IcmpError::kSourcePolicy, {3, 13}},
                                                                      {IcmpError::kTimeExceeded, {11, 0}},
                                                                      {IcmpError::kTooBig, {3, 4}}}};
  for (const auto& [error, expected] : all) {
    ByteVector icmp = answer(about, error, 1300);
    CHECK(isSound(icmp));
    CHECK(typeAndCode(icmp) == expected);
    const PacketView seen = view(icmp);
    CHECK((seen.sourceAddress() == kRouter4));
    CHECK((seen.destinationAddress() == ip("10.0.0.2")));
    CHECK(seen.protocol == 1);
    CHECK(ByteVector(icmp.begin() + 28, icmp.end()) == about);
  }
}

TEST_CASE("ICMP for IPv6: addresses, type, quote and checksums") {
  const ByteVector about = packet("fd00::2", "2001:db8::1", ByteVector(99, 0xab));
  const std::array<std::pair<IcmpError, std::pair<int, int>>, 6> all{{{IcmpError::kNoRoute, {1, 0}},
                                                                      {IcmpError::kHostUnreachable, {1, 3}},
                                                                      {IcmpError::kProhibited, {1, 1}},
                                                                      {IcmpError::kSourcePolicy, {1, 5}},
                                                                      {IcmpError::kTimeExceeded, {3, 0}},
                                                                      {IcmpError::kTooBig, {2, 0}}}};
  for (const auto& [error, expected] : all) {
    ByteVector icmp = answer(about, error, 1300);
    CHECK(isSound(icmp));
    CHECK(typeAndCode(icmp) == expected);
    const PacketView seen = view(icmp);
    CHECK((seen.sourceAddress() == kRouter6));
    CHECK((seen.destinationAddress() == ip("fd00::2")));
    CHECK(seen.protocol == 58);
    CHECK(ByteVector(icmp.begin() + 48, icmp.end()) == about);
  }
}

TEST_CASE("the MTU is told where it belongs") {
  const ByteVector four = answer(packet("10.0.0.2", "192.0.2.1", ByteVector(1400)), IcmpError::kTooBig, 1300);
  CHECK(ByteVector(four.begin() + 24, four.begin() + 28) == ByteVector{0, 0, 0x05, 0x14});
  const ByteVector six = answer(packet("fd00::2", "2001:db8::1", ByteVector(1400)), IcmpError::kTooBig, 1300);
  CHECK(ByteVector(six.begin() + 44, six.begin() + 48) == ByteVector{0, 0, 0x05, 0x14});
  const ByteVector none = answer(packet("10.0.0.2", "192.0.2.1"), IcmpError::kNoRoute, 1300);
  CHECK(ByteVector(none.begin() + 24, none.begin() + 28) == ByteVector(4));
}

TEST_CASE("quotes are as long as they may be: 576 and 1280 bytes") {
  for (const std::size_t size : {std::size_t{547}, std::size_t{548}, std::size_t{549}, std::size_t{9000}}) {
    const ByteVector four =
        answer(packet("10.0.0.2", "192.0.2.1", ByteVector(size - 20)), IcmpError::kNoRoute);
    CHECK(four.size() == std::min<std::size_t>(28 + size, 576));
    CHECK(isSound(four));
  }
  for (const std::size_t size :
       {std::size_t{1231}, std::size_t{1232}, std::size_t{1233}, std::size_t{9000}}) {
    const ByteVector six =
        answer(packet("fd00::2", "2001:db8::1", ByteVector(size - 40)), IcmpError::kNoRoute);
    CHECK(six.size() == std::min<std::size_t>(48 + size, 1280));
    CHECK(isSound(six));
  }
}

TEST_CASE("no error is sent about errors, but about echoes") {
  for (const std::uint8_t type : ByteVector{3, 4, 5, 11, 12})
    CHECK(answer(packet("10.0.0.2", "192.0.2.1", {type, 0, 0, 0}, 1), IcmpError::kNoRoute).empty());
  CHECK_FALSE(answer(packet("10.0.0.2", "192.0.2.1", {8, 0, 0, 0}, 1), IcmpError::kNoRoute).empty());
  CHECK(answer(packet("10.0.0.2", "192.0.2.1", {}, 1), IcmpError::kNoRoute).empty());
  for (const std::uint8_t type : ByteVector{1, 2, 3, 4, 100, 127, 137})
    CHECK(answer(packet("fd00::2", "2001:db8::1", {type, 0, 0, 0}, 58), IcmpError::kNoRoute).empty());
  CHECK_FALSE(answer(packet("fd00::2", "2001:db8::1", {128, 0, 0, 0}, 58), IcmpError::kNoRoute).empty());
  CHECK(answer(packet("fd00::2", "2001:db8::1", {}, 58), IcmpError::kNoRoute).empty());
}

TEST_CASE("no error is sent about multicast, broadcast, or to what is not one host") {
  for (const char* destination : {"224.0.0.1", "255.255.255.255", "240.0.0.1"})
    CHECK(answer(packet("10.0.0.2", destination), IcmpError::kNoRoute).empty());
  for (const char* source : {"0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255"})
    CHECK(answer(packet(source, "192.0.2.1"), IcmpError::kNoRoute).empty());
  CHECK(answer(packet("fd00::2", "ff02::1"), IcmpError::kNoRoute).empty());
  // RFC 4443 §2.4 (e.3): the exception.
  CHECK_FALSE(answer(packet("fd00::2", "ff0e::1"), IcmpError::kTooBig, 1280).empty());
  for (const char* source : {"::", "ff02::1"})
    CHECK(answer(packet(source, "2001:db8::1"), IcmpError::kNoRoute).empty());
}

TEST_CASE("no error is sent about a fragment but the first") {
  ByteVector first = packet("10.0.0.2", "192.0.2.1");
  first[6] = 0x20;
  CHECK_FALSE(answer(first, IcmpError::kNoRoute).empty());
  ByteVector later = first;
  later[7] = 1;
  CHECK(answer(later, IcmpError::kNoRoute).empty());
  // IPv6 says so only of what may be an ICMPv6 error.
  const ByteVector fragment{58, 0, 0, 9, 0, 0, 0, 1, 1, 2, 3, 4};
  CHECK(answer(packet("fd00::2", "2001:db8::1", fragment, 44), IcmpError::kNoRoute).empty());
}

TEST_CASE("no error is written where it does not fit, or from an address of the other family") {
  ByteVector about = packet("10.0.0.2", "192.0.2.1");
  ByteVector small(40);
  CHECK(writeIcmpError(small, view(about), IcmpError::kNoRoute, kRouter4) == 0);
  ByteVector out(kMaxIcmpSize);
  CHECK(writeIcmpError(out, view(about), IcmpError::kNoRoute, kRouter6) == 0);
  CHECK(writeIcmpError(out, view(about), IcmpError::kNoRoute, IpAddress()) == 0);
}

TEST_CASE("verdicts have the errors of RFC 9484 §7.2.1") {
  IcmpError error{};
  CHECK((icmpFor(Verdict::kSource, error) && error == IcmpError::kSourcePolicy));
  CHECK((icmpFor(Verdict::kNoRoute, error) && error == IcmpError::kNoRoute));
  CHECK((icmpFor(Verdict::kProtocol, error) && error == IcmpError::kProhibited));
  CHECK((icmpFor(Verdict::kClientToClient, error) && error == IcmpError::kProhibited));
  CHECK((icmpFor(Verdict::kTtl, error) && error == IcmpError::kTimeExceeded));
  for (const Verdict silent : {Verdict::kForward, Verdict::kMalformed, Verdict::kLinkLocal,
                               Verdict::kMulticast, Verdict::kMartian, Verdict::kNotForClient})
    CHECK_FALSE(icmpFor(silent, error));
}

TEST_CASE("DF is seen in IPv4") {
  ByteVector bytes = packet("10.0.0.2", "192.0.2.1");
  CHECK_FALSE(dontFragment(view(bytes)));
  bytes[6] = 0x40;
  CHECK(dontFragment(view(bytes)));
  ByteVector six = packet("fd00::2", "fd00::3");
  six[6] = 0x40;
  CHECK_FALSE(dontFragment(view(six)));
}
