#include "tunnel/shell_convert.h"

#include <algorithm>

namespace mqvpn::tunnel {

io::SockAddr toSockAddr(const quic::SocketAddress& address) {
  switch (address.family) {
    case 4:
      return io::SockAddr::ipv4(address.ip.data(), address.port);
    case 6:
      return io::SockAddr::ipv6(address.ip.data(), address.port, address.scope);
    default:
      return {};
  }
}

quic::SocketAddress toSocketAddress(const io::SockAddr& address) {
  quic::SocketAddress result;
  result.family = address.family();
  if (result.family == 0) return result;
  result.port = address.port();
  result.scope = address.scope();
  std::copy_n(address.ip(), result.family == 4 ? 4 : 16, result.ip.begin());
  return result;
}

io::IpAddress toIpAddress(const connect_ip::IpAddress& address) { return {address.version, address.bytes}; }

connect_ip::IpAddress toAddress(const io::IpAddress& address) { return {address.family, address.bytes}; }

io::IpPrefix toIpPrefix(const connect_ip::Prefix& prefix) {
  return {toIpAddress(prefix.address), prefix.length};
}

io::IpAddress hostOf(const quic::SocketAddress& address) { return {address.family, address.ip}; }

}  // namespace mqvpn::tunnel
