#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <set>

#include "tunnel_sim.h"

// A client with several links: handshake, joining, failing, returning.

using namespace mqvpn;
using namespace mqvpn::tunnel;
using namespace mqvpn::tunnel::test;

namespace {

constexpr Duration kMs = kMillisecond;

Link linkOf(double megabits, Duration delay) {
  Link link;
  link.bitsPerSecond = megabits * 1e6;
  link.delay = delay;
  link.queueBytes = static_cast<std::size_t>(megabits * 1e6 / 8 * 2 * static_cast<double>(delay) / 1e9);
  link.queueBytes = std::max<std::size_t>(link.queueBytes, 64 << 10);
  return link;
}

/// Link 0: 300 Mbit/s, 10 ms; link 1: 80 Mbit/s, 30 ms (one way); more as link 1.
struct Links {
  explicit Links(std::uint32_t count = 2, const SimOptions& options = {},
                 const std::function<void(ClientSettings&)>& change = {})
      : sim(options), client(make(count, change)) {}

  Client& make(std::uint32_t count, const std::function<void(ClientSettings&)>& change) {
    Client& made = sim.addClient("secret", [&](ClientSettings& settings) {
      settings.paths.clear();
      for (std::uint32_t i = 0; i < count; ++i) settings.paths.push_back({"link" + std::to_string(i), false});
      if (change) change(settings);
    });
    made.up = made.down = linkOf(300, 10 * kMs);
    for (std::uint32_t i = 1; i < count; ++i) made.addLink(linkOf(80, 30 * kMs), linkOf(80, 30 * kMs));
    return made;
  }
  void dead(std::uint32_t slot, bool up, bool down) {
    client.upOf(slot).dead = up;
    client.downOf(slot).dead = down;
  }
  bool isConnected() const { return client.vpn.isConnected(); }
  void connect() {
    client.start();
    REQUIRE(sim.runUntil([&] { return isConnected(); }, 5 * kSecond));
    REQUIRE(sim.runUntil([&] { return activeCount() == client.extra.size() + 1; }, 2 * kSecond));
  }
  std::vector<PathSlotStatus> slots() const { return client.vpn.status(sim.now()).connections[0].slots; }
  std::string_view stateOf(std::uint32_t slot) const { return slots()[slot].state; }
  std::size_t activeCount() const {
    const auto all = slots();
    return static_cast<std::size_t>(
        std::count_if(all.begin(), all.end(), [](const auto& one) { return one.state == "active"; }));
  }
  std::size_t serverPaths() const {
    return sim.server->vpn.status(sim.now()).connections.at(0).quic.paths.size();
  }
  ConnectionStatus status() const { return client.vpn.status(sim.now()).connections[0]; }

  Sim sim;
  Client& client;
};

/// Pings all the time, and what became of them.
class Pinger {
 public:
  Pinger(Links& links, Duration every) : links_(links), every_(every) {
    links.client.onPacket = [this](std::span<const std::uint8_t> packet) { return onAnswer(packet); };
    next();
  }
  void stop() { stopped_ = true; }
  std::size_t sent() const { return sentAt_.size(); }
  std::size_t lost() const { return sentAt_.size() - answers_.size(); }
  std::size_t duplicates() const { return duplicates_; }
  /// Between two answers, from `from` on.
  Duration longestGap(Time from) const {
    Duration longest = 0;
    Time last = 0;
    for (const Time at : arrivals_) {
      if (at >= from && last != 0) longest = std::max(longest, at - last);
      last = at;
    }
    return longest;
  }
  std::size_t answersSince(Time from) const {
    return static_cast<std::size_t>(
        std::count_if(arrivals_.begin(), arrivals_.end(), [&](Time at) { return at >= from; }));
  }

 private:
  void next() {
    if (stopped_) return;
    Udp udp;
    udp.source = links_.client.inner();
    udp.destination = kServerInner;
    udp.from = kPort;
    udp.to = 7;
    const auto number = static_cast<std::uint32_t>(sentAt_.size());
    sentAt_.push_back(links_.sim.now());
    links_.client.send(udp4(udp, 84, number));
    links_.sim.at(links_.sim.now() + every_, [this] { next(); });
  }
  bool onAnswer(std::span<const std::uint8_t> packet) {
    if (packet.size() != 84 || packet[9] != 17 || packet[22] * 256 + packet[23] != kPort) return false;
    if (!answers_.insert(numberOf(packet.data())).second) ++duplicates_;
    arrivals_.push_back(links_.sim.now());
    return true;
  }

  static constexpr std::uint16_t kPort = 4242;

