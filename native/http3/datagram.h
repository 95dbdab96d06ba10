#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "http3/errors.h"
#include "quic/buffer.h"

namespace mqvpn::http3 {

/// RFC 9297 §2.1: "the largest legal value of Quarter Stream ID is 2^60-1".
constexpr std::uint64_t kMaxQuarterStreamId = (std::uint64_t{1} << 60) - 1;

/// Writes the Quarter Stream ID of a request stream; returns its size, 1 to 8.
std::size_t writeDatagramPrefix(std::span<std::uint8_t> out, std::uint64_t streamId);

struct Datagram {
  std::uint64_t streamId = 0;
  /// HTTP Datagram Payload.
  std::span<std::uint8_t> payload;
};

/// Splits the payload of a QUIC DATAGRAM frame; the error is one of the connection (H3_DATAGRAM_ERROR).
Error parseDatagram(std::span<std::uint8_t> frame, Datagram& out);

}  // namespace mqvpn::http3
