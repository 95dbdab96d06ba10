#pragma once

#include <cstdint>
#include <memory>

#include "quic/black_hole.h"
#include "quic/congestion.h"
#include "quic/delivery_rate.h"
#include "quic/pacer.h"
#include "quic/rtt.h"
#include "quic/sent_packet.h"
#include "quic/time.h"

namespace mqvpn::quic {

/// The sending side of one path: RTT, congestion window, pacing, what is in flight. The packets of the
/// Initial and Handshake spaces count on path 0.
class PathSender {
 public:
  PathSender(CongestionChoice choice, std::uint64_t maxDatagramSize, Time now);

  Rtt& rtt() { return rtt_; }
  const Rtt& rtt() const { return rtt_; }
  const CongestionController& congestion() const { return *congestion_; }
  std::uint64_t bytesInFlight() const { return bytesInFlight_; }
  std::uint64_t window() const { return congestion_->window(); }
  /// Bytes that the window still allows.
  std::uint64_t windowRoom() const;
  /// Bytes that pacing allows at once now (0: wait until pacingDeadline()). Bursts are a few packets on slow
  /// paths and up to a whole SendBatch on fast ones, so that a paced path costs at most about a wake-up per
  /// millisecond.
  std::uint64_t pacingRoom(Time now);
  Time pacingDeadline(Time now);
  /// Bytes per second.
  std::uint64_t pacingRate() const;
  /// Bytes per second of recent deliveries; for schedulers and statistics. 0: unknown.
  std::uint64_t deliveryRate() const;

  /// The path stopped to carry large packets: call MtuDiscovery::onBlackHole(), then onDatagramSize(). To be
  /// asked after SentPackets::onAck() and detectLost(); true once. A PTO probe of more than
  /// MtuDiscovery::kBase bytes cannot find it out: from the second PTO on, send small ones.
  bool blackHoleFound() { return blackHole_.found(rtt_, maxAckDelay_); }

  /// Fills the packet's snapshot of the delivery-rate sampler, and counts it as in flight.
  void onSent(SentPacket& packet, Time now);
  /// There was room in the window and nothing to send (draft-cheng §3.4, RFC 9002 §7.8).
  void onAppLimited();
  void onDatagramSize(std::uint64_t maxDatagramSize, Time now);
  /// RFC 9000 §9.4: a new network path starts anew. Packets sent before no longer count, in flight or for
  /// samples.
  void restart(Time now);
  /// The same path after a long silence: what was measured of it still holds for the round trip, but not for
  /// what it carries.
  void restartCongestion(Time now);

  unsigned ptoCount() const { return ptoCount_; }
  void setPtoCount(unsigned count) { ptoCount_ = count; }
  /// The peer's max_ack_delay, for the duration of persistent congestion (RFC 9002 §7.6.1).
  void setMaxAckDelay(Duration delay) { maxAckDelay_ = delay; }

 private:
  friend class SentPackets;

  CongestionChoice choice_;
  std::uint64_t maxDatagramSize_;
  Rtt rtt_;
  std::unique_ptr<CongestionController> congestion_;
  Pacer pacer_;
  DeliveryRate deliveryRate_;
  BlackHole blackHole_;
  std::uint64_t bytesInFlight_ = 0;
  /// restart() raises it.
  std::uint32_t epoch_ = 0;
  unsigned ptoCount_ = 0;
  /// RFC 9000 §18.2: "If this value is absent, a default of 25 milliseconds is assumed."
  Duration maxAckDelay_ = 25 * kMillisecond;
};

}  // namespace mqvpn::quic
