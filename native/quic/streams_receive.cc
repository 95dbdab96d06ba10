// Frames from the peer (RFC 9000 §19.4–§19.14).
#include <algorithm>

#include "quic/streams.h"

namespace mqvpn::quic {

namespace {
Error stateError(const char* reason) { return {TransportError::kStreamStateError, reason}; }
}  // namespace

Streams::Found Streams::findForPeer(std::uint64_t id, Part part) {
  const bool bidirectional = isBidirectional(id);
  if (isLocal(id)) {
    // RFC 9000 §19.4, §19.8, §19.13: STREAM_STATE_ERROR "for a send-only stream".
    if (!bidirectional && part == Part::kReceiving)
      return {stateError("frame of a sender for a send-only stream")};
    // RFC 9000 §19.5, §19.8, §19.10: STREAM_STATE_ERROR "for a locally initiated stream that has not yet been
    // created"; what else speaks of such a stream is as wrong (§20.1).
    if (streamIndex(id) >= local(bidirectional).opened)
      return {stateError("frame for a stream not yet created")};
    return {{}, findOpen(id)};
  }
  // RFC 9000 §19.5, §19.10: STREAM_STATE_ERROR "for a receive-only stream".
  if (!bidirectional && part == Part::kSending)
    return {stateError("frame of a receiver for a receive-only stream")};
  Remote& kind = remote(bidirectional);
  // RFC 9000 §4.6: "An endpoint that receives a frame with a stream ID exceeding the limit it has sent MUST
  // treat this as a connection error of type STREAM_LIMIT_ERROR".
  if (streamIndex(id) >= kind.limit)
    return {{TransportError::kStreamLimitError, "more streams than MAX_STREAMS"}};
  // RFC 9000 §3.2: "Before a stream is created, all streams of the same type with lower-numbered stream IDs
  // MUST be created. This ensures that the creation order for streams is consistent on both endpoints."
  while (kind.opened <= streamIndex(id)) {
    const std::uint64_t next = streamId(kind.opened++, !isServer_, bidirectional);
    create(next);
    events_.onStreamOpened(next);
  }
  return {{}, findOpen(id)};
}

void Streams::report() {
  for (const bool bidirectional : {true, false}) {
    if (!local(bidirectional).availableDue) continue;
    local(bidirectional).availableDue = false;
    events_.onStreamsAvailable(bidirectional);
  }
  // By index: the application may close more of them meanwhile.
  for (std::size_t i = 0; i < closed_.size(); ++i) {
    const std::uint64_t id = closed_[i];
    streams_.erase(id);
    events_.onStreamClosed(id);
  }
  closed_.clear();
}

Error Streams::finish(Error error) {
  if (!error) report();
  return error;
}

void Streams::onChange(Stream& stream, const ReceiveStream::Change& change, std::uint64_t errorCode) {
  received_ += change.received;
  receiveWindow_.consume(change.discarded);
  settle(stream);
  if (change.wasReset) events_.onStreamReset(stream.id, errorCode);
  if (change.readable) events_.onStreamReadable(stream.id);
}

Error Streams::onStream(const StreamFrame& frame) {
  const Found found = findForPeer(frame.streamId, Part::kReceiving);
  if (found.error || found.stream == nullptr) return finish(found.error);
  ReceiveStream::Change change;
  const Error error = found.stream->receive->onData(frame, receiveCredit(), change);
  if (!error) onChange(*found.stream, change, 0);
  return finish(error);
}

Error Streams::onResetStream(const ResetStreamFrame& frame) {
  const Found found = findForPeer(frame.streamId, Part::kReceiving);
  if (found.error || found.stream == nullptr) return finish(found.error);
  ReceiveStream::Change change;
  const Error error = found.stream->receive->onReset(frame, receiveCredit(), change);
  if (!error) onChange(*found.stream, change, frame.errorCode);
  return finish(error);
}

Error Streams::onStopSending(const StopSendingFrame& frame) {
  const Found found = findForPeer(frame.streamId, Part::kSending);
  if (found.error || found.stream == nullptr) return finish(found.error);
  // RFC 9000 §3.5: "An endpoint that receives a STOP_SENDING frame MUST send a RESET_STREAM frame if the
  // stream is in the "Ready" or "Send" state."; "An endpoint SHOULD copy the error code from the STOP_SENDING
  // frame to the RESET_STREAM frame it sends".
  if (found.stream->send->reset(frame.errorCode)) {
    settle(*found.stream);
    events_.onStopSending(frame.streamId, frame.errorCode);
  }
  return finish({});
}

Error Streams::onMaxData(const MaxDataFrame& frame) {
  sendLimit_.raise(frame.maximum);
  return finish({});
}

Error Streams::onMaxStreamData(const MaxStreamDataFrame& frame) {
  const Found found = findForPeer(frame.streamId, Part::kSending);
  if (found.error || found.stream == nullptr) return finish(found.error);
  if (found.stream->send->limit().raise(frame.maximum)) settle(*found.stream);
  return finish({});
}

Error Streams::onMaxStreams(const MaxStreamsFrame& frame) {
  // RFC 9000 §19.11: "Receipt of a frame that permits opening of a stream larger than this limit MUST be
  // treated as a connection error of type FRAME_ENCODING_ERROR."
  if (frame.maximum > kMostStreamCount)
    return {TransportError::kFrameEncodingError, "MAX_STREAMS above 2^60"};
  Local& kind = local(frame.bidirectional);
  const std::uint64_t before = kind.limit.value();
  if (kind.limit.raise(frame.maximum)) {
    if (kind.isWanted) {
      kind.isWanted = false;
      kind.availableDue = true;
    }
    if (kind.opened > before) settleAll();
  }
  return finish({});
}

Error Streams::onStreamDataBlocked(const StreamDataBlockedFrame& frame) {
  // RFC 9000 §4.1: "a receiver MUST NOT wait for a STREAM_DATA_BLOCKED or DATA_BLOCKED frame before sending a
  // MAX_STREAM_DATA or MAX_DATA frame": there is nothing to do but to open the stream.
  return finish(findForPeer(frame.streamId, Part::kReceiving).error);
}

Error Streams::onStreamsBlocked(const StreamsBlockedFrame& frame) {
  // RFC 9000 §19.14: "Receipt of a frame that encodes a larger stream ID MUST be treated as a connection
  // error of type STREAM_LIMIT_ERROR or FRAME_ENCODING_ERROR."
  if (frame.limit > kMostStreamCount)
    return {TransportError::kFrameEncodingError, "STREAMS_BLOCKED above 2^60"};
  return finish({});
}

void Streams::onFrameAcked(const SentFrame& frame) {
  using Kind = SentFrame::Kind;
  if (frame.kind == Kind::kStream || frame.kind == Kind::kResetStream) {
    Stream* stream = findOpen(frame.id);
    if (stream != nullptr && stream->send) {
      stream->send->onAcked(frame);
      settle(*stream);
      if (!stream->isClosed && stream->send->takeWritable(limits_.sendBuffer))
        events_.onStreamWritable(frame.id);
    }
  }
  report();
}

void Streams::onFrameLost(const SentFrame& frame) {
  using Kind = SentFrame::Kind;
  switch (frame.kind) {
    case Kind::kStream:
    case Kind::kResetStream:
    case Kind::kStopSending:
    case Kind::kMaxStreamData:
    case Kind::kStreamDataBlocked:
      if (Stream* stream = findOpen(frame.id)) {
        if (stream->send) stream->send->onLost(frame);
        if (stream->receive) stream->receive->onLost(frame);
        settle(*stream);
      }
      break;
    case Kind::kMaxData:
      receiveWindow_.onLost(frame.offset);
      break;
    case Kind::kMaxStreams: {
      Remote& kind = remote(frame.flag);
      kind.lost = kind.lost || frame.offset == kind.limit;
      break;
    }
    case Kind::kDataBlocked:
      sendLimit_.onBlockedLost(frame.offset);
      break;
    case Kind::kStreamsBlocked:
      local(frame.flag).limit.onBlockedLost(frame.offset);
      break;
    default:
      break;
  }
  report();
}

}  // namespace mqvpn::quic
