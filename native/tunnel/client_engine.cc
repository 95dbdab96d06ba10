#include "tunnel/client_engine.h"

#include <algorithm>
#include <array>
#include <utility>

#include "tunnel/explain.h"

namespace mqvpn::tunnel {

using connect_ip::PacketError;
using connect_ip::PacketView;
using connect_ip::Refusal;
using State = StateEvent::State;

namespace {

/// A server answers ADDRESS_REQUEST within a round trip; this is generous even for a satellite link with
/// losses.
constexpr quic::Duration kConfigurationTimeout = 10 * quic::kSecond;

HashKey randomKey(quic::RandomSource& random) {
  const std::uint64_t first = random.u64();
  return {first, random.u64()};
}

}  // namespace

/// What HTTP/3 tells, for the one request there is.
class ClientEngine::HttpEvents final : public http3::Events {
 public:
  explicit HttpEvents(ClientEngine& engine) : engine_(engine) {}

  void onSettings(const http3::Settings&) override {
    // Only now it is certain how packets travel.
    if (engine_.tunnel_.isOpen())
      engine_.tunnel_.open(*engine_.session_, engine_.http_->peerTakesDatagrams());
    engine_.tellTicket();
  }
  /// A server has none to make: http3::Connection refuses it.
  void onRequest(std::uint64_t, const http3::Headers&) override {}
  void onResponse(std::uint64_t streamId, unsigned status, const http3::Headers& headers) override {
    if (isOurs(streamId)) engine_.session_->onResponse(status, headers);
  }
  void onData(std::uint64_t streamId, std::span<std::uint8_t> bytes) override {
    if (isOurs(streamId)) engine_.session_->onData(bytes);
  }
  void onFinished(std::uint64_t streamId) override {
    if (isOurs(streamId)) engine_.session_->onFinished();
  }
  void onRequestFailed(std::uint64_t streamId, std::uint64_t errorCode, bool local,
                       std::string_view reason) override {
    if (isOurs(streamId)) engine_.session_->onRequestFailed(errorCode, local, reason);
  }
  void onGoaway(std::uint64_t) override {
    engine_.events_.onEvent(LogEvent{LogLevel::kInfo, "the server is about to stop"});
  }

 private:
  bool isOurs(std::uint64_t streamId) const {
    return engine_.session_ && engine_.session_->streamId() == streamId;
  }

