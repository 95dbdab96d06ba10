#include "http3/peer_streams.h"

namespace mqvpn::http3 {

namespace {

constexpr std::uint64_t kControlType = 0x00;
constexpr std::uint64_t kPushType = 0x01;
constexpr std::uint64_t kQpackEncoderType = 0x02;
constexpr std::uint64_t kQpackDecoderType = 0x03;

Error unexpected(const char* reason) { return {ErrorCode::kFrameUnexpected, reason}; }

/// RFC 9114 §7.1: "A frame payload that contains additional bytes after the identified fields or a frame
/// payload that terminates before the end of the identified fields MUST be treated as a connection error of
/// type H3_FRAME_ERROR."
bool readOneId(quic::Bytes payload, std::uint64_t& id) {
  quic::Reader reader(payload);
  id = reader.varint();
  return reader.ok() && reader.empty();
}

}  // namespace

Error ControlReader::onFrameStart(std::uint64_t type, std::uint64_t length) {
  (void)length;
  const bool settings = type == static_cast<std::uint64_t>(FrameType::kSettings);
  // RFC 9114 §6.2.1: "If the first frame of the control stream is any other frame type, this MUST be treated
  // as a connection error of type H3_MISSING_SETTINGS."
  if (!settingsSeen_ && !settings) return {ErrorCode::kMissingSettings, "the first frame is not SETTINGS"};
  switch (static_cast<FrameType>(type)) {
    case FrameType::kSettings:
      if (settingsSeen_) return unexpected("a second SETTINGS frame");
      settingsSeen_ = true;
      return {};
    case FrameType::kData:
    case FrameType::kHeaders:
    case FrameType::kPushPromise:
      return unexpected("a frame of requests on the control stream");
    case FrameType::kMaxPushId:
      // RFC 9114 §7.2.7: "A client MUST treat the receipt of a MAX_PUSH_ID frame as a connection error of
      // type H3_FRAME_UNEXPECTED."
      if (!server_) return unexpected("MAX_PUSH_ID of a server");
      return {};
    case FrameType::kCancelPush:
    case FrameType::kGoaway:
      return {};
  }
  return {};
}

Error ControlReader::onDataPayload(std::span<std::uint8_t> bytes) {
  (void)bytes;
  return unexpected("DATA on the control stream");
}

Error ControlReader::onFrame(std::uint64_t type, quic::Bytes payload) {
  if (type == static_cast<std::uint64_t>(FrameType::kSettings)) return onSettings(payload);
  std::uint64_t id = 0;
  if (!readOneId(payload, id)) return {ErrorCode::kFrameError, "a frame is not one ID long"};
  if (type == static_cast<std::uint64_t>(FrameType::kGoaway)) return events_.onControlGoaway(id);
  if (type == static_cast<std::uint64_t>(FrameType::kMaxPushId)) return onMaxPushId(id);
  // CANCEL_PUSH. RFC 9114 §7.2.3: a push ID "greater than currently allowed on the connection", or "not yet
  // […] mentioned by a PUSH_PROMISE frame": there is no push here, so it is always one of these.
  return {ErrorCode::kIdError, "CANCEL_PUSH without a push"};
}

Error ControlReader::onSettings(quic::Bytes payload) {
  Settings settings;
  if (const Error error = decodeSettings(payload, settings)) return error;
  return events_.onControlSettings(settings);
}

Error ControlReader::onMaxPushId(std::uint64_t id) {
  // RFC 9114 §7.2.7: "A MAX_PUSH_ID frame cannot reduce the maximum push ID; receipt of a MAX_PUSH_ID frame
  // that contains a smaller value than previously received MUST be treated as a connection error of type
  // H3_ID_ERROR."
  if (maxPushId_ && id < *maxPushId_) return {ErrorCode::kIdError, "MAX_PUSH_ID went down"};
  maxPushId_ = id;
  return {};
}

Error PeerStreams::onBytes(std::uint64_t id, std::span<std::uint8_t> bytes, bool& unknown) {
  unknown = false;
  Stream& stream = streams_[id];
  if (stream.kind == Kind::kUntyped) {
    if (const Error error = readType(stream, bytes)) return error;
    unknown = stream.kind == Kind::kUnknown;
  }
  switch (stream.kind) {
    case Kind::kControl:
      return control_.onBytes(bytes);
    case Kind::kQpackEncoder:
      return decoder_.readEncoderStream(bytes);
    case Kind::kQpackDecoder:
      return encoder_.readDecoderStream(bytes);
    case Kind::kUntyped:
    case Kind::kUnknown:
      break;
  }
  return {};
}

Error PeerStreams::readType(Stream& stream, std::span<std::uint8_t>& bytes) {
  while (!bytes.empty()) {
    stream.type[stream.typeSize++] = bytes.front();
    bytes = bytes.subspan(1);
    quic::Reader reader(std::span(stream.type).first(stream.typeSize));
    const std::uint64_t type = reader.varint();
    if (!reader.ok()) continue;
    switch (type) {
      case kControlType:
        return setKind(stream, Kind::kControl);
      case kQpackEncoderType:
        return setKind(stream, Kind::kQpackEncoder);
      case kQpackDecoderType:
        return setKind(stream, Kind::kQpackDecoder);
      case kPushType:
        // RFC 9114 §6.2.2: "Only servers can push; if a server receives a client-initiated push stream, this
        // MUST be treated as a connection error of type H3_STREAM_CREATION_ERROR." §4.6: "A client MUST treat
        // receipt of a push stream as a connection error of type H3_ID_ERROR when no MAX_PUSH_ID frame has
        // been sent".
        if (server_) return {ErrorCode::kStreamCreationError, "a push stream of a client"};
        return {ErrorCode::kIdError, "a push stream without MAX_PUSH_ID"};
      default:
        stream.kind = Kind::kUnknown;
        return {};
    }
  }
  return {};
}

Error PeerStreams::setKind(Stream& stream, Kind kind) {
  bool& there = kind == Kind::kControl        ? hasControl_
                : kind == Kind::kQpackEncoder ? hasQpackEncoder_
                                              : hasQpackDecoder_;
  // RFC 9114 §6.2.1, RFC 9204 §4.2: a second one is a connection error of type H3_STREAM_CREATION_ERROR.
  if (there) return {ErrorCode::kStreamCreationError, "a second control or QPACK stream"};
  there = true;
  stream.kind = kind;
  return {};
}

Error PeerStreams::onEnd(std::uint64_t id) {
  const auto found = streams_.find(id);
  // RFC 9114 §6.2: "A receiver MUST tolerate unidirectional streams being closed or reset prior to the
  // reception of the unidirectional stream header."
  if (found == streams_.end()) return {};
  const Kind kind = found->second.kind;
  if (kind == Kind::kUntyped || kind == Kind::kUnknown) return {};
  // RFC 9114 §6.2.1, RFC 9204 §4.2.
  return {ErrorCode::kClosedCriticalStream, "a control or QPACK stream ended"};
}

}  // namespace mqvpn::http3
