#include <doctest/doctest.h>

#include <algorithm>

#include "quic_sim.h"

using namespace mqvpn;
using namespace mqvpn::quic;
using namespace mqvpn::quic::test;

namespace {

SimOptions both(MultipathVersion version = MultipathVersion::kDraft21) {
  SimOptions options;
  options.client.multipath = options.server.multipath = version;
  return options;
}

void confirm(Sim& sim) {
  sim.connect();
  REQUIRE(sim.run(sim.now + 5 * kSecond,
                  [&] { return sim.clientConnection()->handshakeConfirmed() && sim.server.complete; }));
  sim.run(sim.now + 500 * kMillisecond);
}

bool validated(const App& app, std::uint32_t id) {
  return std::count(app.changes.begin(), app.changes.end(),
                    std::pair(id, ConnectionEvents::PathChange::kValidated)) == 1;
}

void checkInvariants(const Sim& sim) {
  CHECK(sim.clientWatch.violations == 0);
  CHECK(sim.serverWatch.violations == 0);
  CHECK(sim.client.wrongBytes + sim.server.wrongBytes == 0);
  CHECK(sim.server.datagramsDuplicated == 0);
  CHECK(sim.server.datagramsWrong == 0);
  CHECK(!sim.client.closed);
  CHECK(!sim.server.closed);
}

}  // namespace

TEST_CASE("a second path is opened, validated by both ends, and carries data beside the first") {
  for (const MultipathVersion version : {MultipathVersion::kDraft21, MultipathVersion::kDraft10}) {
    CAPTURE(static_cast<int>(version));
    SimOptions options = both(version);
    // Deep enough for the overshoot of slow start.
    options.up.queueBytes = 8 << 20;
    Sim sim(options, simServerTls(), simClientTls());
    const std::uint32_t socket = sim.addLink(options.up, options.down);
    confirm(sim);
    CHECK(sim.clientConnection()->multipath() == version);
    const auto id = sim.clientConnection()->openPath(sim.through(socket), sim.now);
    REQUIRE(id);
    CHECK(*id == 1);
    REQUIRE(sim.run(sim.now + kSecond, [&] { return validated(sim.client, 1) && validated(sim.server, 1); }));
    sim.client.datagramsToSend = 5000;
    sim.run(sim.now + 10 * kSecond,
            [&] { return sim.server.datagramsReceived + sim.client.datagramsLost >= 5000; });
    CHECK(sim.server.datagramsReceived > 4900);
    const auto stats = sim.clientConnection()->stats();
    REQUIRE(stats.paths.size() == 2);
    CHECK(stats.paths[0].packetsSent > 1000);
    CHECK(stats.paths[1].packetsSent > 1000);
    checkInvariants(sim);
  }
}

TEST_CASE("a peer without multipath keeps one path") {
  SimOptions options = both();
  options.server.multipath = MultipathVersion::kNone;
  Sim sim(options, simServerTls(), simClientTls());
  const std::uint32_t socket = sim.addLink({}, {});
  confirm(sim);
  CHECK(sim.clientConnection()->multipath() == MultipathVersion::kNone);
  CHECK(!sim.clientConnection()->openPath(sim.through(socket), sim.now));
  checkInvariants(sim);
}

TEST_CASE("path 0 is given up over another path, and everything goes on there") {
  Sim sim(both(), simServerTls(), simClientTls());
  const std::uint32_t socket = sim.addLink({}, {});
  sim.client.streamsToOpen = 1;
  sim.client.bytesPerStream = 10'000'000;
  confirm(sim);
  REQUIRE(sim.clientConnection()->openPath(sim.through(socket), sim.now));
  REQUIRE(sim.run(sim.now + kSecond, [&] { return validated(sim.client, 1); }));
  // The first link is dead from now on, so only the second can carry the news.
  sim.options.up.deadFrom = sim.options.down.deadFrom = sim.now;
  REQUIRE(sim.clientConnection()->abandonPath(0, TransportError::kPathUnstableOrPoor, sim.now));
  REQUIRE(sim.run(sim.now + 60 * kSecond, [&] { return sim.client.streamsFinished == 1; }));
  CHECK(sim.serverConnection()->stats().paths.size() == 1);
  CHECK(sim.serverConnection()->stats().paths[0].id == 1);
  CHECK(std::count(sim.server.changes.begin(), sim.server.changes.end(),
                   std::pair(std::uint32_t{0}, ConnectionEvents::PathChange::kAbandoned)) == 1);
  CHECK(!sim.clientConnection()->abandonPath(1, TransportError::kNoError, sim.now));
  checkInvariants(sim);
}

