#pragma once

#include <cstdint>
#include <span>

#include "tunnel/siphash.h"

namespace mqvpn::tunnel {

/// Which flow an IP packet belongs to: a keyed hash of addresses, protocol and ports (or what a protocol has
/// in their place: the SPI of IPsec, the identifier of a ping). All fragments of a packet have one hash: of
/// addresses, protocol and identification, since only the first carries ports. IPv6 extension headers are
/// passed over. `packet` may be cut off or malformed: then what is there counts.
std::uint32_t flowHash(std::span<const std::uint8_t> packet, const HashKey& key);

}  // namespace mqvpn::tunnel
