#pragma once

#include <cstdint>
#include <span>

namespace mqvpn::tunnel {

/// Sets Congestion Experienced in an IP packet whose sender speaks ECN (RFC 3168 §5). False: it does not, and
/// nothing was changed. A packet that has the mark already counts as marked.
bool markCongestion(std::span<std::uint8_t> packet);
/// Whether markCongestion() would.
bool isEcnCapable(std::span<const std::uint8_t> packet);

}  // namespace mqvpn::tunnel
