#pragma once

#include <algorithm>
#include <cstdint>

#include "quic/time.h"

namespace mqvpn::quic {

/// HyStart++ (RFC 9406): leaves slow start when the delay of a round grows, before the queue overflows. A
/// round ends with the acknowledgement of a packet sent after the round began, which needs no packet numbers.
class HyStart {
 public:
  // RFC 9406 §4.3: "It is RECOMMENDED that a HyStart++ implementation use the following constants".
  static constexpr Duration kMinRttThreshold = 4 * kMillisecond;
  static constexpr Duration kMaxRttThreshold = 16 * kMillisecond;
  static constexpr unsigned kRttSamples = 8;
  static constexpr std::uint64_t kCssGrowthDivisor = 4;
  static constexpr unsigned kCssRounds = 5;

  /// The window grows by what is acknowledged, divided by this.
  std::uint64_t growthDivisor() const { return inCss_ ? kCssGrowthDivisor : 1; }
  bool inConservativePhase() const { return inCss_; }

  /// True: enter congestion avoidance. `rtt`: 0 when there was no sample.
  bool onAck(Time now, Time largestSentAt, Duration rtt) {
    if (rtt != 0) {
      roundMin_ = std::min(roundMin_, rtt);
      ++samples_;
    }
    if (samples_ >= kRttSamples) {
      if (inCss_) {
        // §4.2: "check if current round's minRTT drops below baseline indicating that HyStart exit was
        // spurious."
        if (roundMin_ < baseline_) inCss_ = false;
      } else if (lastRoundMin_ != kNever) {
        const Duration threshold = std::clamp(lastRoundMin_ / 8, kMinRttThreshold, kMaxRttThreshold);
        if (roundMin_ >= lastRoundMin_ + threshold) {
          inCss_ = true;
          baseline_ = roundMin_;
          cssRounds_ = 0;
        }
      }
    }
    if (largestSentAt < roundBegan_) return false;
    // §4.2: "CSS lasts at most CSS_ROUNDS rounds. If the transition into CSS happens in the middle of a
    // round, that partial round counts towards the limit."
    const bool over = inCss_ && ++cssRounds_ >= kCssRounds;
    lastRoundMin_ = roundMin_;
    roundMin_ = kNever;
    samples_ = 0;
    roundBegan_ = now;
    return over;
  }

 private:
  Time roundBegan_ = 0;
  Duration roundMin_ = kNever;
  Duration lastRoundMin_ = kNever;
  unsigned samples_ = 0;
  bool inCss_ = false;
  Duration baseline_ = kNever;
  unsigned cssRounds_ = 0;
};

}  // namespace mqvpn::quic