  Links& links_;
  const Duration every_;
  bool stopped_ = false;
  std::vector<Time> sentAt_;
  std::vector<Time> arrivals_;
  std::set<std::uint32_t> answers_;
  std::size_t duplicates_ = 0;
};

}  // namespace

TEST_CASE(
    "all links of a client carry its connection, within a round trip of the slowest after the handshake") {
  for (const std::uint32_t count : {2u, 8u}) {
    Links links(count);
    links.client.start();
    REQUIRE(links.sim.runUntil([&] { return links.isConnected(); }, kSecond));
    REQUIRE(links.sim.runUntil([&] { return links.activeCount() == count; }, 300 * kMs));
    CHECK(links.serverPaths() == count);
    CHECK(links.client.count<ClosedEvent>() == 0);
    CHECK(links.sim.server->count<ClientConnectedEvent>() == 1);
  }
}

TEST_CASE("the first link is dead: the handshake goes over the second, and the first joins when it works") {
  Links links;
  links.dead(0, true, true);
  const Time start = links.sim.now();
  links.client.start();
  REQUIRE(links.sim.runUntil([&] { return links.isConnected(); }, 3 * kSecond));
  // 100 ms until the second is tried, three round trips of 60 ms.
  CHECK(links.sim.now() - start < 400 * kMs);
  CHECK(links.stateOf(1) == "active");
  links.sim.run(5 * kSecond);
  CHECK(links.stateOf(0) != "active");
  links.dead(0, false, false);
  CHECK(links.sim.runUntil([&] { return links.stateOf(0) == "active"; }, ClientPaths::kMostRetry));
  CHECK(links.sim.server->count<ClientConnectedEvent>() == 1);
}

TEST_CASE(
    "0-RTT over a dead link: the handshake over the other one begins anew, and the server makes one tunnel") {
  SimOptions options;
  Links links(2, options);
  links.connect();
  REQUIRE(links.sim.runUntil([&] { return links.client.event<TicketEvent>() != nullptr; }, kSecond));
  const TicketEvent ticket = *links.client.event<TicketEvent>();
  Client& second = links.sim.addClient("secret", [&](ClientSettings& settings) {
    settings.ticket = ticket.ticket;
    settings.httpSettings = ticket.httpSettings;
    settings.paths = {{"a", false}, {"b", false}};
  });
  second.addLink(linkOf(80, 30 * kMs), linkOf(80, 30 * kMs));
  second.down.dead = true;
  SUBCASE("which carries nothing") { second.up.dead = true; }
  SUBCASE("which carries everything up and nothing down") {}
  second.start();
  REQUIRE(links.sim.runUntil([&] { return second.vpn.isConnected(); }, 3 * kSecond));
  CHECK(links.sim.ping(second, kServerInner).has_value());
  links.sim.run(20 * kSecond);
  CHECK(links.sim.ping(second, kServerInner).has_value());
  CHECK(second.count<ClosedEvent>() == 0);
}

TEST_CASE("a link that comes up first, or later, or not at all, does not hold up the others") {
  Links links(3);
  links.client.isDown = {true, true, false};
  links.client.start();
  REQUIRE(links.sim.runUntil([&] { return links.isConnected(); }, kSecond));
  CHECK(links.stateOf(0) == "down");
  links.client.linkUp(0);
  REQUIRE(links.sim.runUntil([&] { return links.stateOf(0) == "active"; }, 200 * kMs));
  CHECK(links.stateOf(1) == "down");
  CHECK(links.stateOf(2) == "active");
}

TEST_CASE("no link is up: the client waits for one, and says which it waited for") {
  Links links;
  links.client.isDown = {true, true};
  links.client.start();
  SUBCASE("one comes") {
    links.sim.run(3 * kSecond);
    links.client.linkUp(1);
    CHECK(links.sim.runUntil([&] { return links.isConnected(); }, kSecond));
  }
  SUBCASE("none comes") {
    REQUIRE(links.sim.runUntil([&] { return links.client.count<ClosedEvent>() == 1; }, 20 * kSecond));
    const auto* closed = links.client.event<ClosedEvent>();
    CHECK(closed->cause == "no-link");
    CHECK(closed->retryable);
    CHECK(closed->message.find("link0: ") != std::string::npos);
    CHECK(links.client.vpn.isOver());
  }
}

