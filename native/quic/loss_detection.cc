// The half of SentPackets that declares packets lost: RFC 9002 §6.1 and §7.6.

#include <algorithm>

#include "quic/sent_packets.h"

namespace mqvpn::quic {

namespace {
/// RFC 9002 §7.6.1: "The RECOMMENDED value for kPersistentCongestionThreshold is 3".
constexpr Duration kPersistentCongestionThreshold = 3;
/// Loss events without a spurious one after which the thresholds go half the way back: what RACK (RFC 8985
/// §6.2 step 4) does with its reordering window: "16 loss recoveries".
constexpr unsigned kForgiveAfter = 16;
}  // namespace

Duration SentPackets::lossDelay(const Rtt& rtt) const {
  // RFC 9002 §6.1.2: "max(kTimeThreshold * max(smoothed_rtt, latest_rtt), kGranularity)".
  const Duration longest = std::max(rtt.smoothed(), rtt.latest());
  return std::max(longest + (longest >> timeShift_), Rtt::kGranularity);
}

bool SentPackets::detectLost(Time now, PathSender& path, SentObserver& observer, EcnValidator* ecn) {
  lossDeadline_ = kNever;
  // RFC 9002 §6.1: "The packet is unacknowledged, in flight, and was sent prior to an acknowledged packet."
  if (!largestAcked_) return false;
  if (lossesSinceSpurious_ >= kForgiveAfter) {
    lossesSinceSpurious_ = 0;
    packetThreshold_ = std::max(kPacketThreshold, packetThreshold_ / 2);
    timeShift_ = std::min(kTimeShift, timeShift_ + 1);
  }
  const Duration delay = lossDelay(path.rtt_);
  bool anyLost = false;
  LossSample sample;
  sample.now = now;
  // Numbers and times both ascend: the first that is not lost ends it.
  while (ring_.oldest() < *largestAcked_) {
    const std::uint64_t number = ring_.oldest();
    const Time sentAt = ring_.at(number).sentAt;
    const bool byCount = *largestAcked_ - number >= packetThreshold_;
    if (!byCount && sentAt + delay > now) {
      lossDeadline_ = sentAt + delay;
      break;
    }
    losePacket(number, byCount ? State::kLostByCount : State::kLostByTime, path, observer, ecn, sample);
    anyLost = true;
  }
  if (anyLost) ++lossesSinceSpurious_;
  if (sample.lostBytes > 0) {
    sample.bytesInFlight = path.bytesInFlight_;
    // RFC 9002 §5.2: "Endpoints SHOULD set the min_rtt to the newest RTT sample after persistent congestion
    // is established."
    if (sample.isPersistent) path.rtt_.resetMinimum();
    path.congestion_->onLoss(sample, path.rtt_);
  }
  return anyLost;
}

void SentPackets::losePacket(std::uint64_t number, State how, PathSender& path, SentObserver& observer,
                             EcnValidator* ecn, LossSample& sample) {
  SentRing::Slot& slot = ring_.at(number);
  if (slot.ackEliciting) --ackElicitingInFlight_;
  if (slot.ect0 && ecn != nullptr) ecn->onMarkedLost();
  if (slot.inFlight && !slot.isMtuProbe) {
    ++packetsLost_;
    bytesLost_ += slot.bytes;
  }
  if (slot.inFlight && slot.epoch == path.epoch_) {
    path.bytesInFlight_ -= slot.bytes;
    // RFC 9000 §14.4: "Loss of a QUIC packet that is carried in a PMTU probe is therefore not a reliable
    // indication of congestion and SHOULD NOT trigger a congestion control reaction".
    if (!slot.isMtuProbe) {
      path.deliveryRate_.onLost(slot.bytes);
      path.blackHole_.onLost(slot.bytes, slot.sentAt);
      LostPacket lost;
      lost.number = number;
      lost.bytes = slot.bytes;
      lost.txInFlight = slot.txInFlight;
      lost.lostSinceSent = path.deliveryRate_.lost() - path.deliveryRate_.lostWhenLowWas(slot.lostBefore);
      lost.sentAt = slot.sentAt;
      lost.isAppLimited = slot.isAppLimited;
      lost.delivered = path.deliveryRate_.delivered();
      path.congestion_->onPacketLost(lost);
      sample.lostBytes += slot.bytes;
      sample.largestSentAt = slot.sentAt;
      sample.largestPacketNumber = number;
      sample.txInFlight = slot.txInFlight;
      if (extendsPersistent(number, sample.now, path)) sample.isPersistent = true;
    }
  }
  ring_.settle(number, how);
  ring_.forEachFrame(slot, [&](const SentFrame& frame) { observer.onFrameLost(frame); });
  ring_.dropFrames(slot);
}

bool SentPackets::extendsPersistent(std::uint64_t number, Time now, const PathSender& path) {
  // RFC 9002 §7.6.2: "across all packet number spaces, none of the packets sent between the send times of
  // these two packets are acknowledged". We look at this space only, which the RFC permits.
  bool continues = inLostRun_ && lostRunLast_ < number;
  for (std::uint64_t between = number; continues && between-- > lostRunLast_ + 1;)
    continues = between >= ring_.begin() && ring_.at(between).state != State::kAcked;
  if (!continues) lostRunStart_ = kNever;
  inLostRun_ = true;
  lostRunLast_ = number;

  // "a prior RTT sample existed when these two packets were sent. These two packets MUST be ack-eliciting".
  const SentRing::Slot& slot = ring_.at(number);
  if (!slot.ackEliciting || slot.sentAt <= path.rtt_.firstSampleAt()) return false;
  if (lostRunStart_ == kNever) lostRunStart_ = slot.sentAt;
  const Duration duration = path.rtt_.pto(path.maxAckDelay_) * kPersistentCongestionThreshold;
  if (slot.sentAt - lostRunStart_ <= duration || slot.sentAt > now) return false;
  // The same packets do not establish it twice.
  lostRunStart_ = slot.sentAt;
  return true;
}

void SentPackets::onSpuriousLoss(std::uint64_t number, State how, std::uint64_t largest, Time now) {
  ++spuriousLosses_;
  lossesSinceSpurious_ = 0;
  // RFC 9002 §6.1.1: "Algorithms that increase the reordering threshold after spuriously detecting losses,
  // such as RACK [RFC8985], have proven to be useful in TCP and are expected to be at least as useful in
  // QUIC." The distance is how much later it came than what was sent after it.
  const std::uint64_t distance = std::max(largest, largestAcked_.value_or(0)) - number;
  packetThreshold_ = std::min(kMostPacketThreshold, std::max(packetThreshold_, distance + 1));
  // The time threshold steps 9/8, 5/4, 3/2, 2, at most once for the packets of a round trip.
  if (how == State::kLostByTime && ring_.at(number).sentAt >= timeRaisedAt_ && timeShift_ > 0) {
    --timeShift_;
    timeRaisedAt_ = now;
  }
}

}  // namespace mqvpn::quic
