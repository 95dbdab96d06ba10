#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace mqvpn::io {

/// An address without a port, as rtnetlink speaks of it.
struct IpAddress {
  /// 4, 6, or 0: none.
  std::uint8_t family = 0;
  /// Network order; IPv4 takes the first four.
  std::array<std::uint8_t, 16> bytes{};

  bool empty() const { return family == 0; }
  std::size_t size() const { return family == 4 ? 4 : family == 6 ? 16 : 0; }
  bool operator==(const IpAddress&) const = default;
};

struct IpPrefix {
  IpAddress address;
  std::uint8_t length = 0;

  bool operator==(const IpPrefix&) const = default;
};

/// "192.0.2.1" or "2001:db8::1"; "none".
std::string toString(const IpAddress& address);
/// "192.0.2.0/24".
std::string toString(const IpPrefix& prefix);
std::optional<IpAddress> parseIpAddress(std::string_view text);
/// Without "/n" the whole address. Host bits may be set: an address of a device is written so.
std::optional<IpPrefix> parseIpPrefix(std::string_view text);

struct LinkInfo {
  std::uint32_t index = 0;
  std::string name;
  std::uint32_t mtu = 0;
  /// Administratively.
  bool up = false;
  /// IFF_LOWER_UP: the cable is in, the radio is associated. Only of a device that is up.
  bool carrier = false;
  bool loopback = false;

  bool usable() const { return up && carrier; }
  bool operator==(const LinkInfo&) const = default;
};

struct AddressInfo {
  std::uint32_t index = 0;
  IpPrefix address;
  /// Of point-to-point links; else empty.
  IpAddress peer;
  /// RT_SCOPE_*: 0 global, 253 link, 254 host.
  std::uint8_t scope = 0;
  /// IPv6: not usable yet (duplicate address detection), or found to be a duplicate.
  bool tentative = false;
  bool deprecated = false;

  bool operator==(const AddressInfo&) const = default;
};

/// A route, to set one or as the kernel reports it.
struct Route {
  /// Family must be set; length 0: the default route.
  IpPrefix destination;
  /// Interface index; 0: none (a route of type unreachable or blackhole, or the gateway decides).
  std::uint32_t device = 0;
  IpAddress gateway;
  /// Preferred source address.
  IpAddress source;
  /// RT_TABLE_MAIN is 254.
  std::uint32_t table = 254;
  /// Routes to one destination differ by it. 0: the kernel's default.
  std::uint32_t metric = 0;
  /// RTAX_MTU; 0: the device's.
  std::uint32_t mtu = 0;
  enum class Type : std::uint8_t { kUnicast = 1, kLocal = 2, kBlackhole = 6, kUnreachable = 7 };
  Type type = Type::kUnicast;

  bool operator==(const Route&) const = default;
};

/// A rule of policy routing: packets to `destination` with (mark & mask) == mark look in `table`.
struct Rule {
  /// 4 or 6.
  std::uint8_t family = 4;
  /// Rules are tried in this order; 32766 is "main".
  std::uint32_t priority = 0;
  /// Family 0: any.
  IpPrefix destination;
  std::uint32_t mark = 0;
  std::uint32_t mask = 0xffffffff;
  /// The packets without the mark.
  bool invert = false;
  std::uint32_t table = 254;
  /// FRA_SUPPRESS_PREFIXLEN: ignore routes of this length or less; -1: none are ignored.
  int suppressPrefixLength = -1;
  /// FRA_PROTOCOL: whose it is; 0: nobody's.
  std::uint8_t protocol = 0;

  bool operator==(const Rule&) const = default;
};

struct LinkEvent {
  LinkInfo link;
  bool removed = false;
};
struct AddressEvent {
  AddressInfo address;
  bool removed = false;
};
struct RouteEvent {
  Route route;
  bool removed = false;
};
/// The kernel had more to say than fitted: read links, addresses and routes anew.
struct EventsLost {};

using NetlinkEvent = std::variant<LinkEvent, AddressEvent, RouteEvent, EventsLost>;

}  // namespace mqvpn::io
