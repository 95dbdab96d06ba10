#pragma once

#include <cstdint>

#include "quic/time.h"

namespace mqvpn::quic {

/// DPLPMTUD of one path (RFC 8899, RFC 9000 §14.3). Sizes are UDP payloads. The search tries the most that
/// the interface allows, then bisects a list of sizes that common links have, then what is left down to
/// kResolution. One probe is out at a time; a size counts as refused when kMaxProbes of it in a row were
/// lost, with pauses between, so that one burst of congestion refutes nothing.
class MtuDiscovery {
 public:
  /// RFC 9000 §14.1: BASE_PLPMTU.
  static constexpr std::uint32_t kBase = 1200;
  /// RFC 8899 §5.1.2: "The default value of MAX_PROBES is 3."
  static constexpr unsigned kMaxProbes = 3;
  /// RFC 8899 §5.1.1, PMTU_RAISE_TIMER: "This timer has a period of 600 seconds".
  static constexpr Duration kRaiseInterval = 600 * kSecond;
  /// The search ends when it could gain less than this.
  static constexpr std::uint32_t kResolution = 8;

  /// `most`: what the local interface and the peer's max_udp_payload_size allow.
  MtuDiscovery(std::uint32_t most, Time now);

  /// The size of packets that this path may carry now.
  std::uint32_t current() const { return current_; }
  /// The size of the probe to send now; 0: none.
  std::uint32_t probeDue(Time now) const;
  Time deadline() const;
  void onProbeSent(std::uint32_t size, Time now);
  void onProbeAcked(std::uint32_t size, Time now);
  void onProbeLost(std::uint32_t size, Time now);
  /// The kernel refused the size (EMSGSIZE): the interface's MTU is smaller.
  void onTooBig(std::uint32_t size, Time now);
  /// PathSender::blackHoleFound(): back to kBase, and the search begins again (RFC 8899 §4.3).
  void onBlackHole(Time now);
  void setMost(std::uint32_t most, Time now);
  /// A new network path.
  void restart(Time now);
  bool searching() const;

 private:
  std::uint32_t nextSize() const;
  void search(Time now);
  void advance(Time now);

  std::uint32_t most_;
  std::uint32_t current_ = kBase;
  /// The largest size that was not refuted since the search began.
  std::uint32_t ceiling_;
  /// The size that is tried, and how often it was lost.
  std::uint32_t trying_ = 0;
  unsigned losses_ = 0;
  bool outstanding_ = false;
  /// When the next probe, or the next search, is due.
  Time dueAt_;
};

}  // namespace mqvpn::quic
