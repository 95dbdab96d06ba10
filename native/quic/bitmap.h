#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace mqvpn::quic {

/// `kBits` flags, all clear at first, that are set, cleared and searched 64 at a time. One flag per byte of a
/// block costs 1/8 of the block however a peer cuts its pieces; a list of ranges would not.
template <std::size_t kBits>
class Bitmap {
 public:
  static_assert(kBits % 64 == 0);

  bool test(std::size_t at) const { return words_[at / 64] >> at % 64 & 1; }
  /// [low, high). Returns how many were clear before.
  std::size_t set(std::size_t low, std::size_t high) {
    std::size_t changed = 0;
    forEachWord(low, high, [&](std::size_t word, std::uint64_t mask) {
      changed += ones(mask & ~words_[word]);
      words_[word] |= mask;
    });
    return changed;
  }
  /// As set(), but leaves those that are set in `other`.
  std::size_t setWhereClear(std::size_t low, std::size_t high, const Bitmap& other) {
    std::size_t changed = 0;
    forEachWord(low, high, [&](std::size_t word, std::uint64_t mask) {
      const std::uint64_t wanted = mask & ~other.words_[word];
      changed += ones(wanted & ~words_[word]);
      words_[word] |= wanted;
    });
    return changed;
  }
  /// [low, high). Returns how many were set before.
  std::size_t clear(std::size_t low, std::size_t high) {
    std::size_t changed = 0;
    forEachWord(low, high, [&](std::size_t word, std::uint64_t mask) {
      changed += ones(mask & words_[word]);
      words_[word] &= ~mask;
    });
    return changed;
  }
  /// The first one at or above `from`, or kBits.
  std::size_t firstSet(std::size_t from) const { return first(from, 0); }
  std::size_t firstClear(std::size_t from) const { return first(from, ~std::uint64_t{0}); }

 private:
  static std::size_t ones(std::uint64_t word) { return static_cast<std::size_t>(std::popcount(word)); }

  template <typename Visit>
  static void forEachWord(std::size_t low, std::size_t high, Visit&& visit) {
    while (low < high) {
      const std::size_t count = std::min(64 - low % 64, high - low);
      const std::uint64_t mask = ~std::uint64_t{0} >> (64 - count) << low % 64;
      visit(low / 64, mask);
      low += count;
    }
  }

  std::size_t first(std::size_t from, std::uint64_t flip) const {
    if (from >= kBits) return kBits;
    std::size_t word = from / 64;
    std::uint64_t found = (words_[word] ^ flip) & ~std::uint64_t{0} << from % 64;
    while (found == 0) {
      if (++word == words_.size()) return kBits;
      found = words_[word] ^ flip;
    }
    return word * 64 + static_cast<std::size_t>(std::countr_zero(found));
  }

  std::array<std::uint64_t, kBits / 64> words_{};
};

}  // namespace mqvpn::quic
