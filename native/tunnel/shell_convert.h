#pragma once

#include "connect_ip/address.h"
#include "io/netlink_types.h"
#include "io/sock_addr.h"
#include "quic/address.h"

namespace mqvpn::tunnel {

/// Between the addresses of the sans-I/O parts and those of `io`.
io::SockAddr toSockAddr(const quic::SocketAddress& address);
quic::SocketAddress toSocketAddress(const io::SockAddr& address);
io::IpAddress toIpAddress(const connect_ip::IpAddress& address);
connect_ip::IpAddress toAddress(const io::IpAddress& address);
io::IpPrefix toIpPrefix(const connect_ip::Prefix& prefix);
io::IpAddress hostOf(const quic::SocketAddress& address);

}  // namespace mqvpn::tunnel
