#include <doctest/doctest.h>

#include <cmath>

#include "link/codel.h"
#include "link_support.h"

using namespace mqvpn::link;
using namespace mqvpn::link::test;

namespace {

/// A queue whose frames all seem to have waited for `sojourn` when they are taken.
struct Standing {
  TestPool pool;
  Queue queue;
  Codel codel;
  std::vector<Time> drops;

  void fill(int frames) {
    while (queue.packets() < static_cast<std::uint64_t>(frames)) queue.push(pool.frame(kFull), 0);
  }

  void take(Time now, Time sojourn, int standing = 100) {
    // The queue is refilled with frames of the age that the test wants.
    while (Frame* frame = queue.pop()) pool.pool.give(frame);
    for (int i = 0; i < standing; ++i) queue.push(pool.frame(kFull), now - sojourn);
    FrameList dropped;
    if (Frame* frame = codel.dequeue(queue, now, dropped)) pool.pool.give(frame);
    while (!dropped.empty()) {
      pool.pool.give(dropped.popFront());
      drops.push_back(now);
    }
  }
};

constexpr Time kStart = kSecond;

}  // namespace

TEST_CASE("nothing is dropped below the target, however long") {
  Standing s;
  for (Time now = kStart; now < kStart + 10 * kSecond; now += kMillisecond) s.take(now, 4 * kMillisecond);
  CHECK(s.drops.empty());
}

TEST_CASE("nothing is dropped while at most one full frame is left behind") {
  Standing s;
  for (Time now = kStart; now < kStart + 10 * kSecond; now += kMillisecond) s.take(now, 50 * kMillisecond, 2);
  CHECK(s.drops.empty());
}

TEST_CASE("the first drop comes one interval after the sojourn time went above the target") {
  Standing s;
  for (Time now = kStart; now <= kStart + 100 * kMillisecond; now += kMillisecond)
    s.take(now, 6 * kMillisecond);
  REQUIRE(s.drops.size() == 1);
  CHECK(s.drops[0] == kStart + 100 * kMillisecond);
}

TEST_CASE("one frame below the target starts the interval again") {
  Standing s;
  for (Time now = kStart; now < kStart + 99 * kMillisecond; now += kMillisecond)
    s.take(now, 6 * kMillisecond);
  s.take(kStart + 99 * kMillisecond, kMillisecond);
  for (Time now = kStart + 100 * kMillisecond; now < kStart + 200 * kMillisecond; now += kMillisecond) {
    s.take(now, 6 * kMillisecond);
  }
  CHECK(s.drops.empty());
}

TEST_CASE("further drops follow at interval / sqrt(count)") {
  Standing s;
  for (Time now = kStart; now < kStart + 2 * kSecond; now += 100 * kMicrosecond)
    s.take(now, 6 * kMillisecond);
  REQUIRE(s.drops.size() > 20);
  double expected = static_cast<double>(s.drops[0]);
  for (std::size_t n = 1; n < s.drops.size(); ++n) {
    // drop_next starts from the first drop with count 1 and adds interval / sqrt(count) with the count so
    // far.
    expected += 100e6 / std::sqrt(static_cast<double>(n == 1 ? 1 : n));
    CHECK(std::abs(static_cast<double>(s.drops[n]) - expected) <= 110e3);
  }
}

TEST_CASE("going above again soon after starts near the rate that worked before") {
  Standing s;
  Time now = kStart;
  for (; now < kStart + 2 * kSecond; now += 100 * kMicrosecond) s.take(now, 6 * kMillisecond);
  const std::size_t before = s.drops.size();
  s.take(now, 0);
  const Time again = now;
  for (; now < again + 300 * kMillisecond; now += 100 * kMicrosecond) s.take(now, 6 * kMillisecond);
  // From scratch there would be 3: at 100, 200 and 271 ms.
  CHECK(s.drops.size() - before > 6);
}

TEST_CASE("going above long after starts from scratch") {
  Standing s;
  Time now = kStart;
  for (; now < kStart + 2 * kSecond; now += 100 * kMicrosecond) s.take(now, 6 * kMillisecond);
  const std::size_t before = s.drops.size();
  for (const Time until = now + 3 * kSecond; now < until; now += kMillisecond) s.take(now, 0);
  const Time again = now;
  for (; now < again + 290 * kMillisecond; now += 100 * kMicrosecond) s.take(now, 6 * kMillisecond);
  CHECK(s.drops.size() - before == 3);
}

TEST_CASE("target and interval can be set") {
  Standing s;
  s.codel.configure(20 * kMillisecond, 50 * kMillisecond);
  for (Time now = kStart; now < kStart + kSecond; now += kMillisecond) s.take(now, 19 * kMillisecond);
  CHECK(s.drops.empty());
  for (Time now = kStart + kSecond; now <= kStart + kSecond + 50 * kMillisecond; now += kMillisecond) {
    s.take(now, 20 * kMillisecond);
  }
  CHECK(s.drops.size() == 1);
}

TEST_CASE("an overloaded link with CoDel: the delay of an elastic sender settles near the target") {
  // A sender that halves its rate when a frame is lost and otherwise adds to it: the drops must hold the
  // queue.
  Spec spec = rateSpec(10'000'000);
  spec.aqm = Aqm::kCodel;
  spec.queue = {QueueLimit::Unit::kPackets, 1000};
  Wire wire(spec);
  double sendRate = 20e6;
  std::uint64_t lost = 0;
  double credit = 0;
  double sojourn = 0;
  int samples = 0;
  for (Time now = 0; now < 60 * kSecond; now += kMillisecond) {
    for (credit += sendRate / 1000 / 8; credit >= kFull; credit -= kFull) wire.offer(now);
    wire.fetch(now);
    const Counters c = wire.direction.counters(now);
    const std::uint64_t drops = c.dropAqm + c.dropQueue;
    if (now % (50 * kMillisecond) == 0) {
      sendRate = drops > lost ? sendRate * 0.7 : sendRate + 100e3;
      lost = drops;
    }
    if (now > 20 * kSecond) {
      sojourn += static_cast<double>(c.queueBytes) * 8 / 10e6;
      ++samples;
    }
  }
  const Counters c = wire.direction.counters(60 * kSecond);
  CHECK(c.dropAqm > 10);
  CHECK(c.dropQueue == 0);
  CHECK(sojourn / samples < 0.030);
  // And the link was not left idle.
  CHECK(static_cast<double>(c.outBytes) * 8 / 60 > 0.8 * 10e6);
}
