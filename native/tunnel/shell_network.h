#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "io/netlink.h"
#include "io/tun.h"
#include "tunnel/shell_policy_routes.h"

namespace mqvpn::tunnel {

/// What an engine changes in the kernel's tables: addresses and MTU of its TUN device, and routes
/// through it. All of it is taken away again; what was there before is left alone.
/// Throws std::system_error.
class ShellNetwork {
 public:
  explicit ShellNetwork(const io::Tun& tun) : tun_(tun) {}
  ~ShellNetwork();
  ShellNetwork(const ShellNetwork&) = delete;
  ShellNetwork& operator=(const ShellNetwork&) = delete;

  /// Exchanges the addresses of the device for these, and brings it up.
  void setAddresses(std::span<const io::IpPrefix> addresses);
  const std::vector<io::IpPrefix>& addresses() const { return addresses_; }
  void setMtu(std::uint32_t mtu);
  /// Lets the kernel take packets from the device whose source is our own address: the ICMP errors that the
  /// server makes come from it, about what the kernel itself sent or forwards. False: it is not to be had
  /// (/proc/sys is read-only).
  bool acceptLocal();
  /// Exchanges the routes through the device in the main table for these. A route of somebody else with the
  /// same destination stays in its place.
  void setRoutes(std::span<const io::IpPrefix> routes);
  /// The routes through the device that stand beside the main table; see PolicyRoutes.
  PolicyRoutes& policy() { return policy_; }
  /// Everything. Never throws.
  void remove();

  /// MTU of the device that leads to `destination`; nothing: there is no way.
  std::optional<std::uint32_t> mtuTo(const io::IpAddress& destination, std::uint32_t device);
  /// Of all devices that are up, but loopback and our own; 0: there is none.
  std::uint32_t largestMtu();
  std::uint32_t deviceIndex(const std::string& name) { return netlink_.index(name); }

 private:
  const io::Tun& tun_;
  io::Netlink netlink_;
  std::vector<io::IpPrefix> addresses_;
  std::vector<io::Route> routes_;
  PolicyRoutes policy_{netlink_, tun_.index()};
};

}  // namespace mqvpn::tunnel
