#include "quic/ecn.h"

namespace mqvpn::quic {

void EcnValidator::onSent(bool ect0) {
  if (ect0) ++sent_;
  // RFC 9000 §A.4: "After the testing period ends, the ECN state for the path becomes "unknown"."
  if (state_ == State::kTesting && sent_ >= kTestPackets) state_ = State::kUnknown;
}

void EcnValidator::onMarkedLost() {
  ++lost_;
  // RFC 9000 §A.4: "An endpoint can also mark the ECN state for a path as "failed" if marked packets are all
  // declared lost". Not before all of the test were, or the loss of the first packet would do.
  if (state_ == State::kUnknown && acked_ == 0 && lost_ >= sent_) state_ = State::kFailed;
}

bool EcnValidator::valid(const EcnCounts& counts, std::uint64_t ect0NewlyAcked) const {
  if (counts.ect0 < counts_.ect0 || counts.ect1 < counts_.ect1 || counts.ce < counts_.ce) return false;
  // RFC 9000 §13.4.2.1: "ECN validation also fails if the sum of the increase in ECT(0) and ECN-CE counts is
  // less than the number of newly acknowledged packets that were originally sent with an ECT(0) marking."
  const std::uint64_t grown = counts.ect0 - counts_.ect0 + (counts.ce - counts_.ce);
  if (grown < ect0NewlyAcked) return false;
  // §13.4.2.1: "ECN validation can fail if the received total count for either ECT(0) or ECT(1) exceeds the
  // total number of packets sent with each corresponding ECT codepoint." No packet is sent with ECT(1).
  return counts.ect0 <= sent_ && counts.ect1 == 0 && counts.ce <= sent_ - counts.ect0;
}

std::uint64_t EcnValidator::onAck(const EcnCounts* counts, std::uint64_t ect0NewlyAcked) {
  if (state_ == State::kFailed) return 0;
  acked_ += ect0NewlyAcked;
  if (counts == nullptr) {
    // §13.4.2.1: "If an ACK frame newly acknowledges a packet that the endpoint sent with either the ECT(0)
    // or ECT(1) codepoint set, ECN validation fails if the corresponding ECN counts are not present in the
    // ACK frame."
    if (ect0NewlyAcked > 0) state_ = State::kFailed;
    return 0;
  }
  if (!valid(*counts, ect0NewlyAcked)) {
    state_ = State::kFailed;
    return 0;
  }
  const std::uint64_t newCe = counts->ce - counts_.ce;
  counts_ = *counts;
  // §A.4: "From the "unknown" state, successful validation of the ECN counts in an ACK frame […] causes the
  // ECN state for the path to become "capable", unless no marked packet has been acknowledged." And: "An
  // endpoint can also mark the ECN state for a path as "failed" […] if they are all ECN-CE marked."
  if (state_ == State::kUnknown && acked_ > 0)
    state_ = counts_.ce >= kTestPackets && counts_.ect0 == 0 ? State::kFailed : State::kCapable;
  return state_ == State::kFailed ? 0 : newCe;
}

}  // namespace mqvpn::quic
