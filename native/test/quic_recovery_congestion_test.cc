#include <doctest/doctest.h>

#include "quic/hystart.h"
#include "quic/windowed_max.h"
#include "test/quic_recovery_support.h"

using namespace mqvpn::quic;
using namespace mqvpn::quic::test;

namespace {

/// A controller without a path: acknowledges windows, round after round.
struct Rounds {
  explicit Rounds(CongestionAlgorithm algorithm = CongestionAlgorithm::kCubic)
      : controller(makeCongestionController(algorithm, kMds, 0)) {
    rtt.sample(kRtt, 0, 1);
  }
  static constexpr Duration kRtt = 50 * kMillisecond;

  std::uint64_t window() const { return controller->window(); }
  /// One round trip in which `used` of the window is sent and acknowledged.
  void round(double used = 1) {
    const auto inFlight = static_cast<std::uint64_t>(static_cast<double>(window()) * used);
    const Time sentAt = now;
    controller->onSent(now, inFlight, inFlight);
    now += kRtt;
    for (std::uint64_t left = inFlight; left > 0;) {
      AckSample sample;
      sample.now = now;
      sample.ackedBytes = std::min<std::uint64_t>(left, 2 * kMds);
      // The sender fills the window as it is acknowledged.
      sample.priorInFlight = inFlight;
      left -= sample.ackedBytes;
      sample.bytesInFlight = left;
      sample.largestSentAt = sentAt;
      sample.rtt = kRtt;
      delivered += sample.ackedBytes;
      sample.delivered = delivered;
      controller->onAck(sample, rtt);
    }
    now += kMillisecond;
  }
  void lose(bool persistent = false) {
    LossSample sample;
    sample.now = now;
    sample.lostBytes = kMds;
    sample.largestSentAt = now - kMillisecond;
    sample.isPersistent = persistent;
    controller->onLoss(sample, rtt);
    now += kMillisecond;
  }

  std::unique_ptr<CongestionController> controller;
  Rtt rtt;
  Time now = kSecond;
  std::uint64_t delivered = 0;
};

double ratio(std::uint64_t a, std::uint64_t b) { return static_cast<double>(a) / static_cast<double>(b); }

}  // namespace

