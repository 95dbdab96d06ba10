#include "quic/frame_codes.h"
#include "quic/frames.h"

namespace mqvpn::quic {

namespace {

/// Writes the fields of one frame. What does not fit shows in the Writer; that a frame has no code point, in
/// isKnown().
class FrameWriter {
 public:
  FrameWriter(Writer& out, MultipathVersion multipath) : out_(out), multipath_(multipath) {}

  bool isKnown() const { return known_; }

  void operator()(const PaddingFrame& frame) { out_.zeros(frame.size); }
  void operator()(const PingFrame&) { type(frame_type::kPing); }
  void operator()(const AckFrame& frame) {
    if (frame.pathId) {
      type(frame.ecn ? frame_type::kPathAckEcn : frame_type::kPathAck);
      out_.varint(*frame.pathId);
    } else {
      type(frame.ecn ? frame_type::kAckEcn : frame_type::kAck);
    }
    varints(frame.largest, frame.delay, frame.rangeCount, frame.firstRange);
    out_.bytes(frame.ranges);
    if (frame.ecn) varints(frame.ecn->ect0, frame.ecn->ect1, frame.ecn->ce);
  }
  void operator()(const ResetStreamFrame& frame) {
    type(frame_type::kResetStream);
    varints(frame.streamId, frame.errorCode, frame.finalSize);
  }
  void operator()(const StopSendingFrame& frame) {
    type(frame_type::kStopSending);
    varints(frame.streamId, frame.errorCode);
  }
  void operator()(const CryptoFrame& frame) {
    type(frame_type::kCrypto);
    out_.varint(frame.offset);
    sized(frame.data);
  }
  void operator()(const NewTokenFrame& frame) {
    type(frame_type::kNewToken);
    sized(frame.token);
  }
  void operator()(const StreamFrame& frame) {
    // RFC 9000 §19.8: the OFF bit (0x04) and the LEN bit (0x02).
    type(frame_type::kStream | 0x04 | 0x02 | (frame.fin ? 0x01 : 0x00));
    varints(frame.streamId, frame.offset);
    sized(frame.data);
  }
  void operator()(const MaxDataFrame& frame) {
    type(frame_type::kMaxData);
    out_.varint(frame.maximum);
  }
  void operator()(const MaxStreamDataFrame& frame) {
    type(frame_type::kMaxStreamData);
    varints(frame.streamId, frame.maximum);
  }
  void operator()(const MaxStreamsFrame& frame) {
    type(frame.bidirectional ? frame_type::kMaxStreamsBidi : frame_type::kMaxStreamsUni);
    out_.varint(frame.maximum);
  }
  void operator()(const DataBlockedFrame& frame) {
    type(frame_type::kDataBlocked);
    out_.varint(frame.limit);
  }
  void operator()(const StreamDataBlockedFrame& frame) {
    type(frame_type::kStreamDataBlocked);
    varints(frame.streamId, frame.limit);
  }
  void operator()(const StreamsBlockedFrame& frame) {
    type(frame.bidirectional ? frame_type::kStreamsBlockedBidi : frame_type::kStreamsBlockedUni);
    out_.varint(frame.limit);
  }
  void operator()(const NewConnectionIdFrame& frame) {
    type(frame.pathId ? frame_type::kPathNewConnectionId : frame_type::kNewConnectionId);
    if (frame.pathId) out_.varint(*frame.pathId);
    varints(frame.sequence, frame.retirePriorTo);
    out_.u8(static_cast<std::uint8_t>(frame.id.size()));
    out_.bytes(frame.id.bytes());
    out_.bytes(frame.token);
  }
  void operator()(const RetireConnectionIdFrame& frame) {
    type(frame.pathId ? frame_type::kPathRetireConnectionId : frame_type::kRetireConnectionId);
    if (frame.pathId) out_.varint(*frame.pathId);
    out_.varint(frame.sequence);
  }
  void operator()(const PathChallengeFrame& frame) {
    type(frame_type::kPathChallenge);
    out_.bytes(frame.data);
  }
  void operator()(const PathResponseFrame& frame) {
    type(frame_type::kPathResponse);
    out_.bytes(frame.data);
  }
  void operator()(const ConnectionCloseFrame& frame) {
    type(frame.application ? frame_type::kConnectionCloseApp : frame_type::kConnectionClose);
    out_.varint(frame.errorCode);
    if (!frame.application) {
      const std::uint64_t wire = wireFrameType(frame.frameType, multipath_);
      out_.varint(wire == kNoFrameType ? frame.frameType : wire);
    }
    sized(frame.reason);
  }
  void operator()(const HandshakeDoneFrame&) { type(frame_type::kHandshakeDone); }
  void operator()(const DatagramFrame& frame) {
    type(frame_type::kDatagramLen);
    sized(frame.data);
  }
  void operator()(const PathAbandonFrame& frame) {
    type(frame_type::kPathAbandon);
    varints(frame.pathId, frame.errorCode);
    // draft-ietf-quic-multipath-10 §4.2: the length of a reason phrase, of which there is none.
    if (multipath_ == MultipathVersion::kDraft10) out_.varint(0);
  }
  void operator()(const PathStatusFrame& frame) {
    type(frame.available ? frame_type::kPathStatusAvailable : frame_type::kPathStatusBackup);
    varints(frame.pathId, frame.sequence);
  }
  void operator()(const MaxPathIdFrame& frame) {
    type(frame_type::kMaxPathId);
    out_.varint(frame.maximum);
  }
  void operator()(const PathsBlockedFrame& frame) {
    type(frame_type::kPathsBlocked);
    out_.varint(frame.maximum);
  }
  void operator()(const PathCidsBlockedFrame& frame) {
    type(frame_type::kPathCidsBlocked);
    varints(frame.pathId, frame.nextSequence);
  }

