#include <doctest/doctest.h>

#include <cstdlib>
#include <set>

#include "test/quic_recovery_support.h"

using namespace mqvpn::quic;
using namespace mqvpn::quic::test;

namespace {

/// What RFC 9002 says, with a map, one fixed threshold and no cleverness.
struct Model {
  struct Packet {
    Time sentAt;
    std::uint32_t bytes;
    bool inFlight;
  };
  std::map<std::uint64_t, Packet> outstanding;
  std::set<std::uint64_t> acked;
  std::set<std::uint64_t> lost;
  std::uint64_t largest = 0;
  bool any = false;

  std::uint64_t inFlight() const {
    std::uint64_t sum = 0;
    for (const auto& [number, packet] : outstanding)
      if (packet.inFlight) sum += packet.bytes;
    return sum;
  }
  void ack(const RangeSet& set, std::size_t most) {
    const auto& ranges = set.ranges();
    for (std::size_t i = 0; i < std::min(most, ranges.size()); ++i) {
      const auto& range = ranges[ranges.size() - 1 - i];
      for (auto at = outstanding.lower_bound(range.low);
           at != outstanding.end() && at->first <= range.high;) {
        acked.insert(at->first);
        at = outstanding.erase(at);
      }
    }
    largest = any ? std::max(largest, set.largest()) : set.largest();
    any = true;
  }
  /// With the thresholds as they are: how these move is for other tests.
  void detect(Time now, std::uint64_t threshold, Duration delay) {
    for (auto at = outstanding.begin(); any && at != outstanding.end() && at->first < largest;) {
      if (largest - at->first < threshold && at->second.sentAt + delay > now) {
        ++at;
        continue;
      }
      lost.insert(at->first);
      at = outstanding.erase(at);
    }
  }
};

void run(std::uint64_t seed) {
  CAPTURE(seed);
  Dice dice(seed);
  Endpoint end(static_cast<CongestionAlgorithm>(dice.below(3)));
  Model model;
  RangeSet received;
  /// Arrivals at the peer and ACKs on their way back, by time.
  std::multimap<Time, std::uint64_t> arrivals;
  std::multimap<Time, RangeSet> acks;
  const double loss = dice.chance(0.3) ? 0 : static_cast<double>(dice.below(30)) / 100;
  const Time jitter = dice.chance(0.5) ? 0 : Endpoint::ms(static_cast<double>(1 + dice.below(60)));
  const Time delay = Endpoint::ms(static_cast<double>(1 + dice.below(50)));
  Time now = 0;

  const auto check = [&] {
    REQUIRE(end.path.bytesInFlight() == model.inFlight());
    REQUIRE(end.fates.acked.size() == model.acked.size());
    REQUIRE(end.fates.lost.size() == model.lost.size());
  };
  const auto checkFates = [&] {
    bool once = true;
    for (const auto& [number, count] : end.fates.acked) once &= count == 1 && model.acked.contains(number);
    for (const auto& [number, count] : end.fates.lost) once &= count == 1 && model.lost.contains(number);
    REQUIRE(once);
  };

  for (int step = 0; step < 600; ++step) {
    now += dice.below(Endpoint::ms(4)) + 1;
    const std::uint64_t burst = step < 500 ? dice.below(4) : 0;
    for (std::uint64_t i = 0; i < burst; ++i) {
      if (dice.chance(0.02)) end.sent.skipNumber();
      const bool eliciting = dice.chance(0.9);
      const auto bytes = static_cast<std::uint32_t>(40 + dice.below(1400));
      const double at = static_cast<double>(now) / 1e6;
      const auto number = end.send(at, bytes, eliciting, eliciting && dice.chance(0.02));
      model.outstanding[number] = {now, bytes, eliciting};
      if (!dice.chance(loss)) {
        const Time there = now + delay + (jitter == 0 ? 0 : dice.below(jitter));
        arrivals.emplace(there, number);
        if (dice.chance(0.02)) arrivals.emplace(there + dice.below(delay), number);
      }
    }
    while (!arrivals.empty() && arrivals.begin()->first <= now) {
      received.add(arrivals.begin()->second);
      arrivals.erase(arrivals.begin());
      // Some ACKs come twice, some never, some late.
      if (!dice.chance(0.2)) acks.emplace(now + delay + dice.below(jitter + 1), received);
      if (dice.chance(0.1)) acks.emplace(now + delay + dice.below(delay), received);
    }
    while (!acks.empty() && acks.begin()->first <= now) {
      const RangeSet set = acks.begin()->second;
      acks.erase(acks.begin());
      const std::size_t most = 1 + dice.below(32);
      // Spurious losses move the thresholds before anything is declared lost.
      const auto result = end.sent.onAck(Ack(set, most).frame(), 0, nullptr, now, end.path, end.fates);
      REQUIRE_FALSE(result.error);
      if (result.anyNewlyAcked) {
        model.ack(set, most);
        model.detect(now, end.sent.packetThreshold(), end.sent.lossDelay(end.path.rtt()));
      }
      check();
    }
    if (end.sent.lossDeadline() <= now) {
      REQUIRE(end.sent.detectLost(now, end.path, end.fates));
      model.detect(now, end.sent.packetThreshold(), end.sent.lossDelay(end.path.rtt()));
      check();
    }
  }
  // What no ACK ever tells of is lost with the space.
  for (int i = 0; i < 100 && !model.outstanding.empty(); ++i) {
    now += Endpoint::ms(1000);
    const auto number = end.send(static_cast<double>(now) / 1e6);
    received.add(number);
    model.outstanding[number] = {now, kMds, true};
    now += delay * 2;
    end.sent.onAck(Ack(received).frame(), 0, nullptr, now, end.path, end.fates);
    model.ack(received, 32);
    model.detect(now, end.sent.packetThreshold(), end.sent.lossDelay(end.path.rtt()));
    check();
  }
  checkFates();
  REQUIRE(end.path.bytesInFlight() == 0);
  REQUIRE_FALSE(end.sent.ackElicitingInFlight());
  REQUIRE(end.sent.lossDeadline() == kNever);
}

}  // namespace

TEST_CASE("loss detection agrees with a simple model under loss, reordering, duplicate and missing ACKs") {
  // MQVPN_SEED=n repeats one run.
  if (const char* seed = std::getenv("MQVPN_SEED")) {
    run(std::strtoull(seed, nullptr, 10));
    return;
  }
  for (std::uint64_t seed = 1; seed <= 150; ++seed) run(seed);
}