TEST_CASE("a path whose challenge gets no answer is closed, and its ID is used up") {
  Sim sim(both(), simServerTls(), simClientTls());
  LinkModel dead;
  dead.loss = 1;
  const std::uint32_t socket = sim.addLink(dead, dead);
  confirm(sim);
  REQUIRE(sim.clientConnection()->openPath(sim.through(socket), sim.now));
  REQUIRE(sim.run(sim.now + 60 * kSecond, [&] {
    return std::count(sim.client.changes.begin(), sim.client.changes.end(),
                      std::pair(std::uint32_t{1}, ConnectionEvents::PathChange::kFailed)) == 1;
  }));
  sim.run(sim.now + kSecond);
  sim.extra[0].up = sim.extra[0].down = LinkModel{};
  const auto again = sim.clientConnection()->openPath(sim.through(socket), sim.now);
  REQUIRE(again);
  CHECK(*again == 2);
  REQUIRE(sim.run(sim.now + kSecond, [&] { return validated(sim.client, 2); }));
  checkInvariants(sim);
}

TEST_CASE("paths come and go for a week without using up path IDs, connection IDs or memory") {
  SimOptions options = both();
  options.client.initialMaxPathId = options.server.initialMaxPathId = 3;
  options.client.keepAlive = 20 * kSecond;
  Sim sim(options, simServerTls(), simClientTls());
  const std::uint32_t socket = sim.addLink({}, {});
  confirm(sim);
  std::size_t early = 0;
  constexpr int kFlaps = 10'080;  // one a minute
  for (int i = 0; i < kFlaps; ++i) {
    const auto id = sim.clientConnection()->openPath(sim.through(socket), sim.now);
    REQUIRE(id);
    REQUIRE(sim.run(sim.now + 5 * kSecond, [&] { return validated(sim.client, *id); }));
    sim.client.datagramsToSend += 2;
    sim.run(sim.now + 25 * kSecond);
    REQUIRE(sim.clientConnection()->abandonPath(*id, TransportError::kPathUnstableOrPoor, sim.now));
    sim.run(sim.now + 30 * kSecond);
    sim.client.changes.clear();
    sim.server.changes.clear();
    if (i == 50) early = sim.serverConnection()->stats().memoryBytes;
  }
  CHECK(sim.serverConnection()->stats().memoryBytes <= 2 * early);
  CHECK(sim.serverConnection()->stats().paths.size() == 1);
  checkInvariants(sim);
}

TEST_CASE("backup is told to the peer, and the newest word counts") {
  Sim sim(both(), simServerTls(), simClientTls());
  const std::uint32_t socket = sim.addLink({}, {});
  confirm(sim);
  REQUIRE(sim.clientConnection()->openPath(sim.through(socket), sim.now));
  sim.clientConnection()->setBackup(1, true, sim.now);
  sim.run(sim.now + kSecond);
  CHECK(sim.serverConnection()->stats().paths[1].peerWantsBackup);
  sim.clientConnection()->setBackup(1, false, sim.now);
  sim.clientConnection()->ping();
  sim.run(sim.now + kSecond);
  CHECK(!sim.serverConnection()->stats().paths[1].peerWantsBackup);
  checkInvariants(sim);
}

TEST_CASE("keys are updated across two paths without losing a datagram") {
  Sim sim(both(), simServerTls(), simClientTls());
  LinkModel slow;
  slow.delay = 80 * kMillisecond;
  const std::uint32_t socket = sim.addLink(slow, slow);
  confirm(sim);
  REQUIRE(sim.clientConnection()->openPath(sim.through(socket), sim.now));
  REQUIRE(sim.run(sim.now + 2 * kSecond, [&] { return validated(sim.server, 1); }));
  int updates = 0;
  for (int i = 0; i < 60; ++i) {
    sim.client.datagramsToSend += 20;
    updates += (i % 2 == 0 ? sim.clientConnection() : sim.serverConnection())->updateKeys(sim.now) ? 1 : 0;
    sim.run(sim.now + 500 * kMillisecond);
  }
  CHECK(updates > 10);
  CHECK(sim.server.datagramsReceived == 60 * 20);
  CHECK(sim.serverConnection()->stats().undecryptable + sim.clientConnection()->stats().undecryptable == 0);
  checkInvariants(sim);
}

TEST_CASE("up to eight paths work at once") {
  SimOptions options = both();
  Sim sim(options, simServerTls(), simClientTls());
  std::vector<std::uint32_t> sockets;
  for (int i = 0; i < 7; ++i) sockets.push_back(sim.addLink({}, {}));
  confirm(sim);
  for (const std::uint32_t socket : sockets)
    REQUIRE(sim.clientConnection()->openPath(sim.through(socket), sim.now));
  REQUIRE(sim.run(sim.now + 5 * kSecond, [&] {
    return std::all_of(sockets.begin(), sockets.end(),
                       [&](std::uint32_t id) { return validated(sim.server, id); });
  }));
  sim.client.datagramsToSend = 8000;
  sim.run(sim.now + 10 * kSecond,
          [&] { return sim.server.datagramsReceived + sim.client.datagramsLost >= 8000; });
  for (const PathStats& path : sim.clientConnection()->stats().paths) CHECK(path.packetsSent > 100);
  checkInvariants(sim);
}
