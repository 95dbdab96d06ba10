#include "io/sock_addr.h"

#include <arpa/inet.h>

#include <algorithm>

namespace mqvpn::io {

namespace {

constexpr std::uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

}  // namespace

SockAddr SockAddr::ipv4(const std::uint8_t* ip, std::uint16_t port) {
  SockAddr made;
  made.v4_.sin_family = AF_INET;
  made.v4_.sin_port = htons(port);
  std::memcpy(&made.v4_.sin_addr, ip, 4);
  return made;
}

SockAddr SockAddr::ipv6(const std::uint8_t* ip, std::uint16_t port, std::uint32_t scope) {
  if (std::memcmp(ip, kMapped, sizeof(kMapped)) == 0) return ipv4(ip + sizeof(kMapped), port);
  SockAddr made;
  made.v6_.sin6_family = AF_INET6;
  made.v6_.sin6_port = htons(port);
  made.v6_.sin6_scope_id = scope;
  std::memcpy(&made.v6_.sin6_addr, ip, 16);
  return made;
}

SockAddr SockAddr::from(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, address, sizeof(v4));
    return ipv4(reinterpret_cast<const std::uint8_t*>(&v4.sin_addr), ntohs(v4.sin_port));
  }
  if (address->sa_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, address, sizeof(v6));
    return ipv6(v6.sin6_addr.s6_addr, ntohs(v6.sin6_port), v6.sin6_scope_id);
  }
  return {};
}

bool SockAddr::isWildcard() const {
  const std::size_t size = family() == 4 ? 4 : family() == 6 ? 16 : 0;
  return std::all_of(ip(), ip() + size, [](std::uint8_t byte) { return byte == 0; });
}

std::string toString(const SockAddr& address) {
  if (address.empty()) return "unknown";
  const bool ipv4 = address.family() == 4;
  char ip[INET6_ADDRSTRLEN] = "";
  inet_ntop(ipv4 ? AF_INET : AF_INET6, address.ip(), ip, sizeof(ip));
  std::string text = ipv4 ? "" : "[";
  text.append(ip);
  if (address.scope() != 0) text.append("%").append(std::to_string(address.scope()));
  text.append(ipv4 ? ":" : "]:").append(std::to_string(address.port()));
  return text;
}

}  // namespace mqvpn::io
