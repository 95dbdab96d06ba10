#include "tunnel/codel.h"

#include <doctest/doctest.h>

#include "tunnel/ecn_mark.h"
#include "tunnel_packets.h"

using namespace mqvpn::tunnel;
using namespace mqvpn::tunnel::test;
using mqvpn::quic::kMillisecond;
using mqvpn::quic::Time;

namespace {
constexpr std::uint64_t kMtu = 1400;

/// Drops of a queue whose packets always wait `waited`, looked at each millisecond.
int drops(Codel& codel, mqvpn::quic::Duration waited, Time from, Time to, std::uint64_t backlog = 100'000) {
  int count = 0;
  for (Time now = from; now < to; now += kMillisecond) {
    while (codel.shouldDrop(waited, backlog, kMtu, {}, now)) ++count;
  }
  return count;
}
}  // namespace

TEST_CASE("CoDel leaves a queue alone whose packets wait less than 5 ms") {
  Codel codel;
  CHECK(drops(codel, 4 * kMillisecond, 1000 * kMillisecond, 6000 * kMillisecond) == 0);
}

TEST_CASE("CoDel tolerates a burst that is gone within an interval") {
  Codel codel;
  CHECK(drops(codel, 50 * kMillisecond, 1000 * kMillisecond, 1099 * kMillisecond) == 0);
  CHECK(drops(codel, kMillisecond, 1099 * kMillisecond, 1110 * kMillisecond) == 0);
  CHECK(drops(codel, 50 * kMillisecond, 1110 * kMillisecond, 1209 * kMillisecond) == 0);
}

TEST_CASE("CoDel drops more and more often while a queue stays") {
  Codel codel;
  const int first = drops(codel, 50 * kMillisecond, 1000 * kMillisecond, 2000 * kMillisecond);
  const int second = drops(codel, 50 * kMillisecond, 2000 * kMillisecond, 3000 * kMillisecond);
  // The first after 100 ms, each next one 100 ms / sqrt(n) later: 27 within the second.
  CHECK(first >= 25);
  CHECK(first <= 29);
  CHECK(second > first);
}

TEST_CASE("CoDel never empties a queue of one packet") {
  Codel codel;
  CHECK(drops(codel, 500 * kMillisecond, 1000 * kMillisecond, 3000 * kMillisecond, kMtu) == 0);
}

TEST_CASE("CoDel goes on where it was when the queue comes back soon") {
  Codel codel;
  drops(codel, 50 * kMillisecond, 1000 * kMillisecond, 4000 * kMillisecond);
  CHECK(drops(codel, kMillisecond, 4000 * kMillisecond, 4010 * kMillisecond) == 0);
  Codel fresh;
  const int again = drops(codel, 50 * kMillisecond, 4010 * kMillisecond, 4300 * kMillisecond);
  const int anew = drops(fresh, 50 * kMillisecond, 4010 * kMillisecond, 4300 * kMillisecond);
  CHECK(again > 2 * anew);
}

TEST_CASE("a congestion mark changes the ECN bits alone, and keeps the IPv4 checksum right") {
  for (const std::uint8_t ecn : {std::uint8_t{1}, std::uint8_t{2}, std::uint8_t{3}}) {
    Udp udp;
    udp.ecn = static_cast<std::uint8_t>(0xb8 | ecn);
    Bytes packet = udp4(udp, 100);
    CHECK(isEcnCapable(packet));
    CHECK(markCongestion(packet));
    udp.ecn = 0xbb;
    CHECK(packet == udp4(udp, 100));
  }
}

TEST_CASE("the checksum survives a mark also where its sum wraps") {
  for (unsigned id = 0; id < 65536; id += 7) {
    Udp udp;
    udp.ecn = 1;
    Bytes packet = udp4(udp, 28);
    put16(packet, 4, id);
    finish4(packet);
    REQUIRE(markCongestion(packet));
    REQUIRE(checksumFold(checksumAdd(packet.data(), 20)) == 0xffff);
  }
}

TEST_CASE("an IPv6 packet is marked in its traffic class") {
  Bytes packet = ip6(17, Bytes(8));
  CHECK_FALSE(isEcnCapable(packet));
  CHECK_FALSE(markCongestion(packet));
  packet[1] = 0x2a;  // ECT(0); the low half belongs to the flow label
  CHECK(markCongestion(packet));
  CHECK(packet[1] == 0x3a);
}

TEST_CASE("a sender that does not speak ECN is not marked") {
  Bytes packet = udp4({}, 100);
  const Bytes before = packet;
  CHECK_FALSE(markCongestion(packet));
  CHECK(packet == before);
}

TEST_CASE("on a path with a long round trip the queue may be longer, and the reaction is awaited") {
  const Codel::Limits near = Codel::limitsFor(1 * kMillisecond);
  CHECK(near.target == Codel::kTarget);
  CHECK(near.interval == Codel::kInterval);
  const Codel::Limits far = Codel::limitsFor(60 * kMillisecond);
  CHECK(far.target == 30 * kMillisecond);
  CHECK(far.interval == 150 * kMillisecond);
  CHECK(Codel::limitsFor(600 * kMillisecond).target == 50 * kMillisecond);
}
