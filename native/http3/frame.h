#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "http3/errors.h"
#include "quic/buffer.h"

namespace mqvpn::http3 {

/// RFC 9114 §7.2.
enum class FrameType : std::uint64_t {
  kData = 0x00,
  kHeaders = 0x01,
  kCancelPush = 0x03,
  kSettings = 0x04,
  kPushPromise = 0x05,
  kGoaway = 0x07,
  kMaxPushId = 0x0d,
};

/// RFC 9114 §7.2.8: "Frame types that were used in HTTP/2 where there is no corresponding HTTP/3 frame type":
/// their receipt is H3_FRAME_UNEXPECTED.
bool isHttp2FrameType(std::uint64_t type);

/// Where FrameReader puts what it found. An error ends the reading.
class FrameSink {
 public:
  virtual ~FrameSink() = default;
  /// A frame begins, of any type, before its payload is there: the place to refuse what may not come now.
  virtual Error onFrameStart(std::uint64_t type, std::uint64_t length) = 0;
  /// Some bytes of a DATA frame; writable, and the bytes in front of them are done with.
  virtual Error onDataPayload(std::span<std::uint8_t> bytes) = 0;
  /// A whole frame of another known type.
  virtual Error onFrame(std::uint64_t type, quic::Bytes payload) = 0;
};

/// Takes the bytes of one stream, split anywhere. DATA is passed through; other known frames are collected up
/// to a bound; unknown ones are skipped (RFC 9114 §9).
class FrameReader {
 public:
  /// Largest payload that is collected: a field section of 32 KiB compressed badly, and more than any sane
  /// SETTINGS.
  static constexpr std::size_t kMaxBuffered = 32 * 1024;

  Error push(std::span<std::uint8_t> data, FrameSink& sink);
  /// False inside a frame: RFC 9114 §7.1: the stream may not end here (H3_FRAME_ERROR).
  bool atBoundary() const { return state_ == State::kHeader && headerSize_ == 0; }

 private:
  enum class State : std::uint8_t { kHeader, kData, kBuffer, kSkip };
  Error readHeader(std::span<std::uint8_t>& data, FrameSink& sink);
  Error readPayload(std::span<std::uint8_t>& data, FrameSink& sink);

  State state_ = State::kHeader;
  std::array<std::uint8_t, 16> header_{};
  std::size_t headerSize_ = 0;
  std::uint64_t type_ = 0;
  std::uint64_t left_ = 0;
  std::vector<std::uint8_t> payload_;
};

/// Type and length; 2 to 16 bytes. Returns how many.
std::size_t writeFrameHeader(std::span<std::uint8_t> out, std::uint64_t type, std::uint64_t length);

}  // namespace mqvpn::http3
