#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "connect_ip/address_pool.h"
#include "connect_ip/rate_limiter.h"
#include "quic/endpoint.h"
#include "tls/session.h"
#include "tunnel/engine.h"
#include "tunnel/events.h"
#include "tunnel/settings.h"
#include "tunnel/timer_heap.h"
#include "tunnel/tunnel.h"
#include "tunnel/user_table.h"

namespace mqvpn::tunnel {

class ServerClient;

/// The server's end: many clients on one socket. Each has a bounded queue of its own, so that a slow one
/// delays nobody: the TUN device is always read. A loop turn touches only clients that have something to do.
/// Packets between clients pass through the kernel behind the TUN device, which routes and filters them like
/// any others.
class ServerEngine final : public Engine, private quic::EndpointEvents, private connect_ip::Peers {
 public:
  /// `addresses`: of the settings' subnets. `secret`: see quic::Endpoint. All references outlive the engine.
  /// Throws std::invalid_argument when the users contradict each other.
  ServerEngine(ServerSettings settings, std::unique_ptr<connect_ip::AddressPool> addresses,
               tls::ServerContext& tls, std::span<const std::uint8_t, 32> secret, quic::RandomSource& random,
               TunSink& tun, EventSink& events, quic::Time now);
  ~ServerEngine() override;

  /// The server's inner addresses, with the length of their subnets.
  std::vector<connect_ip::Prefix> network() const;
  /// False: there is no such client.
  bool disconnect(std::uint64_t id, std::string_view reason, quic::Time now);
  /// Exchanges the users. Cuts the connections of those who are gone or have another key; returns how many.
  /// The others go on: networks of theirs change at once, an address with their next connection. Throws
  /// std::invalid_argument when the new users contradict each other; then nothing has changed.
  std::size_t setUsers(std::vector<User> users, quic::Time now);
  /// Throws as setUsers() would.
  void checkUsers(const std::vector<User>& users) const { UserTable(users, *addresses_); }
  const std::vector<User>& users() const { return users_.all(); }
  std::size_t connections() const { return clients_.size(); }
  std::size_t tunnels() const { return tunnels_; }

  // --- Engine
  void receive(std::span<std::uint8_t> datagram, const quic::NetworkPath& network, quic::Ecn ecn,
               quic::Time now) override;
  std::span<std::uint8_t> tunBuffer() override { return packets_.readBuffer(); }
  void onTunRead(std::size_t bytes, quic::Time now) override;
  bool produce(quic::SendBatch& batch, std::uint64_t& owner, quic::Time now) override;
  void onTooBig(std::uint64_t owner, const quic::NetworkPath& network, std::uint32_t size,
                quic::Time now) override;
  quic::Time deadline() const override { return timers_.earliest(); }
  void onTimeout(quic::Time now) override;
  void close(std::string_view reason, quic::Time now) override;
  EngineStatus status(quic::Time now) const override;

 private:
  friend class ServerClient;

  // quic::EndpointEvents
  quic::ConnectionEvents& onConnection(const quic::NetworkPath& network) override;
  void onConnectionMade(quic::Connection& connection, quic::ConnectionEvents& events) override;
  void onConnectionGone(quic::Connection& connection, quic::ConnectionEvents& events) override;
  std::unique_ptr<quic::Tracer> makeTracer(const quic::ConnectionId& id) override;

  // connect_ip::Peers
  bool isPeer(std::uint8_t version, const std::uint8_t* address) const override;

  // for ServerClient
  std::optional<std::string> authorize(std::string_view key) const;
  /// For a user with a fixed address that one; whoever has it now loses it.
  /// `key` names the client; `isOnly`: it has one connection at a time. `wanted`: the address that it had, or
  /// none.
  std::optional<connect_ip::AddressPool::Lease> lease(std::string_view user, const std::string& key,
                                                      const connect_ip::IpAddress& wanted, bool isOnly);
  std::vector<connect_ip::Prefix> networksOf(std::string_view user) const;
  /// The tunnel of a client is up: packets for it and for the networks behind it go there.
  void carry(ServerClient& client, std::uint32_t offset);
  /// It is over: another connection of the user, if there is one, takes the networks.
  void uncarry(ServerClient& client);
  void release(std::uint32_t offset);
  void tellRefused(const quic::SocketAddress& remote, connect_ip::Refusal reason);

  ServerClient* clientOf(const quic::Connection* connection);
  ServerClient* clientFor(const connect_ip::PacketView& view) const;
  /// Their fixed addresses are given to nobody else, and their networks lead to those who are connected.
  void adoptUsers();
  void cut(ServerClient& client, std::string_view reason);
  void touch(ServerClient& client);
  void settle(ServerClient& client);
  void onUnknown(const connect_ip::PacketView& view, quic::Time now);
  void makeRoom();

  const ServerSettings settings_;
  quic::RandomSource& random_;
  TunSink& tun_;
  EventSink& events_;
  std::unique_ptr<connect_ip::AddressPool> addresses_;
  UserTable users_;
  PacketPool packets_;
  const HashKey hashKey_;
  quic::Endpoint endpoint_;

  std::unordered_map<std::uint64_t, std::unique_ptr<ServerClient>> clients_;
  std::unordered_map<const quic::Connection*, ServerClient*> byConnection_;
  /// By offset in the address pool, for both families; as long as the highest offset that was ever in use.
  std::vector<ServerClient*> byOffset_;
  /// By index in users_: to whom packets for the networks behind this user go.
  std::vector<ServerClient*> carriers_;
  /// Finished, and to be deleted when nothing of theirs is on the stack.
  std::vector<std::unique_ptr<ServerClient>> gone_;
  /// A ring of clients that may have something to send.
  ServerClient* readyFirst_ = nullptr;
  ServerClient* readyLast_ = nullptr;
  TimerHeap<ServerClient> timers_;
  /// Clients that may have a backlog; looked through when memory runs out.
  std::vector<ServerClient*> backlogged_;
  std::size_t backlogCursor_ = 0;
  std::pair<const quic::Connection*, ServerClient*> lastReceived_{nullptr, nullptr};
  std::uint64_t nextId_ = 1;
  std::size_t tunnels_ = 0;
  bool closing_ = false;
  quic::Time now_ = 0;
  const quic::Time startedAt_;
  connect_ip::RateLimiter icmpLimit_{connect_ip::kIcmpPerSecond, connect_ip::kIcmpBurst};
  connect_ip::RateLimiter refusalEvents_;
  std::uint64_t unknownDestination_ = 0, malformed_ = 0, noBuffer_ = 0;
};

}  // namespace mqvpn::tunnel
