#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace mqvpn::tls {

using Mac = std::array<std::uint8_t, 32>;

/// HMAC-SHA-256 (RFC 2104), for tokens that only this end reads.
Mac hmacSha256(std::span<const std::uint8_t> key, std::span<const std::uint8_t> data);

/// In time that depends on the sizes alone.
bool constantTimeEquals(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b);

/// From the system's generator, through GnuTLS.
void randomBytes(std::span<std::uint8_t> out);

}  // namespace mqvpn::tls
