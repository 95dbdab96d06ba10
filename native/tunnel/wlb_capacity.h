#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "quic/application.h"
#include "quic/time.h"

namespace mqvpn::tunnel {

/// What a path can carry: the most that it delivered within the last second. (quic::PathView::deliveryRate is
/// not pulled down by samples of an idle path.) Until it was busy, what its window would let through.
class PathCapacity {
 public:
  /// `busy`: packets have been waiting for the path for a round trip at least.
  void observe(const quic::PathView& path, bool busy, quic::Time now);
  /// Bytes per second, at least 1.
  std::uint64_t bytesPerSecond() const { return capacity_; }

 private:
  static constexpr quic::Duration kBucket = 250 * quic::kMillisecond;
  static constexpr std::size_t kBuckets = 4;

  std::array<std::uint64_t, kBuckets> most_{};
  std::size_t at_ = 0;
  quic::Time bucketEnd_ = 0;
  /// Was busy at all; and when its window did not grow by itself.
  bool used_ = false, measured_ = false;
  std::uint64_t capacity_ = 1;
};

}  // namespace mqvpn::tunnel
