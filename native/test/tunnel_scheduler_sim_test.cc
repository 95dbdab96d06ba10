#include "tunnel_scheduler_sim.h"

#include <doctest/doctest.h>

#include <array>
#include <random>

#include "tunnel/wlb.h"

// Schedulers in virtual time: what flows get of uneven links, and random faults.

using namespace mqvpn::tunnel;
using namespace mqvpn::tunnel::test;

namespace {

using Width = SchedulerSim::Width;
using Widths = std::vector<Width>;

constexpr Duration kMs = kMillisecond;
const Widths kSeed{{300, 10 * kMs}, {80, 30 * kMs}};

Wlb& wlbOf(SchedulerSim& sim) { return static_cast<Wlb&>(*sim.scheduler); }
double megabitsOf(SchedulerSim& sim, std::uint32_t pathId) {
  return static_cast<double>(wlbOf(sim).capacityOf(pathId)) / 125'000;
}
/// How many flows had their last packet by each path.
std::array<unsigned, 8> flowsByPath(const SchedulerSim& sim) {
  std::array<unsigned, 8> count{};
  for (const auto& flow : sim.flows) ++count[flow->lastPath];
  return count;
}

/// The sum of the `flows` widest links.
double widest(const Widths& widths, std::size_t flows) {
  std::vector<double> rates;
  for (const Width& width : widths) rates.push_back(width.megabits);
  std::sort(rates.rbegin(), rates.rend());
  double sum = 0;
  for (std::size_t i = 0; i < std::min(flows, rates.size()); ++i) sum += rates[i];
  return sum;
}

}  // namespace

TEST_CASE("wlb: one TCP flow gets the best link, two and more fill both, whichever link is the first") {
  for (const bool swapped : {false, true}) {
    for (const unsigned count : {1u, 2u, 4u, 16u}) {
      CAPTURE(swapped);
      CAPTURE(count);
      SchedulerSim sim(SchedulerKind::kWlb, swapped ? Widths{kSeed[1], kSeed[0]} : kSeed);
      for (unsigned i = 0; i < count; ++i) {
        sim.addFlow();
        sim.run(10 * kMs);
      }
      sim.run(kSecond);
      CHECK(sim.rate(kSecond) >= 0.95 * widest(kSeed, count));
    }
  }
}

TEST_CASE("wlb: sixteen flows fill uneven links of any kind") {
  const std::vector<Widths> worlds{
      {{100, 10 * kMs}, {5, 100 * kMs}},
      {{10, 5 * kMs}, {100, 40 * kMs}},
      {{50, 20 * kMs}, {50, 20 * kMs}, {20, 5 * kMs}},
      {{100, 10 * kMs}, {100, 60 * kMs}},
      {{120, 5 * kMs}, {20, 5 * kMs}},
      {{20, 5 * kMs}, {120, 50 * kMs}},
      {{30, 15 * kMs}, {20, 25 * kMs}},
      {{90, 10 * kMs}, {30, 10 * kMs}},
      {{40, 60 * kMs}, {100, 20 * kMs}},
      {{60, 2 * kMs}, {30, 40 * kMs}, {90, 20 * kMs}},
      {{100, 30 * kMs}, {10, 10 * kMs}},
      {{100, 10 * kMs}, {40, 10 * kMs}, {20, 10 * kMs}, {10, 10 * kMs}},
      {{25, 25 * kMs}, {100, 25 * kMs}},
      {{70, 5 * kMs}, {60, 50 * kMs}},
      {{80, 50 * kMs}, {60, 5 * kMs}},
      {{20, 10 * kMs},
       {20, 10 * kMs},
       {20, 10 * kMs},
       {20, 10 * kMs},
       {20, 10 * kMs},
       {20, 10 * kMs},
       {20, 10 * kMs},
       {20, 10 * kMs}},
  };
  REQUIRE(worlds.size() == 16);
  double sum = 0;
  for (const Widths& widths : worlds) {
    CAPTURE(widths[0].megabits);
    CAPTURE(widths[1].megabits);
    SchedulerSim sim(SchedulerKind::kWlb, widths);
    for (unsigned i = 0; i < 16; ++i) {
      sim.addFlow();
      sim.run(10 * kMs);
    }
    sim.run(1500 * kMs);
    const double part = sim.rate(1500 * kMs) / widest(widths, 16);
    CHECK(part >= 0.85);
    sum += part / 16;
  }
  CHECK(sum >= 0.95);
}

TEST_CASE("wlb: a UDP flow that its link can take stays in order and loses nothing") {
  for (const double megabits : {50.0, 200.0, 280.0}) {
    CAPTURE(megabits);
    SchedulerSim sim(SchedulerKind::kWlb, kSeed);
    SimFlow& flow = sim.addFlow(megabits);
    sim.run(2 * kSecond);
    flow.stopped = true;
    sim.run(200 * kMs);
    CHECK(flow.received == flow.next);
    CHECK(flow.reordered == 0);
    CHECK(flow.moves == 0);
  }
}

