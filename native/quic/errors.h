#pragma once

#include <cstdint>
#include <string>

namespace mqvpn::quic {

/// RFC 9000 §20.1.
enum class TransportError : std::uint64_t {
  kNoError = 0x0,
  kInternalError = 0x1,
  kConnectionRefused = 0x2,
  kFlowControlError = 0x3,
  kStreamLimitError = 0x4,
  kStreamStateError = 0x5,
  kFinalSizeError = 0x6,
  kFrameEncodingError = 0x7,
  kTransportParameterError = 0x8,
  kConnectionIdLimitError = 0x9,
  kProtocolViolation = 0xa,
  kInvalidToken = 0xb,
  kApplicationError = 0xc,
  kCryptoBufferExceeded = 0xd,
  kKeyUpdateError = 0xe,
  kAeadLimitReached = 0xf,
  kNoViablePath = 0x10,
  kCryptoError = 0x100,
  // draft-ietf-quic-multipath-21 §4.11
  kApplicationAbandonPath = 0x3e,
  kPathResourceLimitReached = 0x3e75,
  kPathUnstableOrPoor = 0x3e76,
  kNoCidAvailableForPath = 0x3e77,
};

/// "PROTOCOL_VIOLATION (0xa)", "CRYPTO_ERROR 42: bad_certificate (0x12a)".
std::string transportErrorName(std::uint64_t code);

/// Why a frame or packet could not be accepted. Converts to true when it is an error.
struct Error {
  TransportError code = TransportError::kNoError;
  /// A static string: which field, and what was wrong.
  const char* reason = "";
  explicit operator bool() const { return code != TransportError::kNoError; }
};

}  // namespace mqvpn::quic