  ClientEngine& engine_;
};

ClientEngine::ClientEngine(ClientSettings settings, const tls::ClientContext& tls, quic::RandomSource& random,
                           TunSink& tun, EventSink& events)
    : settings_(std::move(settings)),
      tls_(tls),
      random_(random),
      events_(events),
      pool_(settings_.engine.pool),
      scheduler_(makeScheduler(settings_.engine.scheduler)),
      tunnel_(Tunnel::Side::kClient, {pool_, tun, *scheduler_, randomKey(random), settings_.engine.queue}),
      httpEvents_(std::make_unique<HttpEvents>(*this)) {}

ClientEngine::~ClientEngine() {
  // What refers to the connection goes first, then the connection, then what it refers to.
  session_.reset();
  http_.reset();
  endpoint_.reset();
}

void ClientEngine::start(const quic::NetworkPath& network, quic::Time now) {
  now_ = startedAt_ = now;
  started_ = true;
  events_.onEvent(StateEvent{State::kConnecting});
  quic::EndpointSettings endpoint;
  endpoint.connection = settings_.engine.connection;
  // Clients keep no tokens and resets across restarts.
  std::array<std::uint8_t, 32> secret;
  random_.fill(secret);
  endpoint_ = std::make_unique<quic::Endpoint>(endpoint, nullptr, secret, random_, *this);
  quic::ClientStart start;
  start.tls = &tls_;
  start.serverName = settings_.serverName;
  start.network = network;
  start.ticket = settings_.ticket;
  start.token = settings_.addressToken;
  std::unique_ptr<quic::Tracer> tracer;
  if (settings_.engine.makeTracer) tracer = settings_.engine.makeTracer({});
  connection_ = &endpoint_->connect(std::move(start), *this, std::move(tracer), now);
  if (connection_->isClosing()) return;
  connection_->setDatagramSource(&tunnel_);
  if (readyWhileConnecting_) begin(*readyWhileConnecting_);
}

void ClientEngine::begin(bool early) {
  if (!http_) {
    http3::ConnectionConfig config;
    config.grease = random_.u64();
    http_ = std::make_unique<http3::Connection>(*connection_, *httpEvents_, config);
    connect_ip::ClientConfig request;
    request.authority = settings_.authority;
    request.key = settings_.key;
    request.wantV6 = settings_.wantV6;
    request.extraHeaders = {{kNetworkHeader, "?1"}};
    session_ = std::make_unique<connect_ip::ClientSession>(
        *http_, static_cast<connect_ip::ClientEvents&>(*this), request);
    http_->start(early ? quic::Bytes(settings_.httpSettings) : quic::Bytes());
    session_->start();
    return;
  }
  http_->start();
}

void ClientEngine::migrate(const quic::NetworkPath& network, quic::Time now) {
  now_ = now;
  if (connection_ != nullptr) connection_->migrate(0, network, now);
}

std::uint32_t ClientEngine::tunMtu() const {
  const auto carried = static_cast<std::uint32_t>(tunnel_.mtu());
  return settings_.engine.mtu == 0
             ? carried
             : std::max<std::uint32_t>(kLeastMtu, std::min(settings_.engine.mtu, carried));
}

void ClientEngine::receive(std::span<std::uint8_t> datagram, const quic::NetworkPath& network, quic::Ecn ecn,
                           quic::Time now) {
  now_ = now;
  if (connection_ != nullptr) endpoint_->receive(datagram, network, ecn, now);
}

void ClientEngine::onTunRead(std::size_t bytes, quic::Time now) {
  now_ = now;
  Packet* packet = pool_.commit(bytes);
  if (packet == nullptr) {
    // What waits longest gives way: the flow with the longest backlog.
    tunnel_.queue().dropFattest();
    packet = pool_.commit(bytes);
  }
  if (packet == nullptr) {
    ++noBuffer_;
    return;
  }
  PacketView view;
  if (connect_ip::parsePacket(packet->data, view) != PacketError::kNone) {
    ++malformed_;
    pool_.release(packet);
    return;
  }
  tunnel_.send(packet, view, now);
}

bool ClientEngine::produce(quic::SendBatch& batch, std::uint64_t& owner, quic::Time now) {
  now_ = now;
  owner = 0;
  while (connection_ != nullptr) {
    if (connection_->produce(batch, now)) return true;
    if (!connection_->isClosing() && tunnel_.sendCapsules(now)) continue;
    endpoint_->sweep(*connection_);
    break;
  }
  return false;
}

void ClientEngine::onTooBig(std::uint64_t, const quic::NetworkPath& network, std::uint32_t size,
                            quic::Time now) {
  now_ = now;
  if (connection_ != nullptr) connection_->onTooBig(network, size, now);
}

quic::Time ClientEngine::deadline() const {
  return connection_ == nullptr ? quic::kNever : std::min(connection_->deadline(), configurationDeadline_);
}

void ClientEngine::onTimeout(quic::Time now) {
  now_ = now;
  if (connection_ == nullptr) return;
  if (connection_->deadline() <= now) connection_->onTimeout(now);
  if (configurationDeadline_ <= now) {
    configurationDeadline_ = quic::kNever;
    ClosedEvent event;
    event.cause = "protocol";
    event.message = addresses_.empty() ? "the server assigned no address" : "the server advertised no route";
    event.retryable = true;
    fail(std::move(event));
  }
}

void ClientEngine::close(std::string_view reason, quic::Time now) {
  now_ = now;
  if (connection_ == nullptr) return;
  // The closing period counts from the connection's own clock, which stands at its last event.
  connection_->onTimeout(now);
  if (connection_->isClosing()) return;
  connection_->closeApplication(http3::code(http3::ErrorCode::kNoError), reason);
}

EngineStatus ClientEngine::status(quic::Time now) const {
  EngineStatus status;
  status.uptime = now - startedAt_;
  ConnectionStatus one = describe(tunnel_, connection_);
  one.uptime = now - startedAt_;
  one.addresses = addresses_;
  constexpr std::string_view kNames[] = {"connecting", "handshake-done", "connected", "closed"};
  one.state = kNames[static_cast<std::size_t>(state_)];
  status.connections.push_back(std::move(one));
  if (endpoint_) status.endpoint = endpoint_->stats();
  status.malformed = malformed_;
  status.noBuffer = noBuffer_;
  return status;
}

void ClientEngine::setState(State state) {
  if (state_ == state) return;
  state_ = state;
  events_.onEvent(StateEvent{state});
}

void ClientEngine::fail(ClosedEvent event) {
  if (closedEvent_) return;
  closedEvent_ = std::move(event);
  if (connection_ != nullptr)
    connection_->closeApplication(http3::code(http3::ErrorCode::kNoError), closedEvent_->cause);
}

void ClientEngine::tellTicket() {
  if (pendingTicket_.empty() || !http_) return;
  // A ticket without the settings that hold for it is of no use for 0-RTT (RFC 9114 §7.2.4.2).
  std::vector<std::uint8_t> httpSettings = http_->encodedPeerSettings();
  if (httpSettings.empty()) return;
  events_.onEvent(TicketEvent{std::exchange(pendingTicket_, {}), std::move(httpSettings)});
}

// --- quic::ConnectionEvents

void ClientEngine::onReady(bool early) {
  if (connection_ == nullptr) {
    readyWhileConnecting_ = early;
    return;
  }
  begin(early);
}

void ClientEngine::onEarlyDataRejected() {
  if (http_) http_->onEarlyDataRejected();
}

void ClientEngine::onHandshakeComplete() {
  handshakeAt_ = now_;
  configurationDeadline_ = now_ + kConfigurationTimeout;
  if (state_ == State::kConnecting) setState(State::kHandshakeDone);
}

void ClientEngine::onDatagram(std::span<std::uint8_t> payload, quic::Time now) {
  now_ = now;
  if (!http_ || !session_) return;
  const auto datagram = http_->onDatagram(payload);
  if (!datagram || datagram->streamId != session_->streamId()) return;
  // RFC 9297 §2.1: it overtook the answer to its request, or our address.
  if (state_ != State::kConnected) {
    early_.hold(datagram->streamId, datagram->payload, now);
    return;
  }
  const std::span<std::uint8_t> packet = session_->unwrap(datagram->payload);
  if (!packet.empty()) tunnel_.receive(packet, now);
}

void ClientEngine::onMaxDatagramPayload(std::size_t bytes) {
  tunnel_.setMaxDatagramPayload(bytes);
  if (state_ != State::kConnected || tunMtu() == toldMtu_) return;
  toldMtu_ = tunMtu();
  events_.onEvent(MtuEvent{toldMtu_});
}

void ClientEngine::onClosed(const quic::CloseInfo& info) {
  tunnel_.close();
  configurationDeadline_ = quic::kNever;
  setState(State::kClosed);
  events_.onEvent(closedEvent_ ? *closedEvent_ : explainClose(info));
}

void ClientEngine::onResumptionTicket(quic::Bytes ticket) {
  pendingTicket_.assign(ticket.begin(), ticket.end());
  tellTicket();
}

void ClientEngine::onAddressToken(quic::Bytes token) {
  events_.onEvent(AddressTokenEvent{{token.begin(), token.end()}});
}

// --- quic::EndpointEvents

// A client accepts no connections, so the first two are never called.
quic::ConnectionEvents& ClientEngine::onConnection(const quic::NetworkPath&) { return *this; }
void ClientEngine::onConnectionMade(quic::Connection&, quic::ConnectionEvents&) {}
void ClientEngine::onConnectionGone(quic::Connection&, quic::ConnectionEvents&) {
  session_.reset();
  http_.reset();
  connection_ = nullptr;
}

// --- connect_ip::ClientEvents

void ClientEngine::onEstablished(const http3::Headers& response) {
  established_ = true;
  if (const std::string* value = http3::findHeader(response, kNetworkHeader))
    network_ = parseNetworkHeader(*value);
  tunnel_.setIcmpSources(network_);
  tunnel_.open(*session_, http_->peerTakesDatagrams());
  checkConnected();
}

void ClientEngine::onRefused(Refusal refusal, unsigned status, std::string_view reason) {
  // With a status, the refusal says all that is known.
  fail(explainRefusal(refusal, status, status == 0 ? reason : std::string_view()));
}

void ClientEngine::onAddresses(std::span<const connect_ip::Prefix> addresses) {
  addresses_.assign(addresses.begin(), addresses.end());
  tunnel_.setClientAddresses(addresses);
  if (state_ == State::kConnected) {
    events_.onEvent(ReconfiguredEvent{addresses_, routes_});
  } else {
    checkConnected();
  }
}

void ClientEngine::onRoutes(std::span<const connect_ip::IpRange> routes) {
  routes_.assign(routes.begin(), routes.end());
  tunnel_.setServerRoutes(routes);
  if (state_ == State::kConnected) {
    events_.onEvent(ReconfiguredEvent{addresses_, routes_});
  } else {
    checkConnected();
  }
}

void ClientEngine::onAddressDenied(std::uint8_t version) {
  (version == 4 ? denied4_ : denied6_) = true;
  if (!addresses_.empty() || !denied4_ || (settings_.wantV6 && !denied6_)) return;
  fail(explainRefusal(Refusal::kFull, 200, "no address was assigned"));
}

void ClientEngine::onPacket(std::span<std::uint8_t> packet) { tunnel_.receive(packet, now_); }

void ClientEngine::onEnded(std::uint64_t errorCode, bool local, std::string_view reason) {
  tunnel_.close();
  ClosedEvent event;
  event.cause = local ? "protocol" : "peer";
  event.code = errorCode;
  event.retryable = true;
  event.message = (local ? "the server broke the protocol: " : "the server ended the tunnel: ") +
                  std::string(http3::errorName(errorCode));
  if (!reason.empty()) event.message += " (" + std::string(reason) + ")";
  fail(std::move(event));
}

void ClientEngine::checkConnected() {
  if (!established_ || addresses_.empty() || routes_.empty() || closedEvent_ || state_ == State::kClosed)
    return;
  configurationDeadline_ = quic::kNever;
  setState(State::kConnected);
  toldMtu_ = tunMtu();
  ConnectedEvent event;
  event.addresses = addresses_;
  event.routes = routes_;
  event.network = network_;
  event.mtu = toldMtu_;
  event.resumed = connection_->resumed();
  event.earlyData = connection_->earlyDataAccepted();
  event.handshakeTime = (handshakeAt_ != 0 ? handshakeAt_ : now_) - startedAt_;
  event.totalTime = now_ - startedAt_;
  events_.onEvent(std::move(event));
  early_.drain(session_->streamId(), now_, [&](std::span<std::uint8_t> payload) {
    const std::span<std::uint8_t> packet = session_->unwrap(payload);
    if (!packet.empty()) tunnel_.receive(packet, now_);
  });
}

}  // namespace mqvpn::tunnel