TEST_CASE("a link goes down: what was in flight there leaves again over the other one, and nothing is lost") {
  for (const std::uint32_t slot : {0u, 1u}) {
    CAPTURE(slot);
    Links links;
    links.connect();
    Pinger pinger(links, 10 * kMs);
    links.sim.run(kSecond);
    const Time fault = links.sim.now();
    links.dead(slot, true, true);
    links.client.linkDown(slot);
    CHECK(links.stateOf(slot) == "down");
    links.sim.run(kSecond);
    CHECK(links.serverPaths() == 1);
    CHECK(pinger.longestGap(fault) <= 100 * kMs);
    links.dead(slot, false, false);
    links.client.linkUp(slot);
    REQUIRE(links.sim.runUntil([&] { return links.stateOf(slot) == "active"; }, 200 * kMs));
    links.sim.run(kSecond);
    pinger.stop();
    links.sim.run(kSecond);
    CHECK(pinger.lost() == 0);
    CHECK(pinger.duplicates() == 0);
    CHECK(links.client.count<ClosedEvent>() == 0);
  }
}

TEST_CASE(
    "a link goes silent, both ways or one: the gap is a fraction of a second, and nothing arrives twice") {
  for (const std::uint32_t slot : {0u, 1u})
    for (const int directions : {1, 2, 3}) {
      CAPTURE(slot);
      CAPTURE(directions);
      Links links;
      links.connect();
      Pinger pinger(links, 10 * kMs);
      links.sim.run(kSecond);
      const Time fault = links.sim.now();
      links.dead(slot, (directions & 1) != 0, (directions & 2) != 0);
      links.sim.run(3 * kSecond);
      CHECK(pinger.longestGap(fault) <= 250 * kMs);
      links.dead(slot, false, false);
      const Time back = links.sim.now();
      links.sim.run(kSecond);
      CHECK(links.stateOf(slot) == "active");
      CHECK(pinger.longestGap(back) <= 100 * kMs);
      pinger.stop();
      links.sim.run(kSecond);
      CHECK(pinger.lost() <= 2);
      CHECK(pinger.duplicates() == 0);
    }
}

TEST_CASE("a link that dies without a word is not noticed by a flow that sends little") {
  for (const bool twins : {false, true}) {
    CAPTURE(twins);
    SimOptions options;
    options.twins = twins;
    Links links(2, options);
    links.connect();
    Pinger pinger(links, 10 * kMs);
    links.sim.run(2 * kSecond);
    const Time dead = links.sim.now();
    links.dead(0, true, true);
    links.sim.run(dead + kSecond);
    pinger.stop();
    links.sim.run(dead + 2 * kSecond);
    CHECK(pinger.duplicates() == 0);
    CHECK(pinger.lost() == 0);
    // The second link is 40 ms longer, to there and back.
    if (twins)
      CHECK(pinger.longestGap(dead - kSecond) <= 55 * kMs);
    else
      CHECK(pinger.longestGap(dead - kSecond) > 55 * kMs);
  }
}

TEST_CASE("the only link that is left goes away: the connection continues over the next one that comes") {
  Links links;
  links.connect();
  links.client.linkDown(1);
  links.dead(1, true, true);
  links.sim.run(500 * kMs);
  links.client.linkDown(0);
  links.dead(0, true, true);
  links.sim.run(5 * kSecond);
  links.dead(1, false, false);
  links.client.linkUp(1);
  CHECK(links.sim.ping(links.client, kServerInner).has_value());
  links.dead(0, false, false);
  links.client.linkUp(0);
  CHECK(links.sim.runUntil([&] { return links.activeCount() == 2; }, kSecond));
  CHECK(links.client.count<ClosedEvent>() == 0);
  CHECK(links.sim.server->count<ClientConnectedEvent>() == 1);
}

TEST_CASE("with a server that has no multipath a client moves its one path when a link goes down") {
  SimOptions options;
  options.multipath = quic::MultipathVersion::kNone;
  Links links(2, options);
  links.client.start();
  REQUIRE(links.sim.runUntil([&] { return links.isConnected(); }, kSecond));
  links.sim.run(kSecond);
  CHECK(links.stateOf(0) == "active");
  CHECK(links.stateOf(1) == "waiting");
  links.client.linkDown(0);
  links.dead(0, true, true);
  CHECK(links.sim.ping(links.client, kServerInner).has_value());
  CHECK(links.stateOf(1) == "active");
  CHECK(links.client.count<ClosedEvent>() == 0);
}

TEST_CASE("draft 10 of multipath is spoken with who offers it") {
  Links links(2, {}, [](ClientSettings& settings) {
    settings.engine.connection.multipath = quic::MultipathVersion::kDraft10;
  });
  links.connect();
  CHECK(links.serverPaths() == 2);
  links.client.linkDown(0);
  links.dead(0, true, true);
  CHECK(links.sim.ping(links.client, kServerInner).has_value());
}

