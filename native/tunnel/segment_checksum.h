#pragma once

#include <cstddef>
#include <cstdint>

namespace mqvpn::tunnel {

/// RFC 1071: one's complement sums of 16-bit words, kept wide and in the machine's byte order until the end
/// ("The sum of 16-bit integers can be computed in either byte order"). An odd last byte counts as if a zero
/// followed. Sums of several ranges may be added when all but the last have an even length.
std::uint64_t checksumAdd(const std::uint8_t* data, std::size_t size, std::uint64_t sum = 0);
/// The same while copying to `out`, which may not overlap: one pass over the memory instead of two.
std::uint64_t checksumCopy(std::uint8_t* out, const std::uint8_t* data, std::size_t size,
                           std::uint64_t sum = 0);

/// The 16-bit sum, not complemented, in the machine's byte order: memcpy it into a packet as it is.
inline std::uint16_t checksumFold(std::uint64_t sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

/// The sum of the TCP or UDP pseudo-header (RFC 9293 §3.1, RFC 8200 §8.1) of a packet with this IP header,
/// for `length` bytes of transport header and payload.
std::uint64_t pseudoHeaderSum(const std::uint8_t* ip, bool ipv6, std::uint8_t protocol, std::size_t length);

}  // namespace mqvpn::tunnel
