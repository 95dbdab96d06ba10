#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connect_ip/client_session.h"
#include "connect_ip/early_datagrams.h"
#include "quic/endpoint.h"
#include "tunnel/client_attempt.h"
#include "tunnel/client_paths.h"
#include "tunnel/engine.h"
#include "tunnel/events.h"
#include "tunnel/settings.h"
#include "tunnel/tunnel.h"

namespace mqvpn::tunnel {

/// The client's end: one connection over all its links, one tunnel. It ends with its connection; for the next
/// one make another.
class ClientEngine final : public Engine, private quic::EndpointEvents, private connect_ip::ClientEvents {
 public:
  /// `tls`, `random`, `tun` and `events` outlive the engine.
  ClientEngine(ClientSettings settings, const tls::ClientContext& tls, quic::RandomSource& random,
               TunSink& tun, EventSink& events);
  ~ClientEngine() override;

  /// Once. The handshake is raced over the paths that are up, or begins with the first one that comes up.
  void start(quic::Time now);
  /// The link of a slot can be used from now on: device, address and a route to the server are there. Again
  /// for a link that is up: its address changed, and the path moves (RFC 9000 §9). `network.socket` is the
  /// caller's. `maxUdpPayload`: what the link carries. Before start() as well.
  void pathUp(std::uint32_t slot, const quic::NetworkPath& network, std::uint32_t maxUdpPayload,
              quic::Time now);
  /// It cannot: traffic moves at once. `cause`: for a person, such as "no carrier".
  void pathDown(std::uint32_t slot, std::string_view cause, quic::Time now);
  bool isConnected() const { return state_ == StateEvent::State::kConnected; }
  /// Everything is over.
  bool isOver() const { return started_ && over_ && attempts_.empty(); }
  std::uint32_t tunMtu() const;

  // --- Engine
  void receive(std::span<std::uint8_t> datagram, const quic::NetworkPath& network, quic::Ecn ecn,
               quic::Time now) override;
  std::span<std::uint8_t> tunBuffer() override { return pool_.readBuffer(); }
  void onTunRead(std::size_t bytes, quic::Time now) override;
  bool produce(quic::SendBatch& batch, std::uint64_t& owner, quic::Time now) override;
  void onTooBig(std::uint64_t owner, const quic::NetworkPath& network, std::uint32_t size,
                quic::Time now) override;
  quic::Time deadline() const override;
  void onTimeout(quic::Time now) override;
  void close(std::string_view reason, quic::Time now) override;
  EngineStatus status(quic::Time now) const override;

 private:
  friend class ClientAttempt;
  class HttpEvents;

  // ClientAttempt
  bool isCurrent(const ClientAttempt& attempt) const { return current_ == &attempt; }
  void onReady(ClientAttempt& attempt, bool early);
  void onHandshakeComplete(ClientAttempt& attempt);
  void onDatagram(std::span<std::uint8_t> payload, const quic::PacketId& origin, quic::Time now);
  void onMaxDatagramPayload(std::size_t bytes);
  void onClosed(ClientAttempt& attempt, const quic::CloseInfo& info);
  void onResumptionTicket(quic::Bytes ticket);
  void onAddressToken(quic::Bytes token);
  // quic::EndpointEvents
  quic::ConnectionEvents& onConnection(const quic::NetworkPath& network) override;
  void onConnectionMade(quic::Connection& connection, quic::ConnectionEvents& events) override;
  void onConnectionGone(quic::Connection& connection, quic::ConnectionEvents& events) override;
  // connect_ip::ClientEvents
  void onEstablished(const http3::Headers& response) override;
  void onRefused(connect_ip::Refusal refusal, unsigned status, std::string_view reason) override;
  void onAddresses(std::span<const connect_ip::Prefix> addresses) override;
  void onRoutes(std::span<const connect_ip::IpRange> routes) override;
  void onAddressDenied(std::uint8_t version) override;
  void onPacket(std::span<std::uint8_t> packet) override;
  void onEnded(std::uint64_t errorCode, bool local, std::string_view reason) override;

  /// Tries the next link, if there is one.
  void launch(quic::Time now);
  void scheduleLaunch();
  /// From now on this is the connection; what was begun over another one is forgotten.
  void choose(ClientAttempt& attempt);
  void decide(ClientAttempt& attempt);
  void begin(bool early);
  void serve();
  void endWith(ClosedEvent event);
  quic::Connection* connection() { return current_ == nullptr ? nullptr : current_->connection(); }
  const quic::Connection* connection() const {
    return current_ == nullptr ? nullptr : current_->connection();
  }
  void checkConnected();
  void setState(StateEvent::State state);
  /// Ends the connection; `event` is what the user hears.
  void fail(ClosedEvent event);
  void tellTicket();

  const ClientSettings settings_;
  const tls::ClientContext& tls_;
  quic::RandomSource& random_;
  EventSink& events_;
  PacketPool pool_;
  Tunnel tunnel_;
  std::unique_ptr<quic::Endpoint> endpoint_;
  ClientPaths paths_;
  /// Under way, and those that lost the race until they are finished.
  std::vector<std::unique_ptr<ClientAttempt>> attempts_;
  /// The connection; before a handshake is complete the one that has sent 0-RTT data, or none.
  ClientAttempt* current_ = nullptr;
  /// current_ has completed its handshake.
  bool decided_ = false;
  /// When the next link is tried, although the ones before have not failed.
  quic::Time launchAt_ = quic::kNever;
  quic::Time lastLaunch_ = 0;
  quic::Time handshakeDeadline_ = quic::kNever;
  std::unique_ptr<HttpEvents> httpEvents_;
  std::unique_ptr<connect_ip::ClientSession> session_;
  connect_ip::EarlyDatagrams early_;

  bool started_ = false;
  /// The end was told.
  bool over_ = false;
  /// close() was called.
  bool closing_ = false;
  bool ticketUsed_ = false;
  /// onReady() came from inside Endpoint::connect(), before there was a connection to use.
  std::optional<bool> readyWhileConnecting_;
  StateEvent::State state_ = StateEvent::State::kConnecting;
  bool established_ = false;
  std::vector<connect_ip::Prefix> addresses_;
  std::vector<connect_ip::IpRange> routes_;
  std::vector<connect_ip::Prefix> network_;
  bool denied4_ = false, denied6_ = false;
  std::vector<std::uint8_t> pendingTicket_;
  std::optional<ClosedEvent> closedEvent_;
  std::uint32_t toldMtu_ = 0;
  quic::Time now_ = 0, startedAt_ = 0, handshakeAt_ = 0;
  /// By when the server must have said what the client may use.
  quic::Time configurationDeadline_ = quic::kNever;
  std::uint64_t malformed_ = 0, noBuffer_ = 0;
};

}  // namespace mqvpn::tunnel
