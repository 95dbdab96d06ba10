#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace mqvpn::quic {

/// Blocks of a byte stream by number, some of them missing: a window that only moves up. The directory is a
/// ring, so that moving costs nothing.
template <typename Block>
class BlockRing {
 public:
  /// Null: not there.
  Block* find(std::uint64_t number) const {
    return number < first_ || number >= end_ ? nullptr : slots_[index(number)].get();
  }
  /// `number` must not lie below the window.
  Block& at(std::uint64_t number) {
    if (number - first_ >= slots_.size()) grow(number - first_ + 1);
    end_ = std::max(end_, number + 1);
    std::unique_ptr<Block>& slot = slots_[index(number)];
    if (!slot) {
      // Not make_unique, which would also clear the bytes.
      slot.reset(new Block);
      ++count_;
    }
    return *slot;
  }
  void dropBelow(std::uint64_t number) {
    for (; first_ < number && first_ < end_; ++first_) {
      std::unique_ptr<Block>& slot = slots_[index(first_)];
      if (slot) --count_;
      slot.reset();
    }
    if (first_ == end_) clear(std::max(first_, number));
  }
  /// Drops all; the window starts at `number`.
  void clear(std::uint64_t number) {
    slots_ = std::vector<std::unique_ptr<Block>>();
    count_ = 0;
    first_ = end_ = number;
  }
  std::size_t memoryBytes() const {
    return slots_.capacity() * sizeof(std::unique_ptr<Block>) + count_ * sizeof(Block);
  }

 private:
  static constexpr std::size_t kLeastSlots = 4;

  std::size_t index(std::uint64_t number) const { return number & (slots_.size() - 1); }
  void grow(std::uint64_t least) {
    std::vector<std::unique_ptr<Block>> larger(std::bit_ceil(std::max<std::size_t>(least, kLeastSlots)));
    for (std::uint64_t number = first_; number < end_; ++number)
      larger[number & (larger.size() - 1)] = std::move(slots_[index(number)]);
    slots_ = std::move(larger);
  }

  std::vector<std::unique_ptr<Block>> slots_;
  std::size_t count_ = 0;
  std::uint64_t first_ = 0;
  std::uint64_t end_ = 0;
};

}  // namespace mqvpn::quic
