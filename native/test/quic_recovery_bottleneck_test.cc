// Congestion controllers on a simulated link, in virtual time.
#include <doctest/doctest.h>

#include <string_view>

#include "test/quic_bottleneck.h"

using namespace mqvpn::quic;
using namespace mqvpn::quic::test;

namespace {

constexpr double kRate = 50e6 / 8;

/// Share of the link's rate that a flow delivers from `from` to `to`.
double share(Bottleneck& link, Bottleneck::Flow& flow, Time from, Time to, double rate = kRate) {
  link.run(from);
  const std::uint64_t before = flow.deliveredBytes;
  link.run(to);
  return static_cast<double>(flow.deliveredBytes - before) / (rate * static_cast<double>(to - from) / 1e9);
}

double jain(double a, double b) { return (a + b) * (a + b) / (2 * (a * a + b * b)); }

/// Jain's index of two flows that start 1.7 s apart.
double fairness(CongestionAlgorithm first, CongestionAlgorithm second, std::uint64_t queue) {
  Bottleneck::Config config;
  config.queue = queue;
  Bottleneck link(config);
  auto& a = link.add(first);
  auto& b = link.add(second, 1700 * kMillisecond);
  link.run(10 * kSecond);
  const std::uint64_t before[2] = {a.deliveredBytes, b.deliveredBytes};
  link.run(40 * kSecond);
  const auto got = [&](const Bottleneck::Flow& flow, std::uint64_t since) {
    return static_cast<double>(flow.deliveredBytes - since);
  };
  return jain(got(a, before[0]), got(b, before[1]));
}

}  // namespace

TEST_CASE("CUBIC and BBR fill a link of 50 Mbit/s and 20 ms with one BDP of queue") {
  for (const auto algorithm : {CongestionAlgorithm::kCubic, CongestionAlgorithm::kBbr}) {
    CAPTURE(congestionAlgorithmName(algorithm));
    Bottleneck link({});
    auto& flow = link.add(algorithm);
    CHECK(share(link, flow, 10 * kSecond, 20 * kSecond) > 0.95);
    // What is lost after the first overshoot: CUBIC a packet per sawtooth, BBR what its probes cost.
    CHECK(flow.drops < flow.sentPackets / 100);
    CHECK(flow.ptos == 0);
  }
}

TEST_CASE("CUBIC and BBR fill links of other rates and delays") {
  struct Link {
    double rate;
    Duration delay;
    std::uint64_t queue;
  };
  for (const Link shape :
       {Link{1e6 / 8, 50 * kMillisecond, 12'500}, Link{300e6 / 8, 10 * kMillisecond, 750'000},
        Link{80e6 / 8, 30 * kMillisecond, 600'000}, Link{2e9 / 8, 200 * kMicrosecond, 200'000}}) {
    for (const auto algorithm : {CongestionAlgorithm::kCubic, CongestionAlgorithm::kBbr}) {
      CAPTURE(congestionAlgorithmName(algorithm));
      CAPTURE(shape.rate);
      Bottleneck::Config config;
      config.rate = shape.rate;
      config.delay = shape.delay;
      config.queue = shape.queue;
      Bottleneck link(config);
      auto& flow = link.add(algorithm);
      const Time from = shape.rate > 1e8 ? kSecond / 2 : 6 * kSecond;
      CHECK(share(link, flow, from, 2 * from, shape.rate) > 0.93);
    }
  }
}

TEST_CASE("BBR is not impressed by 1 % of random loss") {
  double sum = 0;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    Bottleneck::Config config;
    config.loss = 0.01;
    config.seed = seed;
    Bottleneck link(config);
    auto& flow = link.add(CongestionAlgorithm::kBbr, seed * kMillisecond);
    const double got = share(link, flow, 10 * kSecond, 30 * kSecond);
    CHECK(got > 0.85);
    sum += got / 4;
  }
  CHECK(sum > 0.91);
}

TEST_CASE("two flows share a link fairly") {
  using enum CongestionAlgorithm;
  for (const std::uint64_t queue : {60'000U, 125'000U}) {
    CAPTURE(queue);
    CHECK(fairness(kCubic, kCubic, queue) > 0.9);
    CHECK(fairness(kBbr, kBbr, queue) > 0.9);
    CHECK(fairness(kBbr, kCubic, queue) > 0.8);
    CHECK(fairness(kCubic, kBbr, queue) > 0.8);
  }
}

