#include <doctest/doctest.h>

#include <algorithm>

#include "quic_sim.h"

// A path that stops to answer, in one direction or both.

using namespace mqvpn;
using namespace mqvpn::quic;
using namespace mqvpn::quic::test;
using Change = ConnectionEvents::PathChange;

namespace {

constexpr Duration kMs = kMillisecond;

/// Path 0: 300 Mbit/s, 10 ms; path 1: 80 Mbit/s, 30 ms.
struct TwoPaths {
  TwoPaths() : sim(options(), simServerTls(), simClientTls()) {
    LinkModel slow = sim.options.up;
    slow.bitsPerSecond = 80e6;
    slow.delay = 30 * kMs;
    slow.queueBytes = 600'000;
    socket = sim.addLink(slow, slow);
    sim.connect();
    REQUIRE(sim.run(sim.now + 5 * kSecond,
                    [&] { return sim.clientConnection()->handshakeConfirmed() && sim.server.complete; }));
    sim.run(sim.now + 500 * kMs);
    REQUIRE(sim.clientConnection()->openPath(sim.through(socket), sim.now));
    sim.run(sim.now + kSecond);
    REQUIRE(sim.clientConnection()->stats().paths.size() == 2);
    REQUIRE(sim.clientConnection()->stats().paths[1].validated);
  }
  static SimOptions options() {
    SimOptions options;
    options.client.multipath = options.server.multipath = MultipathVersion::kDraft21;
    options.up.bitsPerSecond = options.down.bitsPerSecond = 300e6;
    options.up.queueBytes = options.down.queueBytes = 750'000;
    return options;
  }
  void kill(bool up, bool down, Time from, Time until) {
    if (up) sim.options.up.deadFrom = from, sim.options.up.deadUntil = until;
    if (down) sim.options.down.deadFrom = from, sim.options.down.deadUntil = until;
  }
  PathStats path(std::size_t i) { return sim.clientConnection()->stats().paths[i]; }
  /// Sends one small datagram each `every` for `time`.
  void trickle(Duration every, Duration time) {
    const Time end = sim.now + time;
    while (sim.now < end) {
      ++sim.client.datagramsToSend;
      sim.run(sim.now + every);
    }
  }
  Sim sim;
  std::uint32_t socket = 0;
};

long count(const App& app, std::uint32_t id, Change change) {
  return std::count(app.changes.begin(), app.changes.end(), std::pair(id, change));
}

void checkInvariants(const Sim& sim) {
  CHECK(sim.clientWatch.violations == 0);
  CHECK(sim.serverWatch.violations == 0);
  CHECK(sim.server.datagramsDuplicated == 0);
  CHECK(!sim.client.closed);
  CHECK(!sim.server.closed);
}

}  // namespace

TEST_CASE(
    "a busy path that goes silent is left within a round trip and a margin, and its datagrams are told") {
  TwoPaths two;
  Sim& sim = two.sim;
  sim.client.datagramsToSend = 1'000'000;
  sim.run(sim.now + kSecond);
  const Time dead = sim.now;
  two.kill(true, true, dead, kNever);
  REQUIRE(sim.run(dead + kSecond, [&] { return two.path(0).silentFor > 0 || !sim.client.stranded.empty(); }));
  // 20 ms of round trip, what the queue in front of the link adds, and 25 ms.
  CHECK(sim.now - dead < 120 * kMs);
  CHECK(sim.client.stranded.size() > 10);
  // Nothing but probes goes there any more.
  const std::uint64_t sentBefore = two.path(0).packetsSent;
  const std::uint64_t otherBefore = two.path(1).packetsSent;
  sim.run(sim.now + kSecond);
  CHECK(two.path(0).packetsSent - sentBefore <= 8);
  CHECK(two.path(1).packetsSent - otherBefore > 1000);
  CHECK(count(sim.client, 0, Change::kSilent) == 1);
  checkInvariants(sim);
}

TEST_CASE("a path with a trickle on it is found out as well, although each packet restarts the PTO") {
  TwoPaths two;
  Sim& sim = two.sim;
  // Let path 0 alone carry.
  sim.clientConnection()->setBackup(1, true, sim.now);
  two.trickle(10 * kMs, kSecond);
  const Time dead = sim.now;
  two.kill(true, true, dead, kNever);
  two.trickle(10 * kMs, 200 * kMs);
  CHECK(two.path(0).silentFor > 0);
  // Less than a round trip, the margin and the peer's ACK delay.
  CHECK(two.path(0).silentFor > 200 * kMs - 100 * kMs);
  CHECK(sim.client.stranded.size() >= 3);
  CHECK(sim.client.stranded.size() <= 10);
  checkInvariants(sim);
}

