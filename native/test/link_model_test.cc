// Random operations on one direction, with what must hold after each.

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>

#include "link_support.h"

using namespace mqvpn::link;
using namespace mqvpn::link::test;

namespace {

template <class T>
T pick(Random& random, std::initializer_list<T> choices) {
  return choices.begin()[random.next() % choices.size()];
}

Spec randomSpec(Random& random, bool ordered) {
  Spec spec;
  spec.rate = pick<std::uint64_t>(random, {0, 50'000, 1'000'000, 7'777'777, 100'000'000, 1'000'000'000});
  if (random.chance(0.2))
    spec.trace = traceOf(pick<std::string>(random, {"1\n", "0\n0\n3\n", "1\n2\n3\n3\n3\n50\n"}));
  spec.delay = pick<Time>(random, {0, 0, kMicrosecond, 3 * kMillisecond, 80 * kMillisecond});
  spec.jitter = pick<Time>(random, {0, 0, 10 * kMicrosecond, 2 * kMillisecond, 40 * kMillisecond});
  spec.jitterReorders = !ordered && random.chance(0.5);
  spec.loss.kind = pick(random, {LossSpec::Kind::kNone, LossSpec::Kind::kRandom, LossSpec::Kind::kGilbert});
  spec.loss.probability = pick(random, {0.0, 0.1, 1.0});
  spec.loss.toBad = 0.1;
  spec.loss.toGood = 0.3;
  spec.loss.lossBad = pick(random, {0.5, 1.0});
  spec.reorder = ordered ? 0 : pick(random, {0.0, 0.1, 1.0});
  spec.duplicate = pick(random, {0.0, 0.0, 0.2, 1.0});
  spec.queue =
      random.chance(0.5)
          ? QueueLimit{QueueLimit::Unit::kPackets, pick<std::uint64_t>(random, {0, 1, 5, 100, 5'000})}
          : QueueLimit{QueueLimit::Unit::kBytes,
                       pick<std::uint64_t>(random, {0, 100, 1514, 20'000, 9'000'000})};
  spec.aqm = random.chance(0.3) ? Aqm::kCodel : Aqm::kDropTail;
  spec.mtu = pick<std::uint32_t>(random, {0, 0, 0, 1400});
  spec.blackhole = random.chance(0.05);
  return spec;
}

class Model {
 public:
  Model(std::uint64_t seed, bool ordered)
      : random_(seed), ordered_(ordered), wire_(randomSpec(random_, ordered), seed, "m", 3'000) {}

  void step() {
    now_ += pick<Time>(random_, {0, 0, 1, 10 * kMicrosecond, 300 * kMicrosecond, 5 * kMillisecond});
    const double dice = random_.uniform();
    if (dice < 0.7) {
      offer();
    } else if (dice < 0.93) {
      fetch();
    } else if (dice < 0.985) {
      wire_.direction.configure(randomSpec(random_, ordered_), now_);
    } else if (dice < 0.995) {
      wire_.direction.setDown(random_.chance(0.3), now_);
    } else {
      wire_.direction.resetHighWater();
    }
    check();
  }

  void end() {
    wire_.direction.setDown(false, now_);
    Spec open;
    wire_.direction.configure(open, now_);
    wire_.drain(now_);
    checkOrder();
    CHECK(wire_.pool.pool.inUse() == 0);
  }

 private:
  void offer() {
    for (std::uint64_t i = random_.next() % 20; i > 0; --i) {
      if (wire_.pool.pool.inUse() == wire_.pool.pool.slots()) {
        wire_.direction.countPoolDrop();
        continue;
      }
      wire_.offer(now_, pick<std::uint32_t>(random_, {60, 576, 1414, 1514}));
    }
  }

  void fetch() {
    const Time deadline = wire_.direction.deadline();
    const std::size_t before = wire_.out.size();
    wire_.fetch(now_);
    // A caller that sleeps until the deadline misses nothing.
    if (deadline > now_) REQUIRE(wire_.out.size() == before);
    REQUIRE(wire_.direction.deadline() > now_);
    checkOrder();
  }

  void checkOrder() {
    for (; checked_ < wire_.out.size(); ++checked_) {
      const Arrival& one = wire_.out[checked_];
      REQUIRE(one.due <= std::max(now_, one.due));
      if (ordered_ && checked_ > 0) REQUIRE(one.number >= wire_.out[checked_ - 1].number);
    }
  }

  void check() {
    const Counters c = wire_.direction.counters(now_);
    const std::uint64_t held = c.queuePackets + c.transitPackets;
    REQUIRE(c.inPackets + c.duplicated == c.outPackets + c.dropQueue + c.dropLoss + c.dropAqm +
                                              c.dropBlackhole + c.dropMtu + c.dropDown + c.dropPool +
                                              c.dropOversize + c.writeErrors + held);
    REQUIRE(wire_.pool.pool.inUse() == held);
    REQUIRE(c.outPackets == wire_.out.size());
    REQUIRE(c.queueHighWaterPackets >= c.queuePackets);
    REQUIRE(c.queueHighWaterBytes >= c.queueBytes);
    const QueueLimit& limit = wire_.direction.spec().queue;
    REQUIRE((limit.unit == QueueLimit::Unit::kPackets ? c.queuePackets : c.queueBytes) <= limit.amount);
    if (ordered_) REQUIRE(c.reordered == 0);
  }

  Random random_;
  bool ordered_;
  Wire wire_;
  Time now_ = kSecond;
  std::size_t checked_ = 0;
};

}  // namespace

TEST_CASE("thousands of random operations: nothing is lost uncounted, nothing leaks, order is kept") {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    Model model(seed, seed % 2 == 0);
    for (int i = 0; i < 1'500; ++i) model.step();
    model.end();
  }
}

TEST_CASE("when the process looks does not change which packets arrive, nor when they are due") {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    const auto run = [&](std::uint64_t looks) {
      Random random(seed);
      Random looking(looks);
      Wire wire(randomSpec(random, false), seed, "m", 20'000);
      Time now = 0;
      for (int i = 0; i < 3'000; ++i) {
        now += pick<Time>(random, {0, 1, 10 * kMicrosecond, 500 * kMicrosecond});
        if (random.chance(0.01)) {
          const Spec spec = randomSpec(random, false);
          wire.direction.configure(spec, now);
        }
        wire.offer(now, pick<std::uint32_t>(random, {60, 576, 1514}));
        if (looks != 0 && looking.chance(0.3)) wire.fetch(now);
      }
      wire.drain(now);
      return wire.out;
    };
    const auto atTheEnd = run(0);
    CHECK(run(99) == atTheEnd);
    CHECK(run(100) == atTheEnd);
  }
}
