#include "quic/delivery_rate.h"

#include <algorithm>

namespace mqvpn::quic {

void DeliveryRate::onSent(SentPacket& packet, std::uint64_t inFlight, Time now) {
  // draft-ietf-ccwg-bbr §4.1.2.2: "If there is no data in flight yet, then we can start the delivery rate
  // interval at the current time".
  if (inFlight == 0) firstSentAt_ = deliveredAt_ = now;
  packet.firstSentAt = firstSentAt_;
  packet.deliveredAt = deliveredAt_;
  packet.delivered = delivered_;
  packet.isAppLimited = appLimitedUntil_ != 0;
  packet.txInFlight = inFlight + packet.bytes;
  packet.lostBefore = lost_;
}

void DeliveryRate::onDelivered(const SentPacket& newest, std::uint64_t bytes, Time now) {
  delivered_ += bytes;
  deliveredAt_ = now;
  sendElapsed_ = newest.sentAt - newest.firstSentAt;
  firstSentAt_ = std::max(firstSentAt_, newest.sentAt);
  // §4.1.2.3: "Clear app-limited field if bubble is ACKed and gone."
  if (delivered_ > appLimitedUntil_) appLimitedUntil_ = 0;
}

DeliveryRate::Sample DeliveryRate::sample(const SentPacket& newest, Duration minimumRtt, Time now) {
  Sample sample;
  sample.isAppLimited = newest.isAppLimited;
  sample.priorDelivered = newest.delivered;
  sample.delivered = delivered_;
  sample.lost = lost_ - newest.lostBefore;
  sample.txInFlight = newest.txInFlight;
  // §4.1.2.3: "Use the longer of the send_elapsed and ack_elapsed".
  const Duration interval = std::max(sendElapsed_, now - newest.deliveredAt);
  // §4.1.2.3: "Normally we expect interval >= MinRTT."
  if (interval == 0 || interval < minimumRtt) return sample;
  sample.rate = static_cast<std::uint64_t>(static_cast<double>(delivered_ - newest.delivered) * 1e9 /
                                           static_cast<double>(interval));
  if (rate_ == 0) {
    rate_ = sample.rate;
  } else if (!sample.isAppLimited || sample.rate > rate_) {
    rate_ = (7 * rate_ + sample.rate) / 8;
  }
  return sample;
}

void DeliveryRate::onAppLimited(std::uint64_t inFlight) {
  // §4.1.2.4: "C.app_limited = max(C.delivered + C.inflight, 1)".
  appLimitedUntil_ = std::max<std::uint64_t>(delivered_ + inFlight, 1);
}

}  // namespace mqvpn::quic
