#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "link_support.h"

using namespace mqvpn::link;
using namespace mqvpn::link::test;

namespace {

constexpr std::uint64_t kFramePerMs = 12'112'000;

std::vector<std::uint64_t> numbers(const std::vector<Arrival>& arrivals) {
  std::vector<std::uint64_t> all;
  for (const Arrival& one : arrivals) all.push_back(one.number);
  return all;
}

std::uint64_t drops(const Counters& c) {
  return c.dropQueue + c.dropLoss + c.dropAqm + c.dropBlackhole + c.dropMtu + c.dropDown + c.dropPool +
         c.dropOversize;
}

void checkConserved(Wire& wire, Time now) {
  const Counters c = wire.direction.counters(now);
  const std::uint64_t held = c.queuePackets + c.transitPackets;
  CHECK(c.inPackets + c.duplicated == c.outPackets + drops(c) + c.writeErrors + held);
  CHECK(wire.pool.pool.inUse() == held);
}

}  // namespace

TEST_CASE("without any effect a frame goes through at once") {
  Wire wire({});
  wire.offer(5);
  CHECK(wire.direction.deadline() == 5);
  wire.fetch(5);
  CHECK(wire.out == std::vector<Arrival>{{0, 5, kFull}});
  CHECK(wire.direction.deadline() == kNever);
  checkConserved(wire, 5);
}

TEST_CASE("rate and delay add up, and a late fetch does not slow the link down") {
  Spec spec = rateSpec(kFramePerMs);
  spec.delay = 10 * kMillisecond;
  Wire wire(spec);
  for (int i = 0; i < 100; ++i) wire.offer(0);
  CHECK(wire.direction.deadline() == 11 * kMillisecond);
  wire.fetch(11 * kMillisecond - 1);
  CHECK(wire.out.empty());
  wire.fetch(500 * kMillisecond);
  REQUIRE(wire.out.size() == 100);
  for (std::size_t i = 0; i < 100; ++i) CHECK(wire.out[i].due == (11 + i) * kMillisecond);
  const Counters c = wire.direction.counters(500 * kMillisecond);
  CHECK(c.lateMaxNs == 489 * kMillisecond);
  CHECK(c.outBytes == 100 * kFull);
}

