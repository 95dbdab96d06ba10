#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mqvpn::quic {

/// An IPv4 or IPv6 address and a UDP port, as plain bytes, so that the core needs no header of the system.
struct SocketAddress {
  /// 4, 6, or 0: unknown.
  std::uint8_t family = 0;
  std::uint16_t port = 0;
  /// Of link-local IPv6 addresses: the interface; else 0.
  std::uint32_t scope = 0;
  /// Network order; an IPv4 address takes the first four.
  std::array<std::uint8_t, 16> ip{};

  bool operator==(const SocketAddress&) const = default;
  bool sameHost(const SocketAddress& other) const { return family == other.family && ip == other.ip; }
};

/// "192.0.2.1:443", "[2001:db8::1]:443", with a scope "[fe80::1%2]:443"; family 0: "unknown".
std::string toString(const SocketAddress& address);
/// What toString() writes, but for "unknown". Names of hosts and interfaces are not resolved. Port 0 is
/// allowed.
std::optional<SocketAddress> parseSocketAddress(std::string_view text);

/// The network path of one UDP datagram (RFC 9000 §9: a path is an address pair).
struct NetworkPath {
  /// Which of the caller's sockets.
  std::uint32_t socket = 0;
  /// Family 0 when the socket is bound to one address, or its address does not matter.
  SocketAddress local;
  SocketAddress remote;

  bool operator==(const NetworkPath&) const = default;
};

/// RFC 3168 §5.
enum class Ecn : std::uint8_t { kNotEct = 0, kEct1 = 1, kEct0 = 2, kCe = 3 };

}  // namespace mqvpn::quic
