#include "link/random.h"

#include <bit>
#include <cmath>

namespace mqvpn::link {

namespace {

// splitmix64: spreads any seed, 0 as well, over the generator's whole state.
std::uint64_t splitmix(std::uint64_t& state) {
  std::uint64_t z = (state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

// FNV-1a; the terminator keeps ("ab", "c") and ("a", "bc") apart.
std::uint64_t hash(std::uint64_t value, std::string_view text) {
  for (const char letter : text) value = (value ^ static_cast<unsigned char>(letter)) * 0x100000001b3u;
  return (value ^ 0xffu) * 0x100000001b3u;
}

}  // namespace

Random::Random(std::uint64_t seed) {
  for (std::uint64_t& word : state_) word = splitmix(seed);
}

std::uint64_t Random::next() {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

double Random::uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

bool Random::chance(double probability) { return probability > 0 && uniform() < probability; }

double Random::normal() {
  constexpr double cut = 3;
  for (;;) {
    if (hasSpare_) {
      hasSpare_ = false;
      if (std::abs(spare_) <= cut) return spare_;
    }
    // Marsaglia's polar method: two values from one point inside the unit circle.
    double u, v, square;
    do {
      u = 2 * uniform() - 1;
      v = 2 * uniform() - 1;
      square = u * u + v * v;
    } while (square >= 1 || square == 0);
    const double scale = std::sqrt(-2 * std::log(square) / square);
    spare_ = v * scale;
    hasSpare_ = true;
    if (std::abs(u * scale) <= cut) return u * scale;
  }
}

std::uint64_t streamSeed(std::uint64_t seed, std::string_view path, std::string_view direction,
                         std::string_view effect) {
  std::uint64_t state = hash(hash(hash(0xcbf29ce484222325u, path), direction), effect) ^ seed;
  return splitmix(state);
}

}  // namespace mqvpn::link
