#include "tunnel/wlb_capacity.h"

#include <algorithm>

namespace mqvpn::tunnel {

namespace {
using quic::kMillisecond;

/// A path that nothing was tried on may carry more than its initial window: it is worth trying.
constexpr double kHope = 1.5;
constexpr quic::Duration kUnknownRtt = 100 * kMillisecond;
/// The window of a path with little to send grows without meaning anything. What it delivered counts for no
/// more than this, as far as it is more than the first window.
constexpr double kMostGrowth = 3;
/// So much in flight, and so much added to the round trip: there is a queue in front of the link.
constexpr std::uint64_t kPressedBytes = 16 << 10;
constexpr quic::Duration kPressedDelay = 2 * kMillisecond;
}  // namespace

double PathCapacity::guess(const quic::PathView& path) const {
  const double rtt = static_cast<double>(path.smoothedRtt == 0 ? kUnknownRtt : path.smoothedRtt) / 1e9;
  const double shown = kMostGrowth * static_cast<double>(path.deliveryRate);
  const double most = std::max(shown, static_cast<double>(firstWindow_) / rtt);
  return std::min(static_cast<double>(path.window) / rtt, most);
}

void PathCapacity::restart() {
  const std::uint64_t remembered = measured_ ? capacity_ : remembered_;
  *this = PathCapacity{};
  remembered_ = remembered;
}

void PathCapacity::observe(const quic::PathView& path, bool waiting, quic::Time now) {
  if (firstWindow_ == 0) firstWindow_ = path.window;
  if (now >= bucketEnd_ + kBuckets * kBucket) {
    most_.fill(0);
    bucketEnd_ = now + kBucket;
  }
  while (now >= bucketEnd_) {
    at_ = (at_ + 1) % kBuckets;
    most_[at_] = 0;
    bucketEnd_ += kBucket;
  }
  most_[at_] = std::max(most_[at_], path.deliveryRate);
  // Packets wait here, or in the link's own queue, and no more arrives for that.
  const bool queued = path.inFlight >= kPressedBytes &&
                      path.smoothedRtt > path.minRtt + std::max(path.minRtt / 4, kPressedDelay);
  if (!waiting && !queued) {
    pressedSince_ = quic::kNever;
  } else {
    used_ = true;
    if (pressedSince_ == quic::kNever || path.deliveryRate > pressedRate_ + pressedRate_ / 8) {
      pressedSince_ = now;
      pressedRate_ = path.deliveryRate;
    }
    measured_ |= (waiting && !path.ramping) || (queued && now - pressedSince_ >= 2 * path.smoothedRtt);
  }
  capacity_ = std::max<std::uint64_t>(1, *std::max_element(most_.begin(), most_.end()));
  if (measured_) return;
  const double hoped = (used_ ? 1 : kHope) * guess(path);
  capacity_ = std::max({capacity_, remembered_, static_cast<std::uint64_t>(hoped)});
}

}  // namespace mqvpn::tunnel
