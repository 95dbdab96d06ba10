#include "quic/rtt.h"

#include <algorithm>

namespace mqvpn::quic {

void Rtt::sample(Duration latest, Duration ackDelay, Time now) {
  latest_ = latest;
  if (!hasSample_) {
    // RFC 9002 §5.3: "On the first RTT sample after initialization, smoothed_rtt and rttvar are set as
    // follows: smoothed_rtt = latest_rtt, rttvar = latest_rtt / 2".
    hasSample_ = true;
    minimumIsStale_ = false;
    firstSampleAt_ = now;
    minimum_ = smoothed_ = latest;
    variation_ = latest / 2;
    return;
  }
  // RFC 9002 §5.2: "min_rtt MUST be set to the latest_rtt on the first RTT sample. min_rtt MUST be set to the
  // lesser of min_rtt and latest_rtt […] on all other samples." And after persistent congestion anew.
  minimum_ = minimumIsStale_ ? latest : std::min(minimum_, latest);
  minimumIsStale_ = false;
  // RFC 9002 §5.3: "MUST NOT subtract the acknowledgment delay from the RTT sample if the resulting value is
  // smaller than the min_rtt."
  const Duration adjusted = latest >= minimum_ + ackDelay ? latest - ackDelay : latest;
  const Duration difference = smoothed_ > adjusted ? smoothed_ - adjusted : adjusted - smoothed_;
  variation_ = (3 * variation_ + difference) / 4;
  smoothed_ = (7 * smoothed_ + adjusted) / 8;
}

Duration Rtt::pto(Duration maxAckDelay) const {
  return smoothed_ + std::max(4 * variation_, kGranularity) + maxAckDelay;
}

}  // namespace mqvpn::quic
