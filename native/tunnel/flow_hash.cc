#include "tunnel/flow_hash.h"

#include <cstddef>
#include <cstring>

namespace mqvpn::tunnel {

namespace {

constexpr std::uint8_t kHopByHop = 0, kIcmp = 1, kTcp = 6, kUdp = 17, kDccp = 33, kRouting = 43,
                       kFragment = 44, kEsp = 50, kAh = 51, kIcmp6 = 58, kDestinationOptions = 60,
                       kMobility = 135, kSctp = 132, kUdpLite = 136, kHip = 139, kShim6 = 140;
constexpr std::size_t kHeader4 = 20, kHeader6 = 40;
/// Chains in the wild have two or three; more is an attempt to make us work.
constexpr int kMostExtensions = 8;

using Bytes = std::span<const std::uint8_t>;

std::uint32_t word32(Bytes packet, std::size_t at) {
  return std::uint32_t{packet[at]} << 24 | std::uint32_t{packet[at + 1]} << 16 |
         std::uint32_t{packet[at + 2]} << 8 | packet[at + 3];
}

std::uint64_t word64(Bytes packet, std::size_t at) {
  std::uint64_t value;
  std::memcpy(&value, packet.data() + at, sizeof(value));
  return value;
}

/// What tells flows of one protocol apart, from the transport header at `at`.
std::uint32_t discriminator(Bytes packet, std::size_t at, std::uint8_t protocol) {
  switch (protocol) {
    case kTcp:
    case kUdp:
    case kDccp:
    case kSctp:
    case kUdpLite:
    case kEsp:
      // Both ports, or the SPI.
      return at + 4 <= packet.size() ? word32(packet, at) : 0;
    case kAh:
      return at + 8 <= packet.size() ? word32(packet, at + 4) : 0;
    case kIcmp:
    case kIcmp6: {
      if (at + 6 > packet.size()) return 0;
      const std::uint8_t type = packet[at];
      const bool echo = protocol == kIcmp ? type == 0 || type == 8 : type == 128 || type == 129;
      return echo ? std::uint32_t{packet[at + 4]} << 8 | packet[at + 5] : 0;
    }
    default:
      return 0;
  }
}

FlowKind kindOf(std::uint8_t protocol) {
  switch (protocol) {
    case kTcp:
      return FlowKind::kTcp;
    case kUdp:
    case kUdpLite:
      return FlowKind::kUdp;
    default:
      return FlowKind::kOther;
  }
}

FlowLabel finish(SipHash& hash, std::uint8_t protocol, std::uint32_t rest, bool fragment) {
  hash.add(std::uint64_t{rest} << 32 | std::uint64_t{fragment} << 8 | protocol);
  return {static_cast<std::uint32_t>(hash.finish()), fragment ? FlowKind::kOther : kindOf(protocol)};
}

FlowLabel label4(Bytes packet, const HashKey& key) {
  SipHash hash(key);
  hash.add(word64(packet, 12));
  const std::size_t headerBytes = std::size_t{packet[0]} % 16 * 4;
  const std::uint8_t protocol = packet[9];
  // RFC 791 §3.1: flags and fragment offset; 0x2000 is MF, the low 13 bits the offset.
  const std::uint32_t fragment = (std::uint32_t{packet[6]} << 8 | packet[7]) & 0x3fff;
  if (fragment != 0) return finish(hash, protocol, std::uint32_t{packet[4]} << 8 | packet[5], true);
  return finish(hash, protocol, discriminator(packet, headerBytes, protocol), false);
}

FlowLabel label6(Bytes packet, const HashKey& key) {
  SipHash hash(key);
  for (std::size_t at = 8; at < kHeader6; at += 8) hash.add(word64(packet, at));
  std::uint8_t next = packet[6];
  std::size_t at = kHeader6;
  for (int i = 0; i < kMostExtensions && at + 8 <= packet.size(); ++i) {
    switch (next) {
      case kFragment:
        // RFC 8200 §4.5: next header, reserved, offset and M flag, identification. An atomic fragment (RFC
        // 6946) is whole.
        if (((std::uint32_t{packet[at + 2]} << 8 | packet[at + 3]) & 0xfff9) != 0)
          return finish(hash, packet[at], word32(packet, at + 4), true);
        next = packet[at];
        at += 8;
        continue;
      case kHopByHop:
      case kRouting:
      case kDestinationOptions:
      case kMobility:
      case kHip:
      case kShim6:
        next = packet[at];
        at += (std::size_t{packet[at + 1]} + 1) * 8;
        continue;
      default:
        break;
    }
    break;
  }
  return finish(hash, next, discriminator(packet, at, next), false);
}

}  // namespace

FlowLabel flowLabel(std::span<const std::uint8_t> packet, const HashKey& key) {
  if (packet.size() >= kHeader4 && packet[0] >> 4 == 4) return label4(packet, key);
  if (packet.size() >= kHeader6 && packet[0] >> 4 == 6) return label6(packet, key);
  return {};
}

}  // namespace mqvpn::tunnel
