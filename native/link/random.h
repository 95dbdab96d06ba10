#pragma once

#include <cstdint>
#include <string_view>

namespace mqvpn::link {

/// xoshiro256** (Blackman, Vigna): the same numbers from the same seed with every compiler and library,
/// which <random>'s distributions do not promise.
class Random {
 public:
  explicit Random(std::uint64_t seed);

  std::uint64_t next();
  /// [0, 1)
  double uniform();
  bool chance(double probability);
  /// Mean 0, standard deviation 1, never beyond ±3: a draw outside is drawn again, so that nothing piles up
  /// at the cut.
  double normal();

 private:
  std::uint64_t state_[4];
  double spare_ = 0;
  bool hasSpare_ = false;
};

/// The seed of one stream of random numbers. It depends on names only, so neither another path nor another
/// effect of the same path moves it.
std::uint64_t streamSeed(std::uint64_t seed, std::string_view path, std::string_view direction,
                         std::string_view effect);

}  // namespace mqvpn::link