TEST_CASE("wlb: eight UDP flows of 340 Mbit/s together fit into both links") {
  SchedulerSim sim(SchedulerKind::kWlb, kSeed);
  for (unsigned i = 0; i < 8; ++i) sim.addFlow(42.5);
  // Until both links know what they carry.
  sim.run(kSecond);
  std::uint64_t before = 0, after = 0, sent = 0;
  for (const auto& flow : sim.flows) before += flow->received;
  for (const auto& flow : sim.flows) sent -= flow->next;
  sim.run(2 * kSecond);
  for (const auto& flow : sim.flows) sent += flow->next;
  sim.stopAll();
  // What was on its way at the first count is at the second: both ends of the time see the same.
  for (const auto& flow : sim.flows) after += flow->received;
  CHECK(sent > 60'000);
  CHECK(static_cast<double>(after - before) >= 0.999 * static_cast<double>(sent));
  CHECK(sim.queue.counters().overflow == 0);
}

TEST_CASE("wlb: two heavy flows never stay together on the narrow link") {
  for (unsigned later = 0; later <= 200; later += 20) {
    CAPTURE(later);
    SchedulerSim sim(SchedulerKind::kWlb, kSeed);
    sim.addFlow();
    sim.run(later * kMs + 1);
    sim.addFlow();
    sim.run(300 * kMs);
    for (int i = 0; i < 14; ++i) {
      sim.run(50 * kMs);
      CHECK(flowsByPath(sim)[1] < 2);
    }
  }
}

TEST_CASE("wlb: a small connection beside it does not send a large one to the narrow link") {
  SchedulerSim sim(SchedulerKind::kWlb, kSeed);
  // As a measuring program's control connection, and a ping by UDP.
  for (const FlowKind kind : {FlowKind::kTcp, FlowKind::kUdp, FlowKind::kUdp}) {
    sim.addFlow(0.1).kind = kind;
    sim.run(50 * kMs);
  }
  SimFlow& flow = sim.addFlow();
  sim.run(500 * kMs);
  CHECK(flow.lastPath == 0);
  CHECK(flow.moves == 0);
}

TEST_CASE("wlb: weights follow a link that becomes narrower within about a second") {
  SchedulerSim sim(SchedulerKind::kWlb, kSeed);
  for (unsigned i = 0; i < 8; ++i) sim.addFlow();
  sim.run(1500 * kMs);
  CHECK(megabitsOf(sim, 0) == doctest::Approx(300).epsilon(0.05));
  CHECK(megabitsOf(sim, 1) == doctest::Approx(80).epsilon(0.05));
  sim.paths[0]->setRate(100);
  sim.run(1250 * kMs);
  CHECK(megabitsOf(sim, 0) == doctest::Approx(100).epsilon(0.05));
}

TEST_CASE("wlb: what waits for a path that goes leaves at once, and a path that returns is used at once") {
  for (const std::size_t dead : {0u, 1u}) {
    CAPTURE(dead);
    SchedulerSim sim(SchedulerKind::kWlb, kSeed);
    for (unsigned i = 0; i < 16; ++i) {
      sim.addFlow();
      sim.run(10 * kMs);
    }
    sim.run(1500 * kMs);
    CHECK(flowsByPath(sim)[dead] > 0);
    sim.kill(dead);
    sim.run(kSecond);
    CHECK(flowsByPath(sim)[dead] == 0);
    CHECK(sim.rate(500 * kMs) >= 0.9 * kSeed[1 - dead].megabits);
    unsigned moves = 0;
    for (const auto& flow : sim.flows) moves -= flow->moves;
    const std::uint64_t carried = sim.paths[dead]->carried();
    sim.revive(dead);
    sim.run(200 * kMs);
    CHECK(sim.paths[dead]->carried() - carried > 100 * kPacketBytes);
    sim.run(800 * kMs);
    // Not all at once: those that stay keep their order.
    CHECK(flowsByPath(sim)[dead] > 0);
    CHECK(flowsByPath(sim)[1 - dead] > 0);
    CHECK(sim.rate(kSecond) >= 0.75 * widest(kSeed, 2));
  }
}

namespace {

/// Random operations on a queue and its scheduler: packets of flows, pulls, paths that come, go, block.
struct Chaos {
  Chaos(SchedulerKind kind, std::uint32_t seed)
      : random(seed), pool({512, 4}), queue(pool, {64 << 10, 256}), scheduler(makeScheduler(kind, queue)) {}

  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); }
  void put() {
    const std::uint32_t flow = below(24);
    const int count = 1 + static_cast<int>(below(4));
    for (int i = 0; i < count; ++i) {
      Packet* packet = pool.copy(packets[flow % 3]);
      if (packet == nullptr) {
        queue.dropFattest();
        continue;
      }
      REQUIRE(packet->segmenter.init(packet->header, packet->data));
      packet->flowHash = flow;
      queue.enqueue(packet, now, static_cast<FlowKind>(flow % 3));
    }
  }
  void changePaths() {
    if (!paths.empty() && below(2) == 0)
      paths.erase(paths.begin() + below(static_cast<std::uint32_t>(paths.size())));
    if (paths.size() < 10 && below(2) == 0) {
      PathView view;
      view.id = nextId++;
      view.smoothedRtt = below(5) == 0 ? 0 : (1 + below(100)) * kMs;
      view.minRtt = view.smoothedRtt;
      view.window = 1 + below(1 << 20);
      view.deliveryRate = below(4) == 0 ? 0 : below(1 << 25);
      paths.push_back(view);
    }
    for (PathView& view : paths) {
      view.ramping = below(3) == 0;
      view.inFlight = below(1 << 20);
      view.readyAt = below(3) == 0 ? kNever : now + below(2) * kMs;
    }
  }
  /// How many packets the path took.
  std::size_t pull(std::size_t index, std::size_t most) {
    scheduler->onPaths(paths, index, now);
    std::size_t taken = 0;
    for (; taken < most; ++taken) {
      const FairQueue::Head* head = scheduler->next(paths[index].id, now);
      if (head == nullptr) break;
      // The answer stands.
      const FairQueue::Head before = *head;
      head = scheduler->next(paths[index].id, now);
      REQUIRE(head != nullptr);
      REQUIRE(head->packet == before.packet);
      REQUIRE(head->mark == before.mark);
      scheduler->onTaken(head->size);
      queue.pop();
      ++left;
    }
    return taken;
  }
  void balances() const {
    const FairQueue::Counters& counters = queue.counters();
    REQUIRE(counters.enqueued ==
            counters.dequeued + counters.overflow + counters.codelDrops + queue.packets());
    REQUIRE(counters.dequeued == left);
    std::size_t flows = 0;
    for (Lane lane = 0; lane < kMostLanes; ++lane) flows += queue.flowsIn(lane);
    REQUIRE((flows > 0 || queue.empty()));
  }

  std::mt19937 random;
  PacketPool pool;
  FairQueue queue;
  std::unique_ptr<Scheduler> scheduler;
  std::array<Bytes, 3> packets{udp4({}, 1200), udp4({}, 100), udp4({}, 600)};
  std::vector<PathView> paths;
  std::uint32_t nextId = 0;
  Time now = kSecond;
  std::uint64_t left = 0;
};

