#include "connect_ip/ip_packet.h"

#include "connect_ip/checksum.h"

namespace mqvpn::connect_ip {

namespace {

constexpr std::size_t kIpv4Header = 20;
constexpr std::size_t kIpv6Header = 40;

constexpr std::uint8_t kHopByHop = 0;
constexpr std::uint8_t kRouting = 43;
constexpr std::uint8_t kFragment = 44;
constexpr std::uint8_t kAuthentication = 51;
constexpr std::uint8_t kDestinationOptions = 60;
constexpr std::uint8_t kMobility = 135;
constexpr std::uint8_t kHip = 139;
constexpr std::uint8_t kShim6 = 140;

std::uint16_t load16(std::span<const std::uint8_t> data, std::size_t at) {
  return static_cast<std::uint16_t>(data[at] << 8 | data[at + 1]);
}

PacketError parse4(std::span<std::uint8_t> data, PacketView& out) {
  if (data.size() < kIpv4Header) return PacketError::kHeaderLength;
  const std::size_t header = std::size_t{data[0] & 0x0fU} * 4;
  if (header < kIpv4Header || header > data.size()) return PacketError::kHeaderLength;
  const std::size_t total = load16(data, 2);
  if (total < header || total > data.size()) return PacketError::kTotalLength;
  const std::uint16_t fragment = load16(data, 6);
  out.bytes = data.first(total);
  out.ttl = data[8];
  out.protocol = data[9];
  // RFC 791 §3.1: MF, or an offset.
  out.fragment = (fragment & 0x3fff) != 0;
  out.firstFragment = (fragment & 0x1fff) == 0;
  out.payloadOffset = static_cast<std::uint16_t>(header);
  return PacketError::kNone;
}

bool isExtension(std::uint8_t next) {
  switch (next) {
    case kHopByHop:
    case kRouting:
    case kFragment:
    case kAuthentication:
    case kDestinationOptions:
    case kMobility:
    case kHip:
    case kShim6:
      return true;
    default:
      return false;
  }
}

/// Bytes of an extension header, from its second byte.
std::size_t extensionSize(std::uint8_t type, std::uint8_t length) {
  if (type == kFragment) return 8;
  // RFC 4302 §2.2: in 32-bit words, minus 2; the others (RFC 8200 §4) in 64-bit words, without the first.
  return type == kAuthentication ? (std::size_t{length} + 2) * 4 : (std::size_t{length} + 1) * 8;
}

// RFC 9484 §4.8: "implementations that support scoping or routing by Internet Protocol Number MUST walk the
// chain of extensions to find the outermost non-extension Internet Protocol Number".
PacketError walkExtensions(PacketView& out) {
  const std::span<const std::uint8_t> data = out.bytes;
  std::size_t at = kIpv6Header;
  std::uint8_t next = data[6];
  for (unsigned count = 0; isExtension(next); ++count) {
    if (count == kMaxExtensionHeaders || data.size() - at < 8) return PacketError::kExtensionHeaders;
    const std::uint8_t type = next;
    const std::size_t size = extensionSize(type, data[at + 1]);
    if (size > data.size() - at) return PacketError::kExtensionHeaders;
    next = data[at];
    if (type == kFragment) {
      out.fragment = true;
      out.firstFragment = (load16(data, at + 2) & 0xfff8) == 0;
    }
    at += size;
    // What follows the header of a later fragment is the middle of something.
    if (!out.firstFragment) break;
  }
  out.protocol = next;
  out.payloadOffset = static_cast<std::uint16_t>(at);
  return PacketError::kNone;
}

PacketError parse6(std::span<std::uint8_t> data, PacketView& out) {
  if (data.size() < kIpv6Header) return PacketError::kHeaderLength;
  // A payload length of 0 with a jumbo option (RFC 2675) is taken as it stands, and then lacks its extension
  // header.
  const std::size_t total = kIpv6Header + load16(data, 4);
  if (total > data.size()) return PacketError::kTotalLength;
  out.bytes = data.first(total);
  out.ttl = data[7];
  out.fragment = false;
  out.firstFragment = true;
  return walkExtensions(out);
}

}  // namespace

PacketError parsePacket(std::span<std::uint8_t> data, PacketView& out) {
  if (data.empty()) return PacketError::kEmpty;
  out.version = data[0] >> 4;
  if (out.version == 4) return parse4(data, out);
  if (out.version == 6) return parse6(data, out);
  return PacketError::kVersion;
}

void decrementTtl(PacketView& packet) {
  --packet.ttl;
  if (packet.version == 6) {
    packet.bytes[7] = packet.ttl;
    return;
  }
  const std::uint16_t before = load16(packet.bytes, 8);
  packet.bytes[8] = packet.ttl;
  const std::uint16_t checksum = checksumUpdate(load16(packet.bytes, 10), before, load16(packet.bytes, 8));
  packet.bytes[10] = static_cast<std::uint8_t>(checksum >> 8);
  packet.bytes[11] = static_cast<std::uint8_t>(checksum);
}

}  // namespace mqvpn::connect_ip
