#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "connect_ip/address.h"

namespace mqvpn::connect_ip {

constexpr std::uint8_t kProtocolIcmp = 1;
constexpr std::uint8_t kProtocolTcp = 6;
constexpr std::uint8_t kProtocolUdp = 17;
constexpr std::uint8_t kProtocolIcmp6 = 58;

enum class PacketError : std::uint8_t {
  kNone,
  kEmpty,
  /// Neither 4 nor 6.
  kVersion,
  /// Shorter than its header, or IPv4 IHL below 5.
  kHeaderLength,
  /// The packet says that it is longer than what came, or shorter than its own header.
  kTotalLength,
  /// An IPv6 extension header ends beyond the packet, or there are more than kMaxExtensionHeaders.
  kExtensionHeaders,
};

/// RFC 8200 §4.1 names seven, one of which may come twice.
constexpr unsigned kMaxExtensionHeaders = 8;

/// A view of one inner packet; owns nothing.
struct PacketView {
  /// As long as the packet says it is: bytes behind it (padding of links) are cut off.
  std::span<std::uint8_t> bytes;
  std::uint8_t version = 0;
  /// TTL or hop limit.
  std::uint8_t ttl = 0;
  /// The upper layer protocol; IPv6: behind the extension headers (RFC 9484 §4.8). For a fragment that is not
  /// the first, what the fragment header says. ESP (50) counts as an upper layer.
  std::uint8_t protocol = 0;
  bool fragment = false;
  /// Offset 0: the upper layer's header is in this packet.
  bool firstFragment = true;
  /// Where the upper layer begins. May equal bytes.size().
  std::uint16_t payloadOffset = 0;

  std::span<const std::uint8_t> source() const {
    return version == 4 ? bytes.subspan(12, 4) : bytes.subspan(8, 16);
  }
  std::span<const std::uint8_t> destination() const {
    return version == 4 ? bytes.subspan(16, 4) : bytes.subspan(24, 16);
  }
  IpAddress sourceAddress() const { return IpAddress::from(source()); }
  IpAddress destinationAddress() const { return IpAddress::from(destination()); }
  /// Host order; IPv4 only.
  std::uint32_t source4() const { return load32(12); }
  std::uint32_t destination4() const { return load32(16); }
  std::uint16_t payloadSize() const { return static_cast<std::uint16_t>(bytes.size() - payloadOffset); }

 private:
  std::uint32_t load32(std::size_t at) const {
    return std::uint32_t{bytes[at]} << 24 | std::uint32_t{bytes[at + 1]} << 16 |
           std::uint32_t{bytes[at + 2]} << 8 | bytes[at + 3];
  }
};

/// `out` is valid only with kNone. The header checksum of IPv4 is not verified: the tunnel is authenticated,
/// and the kernel behind it verifies it.
PacketError parsePacket(std::span<std::uint8_t> data, PacketView& out);

/// RFC 9484 §7.2: one hop less, right before encapsulation. IPv4's checksum is updated (RFC 1624). The ttl
/// must not be 0.
void decrementTtl(PacketView& packet);

}  // namespace mqvpn::connect_ip
