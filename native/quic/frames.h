#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <variant>

#include "quic/buffer.h"
#include "quic/connection_id.h"
#include "quic/errors.h"

namespace mqvpn::quic {

/// Which code points the multipath frames have on this connection.
enum class MultipathVersion : std::uint8_t {
  kNone,
  /// draft-ietf-quic-multipath-21 §4.
  kDraft21,
  /// draft-ietf-quic-multipath-10 §4, which deployed peers still speak.
  kDraft10,
};

// RFC 9000 §19 and the frames of extensions. Spans point into the packet.

struct PaddingFrame {
  std::size_t size = 1;
};
struct PingFrame {};
struct EcnCounts {
  std::uint64_t ect0 = 0;
  std::uint64_t ect1 = 0;
  std::uint64_t ce = 0;
};
/// ACK (0x02, 0x03) and PATH_ACK. The ranges were checked by the parser: none goes below 0.
struct AckFrame {
  /// Of PATH_ACK; an ACK speaks of path 0.
  std::optional<std::uint32_t> pathId;
  std::uint64_t largest = 0;
  /// As on the wire: to be scaled by ack_delay_exponent.
  std::uint64_t delay = 0;
  std::uint64_t firstRange = 0;
  std::uint64_t rangeCount = 0;
  /// rangeCount pairs of varints: gap, length.
  Bytes ranges;
  std::optional<EcnCounts> ecn;

  /// Calls visit(smallest, largest) per range, descending.
  template <typename Visit>
  void forEachRange(Visit&& visit) const {
    std::uint64_t high = largest;
    std::uint64_t low = largest - firstRange;
    visit(low, high);
    Reader reader(ranges);
    for (std::uint64_t i = 0; i < rangeCount; ++i) {
      high = low - reader.varint() - 2;
      low = high - reader.varint();
      visit(low, high);
    }
  }
};
struct ResetStreamFrame {
  std::uint64_t streamId = 0;
  std::uint64_t errorCode = 0;
  std::uint64_t finalSize = 0;
};
struct StopSendingFrame {
  std::uint64_t streamId = 0;
  std::uint64_t errorCode = 0;
};
struct CryptoFrame {
  std::uint64_t offset = 0;
  Bytes data;
};
struct NewTokenFrame {
  Bytes token;
};
struct StreamFrame {
  std::uint64_t streamId = 0;
  std::uint64_t offset = 0;
  bool fin = false;
  Bytes data;
};
struct MaxDataFrame {
  std::uint64_t maximum = 0;
};
struct MaxStreamDataFrame {
  std::uint64_t streamId = 0;
  std::uint64_t maximum = 0;
};
struct MaxStreamsFrame {
  bool bidirectional = true;
  std::uint64_t maximum = 0;
};
struct DataBlockedFrame {
  std::uint64_t limit = 0;
};
struct StreamDataBlockedFrame {
  std::uint64_t streamId = 0;
  std::uint64_t limit = 0;
};
struct StreamsBlockedFrame {
  bool bidirectional = true;
  std::uint64_t limit = 0;
};
/// NEW_CONNECTION_ID and PATH_NEW_CONNECTION_ID.
struct NewConnectionIdFrame {
  std::optional<std::uint32_t> pathId;
  std::uint64_t sequence = 0;
  std::uint64_t retirePriorTo = 0;
  ConnectionId id;
  StatelessResetToken token{};
};
/// RETIRE_CONNECTION_ID and PATH_RETIRE_CONNECTION_ID.
struct RetireConnectionIdFrame {
  std::optional<std::uint32_t> pathId;
  std::uint64_t sequence = 0;
};
using PathData = std::array<std::uint8_t, 8>;
struct PathChallengeFrame {
  PathData data{};
};
struct PathResponseFrame {
  PathData data{};
};
struct ConnectionCloseFrame {
  bool application = false;
  std::uint64_t errorCode = 0;
  /// Of a transport error: the frame type that caused it, or 0.
  std::uint64_t frameType = 0;
  Bytes reason;
};
struct HandshakeDoneFrame {};
/// RFC 9221.
struct DatagramFrame {
  Bytes data;
};
// draft-ietf-quic-multipath
struct PathAbandonFrame {
  std::uint32_t pathId = 0;
  std::uint64_t errorCode = 0;
};
struct PathStatusFrame {
  std::uint32_t pathId = 0;
  std::uint64_t sequence = 0;
  bool available = true;
};
struct MaxPathIdFrame {
  std::uint32_t maximum = 0;
};
struct PathsBlockedFrame {
  std::uint32_t maximum = 0;
};
struct PathCidsBlockedFrame {
  std::uint32_t pathId = 0;
  std::uint64_t nextSequence = 0;
};

using Frame =
    std::variant<PaddingFrame, PingFrame, AckFrame, ResetStreamFrame, StopSendingFrame, CryptoFrame,
                 NewTokenFrame, StreamFrame, MaxDataFrame, MaxStreamDataFrame, MaxStreamsFrame,
                 DataBlockedFrame, StreamDataBlockedFrame, StreamsBlockedFrame, NewConnectionIdFrame,
                 RetireConnectionIdFrame, PathChallengeFrame, PathResponseFrame, ConnectionCloseFrame,
                 HandshakeDoneFrame, DatagramFrame, PathAbandonFrame, PathStatusFrame, MaxPathIdFrame,
                 PathsBlockedFrame, PathCidsBlockedFrame>;

/// Frame types as on the wire, for tables and logs.
namespace frame_type {
constexpr std::uint64_t kPadding = 0x00, kPing = 0x01, kAck = 0x02, kAckEcn = 0x03, kResetStream = 0x04,
                        kStopSending = 0x05, kCrypto = 0x06, kNewToken = 0x07, kStream = 0x08,
                        kMaxData = 0x10, kMaxStreamData = 0x11, kMaxStreamsBidi = 0x12, kMaxStreamsUni = 0x13,
                        kDataBlocked = 0x14, kStreamDataBlocked = 0x15, kStreamsBlockedBidi = 0x16,
                        kStreamsBlockedUni = 0x17, kNewConnectionId = 0x18, kRetireConnectionId = 0x19,
                        kPathChallenge = 0x1a, kPathResponse = 0x1b, kConnectionClose = 0x1c,
                        kConnectionCloseApp = 0x1d, kHandshakeDone = 0x1e, kDatagram = 0x30,
                        kDatagramLen = 0x31, kPathAck = 0x3e, kPathAckEcn = 0x3f, kPathAbandon = 0x3e75,
                        kPathStatusBackup = 0x3e76, kPathStatusAvailable = 0x3e77,
                        kPathNewConnectionId = 0x3e78, kPathRetireConnectionId = 0x3e79, kMaxPathId = 0x3e7a,
                        kPathsBlocked = 0x3e7b, kPathCidsBlocked = 0x3e7c;
}

/// Reads the frames of one packet's payload.
class FrameReader {
 public:
  FrameReader(Bytes payload, MultipathVersion multipath) : reader_(payload), multipath_(multipath) {}

