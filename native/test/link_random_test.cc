#include <doctest/doctest.h>

#include <cmath>
#include <set>

#include "link/loss.h"
#include "link/random.h"

using namespace mqvpn::link;

namespace {

// Five standard deviations of a binomial count: fails once in 1.7 million for a right generator, and the
// seeds are fixed.
bool withinBinomial(std::uint64_t hits, std::uint64_t trials, double p) {
  const auto n = static_cast<double>(trials);
  return std::abs(static_cast<double>(hits) - n * p) <= 5 * std::sqrt(n * p * (1 - p)) + 1e-9;
}

}  // namespace

TEST_CASE("the generator is xoshiro256** seeded by splitmix64") {
  // From the reference implementations at prng.di.unimi.it, state = splitmix64(0) four times.
  Random random(0);
  CHECK(random.next() == 0x99ec5f36cb75f2b4u);
  CHECK(random.next() == 0xbf6e1f784956452au);
}

TEST_CASE("uniform numbers are in [0, 1) and even") {
  Random random(3);
  double sum = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    const double value = random.uniform();
    REQUIRE((value >= 0 && value < 1));
    sum += value;
  }
  CHECK(sum / 1e6 == doctest::Approx(0.5).epsilon(0.003));
}

TEST_CASE("chance 0 never and 1 always") {
  Random random(3);
  for (int i = 0; i < 10'000; ++i) {
    CHECK_FALSE(random.chance(0));
    CHECK(random.chance(1));
  }
}

TEST_CASE(
    "normal numbers: mean 0, deviation that of a normal one cut at 3, nothing beyond, nothing piled up "
    "there") {
  Random random(5);
  constexpr int count = 1'000'000;
  double sum = 0, squares = 0;
  int nearCut = 0, withinOne = 0;
  for (int i = 0; i < count; ++i) {
    const double value = random.normal();
    REQUIRE(std::abs(value) <= 3);
    sum += value;
    squares += value * value;
    nearCut += std::abs(value) > 2.99;
    withinOne += std::abs(value) < 1;
  }
  CHECK(std::abs(sum / count) < 0.005);
  CHECK(std::sqrt(squares / count) == doctest::Approx(0.98658).epsilon(0.003));
  CHECK(withinBinomial(static_cast<std::uint64_t>(withinOne), count, 0.68454));
  CHECK(nearCut < 200);  // 2 × density × 0.01: about 90
}

TEST_CASE("streams depend on every name and on nothing else") {
  std::set<std::uint64_t> seeds;
  for (const std::uint64_t seed : {0u, 1u}) {
    for (const char* path : {"a", "b", "ab", ""}) {
      for (const char* direction : {"up", "down"}) {
        for (const char* effect : {"loss", "jitter"}) seeds.insert(streamSeed(seed, path, direction, effect));
      }
    }
  }
  CHECK(seeds.size() == 2 * 4 * 2 * 2);
  CHECK(streamSeed(0, "ab", "c", "") != streamSeed(0, "a", "bc", ""));
  CHECK(streamSeed(7, "a", "up", "loss") == streamSeed(7, "a", "up", "loss"));
}

TEST_CASE("random loss is within its binomial interval") {
  for (const double probability : {0.0, 0.001, 0.01, 0.1, 0.5, 1.0}) {
    Loss loss(11);
    LossSpec spec;
    spec.kind = LossSpec::Kind::kRandom;
    spec.probability = probability;
    loss.configure(spec);
    std::uint64_t lost = 0;
    constexpr std::uint64_t trials = 1'000'000;
    for (std::uint64_t i = 0; i < trials; ++i) lost += loss.next();
    CHECK(withinBinomial(lost, trials, probability));
  }
}

TEST_CASE("Gilbert-Elliott: the stationary loss and the mean burst are what the chances say") {
  Loss loss(13);
  LossSpec spec;
  spec.kind = LossSpec::Kind::kGilbert;
  spec.toBad = 0.01;
  spec.toGood = 0.2;
  spec.lossGood = 0;
  spec.lossBad = 1;
  loss.configure(spec);
  std::uint64_t lost = 0, bursts = 0;
  bool before = false;
  constexpr std::uint64_t trials = 2'000'000;
  for (std::uint64_t i = 0; i < trials; ++i) {
    const bool now = loss.next();
    lost += now;
    bursts += now && !before;
    before = now;
  }
  CHECK(static_cast<double>(lost) / trials == doctest::Approx(0.01 / 0.21).epsilon(0.02));
  CHECK(static_cast<double>(lost) / static_cast<double>(bursts) == doctest::Approx(1 / 0.2).epsilon(0.02));
}

TEST_CASE("Gilbert-Elliott: each state has its own chance of loss") {
  Loss loss(17);
  LossSpec spec;
  spec.kind = LossSpec::Kind::kGilbert;
  spec.toBad = 0.05;
  spec.toGood = 0.05;
  spec.lossGood = 0.02;
  spec.lossBad = 0.3;
  loss.configure(spec);
  std::uint64_t lost = 0;
  constexpr std::uint64_t trials = 2'000'000;
  for (std::uint64_t i = 0; i < trials; ++i) lost += loss.next();
  CHECK(static_cast<double>(lost) / trials == doctest::Approx(0.16).epsilon(0.02));
}

TEST_CASE("Gilbert-Elliott: new chances keep the state, another model begins in the good one") {
  Loss loss(1);
  LossSpec spec;
  spec.kind = LossSpec::Kind::kGilbert;
  spec.toBad = 1;
  spec.lossBad = 1;
  loss.configure(spec);
  CHECK_FALSE(loss.next());
  CHECK(loss.next());
  spec.lossGood = 0;
  spec.toBad = 0;
  loss.configure(spec);
  CHECK(loss.next());
  loss.configure({});
  CHECK_FALSE(loss.next());
  loss.configure(spec);
  CHECK_FALSE(loss.next());
}
