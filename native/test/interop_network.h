#pragma once

#include <memory>
#include <vector>

#include "io/poller.h"
#include "io/sock_addr.h"
#include "io/udp_socket.h"
#include "quic/address.h"
#include "quic/connection.h"
#include "quic/endpoint.h"

namespace mqvpn::test {

io::SockAddr toSockAddr(const quic::SocketAddress& address);
quic::SocketAddress fromSockAddr(const io::SockAddr& address);

/// Carries one endpoint's datagrams over real sockets, on the clock of the machine.
class InteropNetwork {
 public:
  explicit InteropNetwork(bool offload) : offload_(offload) {}

  /// Returns the new socket's number, for NetworkPath::socket.
  std::uint32_t open(const io::SockAddr& bind);
  /// Socket `number` becomes another one, with a port of the kernel's choice; the endpoint does not notice.
  void replace(std::uint32_t number, const io::SockAddr& bind);
  const io::SockAddr& local(std::uint32_t number) const { return sockets_[number]->local(); }

  /// Sends what waits, then sleeps until a datagram, a deadline or `until`, and hands over what came.
  void turn(quic::Endpoint& endpoint, quic::Time until);
  /// Sends what waits.
  void flush(quic::Endpoint& endpoint);

 private:
  void send(const quic::SendBatch& batch, quic::Connection* connection);
  void receive(quic::Endpoint& endpoint, std::uint32_t number);

  std::unique_ptr<io::UdpSocket> makeSocket(const io::SockAddr& bind) const;

  const bool offload_;
  io::Poller poller_;
  std::vector<std::unique_ptr<io::UdpSocket>> sockets_;
  std::vector<std::uint8_t> buffer_ = std::vector<std::uint8_t>(quic::SendBatch::kMostBytes);
};

}  // namespace mqvpn::test
