#include "quic/send_buffer.h"

#include <algorithm>
#include <cstring>

namespace mqvpn::quic {

namespace {
/// More than any packet takes: the search for the end of a chunk stops there.
constexpr std::uint64_t kMostChunk = 64 * 1024;
}  // namespace

template <typename Visit>
void SendBuffer::forEachBlock(std::uint64_t offset, std::uint64_t end, Visit&& visit) {
  while (offset < end) {
    const std::size_t low = offset % kBlockSize;
    const std::size_t count = std::min<std::uint64_t>(kBlockSize - low, end - offset);
    visit(blocks_.at(offset / kBlockSize), low, low + count);
    offset += count;
  }
}

void SendBuffer::append(Bytes data) {
  const std::uint8_t* from = data.data();
  forEachBlock(end_, end_ + data.size(), [&](Block& block, std::size_t low, std::size_t high) {
    std::memcpy(block.bytes + low, from, high - low);
    from += high - low;
  });
  end_ += data.size();
}

std::uint64_t SendBuffer::firstLost() const {
  std::uint64_t at = std::max(lostFrom_, acknowledgedBelow_);
  while (at < sentEnd_) {
    const std::uint64_t start = at - at % kBlockSize;
    const std::size_t found = blocks_.find(at / kBlockSize)->lost.firstSet(at % kBlockSize);
    at = start + found;
    if (found < kBlockSize) break;
  }
  return at;
}

std::uint64_t SendBuffer::endOfLost(std::uint64_t from) const {
  const std::uint64_t most = std::min(from + kMostChunk, sentEnd_);
  std::uint64_t at = from;
  while (at < most) {
    const std::uint64_t start = at - at % kBlockSize;
    const std::size_t found = blocks_.find(at / kBlockSize)->lost.firstClear(at % kBlockSize);
    at = start + found;
    if (found < kBlockSize) break;
  }
  return std::min(at, most);
}

std::optional<SendBuffer::Chunk> SendBuffer::next(std::uint64_t limit) const {
  if (hasLost()) {
    const std::uint64_t offset = firstLost();
    return Chunk{offset, endOfLost(offset) - offset, true};
  }
  if (!hasUnsent(limit)) return std::nullopt;
  return Chunk{sentEnd_, std::min({end_, limit, sentEnd_ + kMostChunk}) - sentEnd_, false};
}

void SendBuffer::take(std::uint64_t offset, std::span<std::uint8_t> out) {
  const std::uint64_t end = offset + out.size();
  std::uint8_t* to = out.data();
  forEachBlock(offset, end, [&](Block& block, std::size_t low, std::size_t high) {
    std::memcpy(to, block.bytes + low, high - low);
    to += high - low;
    lostBytes_ -= block.lost.clear(low, high);
  });
  if (offset < sentEnd_) lostFrom_ = end;
  sentEnd_ = std::max(sentEnd_, end);
}

void SendBuffer::onAcked(std::uint64_t offset, std::uint64_t size) {
  const std::uint64_t low = std::max(offset, acknowledgedBelow_);
  const std::uint64_t high = std::min(offset + size, sentEnd_);
  if (low >= high) return;
  forEachBlock(low, high, [&](Block& block, std::size_t first, std::size_t last) {
    lostBytes_ -= block.lost.clear(first, last);
    block.acknowledged.set(first, last);
  });
  if (low > acknowledgedBelow_) return;
  std::uint64_t at = high;
  while (at < sentEnd_) {
    const std::uint64_t start = at - at % kBlockSize;
    const std::size_t found = blocks_.find(at / kBlockSize)->acknowledged.firstClear(at % kBlockSize);
    at = start + found;
    if (found < kBlockSize) break;
  }
  acknowledgedBelow_ = std::min(at, sentEnd_);
  if (allAcknowledged())
    blocks_.clear(end_ / kBlockSize);
  else
    blocks_.dropBelow(acknowledgedBelow_ / kBlockSize);
}

void SendBuffer::onLost(std::uint64_t offset, std::uint64_t size) {
  const std::uint64_t low = std::max(offset, acknowledgedBelow_);
  const std::uint64_t high = std::min(offset + size, sentEnd_);
  if (low >= high) return;
  forEachBlock(low, high, [&](Block& block, std::size_t first, std::size_t last) {
    lostBytes_ += block.lost.setWhereClear(first, last, block.acknowledged);
  });
  lostFrom_ = std::min(lostFrom_, low);
}

void SendBuffer::restart() {
  forEachBlock(acknowledgedBelow_, sentEnd_, [&](Block& block, std::size_t low, std::size_t high) {
    block.lost.clear(low, high);
    block.acknowledged.clear(low, high);
  });
  lostBytes_ = 0;
  lostFrom_ = acknowledgedBelow_;
  sentEnd_ = acknowledgedBelow_;
}

}  // namespace mqvpn::quic
