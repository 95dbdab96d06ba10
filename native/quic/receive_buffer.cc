#include "quic/receive_buffer.h"

#include <algorithm>
#include <cstring>

namespace mqvpn::quic {

void ReceiveBuffer::insert(std::uint64_t offset, Bytes data) {
  const std::uint64_t end = offset + data.size();
  if (end <= contiguous_ || data.empty()) return;
  if (offset < contiguous_) {
    data = data.subspan(contiguous_ - offset);
    offset = contiguous_;
  }
  const bool inOrder = offset == contiguous_;
  for (std::uint64_t at = offset; at < end;) {
    const std::size_t low = at % kBlockSize;
    const std::size_t count = std::min<std::uint64_t>(kBlockSize - low, end - at);
    Block& block = blocks_.at(at / kBlockSize);
    std::memcpy(block.bytes + low, data.data() + (at - offset), count);
    if (!inOrder) block.arrived.set(low, low + count);
    at += count;
  }
  highest_ = std::max(highest_, end);
  if (!inOrder) return;
  contiguous_ = end;
  extend();
}

void ReceiveBuffer::extend() {
  while (contiguous_ < highest_) {
    const Block* block = blocks_.find(contiguous_ / kBlockSize);
    if (block == nullptr) return;
    const std::size_t found = block->arrived.firstClear(contiguous_ % kBlockSize);
    contiguous_ += found - contiguous_ % kBlockSize;
    if (found < kBlockSize) return;
  }
}

Bytes ReceiveBuffer::readable() const {
  if (position_ == contiguous_) return {};
  const std::size_t low = position_ % kBlockSize;
  const std::size_t count = std::min<std::uint64_t>(kBlockSize - low, contiguous_ - position_);
  return {blocks_.find(position_ / kBlockSize)->bytes + low, count};
}

void ReceiveBuffer::consume(std::size_t size) {
  position_ += size;
  if (position_ == highest_)
    blocks_.clear(position_ / kBlockSize);
  else
    blocks_.dropBelow(position_ / kBlockSize);
}

}  // namespace mqvpn::quic
