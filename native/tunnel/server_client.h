#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "connect_ip/address_pool.h"
#include "connect_ip/early_datagrams.h"
#include "connect_ip/server_session.h"
#include "quic/connection.h"
#include "tunnel/http_host.h"
#include "tunnel/status.h"
#include "tunnel/timer_heap.h"
#include "tunnel/tunnel.h"

namespace mqvpn::tunnel {

class ServerEngine;

/// One connection of a server, from its first packet to its end, and at most one tunnel in it at a time.
class ServerClient final : public HttpHost, public TimerNode {
 public:
  ServerClient(ServerEngine& engine, std::uint64_t id, const quic::NetworkPath& network);
  ~ServerClient() override;

  void attach(quic::Connection& connection);
  /// The connection is finished and about to go.
  void detach();

  std::uint64_t id() const { return id_; }
  quic::Connection* connection() { return connection_; }
  Tunnel& tunnel() { return tunnel_; }
  bool hasTunnel() const { return active_ != nullptr; }
  const std::string& user() const { return user_; }

  bool produce(quic::SendBatch& batch, quic::Time now);
  quic::Time nextDeadline() const;
  void onTimeout(quic::Time now);
  void close(std::string_view reason);
  /// Ends the tunnel at once, as its address is given to another connection, and then the connection.
  void replace(std::string_view reason);
  /// Tells the client which networks behind it are its own now, if they are others than before.
  void refreshNetworks();
  /// A packet waits in the queue.
  void onQueued(quic::Time now);
  ConnectionStatus status(quic::Time now) const;

  // --- quic::ConnectionEvents
  void onReady(bool early) override;
  void onHandshakeComplete() override {}
  void onDatagram(std::span<std::uint8_t> payload, const quic::PacketId& origin, quic::Time now) override;
  void onDatagramAcked(std::uint64_t tag) override { tunnel_.onDatagramAcked(tag); }
  void onDatagramLost(std::uint64_t tag) override { tunnel_.onDatagramLost(tag); }
  void onDatagramStranded(std::uint64_t tag) override { tunnel_.onDatagramStranded(tag); }
  void onMaxDatagramPayload(std::size_t bytes) override { tunnel_.setMaxDatagramPayload(bytes); }
  void onClosed(const quic::CloseInfo& info) override;

 private:
  friend class ServerEngine;
  class HttpEvents;
  struct Request;

  Request* find(std::uint64_t streamId);
  connect_ip::Grant admit(const connect_ip::Request& request);
  void establish(Request& request);
  void onRefused(connect_ip::Refusal refusal);
  void endTunnel(std::string_view cause, std::string_view reason);
  void releaseLease();
  std::vector<connect_ip::Prefix> networksWithin(const connect_ip::Scope& scope) const;

  ServerEngine& engine_;
  const std::uint64_t id_;
  const quic::NetworkPath network_;
  const quic::Time startedAt_;
  quic::Connection* connection_ = nullptr;
  std::unique_ptr<HttpEvents> httpEvents_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Request>> requests_;
  /// Whose tunnel is up.
  Request* active_ = nullptr;
  Tunnel tunnel_;
  connect_ip::EarlyDatagrams early_;
  std::optional<connect_ip::AddressPool::Lease> lease_;
  /// Of the lease, and then the networks behind the client.
  std::vector<connect_ip::Prefix> addresses_;
  connect_ip::Scope scope_;
  std::vector<connect_ip::IpRange> routes_;
  std::string user_;
  quic::Time establishedAt_ = 0;
  unsigned refusals_ = 0;
  /// By when there must be a tunnel.
  quic::Time requestDeadline_;
  /// When an idle queue gives back its memory.
  quic::Time shrinkAt_ = quic::kNever;
  quic::Time lastQueuedAt_ = 0;
  /// The client knows copies.
  bool copies_ = false;
  bool confirmed_ = false;
  bool backlogged_ = false;
  // The engine's ring of clients with something to send.
  ServerClient* nextReady_ = nullptr;
  bool ready_ = false;
};

}  // namespace mqvpn::tunnel
