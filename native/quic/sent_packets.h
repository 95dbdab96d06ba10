#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "quic/ecn.h"
#include "quic/errors.h"
#include "quic/frames.h"
#include "quic/path_sender.h"
#include "quic/sent_packet.h"
#include "quic/sent_ring.h"
#include "quic/time.h"

namespace mqvpn::quic {

/// Learns the fate of each packet, frame by frame. Must not call back into the SentPackets.
class SentObserver {
 public:
  virtual ~SentObserver() = default;
  virtual void onFrameAcked(const SentFrame& frame) = 0;
  virtual void onFrameLost(const SentFrame& frame) = 0;
};

/// What was sent in one packet number space, and loss detection on it (RFC 9002 §6). Memory is a ring indexed
/// by packet number that grows to what is in flight; a packet with one or two frames, such as one DATAGRAM,
/// costs no allocation. An acknowledgement costs what it newly acknowledges and finds lost, plus the number
/// of its ranges, however many old packets these cover.
///
/// A lost packet stays remembered for about two PTOs. Its late acknowledgement counts as a spurious loss and
/// raises the thresholds, so that a path that reorders (or a link layer that repeats) does not lose half its
/// window to that again and again.
class SentPackets {
 public:
  /// RFC 9002 §6.1.1: "The RECOMMENDED initial value for the packet reordering threshold (kPacketThreshold)
  /// is 3".
  static constexpr std::uint64_t kPacketThreshold = 3;
  /// How far spurious losses raise it. Beyond, the time threshold decides.
  static constexpr std::uint64_t kMostPacketThreshold = 1024;

  std::uint64_t nextNumber() const { return ring_.end(); }
  /// Leaves the next packet number unused; an ACK of it is a PROTOCOL_VIOLATION (RFC 9000 §21.4).
  void skipNumber();
  /// `packet.number` must be nextNumber(). After PathSender::onSent(packet).
  void onSent(const SentPacket& packet, std::span<const SentFrame> frames);

  struct AckResult {
    Error error;
    bool anyNewlyAcked = false;
    bool ackElicitingNewlyAcked = false;
    /// The largest acknowledged was newly acknowledged, and an RTT sample was taken.
    bool rttSampled = false;
    /// Some packets were declared lost on the way.
    bool anyLost = false;
    /// ECT(0) packets newly acknowledged: what the peer's ECN counts must have grown by at least (RFC 9000
    /// §13.4.2.1).
    std::uint64_t ect0NewlyAcked = 0;
    bool largestAckedGrew = false;
  };
  /// RFC 9002 §A.7. `ackDelay` in ns, scaled and limited by the caller. Updates the path: RTT, window, bytes
  /// in flight; not the PTO count, which depends on the handshake. `ecn`: the path's validator if this space
  /// marks its packets, else null; it learns the counts and the losses, and new CE marks are congestion (RFC
  /// 9002 §7.1).
  AckResult onAck(const AckFrame& ack, Duration ackDelay, EcnValidator* ecn, Time now, PathSender& path,
                  SentObserver& observer);

  /// RFC 9002 §A.10. Returns whether anything was lost.
  bool detectLost(Time now, PathSender& path, SentObserver& observer, EcnValidator* ecn = nullptr);
  /// When detectLost() will find something, or kNever.
  Time lossDeadline() const { return lossDeadline_; }

  /// When the newest ack-eliciting packet was sent, while any is in flight; else kNever (RFC 9002 §6.2.1).
  Time lastAckElicitingSentAt() const { return ackElicitingInFlight_ > 0 ? lastAckElicitingSentAt_ : kNever; }
  bool ackElicitingInFlight() const { return ackElicitingInFlight_ > 0; }

  /// Keys were discarded: forgets everything, without acked or lost (RFC 9002 §6.4).
  void discard(PathSender& path);
  /// Everything in flight is lost now (Retry, rejected 0-RTT, an abandoned path); congestion control learns
  /// nothing.
  void loseAll(PathSender& path, SentObserver& observer);
  /// Frames of the packets in flight, oldest first, for probes that repeat what may be lost.
  template <typename Visit>
  void forEachFrameInFlight(Visit&& visit) const {
    for (std::uint64_t number = ring_.oldest(); number != SentRing::kNone; number = ring_.after(number))
      if (ring_.at(number).inFlight) ring_.forEachFrame(ring_.at(number), visit);
  }

  /// The same, of packets from number `from` on, by packet number.
  template <typename Visit>
  void forEachFrameInFlightFrom(std::uint64_t from, Visit&& visit) const {
    for (std::uint64_t number = ring_.oldest(); number != SentRing::kNone; number = ring_.after(number))
      if (number >= from && ring_.at(number).inFlight) ring_.forEachFrame(ring_.at(number), visit);
  }

  std::optional<std::uint64_t> largestAcked() const { return largestAcked_; }
  /// Without PMTU probes and packets that are not in flight.
  std::uint64_t packetsLost() const { return packetsLost_; }
  std::uint64_t bytesLost() const { return bytesLost_; }
  std::uint64_t packetsAcked() const { return packetsAcked_; }
  /// Declared lost, acknowledged later.
  std::uint64_t spuriousLosses() const { return spuriousLosses_; }
  std::uint64_t packetThreshold() const { return packetThreshold_; }
  /// The time threshold (RFC 9002 §6.1.2).
  Duration lossDelay(const Rtt& rtt) const;
  std::size_t memoryBytes() const { return sizeof *this + ring_.heapBytes(); }

 private:
  using Slot = SentRing::Slot;
  using State = SentRing::State;
  struct Newly;

  void ackRange(std::uint64_t low, std::uint64_t high, Newly& newly);
  void ackPacket(std::uint64_t number, Newly& newly);
  bool wasSkipped(std::uint64_t low, std::uint64_t high) const;
  void reportCongestion(const Newly& newly, std::uint64_t priorInFlight, Duration rtt, Time now,
                        PathSender& path);
  void losePacket(std::uint64_t number, State how, PathSender& path, SentObserver& observer,
                  EcnValidator* ecn, LossSample& sample);
  bool extendsPersistent(std::uint64_t number, Time now, const PathSender& path);
  void onSpuriousLoss(std::uint64_t number, State how, std::uint64_t largest, Time now);
  void tidy(Time now, const PathSender& path);

  SentRing ring_;
  Time lossDeadline_ = kNever;
  std::uint64_t ackElicitingInFlight_ = 0;
  Time lastAckElicitingSentAt_ = kNever;
  std::optional<std::uint64_t> largestAcked_;
  std::uint64_t packetsLost_ = 0;
  std::uint64_t bytesLost_ = 0;
  std::uint64_t packetsAcked_ = 0;
  std::uint64_t spuriousLosses_ = 0;

  // The thresholds of RFC 9002 §6.1, as spurious losses raised them.
  std::uint64_t packetThreshold_ = kPacketThreshold;
  /// The time threshold is (1 + 2^-shift) RTT; RFC 9002 §6.1.2: 9/8.
  unsigned timeShift_ = kTimeShift;
  static constexpr unsigned kTimeShift = 3;
  Time timeRaisedAt_ = 0;
  unsigned lossesSinceSpurious_ = 0;

  // The run of lost packets that may become persistent congestion (RFC 9002 §7.6).
  bool inLostRun_ = false;
  std::uint64_t lostRunLast_ = 0;
  Time lostRunStart_ = kNever;

  /// The numbers skipped last, for those that have left the ring.
  std::array<std::uint64_t, 4> skipped_{};
  std::size_t skippedCount_ = 0;
};

}  // namespace mqvpn::quic
