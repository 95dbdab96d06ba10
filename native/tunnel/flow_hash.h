#pragma once

#include <cstdint>
#include <span>

#include "tunnel/siphash.h"

namespace mqvpn::tunnel {

/// Whether packets of a flow should stay in their order, by how much it minds when they do not.
enum class FlowKind : std::uint8_t {
  /// Also fragments: they are put in order where they are put together.
  kOther,
  kUdp,
  kTcp,
};

struct FlowLabel {
  std::uint32_t hash = 0;
  FlowKind kind = FlowKind::kOther;
};

/// Which flow an IP packet belongs to: a keyed hash of addresses, protocol and ports (or what a protocol has
/// in their place: the SPI of IPsec, the identifier of a ping). All fragments of a packet have one hash: of
/// addresses, protocol and identification, since only the first carries ports. IPv6 extension headers are
/// passed over. `packet` may be cut off or malformed: then what is there counts.
FlowLabel flowLabel(std::span<const std::uint8_t> packet, const HashKey& key);
inline std::uint32_t flowHash(std::span<const std::uint8_t> packet, const HashKey& key) {
  return flowLabel(packet, key).hash;
}

}  // namespace mqvpn::tunnel