TEST_CASE("the initial window is ten datagrams, with a limit for large ones (RFC 9002 7.2)") {
  CHECK(initialWindow(1200) == 12'000);
  CHECK(initialWindow(1472) == 14'720);
  CHECK(initialWindow(1500) == 14'720);
  CHECK(initialWindow(9000) == 18'000);
  CHECK(Rounds().window() == 12'000);
  // It follows the datagram size until something happened.
  Rounds rounds;
  rounds.controller->onDatagramSize(1400);
  CHECK(rounds.window() == 14'000);
  rounds.round();
  const std::uint64_t window = rounds.window();
  rounds.controller->onDatagramSize(1200);
  CHECK(rounds.window() == window);
}

TEST_CASE("slow start doubles the window per round trip; a loss sets it to 0.7 (RFC 9438 4.6)") {
  Rounds rounds;
  CHECK(rounds.controller->inSlowStart());
  CHECK(rounds.controller->slowStartThreshold() == UINT64_MAX);
  rounds.round();
  rounds.round();
  CHECK(rounds.window() == 48'000);
  rounds.lose();
  CHECK(rounds.window() == 33'600);
  CHECK_FALSE(rounds.controller->inSlowStart());
  CHECK(rounds.controller->slowStartThreshold() == 33'600);
  CHECK(rounds.controller->stateName() == "recovery");
}

TEST_CASE("the window never falls below two datagrams (RFC 9002 7.2)") {
  Rounds rounds;
  for (int i = 0; i < 20; ++i) {
    rounds.lose();
    rounds.round();
  }
  CHECK(rounds.window() >= 2 * kMds);
  for (int i = 0; i < 3; ++i) {
    rounds.now += kSecond;
    rounds.lose(true);
    CHECK(rounds.window() == 2 * kMds);
  }
}

TEST_CASE(
    "persistent congestion collapses the window, and slow start follows up to 0.7 of it (RFC 9438 4.8)") {
  Rounds rounds;
  for (int i = 0; i < 3; ++i) rounds.round();
  rounds.lose(true);
  CHECK(rounds.window() == 2 * kMds);
  CHECK(rounds.controller->inSlowStart());
  CHECK(rounds.controller->slowStartThreshold() == 67'200);
  rounds.now += kMillisecond;
  rounds.round();
  rounds.round();
  CHECK(rounds.window() == 8 * kMds);
}

TEST_CASE("CUBIC is concave below the last maximum and convex above it (RFC 9438 4.4, 4.5)") {
  Rounds rounds;
  for (int i = 0; i < 7; ++i) rounds.round();
  const std::uint64_t most = rounds.window();
  rounds.lose();
  std::vector<std::uint64_t> windows;
  for (int i = 0; i < 400; ++i) {
    rounds.round();
    windows.push_back(rounds.window());
  }
  // K = cbrt(1280 segments * 0.3 / 0.4) = 9.9 s, 194 rounds of 51 ms.
  std::size_t back = 0;
  while (windows[back] < most * 995 / 1000) ++back;
  CHECK(back > 140);
  CHECK(back < 200);
  // Growth slows towards the plateau, and quickens after it.
  const auto growth = [&](std::size_t at) { return windows[at + 20] - windows[at]; };
  CHECK(growth(20) > 3 * growth(100));
  CHECK(growth(100) > 2 * growth(180));
  CHECK(growth(370) > 3 * growth(240));
}

TEST_CASE("with a small window CUBIC is at least as fast as Reno (RFC 9438 4.3)") {
  Rounds rounds;
  rounds.lose();
  const std::uint64_t start = rounds.window();
  for (int i = 0; i < 20; ++i) rounds.round();
  // α = 0.53 segments per round until the old window is back (4 segments: 7 rounds), then 1.
  const double segments = ratio(rounds.window() - start, kMds);
  CHECK(segments > 14);
  CHECK(segments < 19);
}

TEST_CASE("fast convergence: a second loss below the maximum lowers the plateau (RFC 9438 4.7)") {
  const auto reached = [](bool lossBelow) {
    Rounds rounds;
    for (int i = 0; i < 6; ++i) rounds.round();
    if (lossBelow) rounds.lose();
    rounds.round();
    const std::uint64_t before = rounds.window();
    rounds.lose();
    // After the second loss below W_max the plateau is at 0.85 of the window before, not at it.
    for (int i = 0; i < 130; ++i) rounds.round();
    return ratio(rounds.window(), before);
  };
  CHECK(reached(true) < 0.9);
  CHECK(reached(false) > 0.95);
}

TEST_CASE("a window that is not used does not grow (RFC 9002 7.8)") {
  Rounds rounds;
  for (int i = 0; i < 100; ++i) rounds.round(0.4);
  CHECK(rounds.window() == 12'000);
  for (int i = 0; i < 4; ++i) rounds.round();
  rounds.lose();
  rounds.round();
  const std::uint64_t window = rounds.window();
  for (int i = 0; i < 400; ++i) rounds.round(0.5);
  CHECK(rounds.window() == window);
  // And the time that passed meanwhile does not count for the curve.
  rounds.round();
  CHECK(ratio(rounds.window(), window) < 1.05);
}

TEST_CASE("after idle time the window is halved per timeout, and slow start brings it back") {
  Rounds rounds;
  for (int i = 0; i < 6; ++i) rounds.round();
  rounds.lose();
  rounds.round();
  const std::uint64_t before = rounds.window();
  rounds.now += 50 * kMillisecond;
  rounds.controller->onSent(rounds.now, kMds, kMds);
  CHECK(rounds.window() == before);
  rounds.now += 10 * kSecond;
  rounds.controller->onSent(rounds.now, kMds, kMds);
  CHECK(rounds.window() == 12'000);
  CHECK(rounds.controller->inSlowStart());
  for (int i = 0; i < 8; ++i) rounds.round();
  CHECK(rounds.window() > before * 7 / 10);
}

TEST_CASE(
    "a congestion event of which every loss was spurious is undone, one that was not stays (RFC 9438 4.9)") {
  Rounds rounds;
  for (int i = 0; i < 4; ++i) rounds.round();
  const std::uint64_t before = rounds.window();
  const Time sentAt = rounds.now - kMillisecond;
  rounds.lose();
  LossSample more;
  more.now = rounds.now;
  more.lostBytes = kMds;
  more.largestSentAt = sentAt;
  rounds.controller->onLoss(more, rounds.rtt);
  rounds.controller->onSpuriousLoss(kMds, sentAt);
  CHECK(rounds.window() < before);
  rounds.controller->onSpuriousLoss(kMds, sentAt);
  CHECK(rounds.window() == before);
  CHECK(rounds.controller->inSlowStart());
}

TEST_CASE("HyStart++ enters the conservative phase when the delay of a round grows (RFC 9406 4.2)") {
  HyStart hystart;
  Time now = kSecond;
  /// Eight samples of packets sent before the round began, then the acknowledgement that ends it. True: slow
  /// start is over.
  const auto round = [&](Duration rtt) {
    const Time sentAt = now;
    now += rtt;
    bool over = false;
    for (int i = 0; i < 8; ++i) over |= hystart.onAck(now, sentAt - 1, rtt);
    return hystart.onAck(now, sentAt, rtt) || over;
  };
  round(50 * kMillisecond);
  round(51 * kMillisecond);
  round(53 * kMillisecond);
  CHECK(hystart.growthDivisor() == 1);
  // An eighth more than in the last round, at least 4 ms.
  round(62 * kMillisecond);
  CHECK(hystart.inConservativePhase());
  CHECK(hystart.growthDivisor() == 4);
  // "check if current round's minRTT drops below baseline"
  round(55 * kMillisecond);
  CHECK_FALSE(hystart.inConservativePhase());
  round(70 * kMillisecond);
  CHECK(hystart.inConservativePhase());
  int rounds = 0;
  while (!round(75 * kMillisecond)) ++rounds;
  CHECK(rounds <= 5);
  CHECK(rounds >= 3);
}

TEST_CASE("HyStart++ does not judge by fewer than eight samples") {
  HyStart hystart;
  Time now = kSecond;
  for (const Duration rtt : {50 * kMillisecond, 100 * kMillisecond, 200 * kMillisecond}) {
    const Time sentAt = now;
    now += rtt;
    for (int i = 0; i < 6; ++i) hystart.onAck(now, sentAt - 1, rtt);
    hystart.onAck(now, sentAt, rtt);
  }
  CHECK_FALSE(hystart.inConservativePhase());
}

TEST_CASE("the windowed maximum forgets what is older than its window") {
  Dice dice(5);
  WindowedMax filter;
  std::vector<std::uint64_t> values;
  for (std::uint64_t time = 0; time < 2000; ++time) {
    values.push_back(dice.below(1000));
    filter.update(values.back(), time, 10);
    std::uint64_t most = 0;
    for (std::uint64_t at = time < 10 ? 0 : time - 10; at <= time; ++at) most = std::max(most, values[at]);
    // Never more than the true maximum; it may be the maximum of a part.
    REQUIRE(filter.best() <= most);
    REQUIRE(filter.best() >= values.back());
  }
}

TEST_CASE("BBR starts with the initial window and a high pacing gain, and names its states") {
  Rounds rounds(CongestionAlgorithm::kBbr);
  CHECK(rounds.window() == 12'000);
  CHECK(rounds.controller->inSlowStart());
  CHECK(rounds.controller->stateName() == "startup");
  CHECK(rounds.controller->pacingRate(rounds.rtt) > 12'000'000);
  CHECK(rounds.controller->bandwidth(rounds.rtt) == 0);
}

TEST_CASE("BBR falls to two datagrams on persistent congestion and comes back with the next round") {
  Rounds rounds(CongestionAlgorithm::kBbr);
  for (int i = 0; i < 3; ++i) rounds.round();
  const std::uint64_t before = rounds.window();
  rounds.lose(true);
  CHECK(rounds.window() == 2 * kMds);
  rounds.round();
  CHECK(rounds.window() > before / 2);
}

TEST_CASE("no control has a large window and no pacing") {
  Endpoint end(CongestionAlgorithm::kNone);
  CHECK(end.path.window() == 64U << 20);
  CHECK(end.path.pacingRoom(5) == UINT64_MAX);
  CHECK(end.path.pacingDeadline(5) == 5);
  CHECK(congestionAlgorithmName(CongestionAlgorithm::kNone) == "none");
}
