#include "tunnel/ecn_mark.h"

#include <cstddef>

namespace mqvpn::tunnel {

namespace {
constexpr std::size_t kHeader4 = 20, kHeader6 = 40;
constexpr unsigned kCe = 3;

/// The two bits; 0 for what is no IP packet.
unsigned ecnOf(std::span<const std::uint8_t> packet) {
  if (packet.size() >= kHeader4 && packet[0] >> 4 == 4) return packet[1] & 3u;
  // RFC 8200 §3: the traffic class lies across the first two bytes; its low bits are bits 4 and 5 of the
  // second.
  if (packet.size() >= kHeader6 && packet[0] >> 4 == 6) return packet[1] >> 4 & 3u;
  return 0;
}
}  // namespace

bool isEcnCapable(std::span<const std::uint8_t> packet) { return ecnOf(packet) != 0; }

bool markCongestion(std::span<std::uint8_t> packet) {
  const unsigned before = ecnOf(packet);
  if (before == 0) return false;
  if (before == kCe) return true;
  if (packet[0] >> 4 == 6) {
    packet[1] |= kCe << 4;
    return true;
  }
  packet[1] |= kCe;
  // RFC 1624 §3, equation 3: the complement of the header checksum grows by what the word with the ToS byte
  // grew.
  std::uint32_t sum = static_cast<std::uint16_t>(~(packet[10] << 8 | packet[11])) + (kCe - before);
  sum = (sum & 0xffff) + (sum >> 16);
  packet[10] = static_cast<std::uint8_t>(~sum >> 8);
  packet[11] = static_cast<std::uint8_t>(~sum);
  return true;
}

}  // namespace mqvpn::tunnel
