#pragma once

#include <cstdint>

#include "quic/errors.h"
#include "quic/receive_buffer.h"
#include "quic/send_buffer.h"

namespace mqvpn::quic {

/// CRYPTO data of one encryption level, both ways (RFC 9000 §7.5, §19.6): ordered bytes without flow control.
class CryptoStream {
 public:
  /// RFC 9000 §7.5: "Implementations MUST support buffering at least 4096 bytes of data received in
  /// out-of-order CRYPTO frames."
  static constexpr std::uint64_t kMostBuffered = 64 * 1024;

  /// kCryptoBufferExceeded: beyond kMostBuffered above what was consumed.
  Error receive(std::uint64_t offset, Bytes data);
  /// The next contiguous bytes, valid until the next call; consume() them.
  Bytes readable() const { return in_.readable(); }
  void consume(std::size_t size) { in_.consume(size); }

  void write(Bytes data) { out_.append(data); }
  SendBuffer& out() { return out_; }
  const SendBuffer& out() const { return out_; }
  /// Without the object itself.
  std::size_t memoryBytes() const { return in_.memoryBytes() + out_.memoryBytes(); }

 private:
  ReceiveBuffer in_;
  SendBuffer out_;
};

}  // namespace mqvpn::quic
