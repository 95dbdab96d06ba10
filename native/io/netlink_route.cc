// Routes and rules of policy routing.
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cerrno>

#include "io/netlink.h"
#include "io/netlink_message.h"
#include "io/netlink_parse.h"

namespace mqvpn::io {

namespace {

unsigned char systemFamily(std::uint8_t family) {
  return family == 4 ? AF_INET : family == 6 ? AF_INET6 : AF_UNSPEC;
}

/// The old field has 8 bits; RTA_TABLE and FRA_TABLE have them all.
unsigned char shortTable(std::uint32_t table) {
  return table < 256 ? static_cast<unsigned char>(table) : static_cast<unsigned char>(RT_TABLE_UNSPEC);
}

std::string describe(const Route& route) {
  std::string text = "route " + toString(route.destination);
  if (!route.gateway.empty()) text += " via " + toString(route.gateway);
  if (route.device != 0) text += " on device with index " + std::to_string(route.device);
  if (route.table != RT_TABLE_MAIN) text += " in table " + std::to_string(route.table);
  return text;
}

std::string describe(const Rule& rule) {
  return "rule " + std::to_string(rule.priority) + (rule.family == 4 ? " (IPv4)" : " (IPv6)") + " to table " +
         std::to_string(rule.table);
}

}  // namespace

int Netlink::changeRoute(std::uint16_t type, std::uint16_t flags, const Route& route) {
  NetlinkMessage message(type, flags);
  auto* header = message.header<rtmsg>();
  header->rtm_family = systemFamily(route.destination.address.family);
  header->rtm_dst_len = route.destination.length;
  header->rtm_table = shortTable(route.table);
  header->rtm_type = static_cast<unsigned char>(route.type);
  if (type == RTM_DELROUTE) {
    // Whoever set it, and with whatever scope.
    header->rtm_protocol = RTPROT_UNSPEC;
    header->rtm_scope = RT_SCOPE_NOWHERE;
  } else {
    header->rtm_protocol = RTPROT_STATIC;
    const bool onLink = route.type == Route::Type::kUnicast && route.gateway.empty();
    header->rtm_scope = onLink ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  }
  message.number(RTA_TABLE, route.table);
  if (route.destination.length > 0) message.address(RTA_DST, route.destination.address);
  if (route.device != 0) message.number(RTA_OIF, route.device);
  if (route.metric != 0) message.number(RTA_PRIORITY, route.metric);
  message.address(RTA_GATEWAY, route.gateway);
  message.address(RTA_PREFSRC, route.source);
  if (route.mtu != 0) message.nestedNumber(RTA_METRICS, RTAX_MTU, route.mtu);
  return request(message.get());
}

void Netlink::addRoute(const Route& route) {
  if (const int error = changeRoute(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, route))
    fail(error, "add " + describe(route));
}

void Netlink::replaceRoute(const Route& route) {
  if (const int error = changeRoute(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, route))
    fail(error, "replace " + describe(route));
}

bool Netlink::removeRoute(const Route& route) {
  const int error = changeRoute(RTM_DELROUTE, 0, route);
  // ENODEV: the device is gone, and its routes with it.
  if (error == ESRCH || error == ENODEV) return false;
  if (error != 0) fail(error, "remove " + describe(route));
  return true;
}

std::vector<Route> Netlink::routes(std::uint8_t family, std::uint32_t table) {
  NetlinkMessage message(RTM_GETROUTE, NLM_F_DUMP);
  message.header<rtmsg>()->rtm_family = systemFamily(family);
  std::vector<Route> all;
  dump(
      message.get(), "list the routes", [&] { all.clear(); },
      [&](const nlmsghdr* answer) {
        const auto route = parseRoute(answer);
        if (route && (table == 0 || route->table == table)) all.push_back(*route);
      });
  return all;
}

int Netlink::lookUp(const IpAddress& destination, std::uint32_t device, std::uint32_t mark,
                    std::uint32_t flags, std::optional<Route>& found) {
  NetlinkMessage message(RTM_GETROUTE, 0);
  auto* header = message.header<rtmsg>();
  header->rtm_family = systemFamily(destination.family);
  header->rtm_dst_len = static_cast<unsigned char>(destination.size() * 8);
  header->rtm_flags = flags;
  message.address(RTA_DST, destination);
  if (device != 0) message.number(RTA_OIF, device);
  if (mark != 0) message.number(RTA_MARK, mark);
  return request(message.get(), [&](const nlmsghdr* answer) { found = parseRoute(answer); });
}

std::optional<Route> Netlink::route(const IpAddress& destination, std::uint32_t device, std::uint32_t mark) {
  std::optional<Route> found;
  int error = 0;
  // Where no route leads out of the device, IPv4 takes the destination for a neighbour there, and asks in
  // vain for its hardware address. The table itself knows better.
  if (destination.family == 4 && device != 0)
    error = lookUp(destination, device, mark, RTM_F_FIB_MATCH, found);
  if (error == 0) error = lookUp(destination, device, mark, 0, found);
  if (error == ENETUNREACH || error == EHOSTUNREACH || error == ENETDOWN) return std::nullopt;
  if (error != 0) fail(error, "look up the route to " + toString(destination));
  // IPv4 reports a route of type unreachable as an error, IPv6 as a route.
  if (found && found->type != Route::Type::kUnicast && found->type != Route::Type::kLocal)
    return std::nullopt;
  return found;
}

int Netlink::changeRule(std::uint16_t type, std::uint16_t flags, const Rule& rule) {
  NetlinkMessage message(type, flags);
  auto* header = message.header<fib_rule_hdr>();
  header->family = systemFamily(rule.family);
  header->table = shortTable(rule.table);
  header->action = FR_ACT_TO_TBL;
  if (rule.invert) header->flags = FIB_RULE_INVERT;
  message.number(FRA_TABLE, rule.table);
  message.number(FRA_PRIORITY, rule.priority);
  if (rule.mark != 0) {
    message.number(FRA_FWMARK, rule.mark);
    message.number(FRA_FWMASK, rule.mask);
  }
  if (!rule.destination.address.empty()) {
    header->dst_len = rule.destination.length;
    message.address(FRA_DST, rule.destination.address);
  }
  if (rule.protocol != 0) message.byte(FRA_PROTOCOL, rule.protocol);
  if (rule.suppressPrefixLength >= 0) {
    message.number(FRA_SUPPRESS_PREFIXLEN, static_cast<std::uint32_t>(rule.suppressPrefixLength));
  }
  return request(message.get());
}

void Netlink::addRule(const Rule& rule) {
  if (const int error = changeRule(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, rule))
    fail(error, "add " + describe(rule));
}

bool Netlink::removeRule(const Rule& rule) {
  const int error = changeRule(RTM_DELRULE, 0, rule);
  if (error == ENOENT) return false;
  if (error != 0) fail(error, "remove " + describe(rule));
  return true;
}

std::vector<Rule> Netlink::rules(std::uint8_t family) {
  NetlinkMessage message(RTM_GETRULE, NLM_F_DUMP);
  message.header<fib_rule_hdr>()->family = systemFamily(family);
  std::vector<Rule> all;
  dump(
      message.get(), "list the routing rules", [&] { all.clear(); },
      [&](const nlmsghdr* answer) {
        if (const auto rule = parseRule(answer)) all.push_back(*rule);
      });
  return all;
}

}  // namespace mqvpn::io
