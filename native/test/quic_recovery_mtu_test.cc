#include <doctest/doctest.h>

#include "quic/mtu_discovery.h"
#include "test/quic_recovery_support.h"

using namespace mqvpn::quic;
using namespace mqvpn::quic::test;

namespace {

struct Search {
  unsigned probes = 0;
  unsigned lost = 0;
  Time now = 0;
};

/// Lets the search run on a path that carries `truth`, with 20 ms RTT.
Search run(MtuDiscovery& mtu, std::uint32_t truth, Time now) {
  Search search;
  while (mtu.searching()) {
    now = std::max(now, mtu.deadline());
    const std::uint32_t size = mtu.probeDue(now);
    REQUIRE(size > mtu.current());
    mtu.onProbeSent(size, now);
    REQUIRE(mtu.probeDue(now) == 0);
    REQUIRE(mtu.deadline() == kNever);
    ++search.probes;
    now += 20 * kMillisecond;
    if (size <= truth) {
      mtu.onProbeAcked(size, now);
    } else {
      mtu.onProbeLost(size, now);
      ++search.lost;
    }
    REQUIRE(search.probes < 200);
  }
  search.now = now;
  return search;
}

}  // namespace

TEST_CASE("the search finds every path MTU between 1200 and 1500") {
  for (std::uint32_t truth = 1200; truth <= 1500; ++truth) {
    CAPTURE(truth);
    MtuDiscovery mtu(1500, 0);
    const Search search = run(mtu, truth, 0);
    CHECK(mtu.current() <= truth);
    CHECK(truth - mtu.current() < MtuDiscovery::kResolution);
    CHECK(search.now < 4 * kSecond);
  }
}

TEST_CASE("the sizes that common links have are found exactly") {
  for (const std::uint32_t truth : {1200U, 1232U, 1252U, 1372U, 1392U, 1422U, 1444U, 1452U, 1464U, 1472U}) {
    CAPTURE(truth);
    MtuDiscovery mtu(1472, 0);
    run(mtu, truth, 0);
    CHECK(mtu.current() == truth);
  }
}

