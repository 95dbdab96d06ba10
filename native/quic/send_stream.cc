#include "quic/send_stream.h"

#include <algorithm>
#include <utility>

namespace mqvpn::quic {

std::size_t SendStream::room(std::uint64_t most) const {
  if (fin_ || isReset()) return 0;
  // RFC 9000 §19.8: "The largest offset delivered on a stream -- the sum of the offset and data length --
  // cannot exceed 2^62-1".
  const std::uint64_t free = most - std::min(most, buffer_.buffered());
  return std::min(free, kVarintMax - buffer_.end());
}

std::size_t SendStream::write(Bytes data, bool fin, std::uint64_t most) {
  if (fin_ || isReset()) return 0;
  const std::size_t taken = std::min(data.size(), room(most));
  buffer_.append(data.first(taken));
  fin_ = fin && taken == data.size();
  wantsRoom_ = taken < data.size();
  return taken;
}

bool SendStream::takeWritable(std::uint64_t most) {
  // Not before half is free, so that the application is not asked for each packet's worth.
  if (!wantsRoom_ || isReset() || buffer_.buffered() > most / 2) return false;
  wantsRoom_ = false;
  return true;
}

bool SendStream::reset(std::uint64_t errorCode) {
  if (isReset() || isDone()) return false;
  resetCode_ = errorCode;
  resetDue_ = true;
  // RFC 9000 §4.5: the final size "is one higher than the offset of the byte with the largest offset sent on
  // the stream, or zero if no bytes were sent."
  finalSize_ = buffer_.sentEnd();
  // RFC 9000 §19.4: "After sending a RESET_STREAM, an endpoint ceases transmission and retransmission of
  // STREAM frames on the identified stream."
  buffer_ = {};
  return true;
}

void SendStream::onAcked(const SentFrame& frame) {
  switch (frame.kind) {
    case SentFrame::Kind::kStream:
      if (isReset()) return;
      buffer_.onAcked(frame.offset, frame.length);
      // After restart() an acknowledgement of what counts as unsent says nothing.
      if (frame.flag && finSent_) finAcked_ = true;
      return;
    case SentFrame::Kind::kResetStream:
      resetAcked_ = isReset();
      resetDue_ = false;
      return;
    default:
      return;
  }
}

void SendStream::onLost(const SentFrame& frame) {
  switch (frame.kind) {
    case SentFrame::Kind::kStream:
      if (isReset()) return;
      buffer_.onLost(frame.offset, frame.length);
      if (frame.flag && finSent_) finLost_ = true;
      return;
    case SentFrame::Kind::kResetStream:
      // RFC 9000 §13.3: RESET_STREAM "is sent until acknowledged".
      resetDue_ = isReset() && !resetAcked_;
      return;
    case SentFrame::Kind::kStreamDataBlocked:
      limit_.onBlockedLost(frame.offset);
      return;
    default:
      return;
  }
}

std::optional<std::size_t> SendStream::writeFrame(StreamFrameSink& sink, std::uint64_t id,
                                                  std::uint64_t credit) {
  const std::uint64_t sentEnd = buffer_.sentEnd();
  const std::uint64_t fresh = credit > kVarintMax - sentEnd ? kVarintMax : sentEnd + credit;
  // Without credit only what was sent before comes; else the two limits decide.
  const auto chunk = finAloneDue() && !buffer_.hasLost() ? SendBuffer::Chunk{buffer_.end(), 0, true}
                                                         : buffer_.next(std::min(limit_.value(), fresh));
  if (!chunk) return std::nullopt;
  const auto size = sink.streamRoom(id, chunk->offset, chunk->size);
  if (!size) return std::nullopt;
  const bool last = fin_ && chunk->offset + *size == buffer_.end();
  const std::span<std::uint8_t> data = sink.addStream(id, chunk->offset, *size, last);
  buffer_.take(chunk->offset, data);
  if (last) {
    finSent_ = true;
    finLost_ = false;
  }
  return chunk->isRetransmission ? 0 : *size;
}

bool SendStream::writeControl(StreamFrameSink& sink, std::uint64_t id) {
  if (resetDue_) {
    if (!sink.takesControl()) return false;
    SentFrame record;
    record.kind = SentFrame::Kind::kResetStream;
    record.id = id;
    sink.add(ResetStreamFrame{id, *resetCode_, finalSize_}, record);
    resetDue_ = false;
  }
  if (blockedDue()) {
    if (!sink.takesControl()) return false;
    SentFrame record;
    record.kind = SentFrame::Kind::kStreamDataBlocked;
    record.id = id;
    record.offset = limit_.value();
    sink.add(StreamDataBlockedFrame{id, limit_.value()}, record);
    limit_.onBlockedSent();
  }
  return true;
}

std::uint64_t SendStream::restart() {
  if (isDone()) return 0;
  if (isReset()) {
    // The peer has seen nothing of this stream, so that no byte of it counts.
    resetDue_ = true;
    return std::exchange(finalSize_, 0);
  }
  const std::uint64_t before = buffer_.sentEnd();
  buffer_.restart();
  if (!finAcked_) finSent_ = finLost_ = false;
  return before - buffer_.sentEnd();
}

}  // namespace mqvpn::quic
