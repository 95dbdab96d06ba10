#include "tunnel/scheduler.h"

#include <doctest/doctest.h>

#include <array>
#include <optional>

#include "tunnel/min_rtt.h"
#include "tunnel/wlb.h"
#include "tunnel_packets.h"

// Schedulers on a queue, without connections.

using namespace mqvpn::tunnel;
using namespace mqvpn::tunnel::test;
using mqvpn::quic::kMillisecond;
using mqvpn::quic::kNever;
using mqvpn::quic::kSecond;
using mqvpn::quic::PathView;
using mqvpn::quic::Time;

namespace {

PathView pathOf(std::uint32_t id, std::uint64_t rttMs, std::uint64_t megabits, Time readyAt = 0) {
  PathView view;
  view.id = id;
  view.smoothedRtt = view.minRtt = rttMs * kMillisecond;
  view.deliveryRate = view.pacingRate = megabits * 125'000;
  view.window = view.deliveryRate * rttMs / 1000;
  view.readyAt = readyAt;
  return view;
}

struct Fixture {
  explicit Fixture(SchedulerKind kind)
      : pool({2048, 16}), queue(pool), scheduler(makeScheduler(kind, queue)) {}

  void put(std::uint32_t flow, FlowKind kind, Time now, int packets = 1) {
    for (int i = 0; i < packets; ++i) {
      Packet* packet = pool.copy(udp4({}, 1200));
      REQUIRE(packet);
      REQUIRE(packet->segmenter.init(packet->header, packet->data));
      packet->flowHash = flow;
      queue.enqueue(packet, now, kind);
    }
  }
  /// The flow that the path takes a packet of.
  std::optional<std::uint32_t> pull(std::size_t index, Time now) {
    scheduler->onPaths(paths, index, now);
    const FairQueue::Head* head = scheduler->next(paths[index].id, now);
    if (head == nullptr) return std::nullopt;
    const std::uint32_t flow = head->packet->flowHash;
    scheduler->onTaken(head->size);
    queue.pop();
    return flow;
  }

  PacketPool pool;
  FairQueue queue;
  std::unique_ptr<Scheduler> scheduler;
  std::vector<PathView> paths;
};

}  // namespace

TEST_CASE(
    "minrtt: a path leaves packets to a faster one that could send them now, and takes them otherwise") {
  Fixture fixture(SchedulerKind::kMinRtt);
  fixture.paths = {pathOf(3, 20, 100), pathOf(9, 60, 100)};
  fixture.put(1, FlowKind::kTcp, 0, 3);
  CHECK_FALSE(fixture.pull(1, 0));
  CHECK(fixture.pull(0, 0));
  fixture.paths[0].readyAt = kNever;
  CHECK(fixture.pull(1, 0));
  // Not measured yet: never the faster one.
  fixture.paths[0] = pathOf(3, 0, 0);
  CHECK(fixture.pull(1, 0));
}

TEST_CASE("wlb: a flow stays with its path, ICMP goes by the fastest that is ready") {
  Fixture fixture(SchedulerKind::kWlb);
  fixture.paths = {pathOf(0, 20, 300), pathOf(1, 60, 80)};
  CHECK_FALSE(fixture.pull(0, kSecond));
  fixture.put(1, FlowKind::kTcp, kSecond, 10);
  CHECK_FALSE(fixture.pull(1, kSecond));
  CHECK(fixture.pull(0, kSecond) == std::optional<std::uint32_t>(1));
  fixture.put(2, FlowKind::kOther, kSecond, 2);
  CHECK_FALSE(fixture.pull(1, kSecond));
  fixture.paths[0].readyAt = kNever;
  CHECK(fixture.pull(1, kSecond) == std::optional<std::uint32_t>(2));
  CHECK(fixture.pull(1, kSecond) == std::optional<std::uint32_t>(2));
  CHECK_FALSE(fixture.pull(1, kSecond));
  CHECK_FALSE(fixture.pull(1, kSecond + 50 * kMillisecond));
  // Its path seems to be dead.
  CHECK(fixture.pull(1, kSecond + 150 * kMillisecond) == std::optional<std::uint32_t>(1));
}

TEST_CASE("wlb: packets of UDP that wait too long leave by an idle path, those of TCP do not") {
  Fixture fixture(SchedulerKind::kWlb);
  fixture.paths = {pathOf(0, 20, 300), pathOf(1, 60, 20)};
  fixture.pull(0, kSecond);
  fixture.put(1, FlowKind::kTcp, kSecond, 10);
  fixture.put(2, FlowKind::kUdp, kSecond, 3);
  fixture.paths[0].readyAt = kNever;
  CHECK_FALSE(fixture.pull(1, kSecond + 4 * kMillisecond));
  for (int i = 0; i < 3; ++i)
    CHECK(fixture.pull(1, kSecond + 6 * kMillisecond) == std::optional<std::uint32_t>(2));
  CHECK_FALSE(fixture.pull(1, kSecond + 6 * kMillisecond));
}

