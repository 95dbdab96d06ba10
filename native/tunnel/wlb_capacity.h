#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "quic/application.h"
#include "quic/time.h"

namespace mqvpn::tunnel {

/// What a path can carry: the most that it delivered within the last second. (quic::PathView::deliveryRate is
/// not pulled down by samples of an idle path.) Until it was full once, what its window would let through.
class PathCapacity {
 public:
  /// `waiting`: packets have been waiting for the path for a round trip at least.
  void observe(const quic::PathView& path, bool waiting, quic::Time now);
  /// The path is back after it was away: what it carried before is the best guess.
  void restart();
  /// Bytes per second, at least 1.
  std::uint64_t bytesPerSecond() const { return capacity_; }
  /// It is no guess.
  bool isMeasured() const { return measured_; }

 private:
  static constexpr quic::Duration kBucket = 250 * quic::kMillisecond;
  static constexpr std::size_t kBuckets = 4;

  double guess(const quic::PathView& path) const;

  std::array<std::uint64_t, kBuckets> most_{};
  std::size_t at_ = 0;
  quic::Time bucketEnd_ = 0;
  std::uint64_t firstWindow_ = 0;
  /// Since when it seems to be full, and what it delivered then.
  quic::Time pressedSince_ = quic::kNever;
  std::uint64_t pressedRate_ = 0;
  bool used_ = false, measured_ = false;
  std::uint64_t remembered_ = 0;
  std::uint64_t capacity_ = 1;
};

}  // namespace mqvpn::tunnel