 private:
  void type(std::uint64_t type) {
    const bool multipathOnly = type >= frame_type::kPathAck;
    const std::uint64_t wire = multipathOnly ? wireFrameType(type, multipath_) : type;
    if (wire == kNoFrameType)
      known_ = false;
    else
      out_.varint(wire);
  }
  template <typename... Values>
  void varints(Values... values) {
    (out_.varint(values), ...);
  }
  void sized(Bytes data) {
    out_.varint(data.size());
    out_.bytes(data);
  }

  Writer& out_;
  MultipathVersion multipath_;
  bool known_ = true;
};

}  // namespace

bool writeFrame(Writer& out, const Frame& frame, MultipathVersion multipath) {
  if (!out.ok()) return false;
  const std::size_t start = out.size();
  FrameWriter writer(out, multipath);
  std::visit(writer, frame);
  if (out.ok() && writer.isKnown()) return true;
  out.rewind(start);
  return false;
}

bool writeDatagramHeader(Writer& out, std::size_t dataSize, bool last) {
  const std::size_t size = 1 + (last ? 0 : varintSize(dataSize));
  const std::size_t room = out.room();
  if (room < size || room - size < dataSize) return false;
  out.u8(static_cast<std::uint8_t>(last ? frame_type::kDatagram : frame_type::kDatagramLen));
  if (!last) out.varint(dataSize);
  return true;
}

std::size_t streamFrameOverhead(std::uint64_t streamId, std::uint64_t offset, std::size_t dataSize) {
  return 1 + varintSize(streamId) + varintSize(offset) + varintSize(dataSize);
}

std::size_t cryptoFrameOverhead(std::uint64_t offset, std::size_t dataSize) {
  return 1 + varintSize(offset) + varintSize(dataSize);
}

bool isAckEliciting(const Frame& frame) {
  // RFC 9000 §1.2: "Ack-eliciting packet: A QUIC packet that contains frames other than ACK, PADDING, and
  // CONNECTION_CLOSE."
  return !std::holds_alternative<AckFrame>(frame) && !std::holds_alternative<PaddingFrame>(frame) &&
         !std::holds_alternative<ConnectionCloseFrame>(frame);
}

bool isProbing(const Frame& frame) {
  // RFC 9000 §9.1: "PATH_CHALLENGE, PATH_RESPONSE, NEW_CONNECTION_ID, and PADDING frames are "probing
  // frames"".
  return std::holds_alternative<PathChallengeFrame>(frame) ||
         std::holds_alternative<PathResponseFrame>(frame) ||
         std::holds_alternative<NewConnectionIdFrame>(frame) || std::holds_alternative<PaddingFrame>(frame);
}

}  // namespace mqvpn::quic
