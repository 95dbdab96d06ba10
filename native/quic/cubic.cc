#include "quic/cubic.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace mqvpn::quic {

namespace {
/// RFC 9438 §5.1: "C SHOULD be set to 0.4", in segments per second³.
constexpr double kC = 0.4;
/// RFC 9438 §4.6: "The parameter β_cubic SHOULD be set to 0.7".
constexpr double kBeta = 0.7;
/// RFC 9438 §4.3: AIMD(α, β) is as aggressive as Reno with this α.
constexpr double kAlpha = 3 * (1 - kBeta) / (1 + kBeta);
constexpr double kInfinite = std::numeric_limits<double>::infinity();

double seconds(Duration time) { return static_cast<double>(time) / 1e9; }
}  // namespace

Cubic::Cubic(std::uint64_t maxDatagramSize, unsigned initialPackets)
    : initialPackets_(initialPackets), maxDatagramSize_(maxDatagramSize) {
  state_.window = static_cast<double>(initialWindow(maxDatagramSize, initialPackets_));
  state_.threshold = kInfinite;
}

void Cubic::onSent(Time now, std::uint64_t bytes, std::uint64_t bytesInFlight) {
  // After an idle time the window is an old guess. RFC 7661 §4 and RFC 2861 §3.1 halve it per timeout, and
  // remember in the threshold where it was, so that slow start brings it back within a few round trips.
  // Pacing bounds the burst anyway.
  if (bytesInFlight == bytes && lastSentAt_ != 0 && now - lastSentAt_ > pto_) {
    const double initial = static_cast<double>(initialWindow(maxDatagramSize_, initialPackets_));
    const auto periods = std::min<Duration>((now - lastSentAt_) / pto_, 64);
    if (state_.window > initial) {
      const double before = state_.window;
      state_.window = std::max(initial, before * std::pow(0.5, static_cast<double>(periods)));
      if (state_.threshold != kInfinite) state_.threshold = std::max(state_.threshold, 0.75 * before);
      state_.epochBegan = kNever;
    }
  }
  lastSentAt_ = now;
}

bool Cubic::fullyUsed(const AckSample& sample) const {
  // RFC 9002 §7.8: "When bytes in flight is smaller than the congestion window and sending is not pacing
  // limited, the congestion window is underutilized. […] the congestion window SHOULD NOT be increased in
  // either slow start or congestion avoidance." Pacing keeps up to an eighth of the window waiting; in slow
  // start, where it sends a window in half a round trip, half.
  const double inFlight = static_cast<double>(sample.priorInFlight);
  if (inSlowStart()) return 2 * inFlight >= state_.window;
  return inFlight + state_.window / 8 + 2 * static_cast<double>(maxDatagramSize_) >= state_.window;
}

void Cubic::onAck(const AckSample& sample, const Rtt& rtt) {
  pto_ = rtt.pto(0);
  const bool used = fullyUsed(sample);
  // RFC 9002 §7.3.2: "A recovery period ends and the sender enters congestion avoidance when a packet sent
  // during the recovery period is acknowledged."
  if (!episode_.covers(sample.largestSentAt)) {
    if (inSlowStart()) {
      slowStart(sample, used);
    } else {
      avoid(sample, rtt, used);
    }
  }
  lastAckAt_ = sample.now;
}

void Cubic::slowStart(const AckSample& sample, bool used) {
  std::uint64_t divisor = 1;
  bool over = false;
  if (initialSlowStart_) {
    over = hystart_.onAck(sample.now, sample.largestSentAt, sample.rtt);
    divisor = hystart_.growthDivisor();
  }
  if (used) {
    // RFC 9406 §4.3 limits the growth per ACK (L) for senders that do not pace; ours does.
    state_.window += static_cast<double>(sample.ackedBytes) / static_cast<double>(divisor);
    state_.window = std::min(state_.window, std::max(state_.threshold, least()));
  }
  if (over) {
    // RFC 9438 §4.10: "it may exit the first slow start without incurring any packet loss and thus W_max is
    // undefined. In this special case, CUBIC sets cwnd_prior = cwnd and switches to congestion avoidance."
    initialSlowStart_ = false;
    state_.threshold = state_.prior = state_.window;
    state_.most = 0;
    state_.epochBegan = kNever;
  }
}

double Cubic::curveAt(double time) const {
  const double offset = time - state_.k;
  return state_.most + kC * offset * offset * offset * static_cast<double>(maxDatagramSize_);
}