TEST_CASE("a backup carries nothing while another link works, and everything once none does") {
  Links links(2, {}, [](ClientSettings& settings) { settings.paths[0].backup = true; });
  links.client.start();
  REQUIRE(links.sim.runUntil([&] { return links.isConnected(); }, kSecond));
  REQUIRE(links.sim.runUntil([&] { return links.stateOf(0) == "standby"; }, kSecond));
  // The handshake went over the other one.
  CHECK(links.slots()[1].pathId == std::optional<std::uint32_t>(0));
  Pinger pinger(links, 10 * kMs);
  const auto sentOn = [&](std::uint32_t slot) {
    for (const auto& path : links.status().quic.paths)
      if (path.id == *links.slots()[slot].pathId) return path.packetsSent;
    return std::uint64_t{0};
  };
  links.sim.run(200 * kMs);
  const std::uint64_t before = sentOn(0);
  links.sim.run(3 * kSecond);
  CHECK(sentOn(0) - before <= 2);
  const Time fault = links.sim.now();
  links.dead(1, true, true);
  links.sim.run(2 * kSecond);
  CHECK(sentOn(0) - before > 100);
  CHECK(pinger.longestGap(fault) < 250 * kMs);
  links.dead(1, false, false);
  links.sim.run(kSecond);
  const std::uint64_t after = sentOn(0);
  links.sim.run(kSecond);
  CHECK(sentOn(0) - after <= 2);
}

TEST_CASE("an address that changes under a path keeps it, and the traffic on it") {
  Links links;
  links.connect();
  Pinger pinger(links, 10 * kMs);
  links.sim.run(kSecond);
  const Time fault = links.sim.now();
  links.client.extra[0].address.port = 7777;
  links.client.linkUp(1);
  quic::SocketAddress moved = links.client.address();
  moved.ip[3] = 99;
  links.client.moveTo(moved);
  links.client.linkUp(0);
  links.sim.run(2 * kSecond);
  CHECK(links.activeCount() == 2);
  CHECK(pinger.longestGap(fault) <= 150 * kMs);
  pinger.stop();
  links.sim.run(kSecond);
  CHECK(pinger.lost() <= 3);
}

TEST_CASE("links that fail and return at random: pings pass while any link works, none arrives twice") {
  const char* chosen = std::getenv("MQVPN_SIM_SEEDS");
  const std::uint64_t seeds = chosen ? std::strtoull(chosen, nullptr, 10) : 60;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    CAPTURE(seed);
    SimOptions options;
    options.seed = seed;
    std::mt19937_64 random(seed);
    const auto below = [&](std::uint64_t n) { return random() % n; };
    const auto count = static_cast<std::uint32_t>(2 + below(3));
    Links links(count, options);
    for (std::uint32_t i = 0; i < count; ++i) {
      links.client.upOf(i) = linkOf(5.0 + static_cast<double>(below(300)), (1 + below(80)) * kMs);
      links.client.downOf(i) = linkOf(5.0 + static_cast<double>(below(300)), (1 + below(80)) * kMs);
    }
    links.connect();
    Pinger pinger(links, 20 * kMs);
    std::vector<bool> down(count, false);
    Time worksSince = links.sim.now();
    bool worked = true;
    for (int step = 0; step < 25; ++step) {
      const auto slot = static_cast<std::uint32_t>(below(count));
      switch (below(4)) {
        case 0:
          links.dead(slot, below(2) != 0, below(2) != 0);
          break;
        case 1:
          links.dead(slot, false, false);
          break;
        case 2:
          down[slot] = true;
          links.dead(slot, true, true);
          links.client.linkDown(slot);
          break;
        case 3:
          down[slot] = false;
          links.dead(slot, false, false);
          links.client.linkUp(slot);
          break;
      }
      bool works = false;
      for (std::uint32_t i = 0; i < count; ++i)
        works |= !down[i] && !links.client.upOf(i).dead && !links.client.downOf(i).dead;
      if (works && !worked) worksSince = links.sim.now();
      worked = works;
      links.sim.run(below(3000) * kMs);
      // A path is tried again within the second; a round trip is at most 160 ms.
      if (works && links.sim.now() - worksSince > 4 * kSecond)
        CHECK(pinger.answersSince(links.sim.now() - 2 * kSecond) > 20);
    }
    for (std::uint32_t i = 0; i < count; ++i) {
      links.dead(i, false, false);
      if (down[i]) links.client.linkUp(i);
    }
    CHECK(links.sim.runUntil([&] { return links.activeCount() == count; }, 40 * kSecond));
    CHECK(links.client.count<ClosedEvent>() == 0);
    CHECK(pinger.duplicates() == 0);
  }
}
