#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "http3/errors.h"
#include "quic/buffer.h"

namespace mqvpn::http3 {

/// RFC 9297 §3.5, RFC 9484 §4.7.
enum class CapsuleType : std::uint64_t {
  kDatagram = 0x00,
  kAddressAssign = 0x01,
  kAddressRequest = 0x02,
  kRouteAdvertisement = 0x03,
};

/// Room for the largest inner packet (IPv6: 40 + 65535) and a context ID of 8 bytes.
constexpr std::size_t kMaxCapsuleValue = 65'600;

class CapsuleSink {
 public:
  virtual ~CapsuleSink() = default;
  /// Whether values of this type are wanted; others are skipped unseen.
  virtual bool wantsCapsule(std::uint64_t type) = 0;
  /// A whole value: valid during the call, writable, and the 16 bytes in front of it may be overwritten as
  /// well. An error ends the reading.
  virtual Error onCapsule(std::uint64_t type, std::span<std::uint8_t> value) = 0;
};

/// Takes a data stream (RFC 9297 §3.1), split anywhere.
class CapsuleReader {
 public:
  /// RFC 9297 §3.3: an error makes the message malformed (H3_MESSAGE_ERROR); a capsule that is wanted but
  /// larger than kMaxCapsuleValue is H3_EXCESSIVE_LOAD. `data` must have 16 bytes in front of it that may be
  /// overwritten.
  Error push(std::span<std::uint8_t> data, CapsuleSink& sink);
  /// RFC 9297 §3.3: false: the stream may not end here.
  bool atBoundary() const { return state_ == State::kHeader && headerSize_ == 0; }

 private:
  enum class State : std::uint8_t { kHeader, kBuffer, kSkip };
  Error readHeader(std::span<std::uint8_t>& data, CapsuleSink& sink);
  Error readValue(std::span<std::uint8_t>& data, CapsuleSink& sink);

  State state_ = State::kHeader;
  std::array<std::uint8_t, 16> header_{};
  std::size_t headerSize_ = 0;
  std::uint64_t type_ = 0;
  std::uint64_t left_ = 0;
  std::vector<std::uint8_t> value_;
};

/// Type and length; returns the size, at most 16.
std::size_t writeCapsuleHeader(std::span<std::uint8_t> out, std::uint64_t type, std::uint64_t length);
void appendCapsule(std::vector<std::uint8_t>& out, std::uint64_t type, quic::Bytes value);

}  // namespace mqvpn::http3
