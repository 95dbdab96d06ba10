#include "probe/socket.h"

#include <net/if.h>
#include <netdb.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace mqvpn::probe {

Address parseAddress(const std::string& text, uint16_t port) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(text.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (error != 0) {
    throw std::runtime_error("\"" + text + "\" is not a numeric IPv4 or IPv6 address (" +
                             gai_strerror(error) + ")");
  }
  Address address;
  std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
  address.length = found->ai_addrlen;
  freeaddrinfo(found);
  return address;
}

Fd openSocket(int family, int type) {
  // Protocol 0: mptcpize changes it by that.
  Fd socket(::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) throw std::runtime_error(std::string("cannot open a socket: ") + std::strerror(errno));
  const int on = 1;
  setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (family == AF_INET6) {
    setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    setsockopt(socket.get(), IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof on);
  } else {
    setsockopt(socket.get(), IPPROTO_IP, IP_FREEBIND, &on, sizeof on);
  }
  return socket;
}

void bindTo(const Fd& socket, const Address& address, const std::string& text) {
  if (bind(socket.get(), address.get(), address.length) == 0) return;
  throw std::runtime_error("cannot bind to " + text + ": " + std::strerror(errno));
}

uint16_t localPort(const Fd& socket) {
  Address address;
  address.length = sizeof address.storage;
  if (getsockname(socket.get(), address.get(), &address.length) != 0) return 0;
  if (address.family() == AF_INET6) return ntohs(reinterpret_cast<sockaddr_in6*>(address.get())->sin6_port);
  return ntohs(reinterpret_cast<sockaddr_in*>(address.get())->sin_port);
}

int DeviceBinding::apply(const Fd& socket) {
  if (device_.empty()) return 0;
  const unsigned index = if_nametoindex(device_.c_str());
  if (index == 0) return ENODEV;
  if (index == index_) return 0;
  const auto length = static_cast<socklen_t>(device_.size());
  if (setsockopt(socket.get(), SOL_SOCKET, SO_BINDTODEVICE, device_.c_str(), length) != 0) return errno;
  index_ = index;
  return 0;
}

}  // namespace mqvpn::probe
