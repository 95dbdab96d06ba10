#include "quic/path_sender.h"

namespace mqvpn::quic {

PathSender::PathSender(CongestionChoice choice, std::uint64_t maxDatagramSize, Time now)
    : choice_(choice),
      maxDatagramSize_(maxDatagramSize),
      congestion_(makeCongestionController(choice, maxDatagramSize, now)),
      pacer_(maxDatagramSize) {}

std::uint64_t PathSender::windowRoom() const {
  const std::uint64_t most = congestion_->window();
  return most > bytesInFlight_ ? most - bytesInFlight_ : 0;
}

std::uint64_t PathSender::pacingRate() const { return congestion_->pacingRate(rtt_); }

std::uint64_t PathSender::pacingRoom(Time now) { return pacer_.room(now, pacingRate()); }

Time PathSender::pacingDeadline(Time now) { return pacer_.deadline(now, pacingRate()); }

std::uint64_t PathSender::deliveryRate() const { return deliveryRate_.rate(); }

void PathSender::onSent(SentPacket& packet, Time now) {
  packet.epoch = epoch_;
  if (!packet.inFlight) return;
  deliveryRate_.onSent(packet, bytesInFlight_, now);
  bytesInFlight_ += packet.bytes;
  pacer_.onSent(packet.bytes);
  congestion_->onSent(now, packet.bytes, bytesInFlight_);
}

void PathSender::onAppLimited() {
  if (windowRoom() > 0) deliveryRate_.onAppLimited(bytesInFlight_);
}

void PathSender::onDatagramSize(std::uint64_t maxDatagramSize, Time /*now*/) {
  maxDatagramSize_ = maxDatagramSize;
  congestion_->onDatagramSize(maxDatagramSize);
  pacer_.onDatagramSize(maxDatagramSize);
}

void PathSender::restart(Time now) {
  rtt_ = Rtt{};
  restartCongestion(now);
}

void PathSender::restartCongestion(Time now) {
  ++epoch_;
  congestion_ = makeCongestionController(choice_, maxDatagramSize_, now);
  pacer_ = Pacer(maxDatagramSize_);
  deliveryRate_ = DeliveryRate{};
  blackHole_.reset();
  bytesInFlight_ = 0;
  ptoCount_ = 0;
}

}  // namespace mqvpn::quic
