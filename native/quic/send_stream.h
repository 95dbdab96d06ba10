#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "quic/flow_control.h"
#include "quic/send_buffer.h"
#include "quic/sent_packet.h"
#include "quic/stream_frame_sink.h"

namespace mqvpn::quic {

/// The sending part of a stream (RFC 9000 §3.1). The states of figure 2: "Ready", "Send" and "Data Sent" are
/// one here, told apart by what was sent; "Reset Sent" is isReset(); "Data Recvd" and "Reset Recvd" are
/// isDone().
class SendStream {
 public:
  explicit SendStream(std::uint64_t limit) : limit_(limit) {}

  // --- the application
  /// Holds at most `most` bytes. Returns how many were taken; `fin` counts only when all were.
  std::size_t write(Bytes data, bool fin, std::uint64_t most);
  std::size_t room(std::uint64_t most) const;
  /// False: it was reset, or all was delivered, before.
  bool reset(std::uint64_t errorCode);
  /// Whether onStreamWritable() is due: write() took less than it was given, and half of `most` is free.
  /// Once.
  bool takeWritable(std::uint64_t most);

  // --- the peer
  PeerLimit& limit() { return limit_; }
  void onAcked(const SentFrame& frame);
  void onLost(const SentFrame& frame);

  // --- what to send
  /// Lost data, a lost FIN, or a FIN without data: needs no flow control credit.
  bool hasUrgent() const { return !isReset() && (buffer_.hasLost() || finAloneDue()); }
  /// Data never sent that the stream's limit allows.
  bool hasFresh() const { return !isReset() && buffer_.hasUnsent(limit_.value()); }
  bool resetDue() const { return resetDue_; }
  bool blockedDue() const { return limit_.blockedDue(isBlocked()); }
  /// Writes one STREAM frame: urgent data if there is any, else fresh data of at most `credit` bytes (the
  /// connection's). Returns how many bytes were sent for the first time; nothing: it does not fit.
  std::optional<std::size_t> writeFrame(StreamFrameSink& sink, std::uint64_t id, std::uint64_t credit);
  /// RESET_STREAM (when due) and STREAM_DATA_BLOCKED (when due). False: the packet is full.
  bool writeControl(StreamFrameSink& sink, std::uint64_t id);

  /// Everything sent is to be sent again. Returns how many bytes count as unsent again.
  std::uint64_t restart();

  bool isReset() const { return resetCode_.has_value(); }
  bool isDone() const { return isReset() ? resetAcked_ : finAcked_ && buffer_.allAcknowledged(); }
  std::size_t memoryBytes() const { return buffer_.memoryBytes(); }

 private:
  bool finAloneDue() const {
    return fin_ && !finAcked_ && (!finSent_ || finLost_) && buffer_.sentEnd() == buffer_.end();
  }
  bool isBlocked() const {
    return !isReset() && buffer_.end() > buffer_.sentEnd() && buffer_.sentEnd() >= limit_.value();
  }

  SendBuffer buffer_;
  PeerLimit limit_;
  bool wantsRoom_ = false;
  bool fin_ = false;
  bool finSent_ = false;
  bool finLost_ = false;
  bool finAcked_ = false;
  bool resetDue_ = false;
  bool resetAcked_ = false;
  std::optional<std::uint64_t> resetCode_;
  /// Of a reset stream.
  std::uint64_t finalSize_ = 0;
};

}  // namespace mqvpn::quic
