#include "tunnel/wlb.h"

#include <doctest/doctest.h>

#include "tunnel_flows.h"

// The scheduler among real connections: links of different widths and round trips, and what flows get of
// them.

using namespace mqvpn;
using namespace mqvpn::tunnel;
using namespace mqvpn::tunnel::test;

namespace {

constexpr Duration kMs = kMillisecond;

struct Width {
  double megabits;
  Duration delay;
};

Link linkOf(const Width& width) {
  Link link;
  link.bitsPerSecond = width.megabits * 1e6;
  link.delay = width.delay;
  link.queueBytes = std::max<std::size_t>(
      static_cast<std::size_t>(link.bitsPerSecond / 8 * 2 * static_cast<double>(link.delay) / 1e9), 64 << 10);
  return link;
}

struct World {
  explicit World(std::vector<Width> links, const SimOptions& options = {})
      : widths(std::move(links)), sim(options), client(make()) {
    client.start();
    REQUIRE(sim.runUntil([&] { return client.vpn.isConnected(); }, 5 * kSecond));
    // The size of packets is found by then.
    sim.run(3 * kSecond);
    client.onPacket = [this](std::span<const std::uint8_t> packet) { return give(packet, true); };
    sim.server->onPacket = [this, before = sim.server->onPacket](std::span<const std::uint8_t> packet) {
      return give(packet, false) || before(packet);
    };
  }
  Client& make() {
    Client& made = sim.addClient("secret", [&](ClientSettings& settings) {
      settings.paths.assign(widths.size(), ClientPath{});
      settings.engine.pool = {4096, 16};
    });
    made.up = made.down = linkOf(widths[0]);
    for (std::size_t i = 1; i < widths.size(); ++i) made.addLink(linkOf(widths[i]), linkOf(widths[i]));
    return made;
  }
  bool give(std::span<const std::uint8_t> packet, bool atReceiver) {
    if (packet.size() < 48) return false;
    const auto port = static_cast<std::size_t>(packet[22] * 256 + packet[23]);
    if (port < kFirstPort || port - kFirstPort >= flows.size()) return false;
    return flows[port - kFirstPort]->onPacket(packet, atReceiver);
  }
  std::uint16_t nextPort() const { return static_cast<std::uint16_t>(kFirstPort + flows.size()); }
  Flow& tcp() {
    flows.push_back(std::make_unique<TcpFlow>(sim, *sim.server, client, nextPort()));
    flows.back()->start();
    return *flows.back();
  }
  UdpFlow& udp(double megabits) {
    auto made = std::make_unique<UdpFlow>(sim, *sim.server, client, nextPort(), megabits * 1e6);
    UdpFlow& flow = *made;
    flows.push_back(std::move(made));
    flow.start();
    return flow;
  }
  std::uint64_t bytes() const {
    std::uint64_t sum = 0;
    for (const auto& flow : flows) sum += flow->bytes();
    return sum;
  }
  /// Mbit/s of inner packets over that time.
  double rate(Duration time) {
    const std::uint64_t before = bytes();
    sim.run(time);
    return static_cast<double>(bytes() - before) * 8e3 / static_cast<double>(time);
  }
  void dead(std::uint32_t slot, bool is) { client.upOf(slot).dead = client.downOf(slot).dead = is; }

  static constexpr std::size_t kFirstPort = 5000;
  std::vector<Width> widths;
  Sim sim;
  Client& client;
  std::vector<std::unique_ptr<Flow>> flows;
};

/// What is left of a link for inner packets of TcpFlow::kSize: IP, UDP, QUIC and HTTP around them.
constexpr double kGoodput = 0.93;

const std::vector<Width> kSeed{{300, 10 * kMs}, {80, 30 * kMs}};

}  // namespace

TEST_CASE("one TCP flow gets the best link, several fill all") {
  for (const unsigned count : {1u, 2u, 4u, 16u}) {
    CAPTURE(count);
    World world(kSeed);
    for (unsigned i = 0; i < count; ++i) world.tcp();
    world.sim.run(2 * kSecond);
    CHECK(world.rate(kSecond) >= 0.95 * kGoodput * (count == 1 ? 300 : 380));
  }
}

TEST_CASE("one UDP flow stays on its link, in order, as long as the link takes it") {
  World world(kSeed);
  UdpFlow& flow = world.udp(200);
  world.sim.run(1500 * kMs);
  flow.stop();
  world.sim.run(200 * kMs);
  CHECK(flow.lost() == 0);
  CHECK(flow.reordered() == 0);
}

