#pragma once

#include <cstdint>

#include "quic/frames.h"

namespace mqvpn::quic {

/// Validation of ECN on one path (RFC 9000 §13.4.2, Appendix A.4): testing, unknown, capable or failed.
class EcnValidator {
 public:
  /// RFC 9000 §A.4: "Section 13.4.2 suggests limiting this to ten packets or three times the PTO."
  static constexpr std::uint64_t kTestPackets = 10;

  /// Whether the next packet is to be sent as ECT(0).
  bool mark() const {
    return state_ == State::kCapable || (state_ == State::kTesting && sent_ < kTestPackets);
  }
  void onSent(bool ect0);
  void onMarkedLost();
  /// `ect0NewlyAcked`: packets sent as ECT(0) that were acknowledged for the first time since the last call.
  /// Called (by SentPackets) only when an ACK raised the largest acknowledged. Returns how many CE marks are
  /// new; 0 also when validation failed.
  std::uint64_t onAck(const EcnCounts* counts, std::uint64_t ect0NewlyAcked);
  bool failed() const { return state_ == State::kFailed; }
  bool capable() const { return state_ == State::kCapable; }

 private:
  enum class State : std::uint8_t { kTesting, kUnknown, kCapable, kFailed };

  bool valid(const EcnCounts& counts, std::uint64_t ect0NewlyAcked) const;

  State state_ = State::kTesting;
  /// Marked packets: sent, lost, acknowledged.
  std::uint64_t sent_ = 0;
  std::uint64_t lost_ = 0;
  std::uint64_t acked_ = 0;
  /// As the peer reported last.
  EcnCounts counts_;
};

}  // namespace mqvpn::quic
