#pragma once

#include <cstddef>
#include <cstdint>

#include "quic/bitmap.h"
#include "quic/block_ring.h"
#include "quic/buffer.h"

namespace mqvpn::quic {

/// Puts the pieces of a byte stream in order. What arrives twice is dropped; memory is what lies between the
/// read position and the highest byte received, which the caller's flow control bounds.
///
/// Bytes lie in blocks of fixed size with one flag per byte, whatever the pieces were: memory is at most
/// 1.125 times that distance (and one block), and inserting costs what the piece is long.
class ReceiveBuffer {
 public:
  /// The caller has checked that `offset` is within a window above position().
  void insert(std::uint64_t offset, Bytes data);
  /// Contiguous bytes at the read position (a part of them when they lie in several blocks); empty: none.
  /// Valid until the next call of a non-const member.
  Bytes readable() const;
  /// At most what readable() gave.
  void consume(std::size_t size);
  /// Bytes consumed.
  std::uint64_t position() const { return position_; }
  /// All bytes below have arrived.
  std::uint64_t contiguous() const { return contiguous_; }
  /// One above the highest byte that arrived.
  std::uint64_t highest() const { return highest_; }
  /// Without the object itself.
  std::size_t memoryBytes() const { return blocks_.memoryBytes(); }

 private:
  static constexpr std::size_t kBlockSize = 2048;
  struct Block {
    /// Of bytes at or above contiguous_ only: what arrives in order sets none.
    Bitmap<kBlockSize> arrived;
    std::uint8_t bytes[kBlockSize];
  };

  void extend();

  BlockRing<Block> blocks_;
  std::uint64_t position_ = 0;
  std::uint64_t contiguous_ = 0;
  std::uint64_t highest_ = 0;
};

}  // namespace mqvpn::quic
