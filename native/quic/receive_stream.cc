#include "quic/receive_stream.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace mqvpn::quic {

Error ReceiveStream::checkEnd(std::uint64_t end, bool isFinal, std::uint64_t credit) const {
  // RFC 9000 §4.5: "Once a final size for a stream is known, it cannot change. If a RESET_STREAM or STREAM
  // frame is received indicating a change in the final size for the stream, an endpoint SHOULD respond with
  // an error of type FINAL_SIZE_ERROR"; "A receiver SHOULD treat receipt of data at or beyond the final size
  // as an error of type FINAL_SIZE_ERROR".
  if (finalSize_ && end > *finalSize_) return {TransportError::kFinalSizeError, "data beyond the final size"};
  if (isFinal && finalSize_ && end != *finalSize_)
    return {TransportError::kFinalSizeError, "final size changed"};
  if (isFinal && end < highest_)
    return {TransportError::kFinalSizeError, "final size below what was received"};
  // RFC 9000 §4.1: "A receiver MUST close the connection with an error of type FLOW_CONTROL_ERROR if the
  // sender violates the advertised connection or stream data limits".
  if (end > window_.limit()) return {TransportError::kFlowControlError, "more than MAX_STREAM_DATA"};
  if (end > highest_ && end - highest_ > credit)
    return {TransportError::kFlowControlError, "more than MAX_DATA"};
  return {};
}

std::uint64_t ReceiveStream::discard() {
  buffer_ = {};
  return highest_ - std::exchange(consumed_, highest_);
}

Error ReceiveStream::onData(const StreamFrame& frame, std::uint64_t credit, Change& change) {
  // RFC 9000 §19.8: "Receipt of a frame that exceeds this limit MUST be treated as a connection error of type
  // FRAME_ENCODING_ERROR or FLOW_CONTROL_ERROR."
  if (frame.offset > kVarintMax || frame.data.size() > kVarintMax - frame.offset)
    return {TransportError::kFlowControlError, "STREAM data beyond offset 2^62-1"};
  const std::uint64_t end = frame.offset + frame.data.size();
  if (const Error error = checkEnd(end, frame.fin, credit)) return error;
  if (done_) return {};
  const bool wasComplete = isComplete();
  change.received = end - std::min(end, highest_);
  highest_ = std::max(highest_, end);
  if (frame.fin) finalSize_ = end;
  if (isStopped()) {
    // RFC 9000 §3.5: "STREAM frames received after sending a STOP_SENDING frame are still counted toward
    // connection and stream flow control, even though these frames can be discarded upon receipt."
    change.discarded = discard();
    return {};
  }
  const std::uint64_t before = buffer_.contiguous();
  buffer_.insert(frame.offset, frame.data);
  change.readable = buffer_.contiguous() > before || (isComplete() && !wasComplete);
  return {};
}

Error ReceiveStream::onReset(const ResetStreamFrame& frame, std::uint64_t credit, Change& change) {
  if (const Error error = checkEnd(frame.finalSize, true, credit)) return error;
  // RFC 9000 §3.2: "A RESET_STREAM signal might be suppressed or withheld if stream data is completely
  // received and is buffered to be read by the application. If the RESET_STREAM is suppressed, the receiving
  // part of the stream remains in "Data Recvd"."
  if (done_ || (isComplete() && !isStopped())) return {};
  // RFC 9000 §4.5: "The receiver MUST use the final size of the stream to account for all bytes sent on the
  // stream in its connection-level flow controller."
  change.received = frame.finalSize - highest_;
  highest_ = frame.finalSize;
  finalSize_ = frame.finalSize;
  change.discarded = discard();
  // RFC 9000 §3.5: "An endpoint that sends a STOP_SENDING frame MAY ignore the error code in any RESET_STREAM
  // frames subsequently received for that stream."
  change.wasReset = !isStopped();
  stopDue_ = false;
  done_ = true;
  return {};
}

std::size_t ReceiveStream::read(std::span<std::uint8_t> out, bool& fin) {
  fin = false;
  if (done_ || isStopped()) return 0;
  std::size_t copied = 0;
  while (copied < out.size()) {
    const Bytes piece = buffer_.readable();
    if (piece.empty()) break;
    const std::size_t count = std::min(piece.size(), out.size() - copied);
    std::memcpy(out.data() + copied, piece.data(), count);
    buffer_.consume(count);
    copied += count;
  }
  consumed_ += copied;
  window_.consume(copied);
  if (finalSize_ && consumed_ == *finalSize_) fin = done_ = true;
  return copied;
}

std::uint64_t ReceiveStream::stop(std::uint64_t errorCode) {
  if (done_ || isStopped()) return 0;
  // RFC 9000 §3.5: "If the stream is in the "Recv" or "Size Known" state, the transport SHOULD signal this by
  // sending a STOP_SENDING frame".
  stopDue_ = !isComplete();
  stopCode_ = errorCode;
  return discard();
}

bool ReceiveStream::writeControl(StreamFrameSink& sink, std::uint64_t id, Duration rtt, Time now) {
  if (stopDue_) {
    if (!sink.takesControl()) return false;
    SentFrame record;
    record.kind = SentFrame::Kind::kStopSending;
    record.id = id;
    sink.add(StopSendingFrame{id, *stopCode_}, record);
    stopDue_ = false;
  }
  if (maxDataDue()) {
    if (!sink.takesControl()) return false;
    SentFrame record;
    record.kind = SentFrame::Kind::kMaxStreamData;
    record.id = id;
    record.offset = window_.update(rtt, now);
    sink.add(MaxStreamDataFrame{id, record.offset}, record);
  }
  return true;
}

void ReceiveStream::onLost(const SentFrame& frame) {
  if (frame.kind == SentFrame::Kind::kMaxStreamData) window_.onLost(frame.offset);
  // RFC 9000 §3.5: "once either all stream data or a RESET_STREAM frame has been received for the stream […]
  // sending a STOP_SENDING frame is unnecessary."
  if (frame.kind == SentFrame::Kind::kStopSending) stopDue_ = isStopped() && isReceiving() && !done_;
}

}  // namespace mqvpn::quic