void Cubic::avoid(const AckSample& sample, const Rtt& rtt, bool used) {
  const double segment = static_cast<double>(maxDatagramSize_);
  if (state_.epochBegan == kNever) {
    state_.epochBegan = sample.now;
    state_.reno = state_.window;
    state_.most = std::max(state_.most, state_.window);
    // RFC 9438 §4.2: K = cbrt((W_max - cwnd_epoch) / C).
    state_.k = std::cbrt((state_.most - state_.window) / segment / kC);
  }
  if (!used) {
    // RFC 9438 §5.8: "Section 4.2 requires that t in Figure 1 does not include application-limited periods,
    // such as idle periods".
    state_.epochBegan =
        std::min(sample.now, state_.epochBegan + (sample.now - std::min(lastAckAt_, sample.now)));
    return;
  }
  const double acked = static_cast<double>(sample.ackedBytes);
  const double elapsed = seconds(sample.now - state_.epochBegan);
  // §4.3: "Once W_est has grown to reach the cwnd at the time of most recently setting ssthresh […] the
  // sender SHOULD set α_cubic to 1".
  state_.reno += (state_.reno >= state_.prior ? 1.0 : kAlpha) * acked * segment / state_.window;
  if (curveAt(elapsed) < state_.reno) {
    state_.window = std::max(state_.window, state_.reno);
    return;
  }
  // §4.2: the target is W_cubic(t + RTT), but at least cwnd and at most 1.5 * cwnd.
  const double target =
      std::clamp(curveAt(elapsed + seconds(rtt.smoothed())), state_.window, 1.5 * state_.window);
  state_.window += (target - state_.window) * acked / state_.window;
}

void Cubic::onLoss(const LossSample& sample, const Rtt&) {
  if (sample.isPersistent) {
    // RFC 9002 §7.6.2: "the sender's congestion window MUST be reduced to the minimum congestion window".
    // RFC 9438 §4.8: "CUBIC follows Reno to reduce cwnd [RFC5681], but sets ssthresh using β_cubic".
    if (episode_.isNew(sample.largestSentAt)) {
      state_.prior = state_.window;
      state_.threshold = std::max(state_.window * kBeta, least());
    }
    episode_.begin(sample.now);
    state_.window = least();
    state_.most = 0;
    state_.epochBegan = kNever;
    initialSlowStart_ = false;
    return;
  }
  if (!sample.isEcn && episode_.covers(sample.largestSentAt)) episode_.addLost(sample.lostBytes);
  if (!episode_.isNew(sample.largestSentAt)) return;
  undo_ = state_;
  episode_.begin(sample.now);
  // A CE mark is never spurious.
  if (!sample.isEcn) episode_.addLost(sample.lostBytes);
  initialSlowStart_ = false;
  // RFC 9438 §4.7: "With Fast Convergence, when a congestion event occurs, W_max is updated as follows,
  // before the window reduction".
  state_.most = state_.window < state_.most ? state_.window * (1 + kBeta) / 2 : state_.window;
  state_.prior = state_.window;
  state_.threshold = state_.window = std::max(state_.window * kBeta, least());
  state_.epochBegan = kNever;
}

void Cubic::onSpuriousLoss(std::uint64_t bytes, Time sentAt) {
  // RFC 9438 §4.9.2: "Once the previously declared packet loss is confirmed to be spurious, CUBIC MAY restore
  // the original values of the above-mentioned variables as follows if the current cwnd is lower than
  // cwnd_prior."
  if (episode_.removeSpurious(bytes, sentAt) && state_.window < state_.prior && undo_.window > 0) {
    state_ = undo_;
    undo_.window = 0;
  }
}

void Cubic::onDatagramSize(std::uint64_t maxDatagramSize) {
  // RFC 9002 §7.2: "If the maximum datagram size changes during the connection, the initial congestion window
  // SHOULD be recalculated with the new size."
  if (state_.window == static_cast<double>(initialWindow(maxDatagramSize_, initialPackets_)) &&
      state_.threshold == kInfinite)
    state_.window = static_cast<double>(initialWindow(maxDatagramSize, initialPackets_));
  maxDatagramSize_ = maxDatagramSize;
  state_.window = std::max(state_.window, least());
}

std::uint64_t Cubic::pacingRate(const Rtt& rtt) const {
  // RFC 9002 §7.7: "rate = N * congestion_window / smoothed_rtt. Using a value for N that is small, but at
  // least 1 (for example, 1.25) ensures that variations in RTT do not result in underutilization of the
  // congestion window." Slow start doubles the window within a round trip.
  const bool doubles = inSlowStart() && !(initialSlowStart_ && hystart_.inConservativePhase());
  const double time = seconds(std::max<Duration>(rtt.smoothed(), 1));
  return std::max<std::uint64_t>(static_cast<std::uint64_t>((doubles ? 2.0 : 1.25) * state_.window / time),
                                 1);
}

std::uint64_t Cubic::slowStartThreshold() const {
  return state_.threshold == kInfinite ? UINT64_MAX : static_cast<std::uint64_t>(state_.threshold);
}

std::uint64_t Cubic::bandwidth(const Rtt& rtt) const {
  if (!rtt.hasSample()) return 0;
  return static_cast<std::uint64_t>(state_.window / seconds(std::max<Duration>(rtt.smoothed(), 1)));
}

std::string_view Cubic::stateName() const {
  if (episode_.covers(lastSentAt_)) return "recovery";
  if (!inSlowStart()) return "congestion_avoidance";
  return initialSlowStart_ && hystart_.inConservativePhase() ? "conservative_slow_start" : "slow_start";
}

}  // namespace mqvpn::quic
