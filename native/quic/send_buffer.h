#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "quic/bitmap.h"
#include "quic/block_ring.h"
#include "quic/buffer.h"

namespace mqvpn::quic {

/// Bytes of a stream that wait to be sent, or to be acknowledged, or to be sent again. Each byte is in one of
/// four states: acknowledged (and forgotten once all before are), in flight, lost, unsent.
///
/// The states are two flags per byte. So memory is at most 1.25 times what is buffered (and one block), and
/// no order in which a peer acknowledges makes a step cost more than the bytes it names.
class SendBuffer {
 public:
  void append(Bytes data);
  /// Appended so far: the offset of the next byte to come.
  std::uint64_t end() const { return end_; }
  /// All bytes below are acknowledged.
  std::uint64_t acknowledgedBelow() const { return acknowledgedBelow_; }
  std::uint64_t buffered() const { return end() - acknowledgedBelow(); }
  bool allAcknowledged() const { return buffered() == 0; }

  struct Chunk {
    std::uint64_t offset;
    std::size_t size;
    bool isRetransmission;
  };
  /// What to send next: lost bytes first, then unsent ones below `limit` (flow control). Not yet taken.
  std::optional<Chunk> next(std::uint64_t limit) const;
  bool hasLost() const { return lostBytes_ > 0; }
  bool hasUnsent(std::uint64_t limit) const { return sentEnd_ < std::min(end_, limit); }
  /// Copies bytes out; they are now in flight. Must lie within what next() gave.
  void take(std::uint64_t offset, std::span<std::uint8_t> out);
  /// The first byte never sent.
  std::uint64_t sentEnd() const { return sentEnd_; }
  /// What was not sent is ignored, here and in onLost().
  void onAcked(std::uint64_t offset, std::uint64_t size);
  /// Only those not acknowledged meanwhile become lost.
  void onLost(std::uint64_t offset, std::uint64_t size);
  /// Everything sent and not acknowledged from the start on counts as unsent again (Retry, rejected 0-RTT),
  /// so that flow control applies to it anew.
  void restart();
  /// Without the object itself.
  std::size_t memoryBytes() const { return blocks_.memoryBytes(); }

 private:
  static constexpr std::size_t kBlockSize = 2048;
  struct Block {
    Bitmap<kBlockSize> acknowledged;
    Bitmap<kBlockSize> lost;
    std::uint8_t bytes[kBlockSize];
  };

  /// Calls visit(block, low, high) for each block that [offset, end) touches.
  template <typename Visit>
  void forEachBlock(std::uint64_t offset, std::uint64_t end, Visit&& visit);
  std::uint64_t firstLost() const;
  std::uint64_t endOfLost(std::uint64_t from) const;

  BlockRing<Block> blocks_;
  std::uint64_t acknowledgedBelow_ = 0;
  std::uint64_t sentEnd_ = 0;
  std::uint64_t end_ = 0;
  std::uint64_t lostBytes_ = 0;
  /// No byte below is lost.
  std::uint64_t lostFrom_ = 0;
};

}  // namespace mqvpn::quic
