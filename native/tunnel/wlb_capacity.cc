#include "tunnel/wlb_capacity.h"

#include <algorithm>

namespace mqvpn::tunnel {

namespace {
/// A path that nothing was tried on may carry more than its initial window: it is worth trying.
constexpr std::uint64_t kHope = 2;
constexpr quic::Duration kUnknownRtt = 100 * quic::kMillisecond;
}  // namespace

void PathCapacity::observe(const quic::PathView& path, bool busy, quic::Time now) {
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
  used_ |= busy;
  measured_ |= busy && !path.ramping;
  capacity_ = std::max<std::uint64_t>(1, *std::max_element(most_.begin(), most_.end()));
  if (measured_ && !path.ramping) return;
  const double rtt = static_cast<double>(path.smoothedRtt == 0 ? kUnknownRtt : path.smoothedRtt);
  const auto guess = static_cast<std::uint64_t>(static_cast<double>(path.window) * 1e9 / rtt);
  capacity_ = std::max(capacity_, used_ ? guess : kHope * guess);
}

}  // namespace mqvpn::tunnel
