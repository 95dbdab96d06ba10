#include "tunnel/shell_network.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "io/fd.h"
#include "tunnel/shell_convert.h"

namespace mqvpn::tunnel {

namespace {

unsigned bitsOf(const io::IpAddress& address) { return address.family == 4 ? 32 : 128; }

bool covers(const io::IpPrefix& prefix, const io::IpAddress& address) {
  if (prefix.address.family != address.family) return false;
  for (unsigned bit = 0; bit < prefix.length; ++bit) {
    const unsigned mask = 0x80u >> (bit % 8);
    if ((prefix.address.bytes[bit / 8] & mask) != (address.bytes[bit / 8] & mask)) return false;
  }
  return true;
}

io::IpPrefix hostPrefix(const io::IpAddress& address) {
  return {address, static_cast<std::uint8_t>(bitsOf(address))};
}

/// The last address of the prefix that starts at `start`.
connect_ip::IpAddress lastOf(connect_ip::IpAddress start, unsigned length) {
  for (unsigned bit = length; bit < start.bits(); ++bit)
    start.bytes[bit / 8] = static_cast<std::uint8_t>(start.bytes[bit / 8] | 0x80u >> (bit % 8));
  return start;
}

bool alignedTo(const connect_ip::IpAddress& start, unsigned length) {
  for (unsigned bit = length; bit < start.bits(); ++bit)
    if ((start.bytes[bit / 8] & 0x80u >> (bit % 8)) != 0) return false;
  return true;
}

/// The address behind it; false: there is none.
bool increment(connect_ip::IpAddress& address) {
  for (std::size_t i = address.size(); i-- > 0;)
    if (++address.bytes[i] != 0) return true;
  return false;
}

}  // namespace

std::vector<io::IpPrefix> toPrefixes(const connect_ip::IpRange& range) {
  std::vector<io::IpPrefix> prefixes;
  connect_ip::IpAddress start = range.start;
  while (start <= range.end) {
    // The largest block that starts here and ends within the range.
    unsigned length = start.bits();
    while (length > 0 && alignedTo(start, length - 1) && lastOf(start, length - 1) <= range.end) --length;
    prefixes.push_back({toIpAddress(start), static_cast<std::uint8_t>(length)});
    start = lastOf(start, length);
    if (!increment(start)) break;
  }
  return prefixes;
}

std::vector<io::IpPrefix> toRoutes(std::span<const connect_ip::IpRange> ranges) {
  std::vector<io::IpPrefix> routes;
  for (const connect_ip::IpRange& range : ranges) {
    for (const io::IpPrefix& prefix : toPrefixes(range)) {
      if (prefix.length > 0) {
        routes.push_back(prefix);
        continue;
      }
      io::IpPrefix half = prefix;
      half.length = 1;
      routes.push_back(half);
      half.address.bytes[0] = 0x80;
      routes.push_back(half);
    }
  }
  return routes;
}

ShellNetwork::~ShellNetwork() { remove(); }

void ShellNetwork::setAddresses(std::span<const io::IpPrefix> addresses) {
  const std::vector<io::IpPrefix> old = addresses_;
  for (const io::IpPrefix& address : addresses) {
    if (std::find(addresses_.begin(), addresses_.end(), address) != addresses_.end()) continue;
    netlink_.addAddress(tun_.name(), address);
    addresses_.push_back(address);
  }
  for (const io::IpPrefix& address : old) {
    if (std::find(addresses.begin(), addresses.end(), address) != addresses.end()) continue;
    netlink_.removeAddress(tun_.name(), address);
    std::erase(addresses_, address);
  }
  netlink_.setUp(tun_.name(), true);
}

void ShellNetwork::setMtu(std::uint32_t mtu) { netlink_.setMtu(tun_.name(), mtu); }

bool ShellNetwork::acceptLocal() {
  const std::string file = "/proc/sys/net/ipv4/conf/" + tun_.name() + "/accept_local";
  const io::Fd fd(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
  return fd && ::write(fd.get(), "1", 1) == 1;
}

void ShellNetwork::setRoutes(std::span<const io::IpPrefix> routes, const io::IpAddress& server,
                             std::uint32_t device) {
  server_ = server;
  serverDevice_ = device;
  const bool taken = std::any_of(routes.begin(), routes.end(),
                                 [&](const io::IpPrefix& route) { return covers(route, server); });
  // First the way past the tunnel, so that the server is reachable at every moment.
  if (taken) {
    refreshServerRoute();
  } else {
    server_ = {};
  }
  std::vector<io::Route> wanted;
  for (const io::IpPrefix& prefix : routes) {
    io::Route route;
    route.destination = prefix;
    route.device = tun_.index();
    wanted.push_back(route);
  }
  for (const io::Route& route : wanted) {
    if (std::find(routes_.begin(), routes_.end(), route) != routes_.end()) continue;
    netlink_.replaceRoute(route);
    routes_.push_back(route);
  }
  for (const io::Route& route : std::vector(routes_)) {
    if (std::find(wanted.begin(), wanted.end(), route) != wanted.end()) continue;
    netlink_.removeRoute(route);
    std::erase(routes_, route);
  }
}

std::optional<io::Route> ShellNetwork::wayToServer() {
  std::optional<io::Route> best;
  for (const io::Route& route : netlink_.routes(server_.family)) {
    if (route.device == 0 || route.device == tun_.index() || route.type != io::Route::Type::kUnicast)
      continue;
    if (serverDevice_ != 0 && route.device != serverDevice_) continue;
    if (!covers(route.destination, server_)) continue;
    // Our own: it says nothing about what is possible now.
    if (serverRoute_ && route.destination == serverRoute_->destination &&
        route.device == serverRoute_->device && route.gateway == serverRoute_->gateway)
      continue;
    if (best && (best->destination.length > route.destination.length ||
                 (best->destination.length == route.destination.length && best->metric <= route.metric)))
      continue;
    best = route;
  }
  return best;
}

void ShellNetwork::refreshServerRoute() {
  if (server_.empty()) return;
  const std::optional<io::Route> way = wayToServer();
  // Without one the old route stays: the network may come back as it was.
  if (!way) return;
  // Somebody has a route for this very host: that is enough, and not ours.
  if (way->destination.length == bitsOf(server_)) return;
  io::Route route;
  route.destination = hostPrefix(server_);
  route.device = way->device;
  route.gateway = way->gateway;
  route.source = way->source;
  if (serverRoute_ && *serverRoute_ == route) {
    // The kernel takes routes away together with the address or the device that they hang on.
    const std::vector<io::Route> all = netlink_.routes(server_.family);
    const bool there = std::any_of(all.begin(), all.end(), [&](const io::Route& one) {
      return one.destination == route.destination && one.device == route.device &&
             one.gateway == route.gateway;
    });
    if (there) return;
  }
  netlink_.replaceRoute(route);
  serverRoute_ = route;
}

void ShellNetwork::remove() {
  const auto quietly = [](auto&& action) {
    try {
      action();
    } catch (const std::system_error&) {
      // It went by itself, with the device or the address that it hung on.
    }
  };
  for (const io::Route& route : routes_) quietly([&] { netlink_.removeRoute(route); });
  routes_.clear();
  if (serverRoute_) quietly([&] { netlink_.removeRoute(*serverRoute_); });
  serverRoute_.reset();
  server_ = {};
  for (const io::IpPrefix& address : addresses_)
    quietly([&] { netlink_.removeAddress(tun_.name(), address); });
  addresses_.clear();
}

std::optional<std::uint32_t> ShellNetwork::mtuTo(const io::IpAddress& destination, std::uint32_t device) {
  const std::optional<io::Route> route = netlink_.route(destination, device);
  if (!route || route->device == 0) return std::nullopt;
  const std::uint32_t mtu = netlink_.link(route->device).mtu;
  return route->mtu != 0 ? std::min(route->mtu, mtu) : mtu;
}

std::uint32_t ShellNetwork::largestMtu() {
  std::uint32_t largest = 0;
  for (const io::LinkInfo& link : netlink_.links())
    if (link.up && !link.loopback && link.index != tun_.index()) largest = std::max(largest, link.mtu);
  return largest;
}

}  // namespace mqvpn::tunnel
