#include "quic/sent_packets.h"

#include <algorithm>

namespace mqvpn::quic {

/// What one ACK frame acknowledges first.
struct SentPackets::Newly {
  PathSender& path;
  SentObserver& observer;
  Time now;
  std::uint64_t largest;
  AckResult& result;
  bool largestIsNew = false;
  /// In flight and of the path's present epoch.
  std::uint64_t bytes = 0;
  bool hasNewest = false;
  SentPacket newest{};
};

void SentPackets::skipNumber() {
  skipped_[skippedCount_ % skipped_.size()] = ring_.end();
  ++skippedCount_;
  ring_.skip();
}

void SentPackets::onSent(const SentPacket& packet, std::span<const SentFrame> frames) {
  ring_.add(packet, frames);
  if (packet.ackEliciting) {
    ++ackElicitingInFlight_;
    lastAckElicitingSentAt_ = packet.sentAt;
  }
}

bool SentPackets::wasSkipped(std::uint64_t low, std::uint64_t high) const {
  for (std::size_t i = 0; i < std::min(skippedCount_, skipped_.size()); ++i)
    if (low <= skipped_[i] && skipped_[i] <= high) return true;
  return false;
}

SentPackets::AckResult SentPackets::onAck(const AckFrame& ack, Duration ackDelay, EcnValidator* ecn, Time now,
                                          PathSender& path, SentObserver& observer) {
  AckResult result;
  // RFC 9000 §13.1: "An endpoint SHOULD treat receipt of an acknowledgment for a packet it did not send as a
  // connection error of type PROTOCOL_VIOLATION, if it is able to detect the condition."
  if (ack.largest >= ring_.end()) {
    result.error = {TransportError::kProtocolViolation, "ACK of a packet that was not sent"};
    return result;
  }
  const std::uint64_t priorInFlight = path.bytesInFlight_;
  Newly newly{path, observer, now, ack.largest, result};
  ack.forEachRange([&](std::uint64_t low, std::uint64_t high) {
    if (wasSkipped(low, high))
      result.error = {TransportError::kProtocolViolation, "ACK of a packet number that was skipped"};
    if (!result.error) ackRange(low, high, newly);
  });
  if (result.error || !result.anyNewlyAcked) return result;

  if (!largestAcked_ || ack.largest > *largestAcked_) {
    largestAcked_ = ack.largest;
    result.largestAckedGrew = true;
  }
  // RFC 9002 §5.1: "An endpoint generates an RTT sample on receiving an ACK frame that meets the following
  // two conditions: the largest acknowledged packet number is newly acknowledged, and at least one of the
  // newly acknowledged packets was ack-eliciting."
  Duration rtt = 0;
  const SentRing::Slot& largest = ring_.at(ack.largest);
  if (newly.largestIsNew && result.ackElicitingNewlyAcked && largest.epoch == path.epoch_) {
    rtt = std::max<Duration>(now - largest.sentAt, 1);
    path.rtt_.sample(rtt, ackDelay, now);
    result.rttSampled = true;
  }
  if (newly.hasNewest) path.deliveryRate_.onDelivered(newly.newest, newly.bytes, now);
  if (ecn != nullptr && result.largestAckedGrew) {
    const std::uint64_t newCe = ecn->onAck(ack.ecn ? &*ack.ecn : nullptr, result.ect0NewlyAcked);
    if (newCe > 0 && newly.hasNewest) {
      LossSample sample;
      sample.now = now;
      sample.bytesInFlight = path.bytesInFlight_;
      sample.largestSentAt = newly.newest.sentAt;
      sample.largestPacketNumber = newly.newest.number;
      sample.txInFlight = newly.newest.txInFlight;
      sample.isEcn = true;
      path.congestion_->onLoss(sample, path.rtt_);
    }
  }
  result.anyLost = detectLost(now, path, observer, ecn);
  if (newly.hasNewest) reportCongestion(newly, priorInFlight, rtt, now, path);
  tidy(now, path);
  return result;
}

void SentPackets::reportCongestion(const Newly& newly, std::uint64_t priorInFlight, Duration rtt, Time now,
                                   PathSender& path) {
  const DeliveryRate::Sample rate = path.deliveryRate_.sample(newly.newest, path.rtt_.minimum(), now);
  AckSample sample;
  sample.now = now;
  sample.ackedBytes = newly.bytes;
  sample.priorInFlight = priorInFlight;
  sample.bytesInFlight = path.bytesInFlight_;
  sample.largestSentAt = newly.newest.sentAt;
  sample.largestPacketNumber = newly.newest.number;
  sample.rtt = rtt;
  sample.deliveryRate = rate.rate;
  sample.isAppLimited = rate.isAppLimited;
  sample.priorDelivered = rate.priorDelivered;
  sample.delivered = rate.delivered;
  sample.lost = rate.lost;
  sample.txInFlight = rate.txInFlight;
  path.congestion_->onAck(sample, path.rtt_);
  if (path.congestion_->limitsItself()) path.deliveryRate_.onAppLimited(path.bytesInFlight_);
}

void SentPackets::ackRange(std::uint64_t low, std::uint64_t high, Newly& newly) {
  low = std::max(low, ring_.begin());
  if (high < low) return;
  std::uint64_t end = high + 1;
  while (end > low) {
    if (ring_.at(end - 1).state == State::kAcked) {
      end = ring_.belowAcked(end);
    } else {
      if (ring_.at(end - 1).state == State::kSkipped) {
        newly.result.error = {TransportError::kProtocolViolation, "ACK of a packet number that was skipped"};
        return;
      }
      --end;
      ackPacket(end, newly);
    }
  }
  ring_.joinAcked(end, high);
}

void SentPackets::ackPacket(std::uint64_t number, Newly& newly) {
  SentRing::Slot& slot = ring_.at(number);
  AckResult& result = newly.result;
  PathSender& path = newly.path;
  const State was = slot.state;
  if (was == State::kOutstanding) {
    ring_.settle(number, State::kAcked);
  } else {
    slot.state = State::kAcked;
    slot.before = 1;
    if (was != State::kWrittenOff) onSpuriousLoss(number, was, newly.largest, newly.now);
  }
  ++packetsAcked_;
  result.anyNewlyAcked = true;
  if (number == newly.largest) newly.largestIsNew = true;
  if (slot.ect0) ++result.ect0NewlyAcked;
  if (slot.ackEliciting) {
    result.ackElicitingNewlyAcked = true;
    if (was == State::kOutstanding) --ackElicitingInFlight_;
  }
  if (slot.inFlight && slot.epoch == path.epoch_) {
    if (was == State::kOutstanding) {
      path.bytesInFlight_ -= slot.bytes;
    } else if (was != State::kWrittenOff && !slot.isMtuProbe) {
      path.congestion_->onSpuriousLoss(slot.bytes, slot.sentAt);
    }
    newly.bytes += slot.bytes;
    path.blackHole_.onAcked(slot.bytes, slot.sentAt);
    // Ranges descend: the first is the newest.
    if (!newly.hasNewest) {
      newly.hasNewest = true;
      SentPacket& newest = newly.newest;
      newest.number = number;
      newest.sentAt = slot.sentAt;
      newest.bytes = slot.bytes;
      newest.isAppLimited = slot.isAppLimited;
      newest.delivered = slot.delivered;
      newest.deliveredAt = slot.deliveredAt;
      newest.firstSentAt = slot.firstSentAt;
      newest.txInFlight = slot.txInFlight;
      newest.lostBefore = path.deliveryRate_.lostWhenLowWas(slot.lostBefore);
    }
  }
  if (was != State::kOutstanding) return;
  ring_.forEachFrame(slot, [&](const SentFrame& frame) { newly.observer.onFrameAcked(frame); });
  ring_.dropFrames(slot);
}

void SentPackets::discard(PathSender& path) {
  for (std::uint64_t number = ring_.oldest(); number != SentRing::kNone; number = ring_.after(number)) {
    const SentRing::Slot& slot = ring_.at(number);
    if (slot.inFlight && slot.epoch == path.epoch_) path.bytesInFlight_ -= slot.bytes;
  }
  ring_.clear();
  ackElicitingInFlight_ = 0;
  lossDeadline_ = kNever;
  inLostRun_ = false;
}

void SentPackets::loseAll(PathSender& path, SentObserver& observer) {
  while (ring_.oldest() != SentRing::kNone) {
    const std::uint64_t number = ring_.oldest();
    SentRing::Slot& slot = ring_.at(number);
    if (slot.inFlight && slot.epoch == path.epoch_) path.bytesInFlight_ -= slot.bytes;
    ring_.settle(number, State::kWrittenOff);
    ring_.forEachFrame(slot, [&](const SentFrame& frame) { observer.onFrameLost(frame); });
    ring_.dropFrames(slot);
  }
  ackElicitingInFlight_ = 0;
  lossDeadline_ = kNever;
  inLostRun_ = false;
}

void SentPackets::tidy(Time now, const PathSender& path) {
  const Duration remembered = 2 * path.rtt_.pto(path.maxAckDelay_);
  ring_.forget(now > remembered ? now - remembered : 0);
  ring_.shrink(now);
}

}  // namespace mqvpn::quic
