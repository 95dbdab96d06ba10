#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "quic/buffer.h"
#include "quic/frames.h"

namespace mqvpn::quic {

/// A set of integers as disjoint closed ranges, ascending, of at most `most` ranges: beyond, the lowest is
/// forgotten. Adding at the upper end, which is nearly always, is O(1).
class RangeSet {
 public:
  struct Range {
    std::uint64_t low;
    std::uint64_t high;
    bool operator==(const Range&) const = default;
  };

  explicit RangeSet(std::size_t most = SIZE_MAX) : most_(most) {}

  /// False when it was all there already.
  bool add(std::uint64_t low, std::uint64_t high);
  bool add(std::uint64_t value) { return add(value, value); }
  void remove(std::uint64_t low, std::uint64_t high);
  void removeBelow(std::uint64_t value);
  bool contains(std::uint64_t value) const;
  bool containsAll(std::uint64_t low, std::uint64_t high) const;
  bool empty() const { return ranges_.empty(); }
  std::uint64_t smallest() const { return ranges_.front().low; }
  std::uint64_t largest() const { return ranges_.back().high; }
  const std::vector<Range>& ranges() const { return ranges_; }
  /// All below was taken away by removeBelow() or forgotten for lack of room: whether it was there is no
  /// longer known.
  std::uint64_t forgottenBelow() const { return forgottenBelow_; }
  void clear() {
    ranges_.clear();
    forgottenBelow_ = 0;
  }

 private:
  void dropLowest();

  std::vector<Range> ranges_;
  std::size_t most_;
  std::uint64_t forgottenBelow_ = 0;
};

/// Appends ACK or (with a path ID) PATH_ACK of the newest ranges that fit. `delay` as on the wire. False: not
/// even one fits.
bool writeAck(Writer& out, const RangeSet& received, std::optional<std::uint32_t> pathId, std::uint64_t delay,
              const std::optional<EcnCounts>& ecn, MultipathVersion multipath);

}  // namespace mqvpn::quic
