#include <doctest/doctest.h>

#include <random>

#include "connect_ip/capsules.h"
#include "connect_ip/checks.h"
#include "connect_ip_support.h"

using namespace mqvpn::connect_ip;
using namespace mqvpn::connect_ip::test;

namespace {

Checks fullTunnel() {
  Checks checks;
  checks.setClientAddresses(std::vector<Prefix>{prefix("10.0.0.2"), prefix("fd00::2")});
  checks.setServerRoutes(std::vector<IpRange>{IpRange::all(4), IpRange::all(6)});
  return checks;
}

Verdict up(const Checks& checks, const char* source, const char* destination, std::uint8_t protocol = 17) {
  ByteVector bytes = packet(source, destination, ByteVector(8), protocol);
  return checks.clientToServer(view(bytes));
}

Verdict down(const Checks& checks, const char* source, const char* destination) {
  ByteVector bytes = packet(source, destination);
  return checks.serverToClient(view(bytes));
}

}  // namespace

TEST_CASE("a full tunnel forwards what is the client's") {
  const Checks checks = fullTunnel();
  CHECK(up(checks, "10.0.0.2", "192.0.2.1") == Verdict::kForward);
  CHECK(up(checks, "fd00::2", "2001:db8::1") == Verdict::kForward);
  CHECK(down(checks, "192.0.2.1", "10.0.0.2") == Verdict::kForward);
  CHECK(down(checks, "2001:db8::1", "fd00::2") == Verdict::kForward);
}

TEST_CASE("a source that is not assigned is spoofed") {
  const Checks checks = fullTunnel();
  for (const char* source : {"10.0.0.3", "10.0.0.1", "192.0.2.1"})
    CHECK(up(checks, source, "192.0.2.9") == Verdict::kSource);
  CHECK(up(checks, "fd00::3", "2001:db8::1") == Verdict::kSource);
  CHECK(up(Checks(), "10.0.0.2", "192.0.2.1") == Verdict::kSource);
}

TEST_CASE("what is for somebody else does not go to the client") {
  const Checks checks = fullTunnel();
  CHECK(down(checks, "192.0.2.1", "10.0.0.3") == Verdict::kNotForClient);
  CHECK(down(checks, "2001:db8::1", "fd00::3") == Verdict::kNotForClient);
}

TEST_CASE("assigned prefixes count as a whole") {
  Checks checks;
  checks.setClientAddresses(std::vector<Prefix>{prefix("10.1.0.0/16"), prefix("192.168.7.128/25"),
                                                prefix("fd00:1::/64"), prefix("fd00:2::/47")});
  checks.setServerRoutes(std::vector<IpRange>{IpRange::all(4), IpRange::all(6)});
  for (const char* yes : {"10.1.0.0", "10.1.255.255", "192.168.7.200"})
    CHECK(up(checks, yes, "1.1.1.1") == Verdict::kForward);
  for (const char* no : {"10.2.0.0", "10.0.255.255", "192.168.7.127"})
    CHECK(up(checks, no, "1.1.1.1") == Verdict::kSource);
  for (const char* yes : {"fd00:1::", "fd00:1::ffff:ffff:ffff:ffff", "fd00:2:1::1"})
    CHECK(up(checks, yes, "2001:db8::1") == Verdict::kForward);
  for (const char* no : {"fd00:1:0:1::", "fd00:2:2::1", "fd00::1"})
    CHECK(up(checks, no, "2001:db8::1") == Verdict::kSource);
}

TEST_CASE("destinations must lie within the routes, protocols too, but for ICMP") {
  Checks checks;
  checks.setClientAddresses(std::vector<Prefix>{prefix("10.0.0.2"), prefix("fd00::2")});
  checks.setServerRoutes(std::vector<IpRange>{range("192.0.2.0", "192.0.2.99"),
                                              range("198.51.100.7", "198.51.100.7", 17),
                                              range("2001:db8::", "2001:db8::ff", 6)});
  CHECK(up(checks, "10.0.0.2", "192.0.2.0") == Verdict::kForward);
  CHECK(up(checks, "10.0.0.2", "192.0.2.99", 6) == Verdict::kForward);
  CHECK(up(checks, "10.0.0.2", "192.0.2.100") == Verdict::kNoRoute);
  CHECK(up(checks, "10.0.0.2", "192.0.1.255") == Verdict::kNoRoute);
  CHECK(up(checks, "10.0.0.2", "198.51.100.7") == Verdict::kForward);
  CHECK(up(checks, "10.0.0.2", "198.51.100.7", 6) == Verdict::kProtocol);
  CHECK(up(checks, "10.0.0.2", "198.51.100.7", 1) == Verdict::kForward);
  CHECK(up(checks, "10.0.0.2", "198.51.100.8", 1) == Verdict::kNoRoute);
  CHECK(up(checks, "fd00::2", "2001:db8::f0", 6) == Verdict::kForward);
  CHECK(up(checks, "fd00::2", "2001:db8::f0", 58) == Verdict::kForward);
  CHECK(up(checks, "fd00::2", "2001:db8::f0", 17) == Verdict::kProtocol);
  CHECK(up(checks, "fd00::2", "2001:db8::100", 6) == Verdict::kNoRoute);
  // ICMP of the other family is no ICMP.
  CHECK(up(checks, "10.0.0.2", "198.51.100.7", 58) == Verdict::kProtocol);
}

