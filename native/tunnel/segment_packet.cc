#include "tunnel/segment_packet.h"

namespace mqvpn::tunnel {

namespace {

constexpr std::uint8_t kHopByHop = 0;
constexpr std::uint8_t kRouting = 43;
constexpr std::uint8_t kDestinationOptions = 60;
// RFC 8200 §4.1 names each once, and destination options twice.
constexpr int kMostExtensions = 4;

}  // namespace

Transport findTransport(std::span<const std::uint8_t> packet) {
  if (packet.size() < kIpv4Header) return {};
  const std::uint8_t* ip = packet.data();
  if (ip[0] >> 4 == 4) {
    const std::size_t header = std::size_t{ip[0] & 0x0fu} * 4;
    const bool fragment = (get16(ip + kIpv4Fragment) & kIpv4FragmentBits) != 0;
    if (header < kIpv4Header || header > packet.size() || fragment) return {};
    return {header, ip[kIpv4Protocol], false};
  }
  if (ip[0] >> 4 != 6 || packet.size() < kIpv6Header) return {};
  std::size_t offset = kIpv6Header;
  std::uint8_t next = ip[kIpv6NextHeader];
  for (int i = 0; next == kHopByHop || next == kRouting || next == kDestinationOptions; ++i) {
    if (i == kMostExtensions || packet.size() - offset < 8) return {};
    const std::size_t length = (std::size_t{ip[offset + 1]} + 1) * 8;
    if (length > packet.size() - offset) return {};
    next = ip[offset];
    offset += length;
  }
  constexpr std::uint8_t fragmentHeader = 44;
  if (next == fragmentHeader) return {};
  return {offset, next, true};
}

}  // namespace mqvpn::tunnel
