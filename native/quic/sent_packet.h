#pragma once

#include <cstdint>

#include "quic/time.h"

namespace mqvpn::quic {

/// What a packet carried that somebody wants to know the fate of.
struct SentFrame {
  enum class Kind : std::uint8_t {
    kAck,                 // id: largest acknowledged; path
    kCrypto,              // offset, length
    kStream,              // id, offset, length; flag: FIN
    kResetStream,         // id
    kStopSending,         // id
    kMaxData,             // offset: the limit
    kMaxStreamData,       // id, offset: the limit
    kMaxStreams,          // flag: bidirectional; offset: the limit
    kDataBlocked,         // offset: the limit
    kStreamDataBlocked,   // id, offset: the limit
    kStreamsBlocked,      // flag: bidirectional; offset: the limit
    kNewToken,            //
    kNewConnectionId,     // path, id: sequence
    kRetireConnectionId,  // path, id: sequence
    kHandshakeDone,       //
    kPing,                //
    kPathChallenge,       // path
    kPathResponse,        // path
    kDatagram,            // id: the source's tag
    kPathAbandon,         // path
    kPathStatus,          // path, id: sequence
    kMaxPathId,           //
    kPathsBlocked,        //
    kPathCidsBlocked,     // path
    kMtuProbe,            // length: size of the UDP payload
  };
  Kind kind = Kind::kPing;
  bool flag = false;
  std::uint32_t length = 0;
  std::uint32_t path = 0;
  std::uint64_t id = 0;
  std::uint64_t offset = 0;
};

struct SentPacket {
  std::uint64_t number = 0;
  Time sentAt = 0;
  /// Bytes of UDP payload that the packet took.
  std::uint32_t bytes = 0;
  bool ackEliciting = false;
  /// Counts for congestion control: all but packets with ACK and CONNECTION_CLOSE alone.
  bool inFlight = false;
  /// Its loss is no sign of congestion (RFC 9000 §14.4).
  bool isMtuProbe = false;
  bool ect0 = false;

  // Filled by PathSender::onSent().
  bool isAppLimited = false;
  std::uint32_t epoch = 0;
  std::uint64_t delivered = 0;
  Time deliveredAt = 0;
  Time firstSentAt = 0;
  std::uint64_t txInFlight = 0;
  std::uint64_t lostBefore = 0;
};

}  // namespace mqvpn::quic
