#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstring>
#include <string>

namespace mqvpn::io {

/// An IPv4 or IPv6 address and a UDP port as the kernel takes them. 28 bytes, so that it can be passed about
/// per packet (sockaddr_storage has 128). IPv4 is never kept as an IPv4-mapped IPv6 address.
class SockAddr {
 public:
  SockAddr() { std::memset(&v6_, 0, sizeof(v6_)); }
  /// `ip`: 4 bytes in network order.
  static SockAddr ipv4(const std::uint8_t* ip, std::uint16_t port);
  /// `ip`: 16 bytes in network order; an IPv4-mapped address becomes IPv4. `scope`: interface index of
  /// link-local addresses, else 0.
  static SockAddr ipv6(const std::uint8_t* ip, std::uint16_t port, std::uint32_t scope = 0);
  /// From what the kernel filled in; unknown families give an empty address.
  static SockAddr from(const sockaddr* address);

  /// 4, 6, or 0: no address.
  std::uint8_t family() const {
    return v4_.sin_family == AF_INET ? 4 : v4_.sin_family == AF_INET6 ? 6 : std::uint8_t{0};
  }
  bool empty() const { return family() == 0; }
  /// 4 or 16 bytes in network order.
  const std::uint8_t* ip() const {
    return reinterpret_cast<const std::uint8_t*>(
        v4_.sin_family == AF_INET ? static_cast<const void*>(&v4_.sin_addr) : &v6_.sin6_addr);
  }
  /// Host order.
  std::uint16_t port() const { return ntohs(v4_.sin_port); }
  void setPort(std::uint16_t port) { v4_.sin_port = htons(port); }
  std::uint32_t scope() const { return family() == 6 ? v6_.sin6_scope_id : 0; }
  bool isWildcard() const;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&v4_); }
  socklen_t size() const { return family() == 6 ? sizeof(v6_) : sizeof(v4_); }

  bool operator==(const SockAddr& other) const { return std::memcmp(&v6_, &other.v6_, sizeof(v6_)) == 0; }

 private:
  union {
    sockaddr_in v4_;
    sockaddr_in6 v6_;
  };
};

/// "192.0.2.1:443", "[2001:db8::1]:443", "[fe80::1%2]:443"; "unknown" without an address.
std::string toString(const SockAddr& address);

}  // namespace mqvpn::io
