#pragma once

#include <cstdint>

namespace mqvpn::http3 {

/// RFC 9114 §8.1, RFC 9204 §6, RFC 9297 §5.2.
enum class ErrorCode : std::uint64_t {
  kDatagramError = 0x33,
  kNoError = 0x100,
  kGeneralProtocolError = 0x101,
  kInternalError = 0x102,
  kStreamCreationError = 0x103,
  kClosedCriticalStream = 0x104,
  kFrameUnexpected = 0x105,
  kFrameError = 0x106,
  kExcessiveLoad = 0x107,
  kIdError = 0x108,
  kSettingsError = 0x109,
  kMissingSettings = 0x10a,
  kRequestRejected = 0x10b,
  kRequestCancelled = 0x10c,
  kRequestIncomplete = 0x10d,
  kMessageError = 0x10e,
  kConnectError = 0x10f,
  kVersionFallback = 0x110,
  kQpackDecompressionFailed = 0x200,
  kQpackEncoderStreamError = 0x201,
  kQpackDecoderStreamError = 0x202,
};

constexpr std::uint64_t code(ErrorCode error) { return static_cast<std::uint64_t>(error); }

/// "H3_FRAME_UNEXPECTED"; "unknown" for what is not listed.
const char* errorName(std::uint64_t code);

/// Why input was refused. Converts to true when it is an error.
struct Error {
  ErrorCode code = ErrorCode::kNoError;
  /// A static string: which rule was broken.
  const char* reason = "";
  explicit operator bool() const { return code != ErrorCode::kNoError; }
};

}  // namespace mqvpn::http3
