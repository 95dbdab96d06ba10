#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "quic/errors.h"
#include "quic/flow_control.h"
#include "quic/frames.h"
#include "quic/receive_buffer.h"
#include "quic/sent_packet.h"
#include "quic/stream_frame_sink.h"

namespace mqvpn::quic {

/// The receiving part of a stream (RFC 9000 §3.2). The states of figure 3: "Recv" while the final size is
/// unknown, "Size Known" and "Data Recvd" until it has been read; "Data Read" and "Reset Read" are isDone().
class ReceiveStream {
 public:
  explicit ReceiveStream(std::uint64_t window) : window_(window) {}

  /// What a frame changed, for the connection.
  struct Change {
    /// By how much the highest offset grew: counts toward the connection's limit.
    std::uint64_t received = 0;
    /// Bytes that nobody will read any more: credit for the peer.
    std::uint64_t discarded = 0;
    bool readable = false;
    bool wasReset = false;
  };

  /// `credit`: how many more bytes the connection's limit allows.
  Error onData(const StreamFrame& frame, std::uint64_t credit, Change& change);
  Error onReset(const ResetStreamFrame& frame, std::uint64_t credit, Change& change);

  // --- the application
  /// Returns how many bytes were copied, which are consumed; `fin` becomes true with the last, once.
  std::size_t read(std::span<std::uint8_t> out, bool& fin);
  /// Nothing will be read any more. Returns how many bytes were discarded.
  std::uint64_t stop(std::uint64_t errorCode);

  // --- what to send
  bool stopDue() const { return stopDue_; }
  bool maxDataDue() const { return isReceiving() && !isStopped() && window_.updateDue(); }
  /// STOP_SENDING and MAX_STREAM_DATA (when due). False: the packet is full.
  bool writeControl(StreamFrameSink& sink, std::uint64_t id, Duration rtt, Time now);
  void onLost(const SentFrame& frame);
  void restart() { stopDue_ = isStopped() && isReceiving(); }

  bool isDone() const { return done_ || (isStopped() && finalSize_ && !stopDue_); }
  std::size_t memoryBytes() const { return buffer_.memoryBytes(); }

 private:
  /// "Recv".
  bool isReceiving() const { return !finalSize_; }
  bool isStopped() const { return stopCode_.has_value(); }
  bool isComplete() const { return finalSize_ && buffer_.contiguous() == *finalSize_; }
  Error checkEnd(std::uint64_t end, bool isFinal, std::uint64_t credit) const;
  std::uint64_t discard();

  ReceiveBuffer buffer_;
  ReceiveWindow window_;
  /// One above the highest byte that the peer has sent, as far as we know.
  std::uint64_t highest_ = 0;
  /// Read, or discarded.
  std::uint64_t consumed_ = 0;
  std::optional<std::uint64_t> finalSize_;
  std::optional<std::uint64_t> stopCode_;
  bool stopDue_ = false;
  bool done_ = false;
};

}  // namespace mqvpn::quic