TEST_CASE(
    "a silent path that answers again carries traffic within the second, and begins with a new window") {
  for (const bool busy : {false, true}) {
    CAPTURE(busy);
    TwoPaths two;
    Sim& sim = two.sim;
    if (busy) sim.client.datagramsToSend = 1'000'000;
    if (!busy) two.trickle(10 * kMs, 500 * kMs);
    sim.run(sim.now + 500 * kMs);
    const Time dead = sim.now;
    two.kill(true, true, dead, dead + 3 * kSecond);
    if (!busy) two.trickle(10 * kMs, 3 * kSecond);
    sim.run(dead + 3 * kSecond);
    CHECK(two.path(0).silentFor > 2 * kSecond);
    const Time back = sim.now;
    REQUIRE(sim.run(back + kSecond, [&] { return two.path(0).silentFor == 0; }));
    CHECK(sim.now - back < 500 * kMs);
    CHECK(count(sim.client, 0, Change::kRecovered) == 1);
    if (busy) {
      const std::uint64_t before = two.path(0).packetsSent;
      sim.run(sim.now + kSecond);
      CHECK(two.path(0).packetsSent - before > 10'000);
    }
    checkInvariants(sim);
  }
}

TEST_CASE(
    "a path that is dead in one direction is left by whoever sends there, and the other direction goes on") {
  for (const bool upDies : {true, false}) {
    CAPTURE(upDies);
    TwoPaths two;
    Sim& sim = two.sim;
    sim.client.datagramsToSend = sim.server.datagramsToSend = 1'000'000;
    sim.run(sim.now + kSecond);
    two.kill(upDies, !upDies, sim.now, kNever);
    sim.run(sim.now + kSecond);
    const auto client = two.path(0);
    const auto server = sim.serverConnection()->stats().paths[0];
    CHECK((upDies ? client : server).silentFor > 0);
    // Its acknowledgements come over the other path.
    CHECK((upDies ? server : client).silentFor == 0);
    const std::uint64_t before = (upDies ? server : client).packetsSent;
    sim.run(sim.now + kSecond);
    const std::uint64_t after =
        upDies ? sim.serverConnection()->stats().paths[0].packetsSent : two.path(0).packetsSent;
    CHECK(after - before > 10'000);
    checkInvariants(sim);
  }
}

TEST_CASE("the only path is never left, however silent it is") {
  Sim sim(TwoPaths::options(), simServerTls(), simClientTls());
  sim.connect();
  REQUIRE(sim.run(sim.now + 5 * kSecond, [&] { return sim.clientConnection()->handshakeConfirmed(); }));
  sim.client.datagramsToSend = 1'000'000;
  sim.options.up.deadFrom = sim.now + 100 * kMs;
  sim.options.up.deadUntil = sim.now + kSecond;
  sim.run(sim.now + 2 * kSecond);
  CHECK(sim.client.changes.empty());
  CHECK(sim.client.stranded.empty());
  const std::uint64_t before = sim.server.datagramsReceived;
  sim.run(sim.now + kSecond);
  CHECK(sim.server.datagramsReceived > before + 1000);
  checkInvariants(sim);
}

TEST_CASE("both paths silent: whichever answers first carries everything") {
  for (const bool first : {true, false}) {
    CAPTURE(first);
    TwoPaths two;
    Sim& sim = two.sim;
    sim.client.datagramsToSend = 3'000'000;
    sim.run(sim.now + kSecond);
    const Time dead = sim.now;
    two.kill(true, true, dead, first ? dead + 2 * kSecond : dead + 20 * kSecond);
    LinkModel& other = sim.extra[0].up;
    other.deadFrom = sim.extra[0].down.deadFrom = dead + 50 * kMs;
    other.deadUntil = sim.extra[0].down.deadUntil = first ? dead + 20 * kSecond : dead + 2 * kSecond;
    sim.run(dead + 2 * kSecond);
    const std::uint64_t before = sim.server.datagramsReceived;
    sim.run(dead + 6 * kSecond);
    CHECK(sim.server.datagramsReceived > before + 5'000);
    CHECK(two.path(first ? 0 : 1).silentFor == 0);
    checkInvariants(sim);
  }
}

TEST_CASE("a backup path carries nothing while another works, and everything once it does not") {
  TwoPaths two;
  Sim& sim = two.sim;
  sim.clientConnection()->setBackup(1, true, sim.now);
  sim.run(sim.now + 200 * kMs);
  const std::uint64_t clientBefore = two.path(1).packetsSent;
  const std::uint64_t serverBefore = sim.serverConnection()->stats().paths[1].packetsSent;
  sim.client.datagramsToSend = sim.server.datagramsToSend = 1'000'000;
  sim.run(sim.now + kSecond);
  CHECK(two.path(1).packetsSent - clientBefore <= 2);
  CHECK(sim.serverConnection()->stats().paths[1].packetsSent - serverBefore <= 2);
  two.kill(true, true, sim.now, kNever);
  sim.run(sim.now + kSecond);
  CHECK(two.path(1).packetsSent - clientBefore > 1000);
  CHECK(sim.serverConnection()->stats().paths[1].packetsSent - serverBefore > 1000);
  checkInvariants(sim);
}

TEST_CASE("datagrams in flight on a path that is given up are told once each") {
  TwoPaths two;
  Sim& sim = two.sim;
  sim.client.datagramsToSend = 1'000'000;
  sim.run(sim.now + kSecond);
  REQUIRE(sim.clientConnection()->abandonPath(0, TransportError::kPathUnstableOrPoor, sim.now));
  CHECK(sim.client.stranded.size() > 10);
  auto sorted = sim.client.stranded;
  std::sort(sorted.begin(), sorted.end());
  CHECK(std::unique(sorted.begin(), sorted.end()) == sorted.end());
  checkInvariants(sim);
}

TEST_CASE("an endpoint knows which packets of the peer arrived") {
  TwoPaths two;
  Sim& sim = two.sim;
  sim.client.datagramsToSend = 5;
  sim.run(sim.now + kSecond);
  REQUIRE(!sim.server.origins.empty());
  for (const PacketId& origin : sim.server.origins) CHECK(sim.serverConnection()->wasReceived(origin));
  PacketId next = sim.server.origins.back();
  next.number += 100'000;
  CHECK(!sim.serverConnection()->wasReceived(next));
  CHECK(!sim.serverConnection()->wasReceived({7, 1}));
  checkInvariants(sim);
}