  /// False at the end and at an error.
  bool next(Frame& frame);
  /// After next() returned false. kFrameEncodingError, or kProtocolViolation where an RFC says so.
  Error error() const { return error_; }
  /// The type of the frame read last, as on the wire (of draft 10: translated to draft 21's), for
  /// CONNECTION_CLOSE.
  std::uint64_t type() const { return type_; }

 private:
  Reader reader_;
  MultipathVersion multipath_;
  Error error_;
  std::uint64_t type_ = 0;
};

/// RFC 9000 §13.2 and §1.2: all but ACK, PADDING and CONNECTION_CLOSE.
bool isAckEliciting(const Frame& frame);
/// RFC 9000 §9.1 (probing frames): PATH_CHALLENGE, PATH_RESPONSE, NEW_CONNECTION_ID, PADDING.
bool isProbing(const Frame& frame);

/// Appends the frame whole, or nothing (false) when it does not fit. `multipath` chooses the code points.
/// AckFrame: `ranges` as parsed; writeAck() of range_set.h writes one from a RangeSet. Not written (false)
/// either: a multipath frame where `multipath` has no code point for it (kNone: all; kDraft10: the two
/// …_BLOCKED). DatagramFrame takes the form with a length, StreamFrame the form with offset and length.
bool writeFrame(Writer& out, const Frame& frame, MultipathVersion multipath = MultipathVersion::kDraft21);

/// RFC 9221 §4: the bytes in front of a DATAGRAM frame's data. `last`: nothing follows in the packet, so that
/// no length is needed. Nothing is written (false) when header and data do not fit together.
bool writeDatagramHeader(Writer& out, std::size_t dataSize, bool last);

/// The bytes in front of the data of a STREAM frame with offset and length fields, and of a CRYPTO frame.
std::size_t streamFrameOverhead(std::uint64_t streamId, std::uint64_t offset, std::size_t dataSize);
std::size_t cryptoFrameOverhead(std::uint64_t offset, std::size_t dataSize);

}  // namespace mqvpn::quic
