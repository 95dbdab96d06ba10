#pragma once

#include <cstdint>
#include <span>

namespace mqvpn::connect_ip {

/// RFC 1071: the ones' complement sum of 16-bit words, not folded; sums of parts of even size may be added.
std::uint64_t checksumAdd(std::span<const std::uint8_t> data, std::uint64_t sum = 0);
/// Folded and complemented: what goes into the field.
std::uint16_t checksumFinish(std::uint64_t sum);
/// RFC 1624 §3, eqn. 3: the new checksum after a 16-bit word changed.
constexpr std::uint16_t checksumUpdate(std::uint16_t checksum, std::uint16_t before, std::uint16_t after) {
  std::uint32_t sum =
      std::uint32_t{static_cast<std::uint16_t>(~checksum)} + static_cast<std::uint16_t>(~before) + after;
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

}  // namespace mqvpn::connect_ip
