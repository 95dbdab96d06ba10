#include <doctest/doctest.h>

#include "quic/pacer.h"
#include "test/quic_recovery_support.h"

using namespace mqvpn::quic;
using namespace mqvpn::quic::test;

namespace {

struct Run {
  std::uint64_t sent = 0;
  std::uint64_t largestBurst = 0;
  std::uint64_t wakeUps = 0;
};

/// A sender that always has data, woken by the deadline and up to `late` after it.
Run saturate(std::uint64_t mds, std::uint64_t rate, Duration duration, Duration late = 0) {
  Pacer pacer(mds);
  Dice dice(1);
  Run run;
  Time now = kSecond;
  const Time end = now + duration;
  // The first burst is no part of the long run.
  pacer.onSent(pacer.room(now, rate));
  while (true) {
    const Time next = pacer.deadline(now, rate);
    REQUIRE(next > now);
    now = next + (late == 0 ? 0 : dice.below(late));
    if (now >= end) return run;
    ++run.wakeUps;
    std::uint64_t room = pacer.room(now, rate);
    REQUIRE(room >= mds);
    std::uint64_t burst = 0;
    for (; room >= mds; room -= mds, burst += mds) pacer.onSent(mds);
    run.sent += burst;
    run.largestBurst = std::max(run.largestBurst, burst);
  }
}

}  // namespace

TEST_CASE("the pacer keeps the rate within 1 % in the long run, with bounded bursts") {
  for (const std::uint64_t mds : {1200U, 1452U, 9000U}) {
    for (const std::uint64_t mbit : {1U, 10U, 50U, 300U, 1000U, 5000U}) {
      CAPTURE(mds);
      CAPTURE(mbit);
      const std::uint64_t rate = mbit * 125'000;
      for (const Duration late : {Duration{0}, 300 * kMicrosecond}) {
        const Run run = saturate(mds, rate, 20 * kSecond, late);
        const double want = static_cast<double>(rate) * 20;
        CHECK(static_cast<double>(run.sent) > want * 0.99);
        CHECK(static_cast<double>(run.sent) < want * 1.01);
        CHECK(run.largestBurst <= Pacer(mds).burst(rate));
        CHECK(run.largestBurst <= std::max<std::uint64_t>({rate / 500 + mds, 3 * mds, 14'720}));
      }
    }
  }
}

TEST_CASE("a saturated path wakes at most about once per millisecond, up to 1 Gbit/s") {
  for (const std::uint64_t mbit : {10U, 50U, 300U, 1000U}) {
    CAPTURE(mbit);
    const Run run = saturate(1452, mbit * 125'000, 10 * kSecond);
    CHECK(run.wakeUps <= 10 * 1100);
  }
  // Two datagrams at a time where that takes no time to speak of, one on the slowest.
  CHECK(saturate(1200, 1'000'000, 10 * kSecond).largestBurst == 2400);
  CHECK(saturate(1200, 20'000, 10 * kSecond).largestBurst == 1200);
}

TEST_CASE("a first burst goes at once, up to an initial window (RFC 9002 7.7)") {
  Pacer pacer(1200);
  CHECK(pacer.room(kSecond, 10'000) == 12'000);
  CHECK(pacer.deadline(kSecond, 10'000) == kSecond);
}

TEST_CASE("tokens do not gather without bound, and what comes after idle time is not delayed") {
  Pacer pacer(1200);
  const std::uint64_t rate = 1'250'000;
  Time now = kSecond;
  pacer.onSent(pacer.room(now, rate));
  CHECK(pacer.room(now, rate) == 0);
  now += 3600 * kSecond;
  CHECK(pacer.room(now, rate) == 12'000);
  CHECK(pacer.deadline(now, rate) == now);
}

TEST_CASE("a sparse sender never waits for a quantum") {
  Pacer pacer(1200);
  const std::uint64_t rate = 125'000'000;
  Time now = kSecond;
  for (int i = 0; i < 1000; ++i, now += 20 * kMicrosecond) {
    REQUIRE(pacer.room(now, rate) >= 1200);
    pacer.onSent(1200);
  }
}

TEST_CASE("a change of the rate neither locks the pacer nor bursts") {
  Pacer pacer(1200);
  Time now = kSecond;
  pacer.onSent(pacer.room(now, 125'000'000));
  // What was sent beyond the tokens is forgiven but for two datagrams.
  pacer.onSent(100'000);
  now += kMillisecond;
  const Time slow = pacer.deadline(now, 12'000);
  CHECK(slow - now < kSecond);
  CHECK(pacer.room(slow, 12'000) >= 1200);
  pacer.onSent(pacer.room(slow, 12'000));
  now = slow + kMicrosecond;
  CHECK(pacer.room(now, 125'000'000) == 0);
  CHECK(pacer.deadline(now, 125'000'000) - now <= 1100 * kMicrosecond);
}

TEST_CASE("with a window of two datagrams there is always a time to send") {
  Endpoint end;
  end.path.setMaxAckDelay(0);
  end.warmUp(0, 200);
  // Persistent congestion.
  for (int i = 0; i < 6; ++i) end.send(1000 + i * 800);
  end.ack(5200, {{0, 0}, {6, 6}});
  REQUIRE(end.path.window() == 2 * kMds);
  Time now = Endpoint::ms(5200);
  for (int i = 0; i < 50; ++i) {
    const Time at = end.path.pacingDeadline(now);
    REQUIRE(at >= now);
    REQUIRE(at - now <= Endpoint::ms(400));
    now = at;
    REQUIRE(end.path.pacingRoom(now) >= kMds);
    const auto number = end.send(static_cast<double>(now) / 1e6);
    now += Endpoint::ms(200);
    end.sent.onAck(Ack({{number, number}}).frame(), 0, nullptr, now, end.path, end.fates);
  }
}
