#include "tunnel/shell_network.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "io/fd.h"

namespace mqvpn::tunnel {

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

void ShellNetwork::setRoutes(std::span<const io::IpPrefix> routes) {
  std::vector<io::Route> wanted;
  for (const io::IpPrefix& prefix : routes) {
    io::Route route;
    route.destination = prefix;
    route.device = tun_.index();
    wanted.push_back(route);
  }
  for (const io::Route& route : wanted) {
    if (std::find(routes_.begin(), routes_.end(), route) != routes_.end()) continue;
    try {
      netlink_.addRoute(route);
    } catch (const std::system_error& error) {
      if (error.code().value() != EEXIST) throw;
      continue;
    }
    routes_.push_back(route);
  }
  for (const io::Route& route : std::vector(routes_)) {
    if (std::find(wanted.begin(), wanted.end(), route) != wanted.end()) continue;
    netlink_.removeRoute(route);
    std::erase(routes_, route);
  }
}

void ShellNetwork::remove() {
  policy_.remove();
  const auto quietly = [](auto&& action) {
    try {
      action();
    } catch (const std::system_error&) {
      // It went by itself, with the device or the address that it hung on.
    }
  };
  for (const io::Route& route : routes_) quietly([&] { netlink_.removeRoute(route); });
  routes_.clear();
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