TEST_CASE("link-local, multicast and addresses that are nobody's are not forwarded either way") {
  const Checks checks = fullTunnel();
  CHECK(up(checks, "10.0.0.2", "169.254.1.1") == Verdict::kLinkLocal);
  CHECK(up(checks, "169.254.1.1", "192.0.2.1") == Verdict::kLinkLocal);
  CHECK(up(checks, "fe80::1", "2001:db8::1") == Verdict::kLinkLocal);
  CHECK(up(checks, "fd00::2", "febf::1") == Verdict::kLinkLocal);
  CHECK(down(checks, "fe80::1", "fd00::2") == Verdict::kLinkLocal);
  CHECK(up(checks, "10.0.0.2", "224.0.0.251") == Verdict::kMulticast);
  CHECK(up(checks, "fe80::1", "ff02::2") == Verdict::kMulticast);
  CHECK(down(checks, "192.0.2.1", "239.1.1.1") == Verdict::kMulticast);
  CHECK(down(checks, "224.0.0.1", "10.0.0.2") == Verdict::kMartian);
  for (const char* martian : {"255.255.255.255", "240.0.0.1", "0.0.0.0", "127.0.0.1"}) {
    CHECK(up(checks, "10.0.0.2", martian) == Verdict::kMartian);
    CHECK(down(checks, martian, "10.0.0.2") == Verdict::kMartian);
  }
  for (const char* martian : {"::", "::1", "::ffff:10.0.0.1", "::10.0.0.1"})
    CHECK(up(checks, "fd00::2", martian) == Verdict::kMartian);
  CHECK(up(checks, "fd00::2", "::1:0:0:1") == Verdict::kForward);
}

TEST_CASE("hops are spent, the last one is not") {
  for (const auto& [source, destination] :
       {std::pair("10.0.0.2", "192.0.2.1"), std::pair("fd00::2", "2001:db8::1")}) {
    for (const std::uint8_t ttl : {std::uint8_t{0}, std::uint8_t{1}}) {
      ByteVector bytes = packet(source, destination, ByteVector(8), 17, ttl);
      const ByteVector before = bytes;
      PacketView seen = view(bytes);
      CHECK(Checks::spendHop(seen) == Verdict::kTtl);
      CHECK(bytes == before);
    }
    ByteVector bytes = packet(source, destination, ByteVector(8), 17, 2);
    PacketView seen = view(bytes);
    CHECK(Checks::spendHop(seen) == Verdict::kForward);
    CHECK(view(bytes).ttl == 1);
  }
}

TEST_CASE("routes: a lookup says what a walk over all ranges would say") {
  std::mt19937 random(11);
  for (int round = 0; round < 300; ++round) {
    std::vector<IpRange> ranges;
    for (unsigned i = 0; i < random() % 20; ++i) {
      IpAddress start = IpAddress::lowest(random() % 2 == 0 ? 4 : 6);
      const std::size_t last = start.size() - 1;
      start.bytes[last] = static_cast<std::uint8_t>(random() % 50);
      IpAddress end = start;
      end.bytes[last] = static_cast<std::uint8_t>(end.bytes[last] + random() % 10);
      ranges.push_back({start, end, static_cast<std::uint8_t>(random() % 3 * 6)});
    }
    RouteTable table;
    table.assign(ranges);
    CHECK(table.empty() == ranges.empty());
    for (const std::uint8_t version : {std::uint8_t{4}, std::uint8_t{6}}) {
      IpAddress address = IpAddress::lowest(version);
      for (std::uint8_t value = 0; value < 64; ++value) {
        address.bytes[address.size() - 1] = value;
        for (const std::uint8_t protocol :
             {std::uint8_t{6}, std::uint8_t{12}, std::uint8_t{17}, std::uint8_t{1}}) {
          auto expected = RouteTable::Match::kNone;
          for (const IpRange& r : ranges) {
            if (r.start.version != version || address < r.start || address > r.end) continue;
            const bool fits = r.protocol == 0 || r.protocol == protocol || (version == 4 && protocol == 1);
            if (fits)
              expected = RouteTable::Match::kYes;
            else if (expected == RouteTable::Match::kNone)
              expected = RouteTable::Match::kOtherProtocol;
          }
          REQUIRE(table.match(version, address.bytes.data(), protocol) == expected);
        }
      }
    }
  }
}

TEST_CASE("what is hidden from a client gets nothing from it") {
  struct Others final : Peers {
    bool isPeer(std::uint8_t version, const std::uint8_t* address) const override {
      return version == 4 ? address[0] == 10 && address[3] == 3 : address[15] == 3;
    }
  };
  const Others others;
  Checks checks = fullTunnel();
  checks.setHiddenPeers(&others);
  CHECK(up(checks, "10.0.0.2", "10.0.0.3") == Verdict::kClientToClient);
  CHECK(up(checks, "fd00::2", "fd00::3") == Verdict::kClientToClient);
  CHECK(up(checks, "10.0.0.2", "10.0.0.4") == Verdict::kForward);
  CHECK(up(checks, "10.0.0.9", "10.0.0.3") == Verdict::kSource);
  checks.setHiddenPeers(nullptr);
  CHECK(up(checks, "10.0.0.2", "10.0.0.3") == Verdict::kForward);
}

TEST_CASE("verdicts are counted and named") {
  VerdictCounters counters;
  counters.count(Verdict::kForward);
  counters.count(Verdict::kSource);
  counters.count(Verdict::kSource);
  counters.count(Verdict::kNotForClient);
  CHECK(counters.of(Verdict::kSource) == 2);
  CHECK(counters.dropped() == 3);
  std::vector<std::string> names;
  for (std::size_t i = 0; i < kVerdicts; ++i) names.emplace_back(verdictName(static_cast<Verdict>(i)));
  std::sort(names.begin(), names.end());
  CHECK(std::adjacent_find(names.begin(), names.end()) == names.end());
  CHECK(std::find(names.begin(), names.end(), "unknown") == names.end());
}
