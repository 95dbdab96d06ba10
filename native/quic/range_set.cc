#include "quic/range_set.h"

#include <algorithm>
#include <iterator>

#include "quic/frame_codes.h"

namespace mqvpn::quic {

namespace {

using Range = RangeSet::Range;

/// Whether `value` lies above the range with at least one number between them.
bool isBeyond(const Range& range, std::uint64_t value) {
  return range.high < value && value - range.high > 1;
}

/// The first range with high >= value.
template <typename Ranges>
auto firstReaching(Ranges& ranges, std::uint64_t value) {
  return std::partition_point(ranges.begin(), ranges.end(),
                              [value](const Range& range) { return range.high < value; });
}

}  // namespace

void RangeSet::dropLowest() {
  forgottenBelow_ = std::max(forgottenBelow_, ranges_.front().high + 1);
  ranges_.erase(ranges_.begin());
}

bool RangeSet::add(std::uint64_t low, std::uint64_t high) {
  if (low > high) return false;
  if (ranges_.empty() || isBeyond(ranges_.back(), low)) {
    ranges_.push_back({low, high});
    if (ranges_.size() > most_) dropLowest();
    return true;
  }
  if (Range& last = ranges_.back(); low >= last.low) {
    if (high <= last.high) return false;
    last.high = high;
    return true;
  }
  // The first range that the new one touches or overlaps, or that lies above it.
  const auto first = std::partition_point(ranges_.begin(), ranges_.end(),
                                          [low](const Range& range) { return isBeyond(range, low); });
  if (first->low <= low && high <= first->high) return false;
  auto end = first;
  Range merged{low, high};
  while (end != ranges_.end() && !isBeyond(merged, end->low)) {
    merged.low = std::min(merged.low, end->low);
    merged.high = std::max(merged.high, end->high);
    ++end;
  }
  if (first == end) {
    ranges_.insert(first, merged);
    if (ranges_.size() > most_) dropLowest();
  } else {
    *first = merged;
    ranges_.erase(std::next(first), end);
  }
  return true;
}

void RangeSet::remove(std::uint64_t low, std::uint64_t high) {
  if (low > high) return;
  auto at = firstReaching(ranges_, low);
  if (at == ranges_.end() || at->low > high) return;
  if (at->low < low && at->high > high) {
    const Range upper{high + 1, at->high};
    at->high = low - 1;
    ranges_.insert(std::next(at), upper);
    if (ranges_.size() > most_) dropLowest();
    return;
  }
  if (at->low < low) {
    at->high = low - 1;
    ++at;
  }
  auto end = at;
  while (end != ranges_.end() && end->high <= high) ++end;
  if (end != ranges_.end() && end->low <= high) end->low = high + 1;
  ranges_.erase(at, end);
}

void RangeSet::removeBelow(std::uint64_t value) {
  forgottenBelow_ = std::max(forgottenBelow_, value);
  const auto at = firstReaching(ranges_, value);
  if (at != ranges_.end()) at->low = std::max(at->low, value);
  ranges_.erase(ranges_.begin(), at);
}

bool RangeSet::contains(std::uint64_t value) const { return containsAll(value, value); }

bool RangeSet::containsAll(std::uint64_t low, std::uint64_t high) const {
  if (low > high) return true;
  if (ranges_.empty() || low > ranges_.back().high) return false;
  if (low >= ranges_.back().low) return high <= ranges_.back().high;
  const auto at = firstReaching(ranges_, low);
  return at->low <= low && high <= at->high;
}

bool writeAck(Writer& out, const RangeSet& received, std::optional<std::uint32_t> pathId, std::uint64_t delay,
              const std::optional<EcnCounts>& ecn, MultipathVersion multipath) {
  if (received.empty() || !out.ok()) return false;
  const std::uint64_t plain = pathId ? (ecn ? frame_type::kPathAckEcn : frame_type::kPathAck)
                                     : (ecn ? frame_type::kAckEcn : frame_type::kAck);
  const std::uint64_t type = wireFrameType(plain, multipath);
  if (type == kNoFrameType) return false;
  const std::vector<Range>& ranges = received.ranges();
  const Range& newest = ranges.back();

  std::size_t size =
      varintSize(type) + varintSize(newest.high) + varintSize(delay) + varintSize(newest.high - newest.low);
  if (pathId) size += varintSize(*pathId);
  if (ecn) size += varintSize(ecn->ect0) + varintSize(ecn->ect1) + varintSize(ecn->ce);
  // RFC 9000 §13.2.3: "An ACK frame is expected to fit within a single QUIC packet. If it does not, then
  // older ranges (those with the smallest packet numbers) are omitted."
  const std::size_t room = out.room();
  if (size + 1 > room) return false;
  std::size_t more = 0;
  for (auto upper = ranges.rbegin(), lower = std::next(upper); lower != ranges.rend(); ++upper, ++lower) {
    size += varintSize(upper->low - lower->high - 2) + varintSize(lower->high - lower->low);
    if (size + varintSize(more + 1) > room) break;
    ++more;
  }

  out.varint(type);
  if (pathId) out.varint(*pathId);
  out.varint(newest.high);
  out.varint(delay);
  out.varint(more);
  out.varint(newest.high - newest.low);
  // RFC 9000 §19.3.1: "smallest = largest - ack_range", "largest = previous_smallest - gap - 2".
  auto upper = ranges.rbegin();
  for (std::size_t i = 0; i < more; ++i, ++upper) {
    const auto lower = std::next(upper);
    out.varint(upper->low - lower->high - 2);
    out.varint(lower->high - lower->low);
  }
  if (ecn) {
    out.varint(ecn->ect0);
    out.varint(ecn->ect1);
    out.varint(ecn->ce);
  }
  return true;
}

}  // namespace mqvpn::quic
