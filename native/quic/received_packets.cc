#include "quic/received_packets.h"

namespace mqvpn::quic {

bool ReceivedPackets::isDuplicate(std::uint64_t number) const {
  if (number < ranges_.forgottenBelow()) return true;
  if (!any_ || number > largest_) return false;
  return ranges_.contains(number);
}

void ReceivedPackets::onReceived(std::uint64_t number, bool ackEliciting, Ecn ecn, Duration maxAckDelay,
                                 Time now) {
  // RFC 9000 §13.2.1: "an endpoint SHOULD generate and send an ACK frame without delay when it receives an
  // ack-eliciting packet either: when the received packet has a packet number less than another ack-eliciting
  // packet that has been received, or when the packet has a packet number larger than the highest-numbered
  // ack-eliciting packet that has been received and there are missing packets between that packet and this
  // packet."
  const bool inOrder = !any_ ? number == 0 : number == largest_ + 1;
  ranges_.add(number);
  if (isLargest(number)) {
    largest_ = number;
    largestAt_ = now;
    any_ = true;
  }
  if (ecn != Ecn::kNotEct) {
    anyEcn_ = true;
    if (ecn == Ecn::kEct0) ++ecn_.ect0;
    if (ecn == Ecn::kEct1) ++ecn_.ect1;
    if (ecn == Ecn::kCe) ++ecn_.ce;
  }
  newSinceAck_ = true;
  if (!ackEliciting) return;
  ++elicitingSinceAck_;
  // RFC 9000 §13.2.2: "A receiver SHOULD send an ACK frame after receiving at least two ack-eliciting
  // packets." The owner asks after a whole batch of received datagrams, so a train of 40 gets one ACK.
  if (maxAckDelay == 0 || !inOrder || ecn == Ecn::kCe || elicitingSinceAck_ >= 2)
    ackDeadline_ = now;
  else
    ackDeadline_ = std::min(ackDeadline_, now + maxAckDelay);
}

bool ReceivedPackets::writeAckFrame(Writer& out, std::optional<std::uint32_t> pathId, std::uint64_t exponent,
                                    MultipathVersion multipath, Time now) {
  if (ranges_.empty()) return false;
  const std::uint64_t delay = (now > largestAt_ ? now - largestAt_ : 0) / kMicrosecond >> exponent;
  const std::optional<EcnCounts> counts = anyEcn_ ? std::optional(ecn_) : std::nullopt;
  return writeAck(out, ranges_, pathId, delay, counts, multipath);
}

void ReceivedPackets::onAckSent() {
  newSinceAck_ = false;
  elicitingSinceAck_ = 0;
  ackDeadline_ = kNever;
}

void ReceivedPackets::onAckAcked(std::uint64_t largest) {
  // RFC 9000 §13.2.4: "When a packet containing an ACK frame is acknowledged, the receiver can stop
  // acknowledging packets less than or equal to the Largest Acknowledged field in the sent ACK frame." The
  // largest stays, so that an ACK frame always has something to say.
  if (largest > largest_) return;
  ranges_.removeBelow(std::min(largest + 1, largest_));
}

}  // namespace mqvpn::quic