TEST_CASE("UDP flows that fill all links together lose little") {
  World world(kSeed);
  for (int i = 0; i < 8; ++i) world.udp(42);
  // Slow start is over then.
  world.sim.run(1000 * kMs);
  for (const auto& flow : world.flows) static_cast<UdpFlow&>(*flow).forgetLosses();
  world.sim.run(2000 * kMs);
  for (const auto& flow : world.flows) flow->stop();
  world.sim.run(300 * kMs);
  std::uint64_t sent = 0, lost = 0;
  for (const auto& flow : world.flows) {
    sent += static_cast<UdpFlow&>(*flow).sent();
    lost += static_cast<UdpFlow&>(*flow).lost();
  }
  CAPTURE(lost);
  CHECK(sent > 60'000);
  CHECK(lost * 200 < sent);
}

TEST_CASE("links of any kind together are no worse than the best of them alone") {
  const std::vector<std::vector<Width>> worlds{
      {{100, 10 * kMs}, {5, 100 * kMs}},
      {{10, 5 * kMs}, {100, 40 * kMs}},
      {{50, 20 * kMs}, {50, 20 * kMs}, {20, 5 * kMs}},
  };
  for (const auto& widths : worlds) {
    double best = 0;
    for (const Width& width : widths) best = std::max(best, width.megabits);
    for (const unsigned count : {1u, 3u}) {
      CAPTURE(widths[0].megabits);
      CAPTURE(count);
      World world(widths);
      for (unsigned i = 0; i < count; ++i) world.tcp();
      // Of a link that was never filled only its window is known: the first flows may begin on the wrong one.
      world.sim.run(14 * kSecond);
      CHECK(world.rate(2 * kSecond) >= 0.95 * kGoodput * best);
    }
  }
}

TEST_CASE("a link that dies takes no flow with it, and is used again when it returns") {
  for (const std::uint32_t slot : {0u, 1u}) {
    CAPTURE(slot);
    World world({{100, 10 * kMs}, {30, 30 * kMs}});
    for (int i = 0; i < 4; ++i) world.tcp();
    world.sim.run(2 * kSecond);
    world.dead(slot, true);
    world.sim.run(2 * kSecond);
    CHECK(world.rate(kSecond) >= 0.9 * kGoodput * (slot == 0 ? 30 : 100));
    world.dead(slot, false);
    world.sim.run(10 * kSecond);
    CHECK(world.rate(kSecond) >= 0.9 * kGoodput * 130);
    for (const auto& flow : world.flows) {
      const std::uint64_t before = flow->bytes();
      world.sim.run(500 * kMs);
      CHECK(flow->bytes() > before);
    }
  }
}

TEST_CASE("a link that dies under full load, told or in silence, costs a flow that sends little nothing") {
  for (const bool told : {true, false}) {
    CAPTURE(told);
    SimOptions options;
    options.congestion = quic::CongestionAlgorithm::kBbr;
    World world(kSeed, options);
    for (int i = 0; i < 4; ++i) world.tcp();
    std::vector<Time> sentAt;
    std::vector<Time> arrivedAt;
    Client& client = world.client;
    client.onPacket = [&, before = client.onPacket](std::span<const std::uint8_t> packet) {
      if (packet.size() != 84 || packet[9] != 17 || packet[22] * 256 + packet[23] != 4242)
        return before(packet);
      arrivedAt.at(numberOf(packet.data())) = world.sim.now();
      return true;
    };
    const std::function<void()> probe = [&] {
      Udp udp;
      udp.source = kServerInner;
      udp.destination = client.inner();
      udp.from = 7;
      udp.to = 4242;
      const auto number = static_cast<std::uint32_t>(sentAt.size());
      sentAt.push_back(world.sim.now());
      arrivedAt.push_back(0);
      world.sim.server->send(udp4(udp, 84, number));
      world.sim.at(world.sim.now() + 10 * kMs, probe);
    };
    probe();
    world.sim.run(4 * kSecond);
    const Time dead = world.sim.now();
    world.dead(0, true);
    if (told) client.linkDown(0);
    world.sim.run(kSecond);
    for (std::size_t i = 0; i < sentAt.size(); ++i) {
      if (sentAt[i] < dead - 100 * kMs || sentAt[i] > dead + 900 * kMs) continue;
      CAPTURE(i);
      REQUIRE(arrivedAt[i] != 0);
      // The link that is left takes 30 ms, and has hardly a queue.
      CHECK(arrivedAt[i] - sentAt[i] <= 40 * kMs);
    }
  }
}