void runChaos(SchedulerKind kind, std::uint32_t seed) {
  CAPTURE(seed);
  Chaos chaos(kind, seed);
  for (int step = 0; step < 60; ++step) {
    chaos.now += chaos.below(4) == 0 ? chaos.below(300) * kMs : chaos.below(1000) * 1000;
    chaos.put();
    if (chaos.below(4) == 0) chaos.changePaths();
    if (chaos.paths.empty()) continue;
    const auto index = chaos.below(static_cast<std::uint32_t>(chaos.paths.size()));
    if (chaos.paths[index].readyAt <= chaos.now) chaos.pull(index, chaos.below(12));
    chaos.balances();
  }
  // Whatever happened: one path that can send gets everything, though the others stay blocked.
  while (chaos.paths.empty()) chaos.changePaths();
  for (PathView& view : chaos.paths) view.readyAt = kNever;
  const auto only = chaos.below(static_cast<std::uint32_t>(chaos.paths.size()));
  chaos.paths[only].readyAt = 0;
  const Time start = chaos.now;
  for (; !chaos.queue.empty() && chaos.now < start + kSecond; chaos.now += 10 * kMs) {
    chaos.scheduler->onPaths(chaos.paths, only, chaos.now);
    while (chaos.scheduler->next(chaos.paths[only].id, chaos.now) != nullptr) {
      chaos.scheduler->onTaken(chaos.queue.head().size);
      chaos.queue.pop();
      ++chaos.left;
    }
  }
  REQUIRE(chaos.queue.empty());
  REQUIRE(chaos.now - start <= 300 * kMs);
  chaos.balances();
  REQUIRE(chaos.pool.freeSmall() == 512);
}

}  // namespace

TEST_CASE("no packet is left behind, whatever paths come, go and block") {
  for (std::uint32_t seed = 1; seed <= 3000; ++seed)
    for (const SchedulerKind kind : {SchedulerKind::kWlb, SchedulerKind::kMinRtt}) runChaos(kind, seed);
}
