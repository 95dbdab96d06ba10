#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace mqvpn::tunnel {

/// struct virtio_net_hdr, which stands in front of each packet of a TUN device, in the machine's byte order.
/// (linux/virtio_net.h has a member called `class`, which C++ does not take.)
struct VnetHeader {
  static constexpr std::size_t kBytes = 10;
  /// The transport checksum holds the sum of the pseudo-header only.
  static constexpr std::uint8_t kNeedsChecksum = 1;
  static constexpr std::uint8_t kGsoNone = 0;
  static constexpr std::uint8_t kGsoTcp4 = 1;
  static constexpr std::uint8_t kGsoTcp6 = 4;
  /// VIRTIO_NET_HDR_GSO_UDP_L4, Linux ≥ 6.2; missing in older headers.
  static constexpr std::uint8_t kGsoUdp = 5;
  /// A bit beside the type: the first segment has CWR.
  static constexpr std::uint8_t kGsoEcn = 0x80;

  std::uint8_t flags = 0;
  std::uint8_t gsoType = kGsoNone;
  /// A hint: bytes of all headers.
  std::uint16_t headerLength = 0;
  /// Payload bytes per segment.
  std::uint16_t gsoSize = 0;
  /// Where the transport header starts; where in it the checksum is.
  std::uint16_t checksumStart = 0;
  std::uint16_t checksumOffset = 0;

  static VnetHeader read(std::span<const std::uint8_t, kBytes> bytes) {
    VnetHeader header;
    std::memcpy(&header, bytes.data(), kBytes);
    return header;
  }
  void write(std::span<std::uint8_t, kBytes> bytes) const { std::memcpy(bytes.data(), this, kBytes); }

  bool operator==(const VnetHeader&) const = default;
};
static_assert(sizeof(VnetHeader) == VnetHeader::kBytes);

}  // namespace mqvpn::tunnel
