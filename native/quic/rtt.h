#pragma once

#include "quic/time.h"

namespace mqvpn::quic {

/// RTT estimate of one path (RFC 9002 §5).
class Rtt {
 public:
  /// RFC 9002 §6.2.2: "When no previous RTT is available, the initial RTT SHOULD be set to 333 milliseconds."
  static constexpr Duration kInitial = 333 * kMillisecond;
  /// RFC 9002 §6.1.2, kGranularity.
  static constexpr Duration kGranularity = kMillisecond;

  /// `ackDelay` as the peer reported, already limited to its max_ack_delay once the handshake is confirmed.
  void sample(Duration latest, Duration ackDelay, Time now);
  bool hasSample() const { return hasSample_; }
  Duration latest() const { return latest_; }
  Duration smoothed() const { return smoothed_; }
  Duration variation() const { return variation_; }
  Duration minimum() const { return minimum_; }
  /// RFC 9002 §6.2.1: smoothed_rtt + max(4*rttvar, kGranularity) + max_ack_delay.
  Duration pto(Duration maxAckDelay) const;
  /// RFC 9002 §5.2: "Endpoints SHOULD set the min_rtt to the newest RTT sample after persistent congestion is
  /// established."
  void resetMinimum() { minimumIsStale_ = true; }
  /// When the first sample was taken, or kNever (RFC 9002 §7.6.2: persistent congestion needs one).
  Time firstSampleAt() const { return firstSampleAt_; }

 private:
  bool hasSample_ = false;
  bool minimumIsStale_ = false;
  Duration latest_ = 0;
  Duration smoothed_ = kInitial;
  Duration variation_ = kInitial / 2;
  Duration minimum_ = 0;
  Time firstSampleAt_ = kNever;
};

}  // namespace mqvpn::quic
