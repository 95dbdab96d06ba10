#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "io/netlink_types.h"

struct mnl_socket;
struct nlmsghdr;

namespace mqvpn::io {

/// Requests to rtnetlink, in the network namespace that the calling thread is in at construction. Every
/// method waits for the kernel's answer and throws std::system_error that names what failed and which device.
/// remove… return false when there was nothing to remove.
class Netlink {
 public:
  Netlink();
  ~Netlink();
  Netlink(const Netlink&) = delete;
  Netlink& operator=(const Netlink&) = delete;

  /// Throws with ENODEV.
  LinkInfo link(const std::string& device);
  LinkInfo link(std::uint32_t index);
  std::uint32_t index(const std::string& device) { return link(device).index; }
  std::vector<LinkInfo> links();
  /// Of one device, or of all: 0.
  std::vector<AddressInfo> addresses(std::uint32_t index = 0);
  /// Of `family` 4 or 6 in one table; 0: all tables.
  std::vector<Route> routes(std::uint8_t family, std::uint32_t table = 254);

  void setUp(const std::string& device, bool up);
  void setMtu(const std::string& device, std::uint32_t mtu);

  /// Replaces what is there. `peer`: the far end of a point-to-point link (then `address` has full length).
  /// Bring the device up first: the kernel takes packets for a new IPv6 address a few milliseconds later
  /// only, and this waits for it (a TCP connection that is opened at once would lose its SYN-ACK, and a
  /// second).
  void addAddress(const std::string& device, const IpPrefix& address, const IpAddress& peer = {});
  bool removeAddress(const std::string& device, const IpPrefix& address, const IpAddress& peer = {});

  /// Throws with EEXIST.
  void addRoute(const Route& route);
  /// Adds it, or puts it in the place of the route with the same destination, table and metric.
  void replaceRoute(const Route& route);
  bool removeRoute(const Route& route);

  /// Throws with EEXIST.
  void addRule(const Rule& rule);
  bool removeRule(const Rule& rule);
  /// Of `family` 4 or 6.
  std::vector<Rule> rules(std::uint8_t family);

  /// How the kernel would send to `destination` now: device, gateway, source, mtu. `device`: only out of this
  /// interface (as a socket with SO_BINDTODEVICE); 0: any. Nothing: there is no way (unreachable).
  std::optional<Route> route(const IpAddress& destination, std::uint32_t device = 0, std::uint32_t mark = 0);

 private:
  using Each = std::function<void(const nlmsghdr*)>;
  /// 0 or errno; `explanation_` is then the kernel's text.
  int request(nlmsghdr* message, const Each& each = {});
  /// Throws. `restart` is called before each attempt.
  void dump(nlmsghdr* message, const std::string& what, const std::function<void()>& restart,
            const Each& each);
  void awaitLocal(const IpAddress& address);
  LinkInfo askLink(nlmsghdr* message, const std::string& what);
  int changeAddress(std::uint16_t type, std::uint16_t flags, const std::string& device,
                    const IpPrefix& address, const IpAddress& peer);
  int changeRoute(std::uint16_t type, std::uint16_t flags, const Route& route);
  int lookUp(const IpAddress& destination, std::uint32_t device, std::uint32_t mark, std::uint32_t flags,
             std::optional<Route>& found);
  int changeRule(std::uint16_t type, std::uint16_t flags, const Rule& rule);
  [[noreturn]] void fail(int error, const std::string& what) const;

  mnl_socket* socket_ = nullptr;
  std::uint32_t sequence_ = 0;
  std::vector<char> buffer_;
  std::string explanation_;
};

}  // namespace mqvpn::io
