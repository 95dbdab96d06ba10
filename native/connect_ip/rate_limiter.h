#pragma once

#include <cstdint>

#include "quic/time.h"

namespace mqvpn::connect_ip {

/// A token bucket. RFC 4443 §2.4 (f): "an IPv6 node MUST limit the rate of ICMPv6 error messages it
/// originates."
class RateLimiter {
 public:
  /// Starts full. `perSecond` up to 10^9.
  constexpr RateLimiter(std::uint32_t perSecond, std::uint32_t burst)
      : interval_(quic::kSecond / (perSecond == 0 ? 1 : perSecond)), burst_(burst), tokens_(burst) {}

  /// Whether one more may go now.
  constexpr bool take(quic::Time now) {
    refill(now);
    if (tokens_ == 0) return false;
    --tokens_;
    return true;
  }

 private:
  constexpr void refill(quic::Time now) {
    // Also for the first call: the bucket is full then.
    if (tokens_ == burst_) {
      last_ = now;
      return;
    }
    if (now <= last_) return;
    const quic::Time earned = (now - last_) / interval_;
    if (earned >= burst_ - tokens_) {
      tokens_ = burst_;
      last_ = now;
    } else {
      tokens_ += static_cast<std::uint32_t>(earned);
      last_ += earned * interval_;
    }
  }

  quic::Duration interval_;
  std::uint32_t burst_;
  std::uint32_t tokens_;
  quic::Time last_ = 0;
};

/// As Linux does by default (icmp_ratelimit and its burst): enough for traceroute and path MTU discovery.
constexpr std::uint32_t kIcmpPerSecond = 100;
constexpr std::uint32_t kIcmpBurst = 50;

}  // namespace mqvpn::connect_ip
