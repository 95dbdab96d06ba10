#include "tunnel/shell_policy_routes.h"

#include <algorithm>
#include <set>
#include <system_error>

#include "tunnel/shell_prefixes.h"

namespace mqvpn::tunnel {

namespace {

constexpr std::uint32_t kMainTable = 254;
/// Tables are numbered by the index of the device, so that two tunnels never share one and what is left of
/// one can be told.
constexpr std::uint32_t kFirstTable = 0x6d710000, kTables = 0x10000;
/// Before the main table (32766) and what tools put right in front of it, behind what people number by hand.
constexpr std::uint32_t kFirstPriority = 20'000, kPriorities = 10'000, kRulesPerTunnel = 4;

std::uint32_t tableOf(std::uint32_t device) { return kFirstTable + device % kTables; }

std::uint32_t priorityOf(std::uint32_t device) {
  return kFirstPriority + kRulesPerTunnel * device % kPriorities;
}

template <typename Action>
void quietly(Action&& action) {
  try {
    action();
  } catch (const std::system_error&) {
    // It went by itself, or somebody else removed it.
  }
}

}  // namespace

std::vector<io::Rule> PolicyRoutes::rulesFor(std::span<const io::IpPrefix> routes,
                                             std::span<const io::IpAddress> servers,
                                             std::span<const io::IpPrefix> excluded) const {
  std::vector<io::Rule> rules;
  for (const std::uint8_t family : {std::uint8_t{4}, std::uint8_t{6}}) {
    if (std::none_of(routes.begin(), routes.end(),
                     [&](const io::IpPrefix& route) { return route.address.family == family; }))
      continue;
    io::Rule rule;
    rule.family = family;
    rule.protocol = kProtocol;
    rule.priority = priorityOf(device_);
    const auto past = [&](const io::IpPrefix& prefix) {
      if (prefix.address.family != family) return;
      rule.destination = prefix;
      rules.push_back(rule);
    };
    // First what leads past the tunnel, so that the server is reachable at every moment.
    for (const io::IpAddress& server : servers) past(hostPrefix(server));
    for (const io::IpPrefix& prefix : excluded) past(prefix);
    rule.destination = {};
    rule.table = tableOf(device_);
    rule.suppressPrefixLength = 0;
    ++rule.priority;
    rules.push_back(rule);
    rule.table = kMainTable;
    ++rule.priority;
    rules.push_back(rule);
    rule.table = tableOf(device_);
    rule.suppressPrefixLength = -1;
    ++rule.priority;
    rules.push_back(rule);
  }
  return rules;
}

void PolicyRoutes::set(std::span<const io::IpPrefix> routes, std::span<const io::IpAddress> servers,
                       std::span<const io::IpPrefix> excluded) {
  std::vector<io::Route> wanted;
  for (const io::IpPrefix& prefix : routes) {
    io::Route route;
    route.destination = prefix;
    route.device = device_;
    route.table = tableOf(device_);
    wanted.push_back(route);
  }
  for (const io::IpAddress& server : servers) {
    // Without a way past the tunnel, packets to the server would be sent into the tunnel that they carry.
    io::Route route;
    route.destination = hostPrefix(server);
    route.table = tableOf(device_);
    route.type = io::Route::Type::kUnreachable;
    wanted.push_back(route);
  }
  const std::vector<io::Rule> rules = rulesFor(routes, servers, excluded);
  for (const io::Route& route : wanted) {
    if (std::find(routes_.begin(), routes_.end(), route) != routes_.end()) continue;
    netlink_.replaceRoute(route);
    routes_.push_back(route);
  }
  for (const io::Rule& rule : rules) {
    if (std::find(rules_.begin(), rules_.end(), rule) != rules_.end()) continue;
    // One that a tunnel of before has left would be the same.
    netlink_.removeRule(rule);
    netlink_.addRule(rule);
    rules_.push_back(rule);
  }
  for (const io::Rule& rule : std::vector(rules_)) {
    if (std::find(rules.begin(), rules.end(), rule) != rules.end()) continue;
    netlink_.removeRule(rule);
    std::erase(rules_, rule);
  }
  for (const io::Route& route : std::vector(routes_)) {
    if (std::find(wanted.begin(), wanted.end(), route) != wanted.end()) continue;
    netlink_.removeRoute(route);
    std::erase(routes_, route);
  }
}

void PolicyRoutes::remove() {
  // The rules that lead to the tunnel first.
  for (auto rule = rules_.rbegin(); rule != rules_.rend(); ++rule)
    quietly([&] { netlink_.removeRule(*rule); });
  rules_.clear();
  for (const io::Route& route : routes_) quietly([&] { netlink_.removeRoute(route); });
  routes_.clear();
}

std::size_t PolicyRoutes::recover(io::Netlink& netlink) {
  std::vector<io::Route> ours;
  for (const std::uint8_t family : {std::uint8_t{4}, std::uint8_t{6}})
    for (const io::Route& route : netlink.routes(family, 0))
      if (route.table >= kFirstTable && route.table < kFirstTable + kTables) ours.push_back(route);
  // A tunnel lives while a route leads into it.
  std::set<std::uint32_t> tables, priorities;
  for (const io::Route& route : ours) {
    if (route.device == 0 || tableOf(route.device) != route.table) continue;
    tables.insert(route.table);
    for (std::uint32_t i = 0; i < kRulesPerTunnel; ++i) priorities.insert(priorityOf(route.device) + i);
  }
  std::size_t removed = 0;
  for (const std::uint8_t family : {std::uint8_t{4}, std::uint8_t{6}})
    for (const io::Rule& rule : netlink.rules(family))
      if (rule.protocol == kProtocol && !priorities.contains(rule.priority) && netlink.removeRule(rule))
        ++removed;
  for (const io::Route& route : ours)
    if (!tables.contains(route.table) && netlink.removeRoute(route)) ++removed;
  return removed;
}

}  // namespace mqvpn::tunnel
