#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "quic/address_token.h"
#include "quic/connection.h"
#include "quic/connection_settings.h"
#include "quic/local_ids.h"

namespace mqvpn::quic {

/// When a client's address is validated by a Retry before anything is kept for it (RFC 9000 §8.1.2).
enum class RetryPolicy : std::uint8_t {
  kOff,
  kAlways,
  /// Once more handshakes are under way than Endpoint::kManyHandshakes.
  kWhenBusy,
};

struct EndpointSettings {
  ConnectionSettings connection;
  RetryPolicy retry = RetryPolicy::kWhenBusy;
  /// Handshakes and connections together; beyond, Initial packets are answered with CONNECTION_REFUSED.
  std::size_t mostConnections = 100'000;
  /// First byte of every connection ID: which worker's socket is to receive (0 when there is one).
  std::uint8_t worker = 0;
};

/// What a server makes for each new connection.
class EndpointEvents {
 public:
  virtual ~EndpointEvents() = default;
  /// Called before a connection's first event. The receiver of its events, which must outlive it.
  virtual ConnectionEvents& onConnection(const NetworkPath& network) = 0;
  /// `connection` exists now; `events` is what onConnection() gave.
  virtual void onConnectionMade(Connection& connection, ConnectionEvents& events) = 0;
  /// The connection is finished and is destroyed after this call.
  virtual void onConnectionGone(Connection& connection, ConnectionEvents& events) = 0;
  /// Null: no qlog.
  virtual std::unique_ptr<Tracer> makeTracer(const ConnectionId& originalDestination) {
    (void)originalDestination;
    return nullptr;
  }
};

/// Sorts datagrams by connection ID to connections, and answers what belongs to none: version negotiation,
/// Retry, stateless reset (RFC 9000 §5.2, §6, §8.1, §10.3). Servers and clients; sans-I/O.
class Endpoint final : private IdRegistry {
 public:
  static constexpr std::size_t kIdSize = 8;
  static constexpr std::size_t kManyHandshakes = 256;

  /// `tls` null: a client, which accepts nothing. `secret`: tokens and stateless resets are made of it; the
  /// same after a restart, so that old connections end at once.
  Endpoint(const EndpointSettings& settings, tls::ServerContext* tls,
           std::span<const std::uint8_t, 32> secret, RandomSource& random, EndpointEvents& events);
  ~Endpoint();
  Endpoint(const Endpoint&) = delete;

  Connection& connect(ClientStart start, ConnectionEvents& events, std::unique_ptr<Tracer> tracer, Time now);

  /// Returns the connection that took the datagram: it wants produce() now; null: none (an answer may wait in
  /// produceStateless()).
  Connection* receive(std::span<std::uint8_t> datagram, const NetworkPath& network, Ecn ecn, Time now);
  /// Datagrams that belong to no connection. At most kMostStateless wait; more are not answered.
  bool produceStateless(SendBatch& batch);
  /// Removes what is finished; calls onConnectionGone().
  void sweep(Connection& connection);

  /// No new connections: Initial packets are answered with CONNECTION_REFUSED.
  void refuseNew() { refuseNew_ = true; }
  /// Exchanges the certificate for new handshakes.
  void setTls(tls::ServerContext* tls) { tls_ = tls; }
  std::size_t connections() const { return connections_.size(); }
  std::size_t handshakes() const { return handshakes_; }
  template <typename Visit>
  void forEach(Visit&& visit) {
    for (auto& [connection, entry] : connections_) visit(*entry.connection);
  }
  struct Stats {
    /// malformed: also Initial packets that do not open.
    std::uint64_t received = 0, malformed = 0, unknownId = 0, retries = 0, versionNegotiations = 0,
                  statelessResets = 0, refused = 0, tooSmall = 0;
  };
  const Stats& stats() const { return stats_; }

 private:
  static constexpr std::size_t kMostStateless = 64;
  struct Entry {
    std::unique_ptr<Tracer> tracer;
    std::unique_ptr<Connection> connection;
    ConnectionEvents* events = nullptr;
    /// The client's own choice of ID leads here as well.
    ConnectionId firstDestination;
    /// Among the handshakes under way.
    bool counted = false;
  };
  struct IdHash {
    std::size_t operator()(const ConnectionId& id) const;
    std::uint64_t key;
  };

  ConnectionId issue(Connection& owner, StatelessResetToken& token) override;
  void retire(const ConnectionId& id) override;
  Connection* accept(const PacketHeader& header, std::span<std::uint8_t> datagram, const NetworkPath& network,
                     Ecn ecn, Time now);
  static bool isAuthentic(const PacketHeader& header, Bytes datagram);
  void answerUnknown(Bytes datagram, const PacketHeader& header, const NetworkPath& network);
  std::vector<std::uint8_t> initialClose(const PacketHeader& header, TransportError code);
  void queueStateless(std::vector<std::uint8_t> bytes, const NetworkPath& network);
  StatelessResetToken resetToken(const ConnectionId& id) const;

  EndpointSettings settings_;
  tls::ServerContext* tls_;
  std::array<std::uint8_t, 32> resetKey_;
  AddressTokens tokens_;
  RandomSource& random_;
  EndpointEvents& events_;
  std::unordered_map<ConnectionId, Connection*, IdHash> ids_;
  std::unordered_map<Connection*, Entry> connections_;
  std::size_t handshakes_ = 0;
  bool refuseNew_ = false;
  struct Stateless {
    std::vector<std::uint8_t> bytes;
    NetworkPath network;
  };
  std::vector<Stateless> stateless_;
  Stats stats_;
};

}  // namespace mqvpn::quic
