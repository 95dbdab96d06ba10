#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "link/frame.h"

namespace mqvpn::link {

/// Frames of one fixed size in memory that the caller provides. Slots are handed out last in, first out, so
/// that a lightly loaded link stays in the cache, and memory that was never needed is never touched: a pool
/// may be as large as the worst case.
class FramePool {
 public:
  /// `maxFrame`: largest Ethernet frame in bytes.
  FramePool(std::span<std::byte> memory, std::size_t maxFrame)
      : memory_(memory), stride_(strideFor(maxFrame)), maxFrame_(maxFrame), slots_(memory.size() / stride_) {}

  /// Bytes from one slot to the next. An odd number of cache lines: with a power of two all frame headers
  /// would compete for the same few cache sets. One byte more than the largest frame, so that a longer one
  /// can be told from one that just fits.
  static constexpr std::size_t strideFor(std::size_t maxFrame) {
    constexpr std::size_t line = 64;
    const std::size_t lines = (sizeof(Frame) + kVnetHeaderBytes + maxFrame + 1 + line - 1) / line;
    return (lines | 1) * line;
  }

  /// Null when every slot is in use.
  Frame* take() {
    Frame* frame = free_;
    if (frame != nullptr) {
      free_ = frame->next;
    } else if (touched_ < slots_) {
      frame = reinterpret_cast<Frame*>(memory_.data() + touched_++ * stride_);
    } else {
      return nullptr;
    }
    ++inUse_;
    return frame;
  }

  void give(Frame* frame) {
    frame->next = free_;
    free_ = frame;
    --inUse_;
  }

  std::size_t maxFrame() const { return maxFrame_; }
  std::size_t inUse() const { return inUse_; }
  std::size_t slots() const { return slots_; }

 private:
  std::span<std::byte> memory_;
  std::size_t stride_;
  std::size_t maxFrame_;
  std::size_t slots_;
  std::size_t touched_ = 0;
  std::size_t inUse_ = 0;
  Frame* free_ = nullptr;
};

}  // namespace mqvpn::link