TEST_CASE("the throughput is the rate, from 1 Mbit/s to 10 Gbit/s") {
  for (const std::uint64_t mbit : {1, 10, 100, 300, 1000, 10'000}) {
    Spec spec = rateSpec(mbit * 1'000'000);
    spec.queue = {QueueLimit::Unit::kPackets, 64};
    Wire wire(spec);
    // Twice the rate is offered for a second, and the process looks every 300 µs only.
    const Time gap = kFull * 8 * kSecond / (2 * mbit * 1'000'000);
    Time look = 0;
    for (Time now = 0; now < kSecond; now += gap) {
      wire.offer(now);
      for (; look < now; look += 300 * kMicrosecond) wire.fetch(now);
    }
    wire.fetch(kSecond);
    double bits = 0;
    for (const Arrival& one : wire.out) bits += one.length * 8;
    CHECK(std::abs(bits - static_cast<double>(mbit) * 1e6) <= kFull * 8);
  }
}

TEST_CASE("the queue holds exactly its limit, and neither the frame in service nor the delay line counts") {
  Spec spec = rateSpec(kFramePerMs);
  spec.delay = 50 * kMillisecond;
  spec.queue = {QueueLimit::Unit::kPackets, 10};
  Wire wire(spec);
  for (int i = 0; i < 30; ++i) wire.offer(0);
  Counters c = wire.direction.counters(0);
  CHECK(c.queuePackets == 10);
  CHECK(c.transitPackets == 1);
  CHECK(c.dropQueue == 19);
  // Two leave for the delay line: two more find room.
  for (int i = 0; i < 5; ++i) wire.offer(2 * kMillisecond);
  c = wire.direction.counters(2 * kMillisecond);
  CHECK(c.queuePackets == 10);
  CHECK(c.transitPackets == 3);
  CHECK(c.dropQueue == 22);
  CHECK(c.queueHighWaterPackets == 10);
  CHECK(c.queueHighWaterBytes == 10 * kFull);
  wire.drain(2 * kMillisecond);
  CHECK(wire.out.size() == 13);
  CHECK(wire.direction.counters(kSecond).sojournMaxNs == 10 * kMillisecond);
}

TEST_CASE("a limit in bytes is exact: a smaller frame may still fit") {
  Spec spec = rateSpec(kFramePerMs);
  spec.queue = {QueueLimit::Unit::kBytes, 3 * kFull + 100};
  Wire wire(spec);
  wire.offer(0);
  for (int i = 0; i < 5; ++i) wire.offer(0);
  wire.offer(0, 101);
  wire.offer(0, 100);
  const Counters c = wire.direction.counters(0);
  CHECK(c.queueBytes == 3 * kFull + 100);
  CHECK(c.queuePackets == 4);
  CHECK(c.dropQueue == 3);
}

TEST_CASE("no queue at all: one frame in service, the others are dropped") {
  Spec spec = rateSpec(kFramePerMs);
  spec.queue = {QueueLimit::Unit::kPackets, 0};
  Wire wire(spec);
  for (int i = 0; i < 3; ++i) wire.offer(0);
  wire.offer(kMillisecond);
  wire.drain(kMillisecond);
  CHECK(numbers(wire.out) == std::vector<std::uint64_t>{0, 3});
}

TEST_CASE("a smaller limit drops the newest") {
  Wire wire(rateSpec(kFramePerMs));
  for (int i = 0; i < 11; ++i) wire.offer(0);
  Spec smaller = wire.direction.spec();
  smaller.queue = {QueueLimit::Unit::kPackets, 4};
  wire.direction.configure(smaller, kMillisecond / 2);
  CHECK(wire.direction.counters(kMillisecond / 2).dropQueue == 6);
  wire.drain(kMillisecond / 2);
  CHECK(numbers(wire.out) == std::vector<std::uint64_t>{0, 1, 2, 3, 4});
  CHECK(wire.out[4].due == 5 * kMillisecond);
}

TEST_CASE("a new rate in the middle of a frame") {
  Wire wire(rateSpec(kFramePerMs));
  wire.offer(0);
  wire.offer(0);
  Spec half = wire.direction.spec();
  half.rate /= 2;
  wire.direction.configure(half, kMillisecond / 2);
  CHECK(wire.direction.deadline() == kMillisecond * 3 / 2);
  wire.drain(0);
  CHECK(wire.out[1].due == kMillisecond * 7 / 2);

  wire.offer(10 * kMillisecond);
  wire.offer(10 * kMillisecond);
  Spec unlimited = half;
  unlimited.rate = 0;
  wire.direction.configure(unlimited, 10 * kMillisecond + 1);
  wire.fetch(10 * kMillisecond + 1);
  CHECK(wire.out.size() == 4);
}

TEST_CASE("a shorter delay lets nothing overtake while order is kept") {
  Spec spec;
  spec.delay = 100 * kMillisecond;
  Wire wire(spec);
  wire.offer(0);
  wire.offer(40 * kMillisecond);
  spec.delay = 10 * kMillisecond;
  wire.direction.configure(spec, 50 * kMillisecond);
  wire.offer(50 * kMillisecond);
  wire.offer(139 * kMillisecond);
  wire.drain(0);
  CHECK(wire.out == std::vector<Arrival>{{0, 100 * kMillisecond, kFull},
                                         {1, 140 * kMillisecond, kFull},
                                         {2, 140 * kMillisecond, kFull},
                                         {3, 149 * kMillisecond, kFull}});
  CHECK(wire.direction.counters(kSecond).reordered == 0);
}

TEST_CASE("a shorter delay does let packets overtake where jitter may reorder") {
  Spec spec;
  spec.delay = 100 * kMillisecond;
  spec.jitterReorders = true;
  Wire wire(spec);
  wire.offer(0);
  spec.delay = 10 * kMillisecond;
  wire.direction.configure(spec, 50 * kMillisecond);
  wire.offer(50 * kMillisecond);
  wire.drain(0);
  CHECK(numbers(wire.out) == std::vector<std::uint64_t>{1, 0});
  CHECK(wire.direction.counters(kSecond).reordered == 1);
}

TEST_CASE("jitter: mean and deviation around the delay, cut at three deviations") {
  Spec spec;
  spec.delay = 20 * kMillisecond;
  spec.jitter = 2 * kMillisecond;
  spec.jitterReorders = true;
  Wire wire(spec);
  constexpr int count = 50'000;
  for (int i = 0; i < count; ++i) wire.offer(static_cast<Time>(i) * kMillisecond);
  wire.drain(0);
  double sum = 0, squares = 0;
  for (const Arrival& one : wire.out) {
    const double delay = static_cast<double>(one.due - one.number * kMillisecond) / 1e6;
    REQUIRE(delay >= 14);
    REQUIRE(delay <= 26);
    sum += delay;
    squares += delay * delay;
  }
  const double mean = sum / count;
  CHECK(mean == doctest::Approx(20).epsilon(0.003));
  CHECK(std::sqrt(squares / count - mean * mean) == doctest::Approx(2 * 0.98658).epsilon(0.02));
  CHECK(wire.direction.counters(kNever - 1).reordered > count / 4);
}

TEST_CASE("jitter keeps the order unless it may not") {
  Spec spec;
  spec.delay = 20 * kMillisecond;
  spec.jitter = 5 * kMillisecond;
  Wire wire(spec);
  for (int i = 0; i < 20'000; ++i) wire.offer(static_cast<Time>(i) * kMillisecond);
  wire.drain(0);
  CHECK(wire.out.size() == 20'000);
  CHECK(std::is_sorted(wire.out.begin(), wire.out.end(),
                       [](const Arrival& a, const Arrival& b) { return a.number < b.number; }));
  CHECK(wire.direction.counters(kNever - 1).reordered == 0);
}

TEST_CASE("jitter larger than the delay never makes a packet arrive before it was sent") {
  Spec spec;
  spec.delay = kMillisecond;
  spec.jitter = 3 * kMillisecond;
  spec.jitterReorders = true;
  Wire wire(spec);
  for (int i = 0; i < 5'000; ++i) wire.offer(static_cast<Time>(i) * 20 * kMillisecond);
  wire.drain(0);
  for (const Arrival& one : wire.out) REQUIRE(one.due >= one.number * 20 * kMillisecond);
}

TEST_CASE("reordered packets skip the delay, with their probability") {
  Spec spec;
  spec.delay = 10 * kMillisecond;
  spec.reorder = 0.25;
  Wire wire(spec);
  constexpr int count = 40'000;
  for (int i = 0; i < count; ++i) wire.offer(static_cast<Time>(i) * kMillisecond);
  wire.drain(0);
  std::uint64_t skipped = 0;
  for (const Arrival& one : wire.out) {
    const Time delay = one.due - one.number * kMillisecond;
    REQUIRE((delay == 0 || delay == 10 * kMillisecond));
    skipped += delay == 0;
  }
  CHECK(std::abs(static_cast<double>(skipped) - count * 0.25) < 5 * std::sqrt(count * 0.25 * 0.75));
  // Only the very first, with nothing to overtake, does not count.
  CHECK(wire.direction.counters(kNever - 1).reordered + 12 > skipped);
}

TEST_CASE("duplicates come twice, with their probability") {
  Spec spec = rateSpec(1'000'000'000);
  spec.duplicate = 0.1;
  spec.delay = kMillisecond;
  Wire wire(spec);
  constexpr int count = 40'000;
  for (int i = 0; i < count; ++i) wire.offer(static_cast<Time>(i) * 20 * kMicrosecond, 100);
  wire.drain(0);
  const Counters c = wire.direction.counters(kSecond * 10);
  CHECK(wire.out.size() == count + c.duplicated);
  CHECK(std::abs(static_cast<double>(c.duplicated) - count * 0.1) < 5 * std::sqrt(count * 0.1 * 0.9));
  std::vector<int> seen(count);
  for (const Arrival& one : wire.out) ++seen[one.number];
  CHECK(std::all_of(seen.begin(), seen.end(), [](int times) { return times == 1 || times == 2; }));
  // The copy does not use link time: dues are those of the originals.
  CHECK(c.sojournMaxNs == 0);
  checkConserved(wire, kSecond * 10);
}

TEST_CASE("loss: a lost packet has used link time") {
  Spec spec = rateSpec(kFramePerMs);
  spec.loss.kind = LossSpec::Kind::kRandom;
  spec.loss.probability = 1;
  Wire wire(spec);
  wire.offer(0);
  wire.offer(0);
  wire.fetch(kMillisecond);
  CHECK(wire.out.empty());
  spec.loss = {};
  wire.direction.configure(spec, kMillisecond);
  wire.drain(0);
  CHECK(wire.out == std::vector<Arrival>{{1, 2 * kMillisecond, kFull}});
  CHECK(wire.direction.counters(kSecond).dropLoss == 1);
}

TEST_CASE("a black hole swallows what is offered; what is under way arrives") {
  Spec spec = rateSpec(kFramePerMs);
  spec.delay = 5 * kMillisecond;
  Wire wire(spec);
  for (int i = 0; i < 3; ++i) wire.offer(0);
  spec.blackhole = true;
  wire.direction.configure(spec, kMillisecond);
  wire.offer(kMillisecond);
  spec.blackhole = false;
  wire.direction.configure(spec, 2 * kMillisecond);
  wire.offer(2 * kMillisecond);
  wire.drain(0);
  CHECK(numbers(wire.out) == std::vector<std::uint64_t>{0, 1, 2, 4});
  CHECK(wire.direction.counters(kSecond).dropBlackhole == 1);
}

TEST_CASE("an MTU hole swallows IP packets above it, behind a VLAN tag too") {
  Spec spec;
  spec.mtu = 1400;
  Wire wire(spec);
  wire.offer(0, 1414);
  wire.offer(0, 1415);
  Frame* tagged = wire.pool.frame(1418, 2);
  tagged->ethernet()[12] = 0x81;
  wire.direction.offer(tagged, 0);
  tagged = wire.pool.frame(1419, 3);
  tagged->ethernet()[12] = 0x81;
  wire.direction.offer(tagged, 0);
  wire.offer(0, 10);
  wire.drain(0);
  CHECK(wire.out.size() == 3);
  CHECK(wire.direction.counters(0).dropMtu == 2);
}

TEST_CASE("a link that goes down loses all that it holds, and starts afresh") {
  Spec spec = rateSpec(kFramePerMs);
  spec.delay = 5 * kMillisecond;
  Wire wire(spec);
  for (int i = 0; i < 10; ++i) wire.offer(0);
  wire.fetch(6 * kMillisecond);
  CHECK(wire.out.size() == 1);
  wire.direction.setDown(true, 6 * kMillisecond);
  wire.offer(6 * kMillisecond);
  CHECK(wire.direction.deadline() == kNever);
  CHECK(wire.direction.counters(7 * kMillisecond).dropDown == 10);
  wire.direction.setDown(false, 20 * kMillisecond);
  wire.offer(20 * kMillisecond);
  wire.drain(0);
  CHECK(wire.out.back() == Arrival{11, 26 * kMillisecond, kFull});
  CHECK(wire.out.size() == 2);
  checkConserved(wire, kSecond);
}

TEST_CASE("a frame that could not be delivered is no output") {
  Wire wire({});
  wire.offer(0);
  wire.offer(0);
  Frame* frame = wire.direction.next(0);
  wire.direction.undelivered(frame, false);
  wire.pool.pool.give(frame);
  frame = wire.direction.next(0);
  wire.direction.undelivered(frame, true);
  wire.pool.pool.give(frame);
  const Counters c = wire.direction.counters(0);
  CHECK(c.outPackets == 0);
  CHECK(c.outBytes == 0);
  CHECK(c.writeErrors == 1);
  CHECK(c.dropDown == 1);
}

TEST_CASE("high-water marks start again from what is there") {
  Wire wire(rateSpec(kFramePerMs));
  for (int i = 0; i < 11; ++i) wire.offer(0);
  wire.fetch(7 * kMillisecond);
  wire.direction.resetHighWater();
  Counters c = wire.direction.counters(7 * kMillisecond);
  CHECK(c.queueHighWaterPackets == 3);
  CHECK(c.sojournMaxNs == 0);
  wire.drain(0);
  CHECK(wire.direction.counters(kSecond).sojournMaxNs == 10 * kMillisecond);
}

TEST_CASE("a trace gives the throughput that it records") {
  Spec spec;
  spec.trace = traceOf("2\n4\n6\n8\n10\n10\n");  // 6 frames in 10 ms
  Wire wire(spec);
  for (Time now = 0; now < 10 * kSecond; now += kMillisecond) {
    wire.offer(now);
    wire.fetch(now);
  }
  CHECK(wire.out.size() >= 5'994);
  CHECK(wire.out.size() <= 6'000);
}

TEST_CASE("the deadline leaves the frame in service alone until it could arrive") {
  Spec spec = rateSpec(kFramePerMs);
  spec.delay = 30 * kMillisecond;
  spec.jitter = 5 * kMillisecond;
  Wire wire(spec);
  wire.offer(0);
  CHECK(wire.direction.deadline() == 16 * kMillisecond);
  spec.reorder = 0.1;
  wire.direction.configure(spec, 0);
  CHECK(wire.direction.deadline() == kMillisecond);
}

TEST_CASE("what may be moved together is a small part of the queue and of the delay") {
  Spec spec;
  CHECK(Wire(spec).direction.tolerance() == 200 * kMicrosecond);
  spec.delay = 10 * kMillisecond;
  CHECK(Wire(spec).direction.tolerance() == kMillisecond);
  spec.rate = kFramePerMs;
  spec.queue = {QueueLimit::Unit::kPackets, 2};
  CHECK(Wire(spec).direction.tolerance() == kMillisecond / 2);
  spec.queue = {QueueLimit::Unit::kBytes, kFull};
  CHECK(Wire(spec).direction.tolerance() == kMillisecond / 4);
  spec.trace = traceOf("1\n");
  CHECK(Wire(spec).direction.tolerance() == kMillisecond);
}

TEST_CASE("the same seed gives the same packets; another path's does not; more paths change nothing") {
  Spec spec = rateSpec(50'000'000);
  spec.delay = 5 * kMillisecond;
  spec.jitter = 2 * kMillisecond;
  spec.jitterReorders = true;
  spec.loss.kind = LossSpec::Kind::kRandom;
  spec.loss.probability = 0.1;
  spec.duplicate = 0.05;
  spec.reorder = 0.02;
  const auto run = [&](std::uint64_t seed, const char* path) {
    Wire wire(spec, seed, path);
    for (int i = 0; i < 2'000; ++i) wire.offer(static_cast<Time>(i) * 200 * kMicrosecond);
    wire.drain(0);
    return wire.out;
  };
  const auto first = run(7, "a");
  CHECK(first == run(7, "a"));
  CHECK(first != run(8, "a"));
  CHECK(first != run(7, "b"));
}

TEST_CASE("one effect does not move another one's dice") {
  Spec spec;
  spec.delay = 5 * kMillisecond;
  spec.loss.kind = LossSpec::Kind::kRandom;
  spec.loss.probability = 0.1;
  const auto lost = [](const Spec& with) {
    Wire wire(with);
    for (int i = 0; i < 2'000; ++i) wire.offer(static_cast<Time>(i) * kMillisecond, 100);
    wire.drain(0);
    std::vector<bool> arrived(2'000);
    for (const Arrival& one : wire.out) arrived[one.number] = true;
    return arrived;
  };
  const auto alone = lost(spec);
  spec.jitter = kMillisecond;
  spec.duplicate = 0.3;
  spec.reorder = 0.1;
  CHECK(lost(spec) == alone);
}
