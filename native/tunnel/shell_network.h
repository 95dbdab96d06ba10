#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "connect_ip/address.h"
#include "io/netlink.h"
#include "io/tun.h"

namespace mqvpn::tunnel {

/// Ranges as prefixes: what a routing table takes. `range` of any protocol counts as whole.
std::vector<io::IpPrefix> toPrefixes(const connect_ip::IpRange& range);
/// The same, with 0.0.0.0/0 and ::/0 as two halves each: they win over a default route without replacing it.
std::vector<io::IpPrefix> toRoutes(std::span<const connect_ip::IpRange> ranges);

/// What an engine changes in the kernel's tables: addresses and MTU of its TUN device, routes through it, and
/// the route to the server past it. All of it is taken away again; what was there before is left alone.
/// Throws std::system_error.
class ShellNetwork {
 public:
  explicit ShellNetwork(const io::Tun& tun) : tun_(tun) {}
  ~ShellNetwork();
  ShellNetwork(const ShellNetwork&) = delete;
  ShellNetwork& operator=(const ShellNetwork&) = delete;

  /// Exchanges the addresses of the device for these, and brings it up.
  void setAddresses(std::span<const io::IpPrefix> addresses);
  void setMtu(std::uint32_t mtu);
  /// Lets the kernel take packets from the device whose source is our own address: the ICMP errors that the
  /// server makes come from it, about what the kernel itself sent or forwards. False: it is not to be had
  /// (/proc/sys is read-only).
  bool acceptLocal();
  /// Exchanges the routes through the device for these. `server`: the address that must stay reachable
  /// outside of the tunnel; it gets a route of its own when one of these would take it. `device`: the only
  /// one that the server is spoken to through; 0: any.
  void setRoutes(std::span<const io::IpPrefix> routes, const io::IpAddress& server, std::uint32_t device);
  /// Something changed in the kernel's tables: looks for the way to the server anew.
  void refreshServerRoute();
  /// Everything. Never throws.
  void remove();

  /// MTU of the device that leads to `destination`; nothing: there is no way.
  std::optional<std::uint32_t> mtuTo(const io::IpAddress& destination, std::uint32_t device);
  /// Of all devices that are up, but loopback and our own; 0: there is none.
  std::uint32_t largestMtu();
  std::uint32_t deviceIndex(const std::string& name) { return netlink_.index(name); }

 private:
  /// The best route to the server that leads not through the tunnel.
  std::optional<io::Route> wayToServer();

  const io::Tun& tun_;
  io::Netlink netlink_;
  std::vector<io::IpPrefix> addresses_;
  std::vector<io::Route> routes_;
  io::IpAddress server_;
  std::uint32_t serverDevice_ = 0;
  std::optional<io::Route> serverRoute_;
};

}  // namespace mqvpn::tunnel
