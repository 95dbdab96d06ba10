#pragma once

#include <cstdint>

#include "quic/send_batch.h"
#include "quic/time.h"

namespace mqvpn::quic {

/// A token bucket (RFC 9002 §7.7: "Senders MUST either use pacing or limit such bursts"). Tokens are bytes.
/// Once it ran empty it stays shut until a quantum worth waking up for has gathered: about a millisecond of
/// the rate, so that a busy path costs at most about a thousand wake-ups per second and leaves in batches
/// that one system call carries. A path that uses less than its rate finds tokens at once and is never
/// delayed.
class Pacer {
 public:
  /// Two send batches are a millisecond of 1 Gbit/s. Faster paths wake more often rather than send longer
  /// bursts, which the queues of a path with a short RTT would not hold.
  static constexpr std::uint64_t kMostQuantum = 2 * SendBatch::kMostBytes;
  /// Bytes that a late timer makes up for.
  static constexpr std::uint64_t kMostLate = 6 * SendBatch::kMostBytes;

  explicit Pacer(std::uint64_t maxDatagramSize) : maxDatagramSize_(maxDatagramSize) {}

  /// Bytes that may be sent at once now: 0, or at least one datagram. `rate` in bytes per second; 0: not
  /// paced.
  std::uint64_t room(Time now, std::uint64_t rate);
  /// When room() will not be 0; `now` if it is not.
  Time deadline(Time now, std::uint64_t rate);
  void onSent(std::uint64_t bytes) { tokens_ -= static_cast<double>(bytes); }
  void onDatagramSize(std::uint64_t maxDatagramSize) { maxDatagramSize_ = maxDatagramSize; }

  /// The most that gathers while nothing is sent: a quantum and another millisecond, at least an initial
  /// window (ten datagrams).
  std::uint64_t burst(std::uint64_t rate) const;
  /// What an empty bucket waits for.
  std::uint64_t quantum(std::uint64_t rate) const;

 private:
  void refill(Time now, std::uint64_t rate);

  std::uint64_t maxDatagramSize_;
  double tokens_ = 0;
  Time refilledAt_ = kNever;
  bool shut_ = false;
};

}  // namespace mqvpn::quic
