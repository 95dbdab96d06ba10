#include "quic/flow_control.h"

namespace mqvpn::quic {

std::uint64_t ReceiveWindow::update(Duration rtt, Time now) {
  const std::uint64_t consumed = consumed_ - consumedThen_;
  if (updatedAt_ != kNever && now >= updatedAt_ && consumed >= window_ / 2) {
    // Four RTTs for a whole window, two for a half. Floating point, because the products exceed 64 bits.
    const double elapsed = static_cast<double>(now - updatedAt_);
    const double share =
        static_cast<double>(consumed) / static_cast<double>(std::max<std::uint64_t>(window_, 1));
    if (elapsed < 4 * share * static_cast<double>(rtt)) window_ = std::min(window_ * 2, mostWindow_);
  }
  // A frame that repeats a lost one must not shorten the time in which consumption is measured.
  if (!lost_ || updatedAt_ == kNever || consumed >= window_ / 2) {
    updatedAt_ = now;
    consumedThen_ = consumed_;
  }
  lost_ = false;
  limit_ = nextLimit();
  return limit_;
}

}  // namespace mqvpn::quic