TEST_CASE("one probe is enough where the path carries what the interface does") {
  for (const std::uint32_t most : {1452U, 1472U, 8972U, 65'000U}) {
    MtuDiscovery mtu(most, 0);
    CHECK(run(mtu, most, 0).probes == 1);
    CHECK(mtu.current() == most);
    CHECK(mtu.deadline() == kNever);
  }
}

TEST_CASE("jumbo frames behind a loopback-sized interface take few probes") {
  for (const std::uint32_t truth : {1452U, 8952U, 8972U}) {
    CAPTURE(truth);
    MtuDiscovery mtu(65'000, 0);
    const Search search = run(mtu, truth, 0);
    CHECK(mtu.current() == truth);
    CHECK(search.lost <= 15);
    CHECK(search.probes <= 20);
  }
}

TEST_CASE("a size is refused only when three probes in a row are lost (RFC 8899 5.1.2)") {
  MtuDiscovery mtu(1472, 0);
  Time now = 0;
  for (int i = 0; i < 2; ++i) {
    now = std::max(now, mtu.deadline());
    CHECK(mtu.probeDue(now) == 1472);
    mtu.onProbeSent(1472, now);
    mtu.onProbeLost(1472, now + 20 * kMillisecond);
    now += 20 * kMillisecond;
    // Not at once: the same burst of losses would take the next one too.
    CHECK(mtu.probeDue(now) == 0);
    CHECK(mtu.deadline() > now);
  }
  now = mtu.deadline();
  mtu.onProbeSent(mtu.probeDue(now), now);
  mtu.onProbeAcked(1472, now);
  CHECK(mtu.current() == 1472);
}

TEST_CASE("a larger path MTU is tried again after ten minutes (RFC 8899 5.1.1)") {
  MtuDiscovery mtu(1472, 0);
  const Search search = run(mtu, 1400, 0);
  CHECK(mtu.current() >= 1393);
  CHECK(mtu.probeDue(search.now + 599 * kSecond) == 0);
  const Time later = mtu.deadline();
  CHECK(later == search.now + 600 * kSecond);
  CHECK(mtu.probeDue(later) == 1472);
  mtu.onProbeSent(1472, later);
  CHECK(mtu.searching());
  mtu.onProbeAcked(1472, later);
  CHECK(mtu.current() == 1472);
}

TEST_CASE("the fate of a probe of before does not count") {
  MtuDiscovery mtu(1472, 0);
  mtu.onProbeSent(1472, 0);
  mtu.restart(10);
  mtu.onProbeAcked(1472, 20);
  CHECK(mtu.current() == MtuDiscovery::kBase);
  mtu.onProbeLost(1472, 20);
  CHECK(mtu.probeDue(20) == 1472);
}

TEST_CASE("EMSGSIZE lowers the ceiling at once, and the size when it was in use") {
  MtuDiscovery mtu(65'000, 0);
  mtu.onProbeSent(65'000, 0);
  mtu.onTooBig(65'000, 0);
  CHECK(mtu.probeDue(0) != 0);
  CHECK(mtu.probeDue(0) < 65'000);
  run(mtu, 8972, 0);
  CHECK(mtu.current() == 8972);
  mtu.onTooBig(8972, kSecond);
  CHECK(mtu.current() == MtuDiscovery::kBase);
  run(mtu, 1452, kSecond);
  CHECK(mtu.current() == 1452);
  // The base itself is nobody's to refuse.
  mtu.onTooBig(1200, 2 * kSecond);
  CHECK(mtu.current() == 1452);
}

TEST_CASE("a new limit of the interface or the peer is followed") {
  MtuDiscovery mtu(1472, 0);
  run(mtu, 9000, 0);
  mtu.setMost(1400, kSecond);
  CHECK(mtu.current() == 1400);
  CHECK_FALSE(mtu.searching());
  mtu.setMost(8972, 2 * kSecond);
  run(mtu, 9000, 2 * kSecond);
  CHECK(mtu.current() == 8972);
  mtu.setMost(500, 3 * kSecond);
  CHECK(mtu.current() == MtuDiscovery::kBase);
}

namespace {

/// Each 10 ms five large packets and a small one on a path of 20 ms RTT that loses what is above `carries`,
/// and others as `alsoLost` says.
template <typename Lost>
bool finds(double ms, std::uint32_t carries, Lost&& alsoLost) {
  Endpoint end(CongestionAlgorithm::kNone);
  end.warmUp(0, 20);
  RangeSet received;
  received.add(0);
  bool found = false;
  for (double at = 100; at < 100 + ms; at += 10) {
    for (int i = 0; i < 6; ++i) {
      const std::uint32_t bytes = i == 5 ? 100 : 1400;
      const auto number = end.send(at, bytes);
      if (bytes <= carries && !alsoLost(at, bytes)) received.add(number);
    }
    end.sent.onAck(Ack(received).frame(), 0, nullptr, Endpoint::ms(at + 20), end.path, end.fates);
    found |= end.path.blackHoleFound();
  }
  return found;
}

}  // namespace

TEST_CASE("a black hole is found within some round trips (RFC 8899 4.3)") {
  CHECK(finds(400, 1300, [](double, std::uint32_t) { return false; }));
  // While a tenth of the small packets is lost as well.
  Dice dice(3);
  CHECK(finds(4000, 1300, [&](double, std::uint32_t) { return dice.chance(0.1); }));
}

TEST_CASE("congestion and outages are no black hole") {
  Dice dice(4);
  // Three times of four the queue has room for small packets only.
  CHECK_FALSE(
      finds(5000, 1500, [&](double, std::uint32_t bytes) { return bytes > 1200 && dice.chance(0.75); }));
  CHECK_FALSE(finds(5000, 1500, [&](double, std::uint32_t) { return dice.chance(0.5); }));
  // A burst that takes all large ones for 90 ms.
  CHECK_FALSE(
      finds(1000, 1500, [](double at, std::uint32_t bytes) { return bytes > 1200 && at > 300 && at < 390; }));
  CHECK_FALSE(finds(3000, 1500, [](double at, std::uint32_t) { return at > 500 && at < 2000; }));
  // An outage with a small packet before and after it, as chance may have it.
  CHECK_FALSE(finds(3000, 1500, [](double at, std::uint32_t bytes) {
    return at > 500 && (bytes > 1200 ? at < 2005 : at > 525 && at < 1995);
  }));
}

TEST_CASE("a path that became a black hole is used with the base size, then with what it carries now") {
  MtuDiscovery mtu(1472, 0);
  run(mtu, 1472, 0);
  CHECK(mtu.current() == 1472);
  mtu.onBlackHole(10 * kSecond);
  CHECK(mtu.current() == MtuDiscovery::kBase);
  run(mtu, 1392, 10 * kSecond);
  CHECK(mtu.current() == 1392);
}