TEST_CASE("wlb: a flow that sends little does not wait for a path whose window stays full") {
  Fixture fixture(SchedulerKind::kWlb);
  fixture.paths = {pathOf(0, 20, 300), pathOf(1, 60, 20)};
  fixture.pull(0, kSecond);
  fixture.put(1, FlowKind::kTcp, kSecond, 2);
  fixture.put(2, FlowKind::kTcp, kSecond, 10);
  fixture.paths[0].readyAt = kNever;
  CHECK_FALSE(fixture.pull(1, kSecond + 4 * kMillisecond));
  for (int i = 0; i < 2; ++i)
    CHECK(fixture.pull(1, kSecond + 6 * kMillisecond) == std::optional<std::uint32_t>(1));
  CHECK_FALSE(fixture.pull(1, kSecond + 6 * kMillisecond));
}

TEST_CASE("wlb: new flows spread by the share they would get") {
  Fixture fixture(SchedulerKind::kWlb);
  fixture.paths = {pathOf(0, 20, 300), pathOf(1, 60, 100)};
  fixture.pull(0, kSecond);
  for (std::uint32_t flow = 0; flow < 16; ++flow) fixture.put(flow, FlowKind::kTcp, kSecond);
  std::array<int, 2> took{};
  for (const std::size_t index : {0u, 1u})
    while (fixture.pull(index, kSecond)) ++took[index];
  CHECK(took[0] == 12);
  CHECK(took[1] == 4);
}

TEST_CASE("wlb: the flows of a path that is gone leave by the others, and ids may grow for ever") {
  Fixture fixture(SchedulerKind::kWlb);
  fixture.paths = {pathOf(0, 20, 300), pathOf(1, 60, 80)};
  fixture.pull(0, kSecond);
  Time now = kSecond;
  for (std::uint32_t round = 0; round < 40; ++round, now += 10 * kMillisecond) {
    for (std::uint32_t flow = 0; flow < 8; ++flow) fixture.put(flow, FlowKind::kTcp, now, 2);
    // Both at once are replaced, or one of them, or one is left alone.
    fixture.paths = {pathOf(2 * round + 2, 20, 300), pathOf(2 * round + 3, 60, 80)};
    if (round % 3 == 1) fixture.paths[0].id -= 2;
    if (round % 3 == 2) fixture.paths.pop_back();
    std::size_t took = 0;
    for (std::size_t index = 0; index < fixture.paths.size(); ++index)
      while (fixture.pull(index, now)) ++took;
    CHECK(took == 16);
    CHECK(fixture.queue.empty());
  }
}

TEST_CASE(
    "wlb: an idle path takes a flow from one for which two wait, once, and no path is left empty for it") {
  Fixture fixture(SchedulerKind::kWlb);
  fixture.paths = {pathOf(0, 20, 300), pathOf(1, 60, 20)};
  fixture.pull(0, kSecond);
  for (std::uint32_t flow = 1; flow <= 2; ++flow) fixture.put(flow, FlowKind::kTcp, kSecond, 300);
  int moved = 0;
  for (Time now = kSecond; now < 4 * kSecond; now += 10 * kMillisecond) {
    fixture.put(1, FlowKind::kTcp, now);
    fixture.put(2, FlowKind::kTcp, now);
    CHECK(fixture.pull(0, now));
    moved += fixture.pull(1, now).has_value();
  }
  CHECK(moved > 250);
}

TEST_CASE("wlb: what a path can carry follows a change within about a second") {
  PathCapacity capacity;
  PathView view = pathOf(0, 20, 100);
  Time now = kSecond;
  const auto run = [&](Time time) {
    for (const Time end = now + time; now < end; now += 10 * kMillisecond) capacity.observe(view, true, now);
    return static_cast<double>(capacity.bytesPerSecond()) / 125'000;
  };
  CHECK(run(kSecond) == doctest::Approx(100));
  view = pathOf(0, 20, 40);
  CHECK(run(500 * kMillisecond) == doctest::Approx(100));
  CHECK(run(600 * kMillisecond) == doctest::Approx(40));
  view = pathOf(0, 20, 200);
  CHECK(run(20 * kMillisecond) == doctest::Approx(200));
}
