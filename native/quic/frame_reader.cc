#include <algorithm>
#include <limits>

#include "quic/frame_codes.h"
#include "quic/frames.h"

namespace mqvpn::quic {

namespace {

// The functions below read the fields of one frame and give what is wrong with them. That they end too early
// is found once, at the end, from the Reader.
constexpr Error kFine{};
constexpr Error encodingError(const char* reason) { return {TransportError::kFrameEncodingError, reason}; }
constexpr Error violation(const char* reason) { return {TransportError::kProtocolViolation, reason}; }

// RFC 9000 §4.6: more "would allow a maximum stream ID that cannot be expressed as a variable-length
// integer".
constexpr std::uint64_t kMostStreams = std::uint64_t{1} << 60;

Error readPathId(Reader& in, std::uint32_t& out) {
  const std::uint64_t value = in.varint();
  // draft-ietf-quic-multipath-21 §4.6: "This value MUST NOT exceed 2^32-1 […] Receipt of an invalid Maximum
  // Path Identifier value MUST be treated as a connection error of type PROTOCOL_VIOLATION"; §4 says the same
  // of a path ID that is greater than the announced maximum.
  if (value > std::numeric_limits<std::uint32_t>::max()) return violation("path ID above 2^32-1");
  out = static_cast<std::uint32_t>(value);
  return kFine;
}

Error readPathId(Reader& in, std::optional<std::uint32_t>& out) { return readPathId(in, out.emplace()); }

Error readAck(Reader& in, AckFrame& frame, bool path, bool ecn) {
  if (path) {
    if (const Error error = readPathId(in, frame.pathId)) return error;
  }
  frame.largest = in.varint();
  frame.delay = in.varint();
  frame.rangeCount = in.varint();
  frame.firstRange = in.varint();
  // RFC 9000 §19.3.1: "If any computed packet number is negative, an endpoint MUST generate a connection
  // error of type FRAME_ENCODING_ERROR."
  if (frame.firstRange > frame.largest) return encodingError("ACK range below packet number 0");
  std::uint64_t low = frame.largest - frame.firstRange;
  const Bytes start = in.rest();
  // A count that lies ends with the packet: each round takes at least two bytes or fails.
  for (std::uint64_t i = 0; i < frame.rangeCount; ++i) {
    const std::uint64_t gap = in.varint();
    const std::uint64_t length = in.varint();
    if (!in.ok()) return kFine;
    if (low < gap + 2 || low - gap - 2 < length) return encodingError("ACK range below packet number 0");
    low -= gap + 2 + length;
  }
  frame.ranges = start.first(start.size() - in.remaining());
  if (ecn) {
    EcnCounts& counts = frame.ecn.emplace();
    counts.ect0 = in.varint();
    counts.ect1 = in.varint();
    counts.ce = in.varint();
  }
  return kFine;
}

Error readStream(Reader& in, StreamFrame& frame, std::uint64_t type) {
  frame.streamId = in.varint();
  if (type & 0x04) frame.offset = in.varint();
  frame.data = in.bytes(type & 0x02 ? in.varint() : in.remaining());
  frame.fin = type & 0x01;
  // RFC 9000 §19.8: "The largest offset delivered on a stream -- the sum of the offset and data length --
  // cannot exceed 2^62-1".
  if (frame.data.size() > kVarintMax - frame.offset) return encodingError("STREAM data beyond offset 2^62-1");
  return kFine;
}

Error readCrypto(Reader& in, CryptoFrame& frame) {
  frame.offset = in.varint();
  frame.data = in.bytes(in.varint());
  // RFC 9000 §19.6: "The largest offset delivered on a stream -- the sum of the offset and data length --
  // cannot exceed 2^62-1. Receipt of a frame that exceeds this limit MUST be treated as a connection error of
  // type FRAME_ENCODING_ERROR or CRYPTO_BUFFER_EXCEEDED."
  if (frame.data.size() > kVarintMax - frame.offset) return encodingError("CRYPTO data beyond offset 2^62-1");
  return kFine;
}

Error readNewToken(Reader& in, NewTokenFrame& frame) {
  frame.token = in.bytes(in.varint());
  // RFC 9000 §19.7: "A client MUST treat receipt of a NEW_TOKEN frame with an empty Token field as a
  // connection error of type FRAME_ENCODING_ERROR."
  if (in.ok() && frame.token.empty()) return encodingError("NEW_TOKEN without a token");
  return kFine;
}

Error readNewConnectionId(Reader& in, NewConnectionIdFrame& frame, bool path) {
  if (path) {
    if (const Error error = readPathId(in, frame.pathId)) return error;
  }
  frame.sequence = in.varint();
  frame.retirePriorTo = in.varint();
  const std::uint8_t size = in.u8();
  if (!in.ok()) return kFine;
  // RFC 9000 §19.15: "Values less than 1 and greater than 20 are invalid and MUST be treated as a connection
  // error of type FRAME_ENCODING_ERROR."
  if (size < 1 || size > ConnectionId::kMaxSize) return encodingError("connection ID not of 1 to 20 bytes");
  // "Receiving a value in the Retire Prior To field that is greater than that in the Sequence Number field
  // MUST be treated as a connection error of type FRAME_ENCODING_ERROR."
  if (frame.retirePriorTo > frame.sequence) return encodingError("Retire Prior To above Sequence Number");
  frame.id = ConnectionId(in.bytes(size));
  const Bytes token = in.bytes(frame.token.size());
  std::copy(token.begin(), token.end(), frame.token.begin());
  return kFine;
}

Error readStreams(Reader& in, std::uint64_t& out, const char* reason) {
  out = in.varint();
  // RFC 9000 §19.11, §19.14: "This value cannot exceed 2^60, as it is not possible to encode stream IDs
  // larger than 2^62-1."
  return out > kMostStreams ? encodingError(reason) : kFine;
}

void readPathData(Reader& in, PathData& out) {
  const Bytes data = in.bytes(out.size());
  std::copy(data.begin(), data.end(), out.begin());
}

Error readConnectionClose(Reader& in, ConnectionCloseFrame& frame, bool application,
                          MultipathVersion multipath) {
  frame.application = application;
  frame.errorCode = in.varint();
  if (!application) {
    frame.frameType = in.varint();
    // A peer may name any number here; only what has a meaning of ours is translated.
    const std::uint64_t known = knownFrameType(frame.frameType, multipath);
    if (known != kNoFrameType) frame.frameType = known;
  }
  frame.reason = in.bytes(in.varint());
  return kFine;
}

Error readPathStatus(Reader& in, PathStatusFrame& frame, bool available) {
  frame.available = available;
  if (const Error error = readPathId(in, frame.pathId)) return error;
  frame.sequence = in.varint();
  return kFine;
}

/// All but the frames that come with data, which next() looks for first. `type` is of draft 21.
Error readOther(Reader& in, Frame& out, std::uint64_t type, MultipathVersion multipath) {
  switch (type) {
    case frame_type::kPadding: {
      // A packet may be filled up with a thousand of them: they are one frame for the caller.
      const Bytes rest = in.rest();
      const auto end = std::find_if(rest.begin(), rest.end(), [](std::uint8_t byte) { return byte != 0; });
      const auto more = static_cast<std::size_t>(end - rest.begin());
      in.skip(more);
      out.emplace<PaddingFrame>().size = more + 1;
      return kFine;
    }
    case frame_type::kPing:
      out.emplace<PingFrame>();
      return kFine;
    case frame_type::kResetStream: {
      auto& frame = out.emplace<ResetStreamFrame>();
      frame.streamId = in.varint();
      frame.errorCode = in.varint();
      frame.finalSize = in.varint();
      return kFine;
    }
    case frame_type::kStopSending: {
      auto& frame = out.emplace<StopSendingFrame>();
      frame.streamId = in.varint();
      frame.errorCode = in.varint();
      return kFine;
    }
    case frame_type::kCrypto:
      return readCrypto(in, out.emplace<CryptoFrame>());
    case frame_type::kNewToken:
      return readNewToken(in, out.emplace<NewTokenFrame>());
    case frame_type::kMaxData:
      out.emplace<MaxDataFrame>().maximum = in.varint();
      return kFine;
    case frame_type::kMaxStreamData: {
      auto& frame = out.emplace<MaxStreamDataFrame>();
      frame.streamId = in.varint();
      frame.maximum = in.varint();
      return kFine;
    }
    case frame_type::kMaxStreamsBidi:
    case frame_type::kMaxStreamsUni: {
      auto& frame = out.emplace<MaxStreamsFrame>();
      frame.bidirectional = type == frame_type::kMaxStreamsBidi;
      return readStreams(in, frame.maximum, "MAX_STREAMS above 2^60");
    }
    case frame_type::kDataBlocked:
      out.emplace<DataBlockedFrame>().limit = in.varint();
      return kFine;
    case frame_type::kStreamDataBlocked: {
      auto& frame = out.emplace<StreamDataBlockedFrame>();
      frame.streamId = in.varint();
      frame.limit = in.varint();
      return kFine;
    }
    case frame_type::kStreamsBlockedBidi:
    case frame_type::kStreamsBlockedUni: {
      auto& frame = out.emplace<StreamsBlockedFrame>();
      frame.bidirectional = type == frame_type::kStreamsBlockedBidi;
      return readStreams(in, frame.limit, "STREAMS_BLOCKED above 2^60");
    }
    case frame_type::kNewConnectionId:
      return readNewConnectionId(in, out.emplace<NewConnectionIdFrame>(), false);
    case frame_type::kRetireConnectionId:
      out.emplace<RetireConnectionIdFrame>().sequence = in.varint();
      return kFine;
    case frame_type::kPathChallenge:
      readPathData(in, out.emplace<PathChallengeFrame>().data);
      return kFine;
    case frame_type::kPathResponse:
      readPathData(in, out.emplace<PathResponseFrame>().data);
      return kFine;
    case frame_type::kConnectionClose:
    case frame_type::kConnectionCloseApp:
      return readConnectionClose(in, out.emplace<ConnectionCloseFrame>(),
                                 type == frame_type::kConnectionCloseApp, multipath);
    case frame_type::kHandshakeDone:
      out.emplace<HandshakeDoneFrame>();
      return kFine;
    default:
      break;
  }
  // RFC 9000 §12.4: "An endpoint MUST treat the receipt of a frame of unknown type as a connection error of
  // type FRAME_ENCODING_ERROR."
  constexpr Error unknown = encodingError("frame of unknown type");
  if (multipath == MultipathVersion::kNone) return unknown;
  switch (type) {
    case frame_type::kPathAck:
    case frame_type::kPathAckEcn:
      return readAck(in, out.emplace<AckFrame>(), true, type == frame_type::kPathAckEcn);
    case frame_type::kPathAbandon: {
      auto& frame = out.emplace<PathAbandonFrame>();
      if (const Error error = readPathId(in, frame.pathId)) return error;
      frame.errorCode = in.varint();
      // draft-ietf-quic-multipath-10 §4.2: "Reason Phrase Length (i), Reason Phrase (..)". Nobody reads it.
      if (multipath == MultipathVersion::kDraft10) in.skip(in.varint());
      return kFine;
    }
    case frame_type::kPathStatusBackup:
    case frame_type::kPathStatusAvailable:
      return readPathStatus(in, out.emplace<PathStatusFrame>(), type == frame_type::kPathStatusAvailable);
    case frame_type::kPathNewConnectionId:
      return readNewConnectionId(in, out.emplace<NewConnectionIdFrame>(), true);
    case frame_type::kPathRetireConnectionId: {
      auto& frame = out.emplace<RetireConnectionIdFrame>();
      if (const Error error = readPathId(in, frame.pathId)) return error;
      frame.sequence = in.varint();
      return kFine;
    }
    case frame_type::kMaxPathId:
      return readPathId(in, out.emplace<MaxPathIdFrame>().maximum);
    case frame_type::kPathsBlocked:
      return readPathId(in, out.emplace<PathsBlockedFrame>().maximum);
    case frame_type::kPathCidsBlocked: {
      auto& frame = out.emplace<PathCidsBlockedFrame>();
      if (const Error error = readPathId(in, frame.pathId)) return error;
      frame.nextSequence = in.varint();
      return kFine;
    }
    default:
      return unknown;
  }
}

}  // namespace

bool FrameReader::next(Frame& frame) {
  if (error_) return false;
  if (reader_.empty()) {
    // RFC 9000 §12.4: "An endpoint MUST treat receipt of a packet containing no frames as a connection error
    // of type PROTOCOL_VIOLATION."
    if (reader_.position() == 0) error_ = violation("packet without a frame");
    return false;
  }
  const std::size_t start = reader_.position();
  const std::uint64_t wire = reader_.varint();
  const std::size_t typeSize = reader_.position() - start;

  Error error;
  // What nearly all packets of a tunnel carry comes first.
  if ((wire == frame_type::kDatagram || wire == frame_type::kDatagramLen) && typeSize == 1) {
    type_ = wire;
    const std::uint64_t size = wire == frame_type::kDatagram ? reader_.remaining() : reader_.varint();
    frame.emplace<DatagramFrame>().data = reader_.bytes(size);
  } else if ((wire == frame_type::kPathAck || wire == frame_type::kPathAckEcn) && typeSize == 1 &&
             multipath_ == MultipathVersion::kDraft21) {
    type_ = wire;
    error = readAck(reader_, frame.emplace<AckFrame>(), true, wire == frame_type::kPathAckEcn);
  } else if ((wire == frame_type::kAck || wire == frame_type::kAckEcn) && typeSize == 1) {
    type_ = wire;
    error = readAck(reader_, frame.emplace<AckFrame>(), false, wire == frame_type::kAckEcn);
  } else if (wire >= frame_type::kStream && wire < frame_type::kStream + 8 && typeSize == 1) {
    type_ = wire;
    error = readStream(reader_, frame.emplace<StreamFrame>(), wire);
  } else if (!reader_.ok()) {
    type_ = 0;
    error = encodingError("truncated frame type");
  } else if (typeSize != varintSize(wire)) {
    // RFC 9000 §12.4: "An endpoint MAY treat the receipt of a frame type that uses a longer encoding than
    // necessary as a connection error of type PROTOCOL_VIOLATION."
    type_ = wire;
    error = violation("frame type not in its shortest encoding");
  } else {
    const std::uint64_t known = knownFrameType(wire, multipath_);
    type_ = known == kNoFrameType ? wire : known;
    error = readOther(reader_, frame, known, multipath_);
  }
  if (!error && !reader_.ok()) error = encodingError("truncated frame");
  error_ = error;
  return !error;
}

}  // namespace mqvpn::quic
