#pragma once

#include <cstdint>
#include <optional>

#include "quic/address.h"
#include "quic/frames.h"
#include "quic/range_set.h"
#include "quic/time.h"

namespace mqvpn::quic {

/// What arrived in one packet number space, and when it is to be acknowledged (RFC 9000 §13.2).
class ReceivedPackets {
 public:
  /// Ranges that one ACK frame may have at most, and that are remembered to know duplicates: below them
  /// everything counts as received already.
  static constexpr std::size_t kMostRanges = 64;

  /// Duplicates are to be dropped before anything else is done with the packet (RFC 9000 §12.3).
  bool isDuplicate(std::uint64_t number) const;
  /// `maxAckDelay` 0: acknowledge at once (Initial and Handshake packets).
  void onReceived(std::uint64_t number, bool ackEliciting, Ecn ecn, Duration maxAckDelay, Time now);

  /// Next number that is expected: for decoding truncated ones.
  std::uint64_t expected() const { return any_ ? largest_ + 1 : 0; }
  std::uint64_t largest() const { return largest_; }
  bool any() const { return any_; }
  /// Whether this packet has the highest number so far (RFC 9000 §9.3 asks).
  bool isLargest(std::uint64_t number) const { return !any_ || number > largest_; }

  /// An ACK is due now.
  bool ackDue(Time now) const { return ackDeadline_ <= now; }
  /// An ACK is worth sending when a packet is sent anyhow.
  bool ackUseful() const { return newSinceAck_; }
  Time ackDeadline() const { return ackDeadline_; }
  /// Appends an ACK frame when there is something to acknowledge and it fits. `exponent`: our
  /// ack_delay_exponent.
  bool writeAckFrame(Writer& out, std::optional<std::uint32_t> pathId, std::uint64_t exponent,
                     MultipathVersion multipath, Time now);
  void onAckSent();
  /// The peer has seen an ACK frame of ours with that largest: lower numbers need not be reported again.
  void onAckAcked(std::uint64_t largest);
  const RangeSet& ranges() const { return ranges_; }
  const EcnCounts& ecn() const { return ecn_; }

 private:
  RangeSet ranges_{kMostRanges};
  bool any_ = false;
  std::uint64_t largest_ = 0;
  Time largestAt_ = 0;
  bool newSinceAck_ = false;
  unsigned elicitingSinceAck_ = 0;
  Time ackDeadline_ = kNever;
  EcnCounts ecn_;
  bool anyEcn_ = false;
};

}  // namespace mqvpn::quic