TEST_CASE("BBR keeps the queue short between its probes") {
  Bottleneck::Config config;
  config.queue = 4 * 125'000;
  Bottleneck link(config);
  auto& flow = link.add(CongestionAlgorithm::kBbr);
  link.run(5 * kSecond);
  unsigned samples = 0, isShort = 0;
  for (Time at = link.now(); at < 10 * kSecond; at += 10 * kMillisecond, ++samples) {
    link.resetLargestQueue();
    link.run(at);
    // 4 ms of the link.
    if (link.largestQueue() < 25'000) ++isShort;
  }
  CHECK(isShort > samples * 7 / 10);
  CHECK(flow.drops == 0);
}

TEST_CASE("BBR ends a probe for bandwidth when it shows as a queue") {
  // One that goes on until the rate of delivery has not grown for three rounds leaves 0.9 of a BDP there.
  for (const double megabits : {20.0, 80.0, 300.0}) {
    CAPTURE(megabits);
    Bottleneck::Config config;
    config.rate = megabits * 1e6 / 8;
    config.delay = 30 * kMillisecond;
    const double bdp = config.rate * 0.06;
    config.queue = static_cast<std::uint64_t>(4 * bdp);
    Bottleneck link(config);
    const Bottleneck::Flow& flow = link.add(CongestionAlgorithm::kBbr);
    link.run(4 * kSecond);
    link.resetLargestQueue();
    const std::uint64_t before = flow.deliveredBytes;
    link.run(24 * kSecond);
    CHECK(static_cast<double>(link.largestQueue()) < 0.6 * bdp);
    CHECK(static_cast<double>(flow.deliveredBytes - before) > 0.98 * 20 * config.rate);
  }
}

TEST_CASE("BBR does not take a queue of acknowledgements for one of its own") {
  // An application that sends at a steady 20 Mbit/s, while the way back is full: the round trip doubles.
  Bottleneck::Config config;
  config.rate = 300e6 / 8;
  config.delay = 10 * kMillisecond;
  config.queue = 750'000;
  Bottleneck link(config);
  Bottleneck::Flow& flow = link.add(CongestionAlgorithm::kBbr);
  flow.appRate = 20e6 / 8;
  link.run(kSecond);
  link.setDelay(20 * kMillisecond);
  link.run(4 * kSecond);
  link.setDelay(10 * kMillisecond);
  flow.appRate = 0;
  link.run(4500 * kMillisecond);
  const std::uint64_t before = flow.deliveredBytes;
  link.run(5500 * kMillisecond);
  CHECK(static_cast<double>(flow.deliveredBytes - before) > 0.9 * config.rate);
}

TEST_CASE("BBR takes a busy peer at the start, or a few slow packets, for no queue") {
  // An application that sends a packet now and then while delays vary, as in a handshake and after it.
  Bottleneck::Config config;
  config.rate = 80e6 / 8;
  config.delay = 30 * kMillisecond;
  config.jitter = 20 * kMillisecond;
  config.queue = 600'000;
  for (const std::uint64_t seed : {1, 2, 3, 4, 5}) {
    config.seed = seed;
    Bottleneck link(config);
    Bottleneck::Flow& flow = link.add(CongestionAlgorithm::kBbr);
    flow.appRate = 60'000;
    link.run(2 * kSecond);
    CHECK(flow.path.congestion().inSlowStart());
    link.setJitter(0);
    flow.appRate = 0;
    link.run(2500 * kMillisecond);
    const std::uint64_t before = flow.deliveredBytes;
    link.run(3500 * kMillisecond);
    CHECK(static_cast<double>(flow.deliveredBytes - before) > 0.9 * config.rate);
  }
}

TEST_CASE("BBR visits every state; it probes for bandwidth, and for the RTT when that has grown") {
  Bottleneck link({});
  auto& flow = link.add(CongestionAlgorithm::kBbr);
  std::map<std::string_view, unsigned> seen;
  std::vector<std::string_view> order;
  const auto watch = [&](Time until) {
    for (Time at = link.now() + kMillisecond; at < until; at += kMillisecond) {
      link.run(at);
      const auto state = flow.path.congestion().stateName();
      if (order.empty() || order.back() != state) order.push_back(state);
      ++seen[state];
    }
  };
  watch(12 * kSecond);
  REQUIRE(order.size() > 6);
  CHECK(order[0] == "startup");
  CHECK(order[1] == "drain");
  // DOWN may last less than the millisecond between two looks.
  CHECK(order[2].starts_with("probe_bw_"));
  for (const std::string_view state : {"probe_bw_down", "probe_bw_cruise", "probe_bw_refill", "probe_bw_up"})
    CHECK(seen[state] > 0);
  CHECK(seen["startup"] < 500);
  // The RTT is at its minimum whenever it cruises, and that is most of the time.
  CHECK(seen["probe_rtt"] == 0);
  CHECK(seen["probe_bw_cruise"] > 7'000);

  link.setDelay(20 * kMillisecond);
  watch(30 * kSecond);
  CHECK(seen["probe_rtt"] > 0);
  seen.clear();
  watch(40 * kSecond);
  CHECK(seen["probe_rtt"] == 0);
  CHECK(share(link, flow, 40 * kSecond, 45 * kSecond) > 0.95);
}

TEST_CASE("BBR follows a link that becomes slower and faster") {
  Bottleneck link({});
  auto& flow = link.add(CongestionAlgorithm::kBbr);
  link.run(6 * kSecond);
  link.setRate(kRate / 5);
  CHECK(share(link, flow, 12 * kSecond, 18 * kSecond, kRate / 5) > 0.9);
  CHECK(flow.path.pacingRate() < static_cast<std::uint64_t>(kRate / 5 * 1.4));
  link.setRate(kRate);
  CHECK(share(link, flow, 26 * kSecond, 32 * kSecond) > 0.9);
}

TEST_CASE("HyStart++ leaves slow start before the queue overflows") {
  Bottleneck::Config config;
  config.queue = 500'000;
  Bottleneck link(config);
  auto& flow = link.add(CongestionAlgorithm::kCubic);
  while (flow.path.congestion().stateName() == "slow_start") link.run(link.now() + kMillisecond);
  CHECK(flow.path.congestion().stateName() == "conservative_slow_start");
  CHECK(flow.drops == 0);
  link.run(2 * kSecond);
  // Doubling on would have lost as much as link and queue hold: 500 packets.
  CHECK(flow.drops < 200);
}

TEST_CASE("reordering stops being taken for loss") {
  for (const auto algorithm : {CongestionAlgorithm::kCubic, CongestionAlgorithm::kBbr}) {
    CAPTURE(congestionAlgorithmName(algorithm));
    Bottleneck::Config config;
    config.jitter = 5 * kMillisecond;
    Bottleneck link(config);
    auto& flow = link.add(algorithm);
    CHECK(share(link, flow, 10 * kSecond, 20 * kSecond) > 0.93);
    CHECK(flow.sent.spuriousLosses() < 200);
    CHECK(flow.sent.packetThreshold() > SentPackets::kPacketThreshold);
  }
}

TEST_CASE("an application below the link's rate is not slowed, and does not inflate the window") {
  for (const auto algorithm : {CongestionAlgorithm::kCubic, CongestionAlgorithm::kBbr}) {
    CAPTURE(congestionAlgorithmName(algorithm));
    Bottleneck link({});
    auto& flow = link.add(algorithm);
    flow.appRate = 1e6;
    CHECK(share(link, flow, 10 * kSecond, 20 * kSecond, 1e6) > 0.99);
    CHECK(flow.drops == 0);
    // 1 MB/s over 20 ms are 20 kB in flight. What bunched up now and then showed BBR that the link has more.
    CHECK(flow.largestWindow < 110'000);
    CHECK(flow.path.rtt().smoothed() < 24 * kMillisecond);
  }
}

TEST_CASE("CE marks keep the queue short without loss") {
  for (const auto algorithm : {CongestionAlgorithm::kCubic, CongestionAlgorithm::kBbr}) {
    CAPTURE(congestionAlgorithmName(algorithm));
    Bottleneck::Config config;
    config.queue = 1'250'000;
    config.markAbove = 60'000;
    Bottleneck link(config);
    auto& flow = link.add(algorithm);
    flow.usesEcn = true;
    CHECK(share(link, flow, 5 * kSecond, 15 * kSecond) > 0.9);
    CHECK(flow.ecn.capable());
    CHECK(flow.counts.ce > 0);
    CHECK(flow.drops == 0);
    link.resetLargestQueue();
    link.run(25 * kSecond);
    CHECK(link.largestQueue() < 200'000);
  }
}

TEST_CASE("a link that is dead for two seconds is used again within a second") {
  for (const auto algorithm : {CongestionAlgorithm::kCubic, CongestionAlgorithm::kBbr}) {
    CAPTURE(congestionAlgorithmName(algorithm));
    Bottleneck link({});
    auto& flow = link.add(algorithm);
    link.run(5 * kSecond);
    link.setLoss(1);
    link.run(7 * kSecond);
    link.setLoss(0);
    CHECK(flow.ptos > 2);
    CHECK(share(link, flow, 9500 * kMillisecond, 12 * kSecond) > 0.85);
    CHECK_FALSE(flow.path.blackHoleFound());
  }
}

TEST_CASE("a paced path wakes about once per millisecond at most") {
  Bottleneck::Config config;
  config.rate = 1e9 / 8;
  config.queue = 2'500'000;
  Bottleneck link(config);
  auto& flow = link.add(CongestionAlgorithm::kBbr);
  link.run(kSecond);
  const std::uint64_t before = flow.wakeUps;
  link.run(2 * kSecond);
  CHECK(flow.wakeUps - before < 1100);
  CHECK(flow.wakeUps - before > 500);
}
