#include "quic/pacer.h"

#include <algorithm>
#include <cmath>

#include "quic/congestion.h"

namespace mqvpn::quic {

namespace {
double bytesIn(std::uint64_t rate, Duration time) {
  return static_cast<double>(rate) * static_cast<double>(time) / 1e9;
}
}  // namespace

std::uint64_t Pacer::burst(std::uint64_t rate) const {
  // RFC 9002 §7.7: "Senders SHOULD limit bursts to the initial congestion window". Of a faster path, what the
  // sender waits for, and a millisecond by which its timer may be late without losing rate.
  const auto late = static_cast<std::uint64_t>(bytesIn(rate, kMillisecond));
  return std::max(initialWindow(maxDatagramSize_), quantum(rate) + std::min(late, kMostLate));
}

std::uint64_t Pacer::quantum(std::uint64_t rate) const {
  // A slow path gathers two datagrams if that takes at most 5 ms: half the wake-ups, no delay to notice.
  const auto soon = static_cast<std::uint64_t>(bytesIn(rate, 5 * kMillisecond));
  const std::uint64_t few = std::clamp(soon, maxDatagramSize_, 2 * maxDatagramSize_);
  const auto wanted = std::min(static_cast<std::uint64_t>(bytesIn(rate, kMillisecond)), kMostQuantum);
  // Whole datagrams: a part of one would be left over, and the next wake-up would come that much sooner.
  return (std::max(few, wanted) + maxDatagramSize_ - 1) / maxDatagramSize_ * maxDatagramSize_;
}

void Pacer::refill(Time now, std::uint64_t rate) {
  const auto most = static_cast<double>(burst(rate));
  if (refilledAt_ == kNever) {
    tokens_ = most;
  } else if (now > refilledAt_) {
    // What went out unpaced, such as probes after a timeout, delays what follows by two datagrams at most.
    tokens_ = std::max(tokens_, -2.0 * static_cast<double>(maxDatagramSize_));
    tokens_ += bytesIn(rate, now - refilledAt_);
  }
  tokens_ = std::min(tokens_, most);
  refilledAt_ = refilledAt_ == kNever ? now : std::max(now, refilledAt_);
}

std::uint64_t Pacer::room(Time now, std::uint64_t rate) {
  if (rate == 0) return UINT64_MAX;
  refill(now, rate);
  const double least = static_cast<double>(shut_ ? quantum(rate) : maxDatagramSize_);
  shut_ = tokens_ < least;
  return shut_ ? 0 : static_cast<std::uint64_t>(tokens_);
}

Time Pacer::deadline(Time now, std::uint64_t rate) {
  if (room(now, rate) > 0) return now;
  const double missing = static_cast<double>(quantum(rate)) - tokens_;
  return now + static_cast<Duration>(std::ceil(missing / static_cast<double>(rate) * 1e9)) + 1;
}

}  // namespace mqvpn::quic
