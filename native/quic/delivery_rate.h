#pragma once

#include <cstdint>

#include "quic/sent_packet.h"
#include "quic/time.h"

namespace mqvpn::quic {

/// Samples of the rate at which a path delivers (draft-cheng-iccrg-delivery-rate-estimation,
/// draft-ietf-ccwg-bbr §4.1).
class DeliveryRate {
 public:
  /// Counted from the moment when a packet was sent until its acknowledgement.
  struct Sample {
    /// Bytes per second; 0: no sample.
    std::uint64_t rate = 0;
    bool isAppLimited = false;
    std::uint64_t priorDelivered = 0;
    std::uint64_t delivered = 0;
    std::uint64_t lost = 0;
    std::uint64_t txInFlight = 0;
  };

  /// Fills the packet's snapshot. `inFlight`: before this packet.
  void onSent(SentPacket& packet, std::uint64_t inFlight, Time now);
  /// What one ACK frame acknowledged, `newest` of it sent last; then what it revealed as lost; then sample().
  void onDelivered(const SentPacket& newest, std::uint64_t bytes, Time now);
  void onLost(std::uint64_t bytes) { lost_ += bytes; }
  Sample sample(const SentPacket& newest, Duration minimumRtt, Time now);
  /// The sender ran out of data while the window had room.
  void onAppLimited(std::uint64_t inFlight);

  std::uint64_t delivered() const { return delivered_; }
  std::uint64_t lost() const { return lost_; }
  /// lost() at the time, not long ago, when it was `low` modulo 2³².
  std::uint64_t lostWhenLowWas(std::uint32_t low) const {
    return lost_ - static_cast<std::uint32_t>(static_cast<std::uint32_t>(lost_) - low);
  }
  /// Bytes per second, smoothed over recent samples that the application did not limit, or that were higher.
  std::uint64_t rate() const { return rate_; }

 private:
  std::uint64_t delivered_ = 0;
  Time deliveredAt_ = 0;
  Duration sendElapsed_ = 0;
  Time firstSentAt_ = 0;
  std::uint64_t lost_ = 0;
  /// delivered_ at which the last packet of the application-limited phase will have been acknowledged; 0:
  /// none.
  std::uint64_t appLimitedUntil_ = 0;
  std::uint64_t rate_ = 0;
};

}  // namespace mqvpn::quic
