#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "io/netlink.h"

namespace mqvpn::tunnel {

/// Routes through the tunnel in a table of their own, which rules lead to. Nobody's routes are replaced, the
/// host's default route among them, and when the network changes (DHCP, another gateway, an interface that
/// comes and goes) nothing has to be followed:
///
///     priority n    to the server, and what is excluded: main
///              n+1  the tunnel's table, but for its default route      (what was asked for by name)
///              n+2  main, but for its default route                    (networks nearby)
///              n+3  the tunnel's table                                 (everything else)
///
/// Routes vanish with the device, also when the process is killed; rules that are left then lead to an empty
/// table, and recover() removes them. Throws std::system_error.
class PolicyRoutes {
 public:
  /// Marks rules as ours: FRA_PROTOCOL, of the numbers that are free (rtnetlink.h).
  static constexpr std::uint8_t kProtocol = 109;

  PolicyRoutes(io::Netlink& netlink, std::uint32_t device) : netlink_(netlink), device_(device) {}
  PolicyRoutes(const PolicyRoutes&) = delete;
  PolicyRoutes& operator=(const PolicyRoutes&) = delete;

  /// Exchanges what there is. `servers`: never through the tunnel, even if there is no other way now.
  void set(std::span<const io::IpPrefix> routes, std::span<const io::IpAddress> servers,
           std::span<const io::IpPrefix> excluded);
  /// Everything. Never throws.
  void remove();

  /// Removes the rules of tunnels whose device is gone. Returns how many.
  static std::size_t recover(io::Netlink& netlink);

 private:
  std::vector<io::Rule> rulesFor(std::span<const io::IpPrefix> routes, std::span<const io::IpAddress> servers,
                                 std::span<const io::IpPrefix> excluded) const;

  io::Netlink& netlink_;
  const std::uint32_t device_;
  std::vector<io::Route> routes_;
  std::vector<io::Rule> rules_;
};

}  // namespace mqvpn::tunnel
