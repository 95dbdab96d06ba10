#include "interop_network.h"

#include <algorithm>
#include <cstring>

#include "io/clock.h"

namespace mqvpn::test {
namespace {

/// How long a full socket is waited for before the datagrams count as lost.
constexpr int kMostTries = 20;

}  // namespace

io::SockAddr toSockAddr(const quic::SocketAddress& address) {
  if (address.family == 4) return io::SockAddr::ipv4(address.ip.data(), address.port);
  if (address.family == 6) return io::SockAddr::ipv6(address.ip.data(), address.port, address.scope);
  return {};
}

quic::SocketAddress fromSockAddr(const io::SockAddr& address) {
  quic::SocketAddress made;
  made.family = address.family();
  if (made.family == 0) return made;
  made.port = address.port();
  made.scope = address.scope();
  std::memcpy(made.ip.data(), address.ip(), made.family == 4 ? 4 : 16);
  return made;
}

std::unique_ptr<io::UdpSocket> InteropNetwork::makeSocket(const io::SockAddr& bind) const {
  io::UdpOptions options;
  options.bind = bind;
  options.offload = offload_;
  return std::make_unique<io::UdpSocket>(options);
}

std::uint32_t InteropNetwork::open(const io::SockAddr& bind) {
  sockets_.push_back(makeSocket(bind));
  const auto number = static_cast<std::uint32_t>(sockets_.size() - 1);
  poller_.add(sockets_.back()->fd(), number);
  return number;
}

void InteropNetwork::replace(std::uint32_t number, const io::SockAddr& bind) {
  std::unique_ptr<io::UdpSocket> made = makeSocket(bind);
  poller_.remove(sockets_[number]->fd());
  sockets_[number] = std::move(made);
  poller_.add(sockets_[number]->fd(), number);
}

void InteropNetwork::turn(quic::Endpoint& endpoint, quic::Time until) {
  flush(endpoint);
  endpoint.forEach([&](quic::Connection& connection) { until = std::min(until, connection.deadline()); });
  for (const epoll_event& event : poller_.wait(until))
    receive(endpoint, static_cast<std::uint32_t>(event.data.u64));
  std::vector<quic::Connection*> due;
  const quic::Time now = io::monotonicNs();
  endpoint.forEach([&](quic::Connection& connection) {
    if (connection.deadline() <= now) due.push_back(&connection);
  });
  for (quic::Connection* connection : due) connection->onTimeout(now);
  flush(endpoint);
}

void InteropNetwork::flush(quic::Endpoint& endpoint) {
  quic::SendBatch batch;
  batch.buffer = buffer_;
  while (endpoint.produceStateless(batch)) send(batch, nullptr);
  std::vector<quic::Connection*> all;
  endpoint.forEach([&](quic::Connection& connection) { all.push_back(&connection); });
  for (quic::Connection* connection : all) {
    while (connection->produce(batch, io::monotonicNs())) send(batch, connection);
    endpoint.sweep(*connection);
  }
}

void InteropNetwork::send(const quic::SendBatch& batch, quic::Connection* connection) {
  io::Outgoing outgoing;
  outgoing.bytes = batch.bytes();
  outgoing.segmentSize = batch.segmentSize;
  outgoing.to = toSockAddr(batch.path.remote);
  outgoing.local = toSockAddr(batch.path.local);
  outgoing.ecn = static_cast<std::uint8_t>(batch.ecn);
  for (int tries = 0; tries < kMostTries; ++tries) {
    const io::SendResult result = sockets_[batch.path.socket]->send(outgoing);
    if (result.status == io::SendStatus::kTooBig && connection != nullptr)
      connection->onTooBig(batch.path, static_cast<std::uint32_t>(batch.segmentSize), io::monotonicNs());
    if (result.status != io::SendStatus::kWouldBlock) return;
    outgoing.bytes = outgoing.bytes.subspan(result.bytes);
    io::sleepUntilNs(io::monotonicNs() + quic::kMillisecond);
  }
}

void InteropNetwork::receive(quic::Endpoint& endpoint, std::uint32_t number) {
  io::UdpSocket& socket = *sockets_[number];
  for (const io::Received& message : socket.receive()) {
    quic::NetworkPath network;
    network.socket = number;
    network.remote = fromSockAddr(message.from);
    if (socket.local().isWildcard()) network.local = fromSockAddr(message.local);
    for (std::size_t i = 0; i < message.segments(); ++i)
      endpoint.receive(message.segment(i), network, static_cast<quic::Ecn>(message.ecn), io::monotonicNs());
  }
}

}  // namespace mqvpn::test
