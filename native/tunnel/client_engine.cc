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
/// RFC 8305 §5 recommends 250 ms between attempts and allows from 100 ms on. A handshake here costs two
/// datagrams each way, and who waits is a person.
constexpr quic::Duration kAttemptDelay = 100 * quic::kMillisecond;

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
      engine_.tunnel_.open(*engine_.session_, engine_.current_->http()->peerTakesDatagrams());
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
      tunnel_(Tunnel::Side::kClient, {pool_, tun, settings_.engine.scheduler, randomKey(random),
                                      settings_.engine.queue, settings_.engine.twins}),
      paths_(settings_.paths, events),
      httpEvents_(std::make_unique<HttpEvents>(*this)) {}

ClientEngine::~ClientEngine() {
  // What refers to the connection goes first, then the connection, then what it refers to.
  session_.reset();
  for (const auto& attempt : attempts_) attempt->http().reset();
  endpoint_.reset();
}

void ClientEngine::start(quic::Time now) {
  now_ = startedAt_ = now;
  started_ = true;
  events_.onEvent(StateEvent{State::kConnecting});
  quic::EndpointSettings endpoint;
  endpoint.connection = settings_.engine.connection;
  // Multipath costs connection IDs for every path that may come.
  if (paths_.count() == 1) endpoint.connection.multipath = quic::MultipathVersion::kNone;
  // Clients keep no tokens and resets across restarts.
  std::array<std::uint8_t, 32> secret;
  random_.fill(secret);
  endpoint_ = std::make_unique<quic::Endpoint>(endpoint, nullptr, secret, random_,
                                               static_cast<quic::EndpointEvents&>(*this));
  handshakeDeadline_ = now + settings_.engine.connection.handshakeTimeout;
  launch(now);
}

// --- links

void ClientEngine::pathUp(std::uint32_t slot, const quic::NetworkPath& network, std::uint32_t maxUdpPayload,
                          quic::Time now) {
  now_ = now;
  paths_.up(slot, network, maxUdpPayload, now);
  if (!started_ || over_) return;
  if (decided_) {
    serve();
    return;
  }
  const auto trying = std::find_if(attempts_.begin(), attempts_.end(), [&](const auto& attempt) {
    return attempt->slot() == slot && !attempt->connection()->isClosing();
  });
  // RFC 9000 §9 forbids to migrate before the handshake is confirmed, but nothing was heard from here yet.
  if (trying != attempts_.end())
    (*trying)->connection()->migrate(0, network, now);
  else if (attempts_.empty())
    launch(now);
  else
    scheduleLaunch();
}

void ClientEngine::pathDown(std::uint32_t slot, std::string_view cause, quic::Time now) {
  now_ = now;
  paths_.down(slot, cause, now);
  if (!started_ || over_ || decided_) return;
  // What was tried over it is over. Whoever is next does not wait.
  for (const auto& attempt : attempts_)
    if (attempt->slot() == slot && !attempt->connection()->isClosing())
      attempt->connection()->closeApplication(http3::code(http3::ErrorCode::kNoError), "the link went down");
  launch(now);
}

// --- the race: RFC 8305 §5 for links instead of addresses: the next one is tried when the one before has not
// answered for a moment, and the first that completes its handshake wins

void ClientEngine::scheduleLaunch() {
  launchAt_ = paths_.hasCandidate() && !decided_ && !over_ ? std::max(now_, lastLaunch_ + kAttemptDelay)
                                                           : quic::kNever;
}

void ClientEngine::launch(quic::Time now) {
  if (decided_ || over_) return;
  while (const auto slot = paths_.takeCandidate(now)) {
    lastLaunch_ = now;
    quic::ClientStart start;
    start.tls = &tls_;
    start.serverName = settings_.serverName;
    start.network = paths_.network(*slot);
    // A ticket and a token serve once.
    if (!ticketUsed_) {
      start.ticket = settings_.ticket;
      start.token = settings_.addressToken;
      ticketUsed_ = true;
    }
    std::unique_ptr<quic::Tracer> tracer;
    if (settings_.engine.makeTracer) tracer = settings_.engine.makeTracer({});
    attempts_.push_back(std::make_unique<ClientAttempt>(*this, *slot));
    ClientAttempt& attempt = *attempts_.back();
    readyWhileConnecting_.reset();
    quic::Connection& made = endpoint_->connect(std::move(start), attempt, std::move(tracer), now);
    attempt.setConnection(&made);
    if (over_) return;
    if (made.isClosing()) continue;
    made.setMaxUdpPayload(0, paths_.maxUdpPayload(*slot), now);
    if (readyWhileConnecting_) onReady(attempt, *readyWhileConnecting_);
    break;
  }
  scheduleLaunch();
}

void ClientEngine::onReady(ClientAttempt& attempt, bool early) {
  if (attempt.connection() == nullptr) {
    readyWhileConnecting_ = early;
    return;
  }
  if (over_ || (decided_ && !isCurrent(attempt))) return;
  // 0-RTT data goes out at once; it does not decide the race.
  if (!early) decide(attempt);
  if (early && current_ == nullptr) choose(attempt);
  if (isCurrent(attempt)) begin(early);
}

void ClientEngine::decide(ClientAttempt& attempt) {
  if (decided_ || over_) return;
  choose(attempt);
  decided_ = true;
  handshakeDeadline_ = launchAt_ = quic::kNever;
  for (const auto& other : attempts_)
    if (other.get() != &attempt && !other->connection()->isClosing())
      other->connection()->closeApplication(http3::code(http3::ErrorCode::kNoError),
                                            "another link was faster");
  paths_.attach(*attempt.connection(), attempt.slot(), now_);
}

void ClientEngine::choose(ClientAttempt& attempt) {
  if (isCurrent(attempt)) return;
  if (connection() != nullptr) {
    tunnel_.close();
    session_.reset();
    current_->http().reset();
    connection()->setDatagramSource(nullptr);
  }
  current_ = &attempt;
  attempt.connection()->setDatagramSource(&tunnel_);
}

void ClientEngine::begin(bool early) {
  std::unique_ptr<http3::Connection>& http = current_->http();
  if (!http) {
    http3::ConnectionConfig config;
    config.grease = random_.u64();
    http = std::make_unique<http3::Connection>(*connection(), *httpEvents_, config);
    connect_ip::ClientConfig request;
    request.authority = settings_.authority;
    request.key = settings_.key;
    request.wantV6 = settings_.wantV6;
    request.extraHeaders = {{kNetworkHeader, "?1"}};
    // Of no use with one link, and 4 bytes of every packet.
    if (paths_.count() > 1) request.extraHeaders.emplace_back(kCopiesHeader, "?1");
    if (!settings_.clientId.empty())
      request.extraHeaders.emplace_back(kClientHeader,
                                        formatClientHeader({settings_.clientId, settings_.lastAddress}));
    session_ = std::make_unique<connect_ip::ClientSession>(
        *http, static_cast<connect_ip::ClientEvents&>(*this), request);
    http->start(early ? quic::Bytes(settings_.httpSettings) : quic::Bytes());
    session_->start();
    return;
  }
  http->start();
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
  if (endpoint_) endpoint_->receive(datagram, network, ecn, now);
  serve();
}

/// What may be possible after any event.
void ClientEngine::serve() {
  if (decided_) paths_.service(now_);
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
  for (std::size_t i = 0; i < attempts_.size();) {
    ClientAttempt& attempt = *attempts_[i];
    quic::Connection& one = *attempt.connection();
    if (one.produce(batch, now)) return true;
    if (isCurrent(attempt) && !one.isClosing() && tunnel_.sendCapsules(now)) continue;
    // Ends, and leaves the list, if it is finished.
    const std::size_t before = attempts_.size();
    endpoint_->sweep(one);
    if (attempts_.size() == before) ++i;
  }
  return false;
}

void ClientEngine::onTooBig(std::uint64_t, const quic::NetworkPath& network, std::uint32_t size,
                            quic::Time now) {
  now_ = now;
  for (const auto& attempt : attempts_) attempt->connection()->onTooBig(network, size, now);
}

quic::Time ClientEngine::deadline() const {
  quic::Time at = std::min({configurationDeadline_, handshakeDeadline_, launchAt_, paths_.deadline()});
  for (const auto& attempt : attempts_) at = std::min(at, attempt->connection()->deadline());
  return at;
}

void ClientEngine::onTimeout(quic::Time now) {
  now_ = now;
  for (std::size_t i = 0; i < attempts_.size(); ++i)
    if (attempts_[i]->connection()->deadline() <= now) attempts_[i]->connection()->onTimeout(now);
  if (launchAt_ <= now) launch(now);
  if (handshakeDeadline_ <= now) {
    handshakeDeadline_ = quic::kNever;
    ClosedEvent event;
    event.cause = attempts_.empty() ? "no-link" : "handshake-timeout";
    event.message = attempts_.empty() ? "no link is up (" + paths_.whyNoneIsUp() + ")"
                                      : "no answer from the server over any link";
    event.retryable = true;
    endWith(std::move(event));
  }
  if (configurationDeadline_ <= now) {
    configurationDeadline_ = quic::kNever;
    ClosedEvent event;
    event.cause = "protocol";
    event.message = addresses_.empty() ? "the server assigned no address" : "the server advertised no route";
    event.retryable = true;
    fail(std::move(event));
  }
  serve();
}

void ClientEngine::close(std::string_view reason, quic::Time now) {
  now_ = now;
  closing_ = true;
  launchAt_ = handshakeDeadline_ = quic::kNever;
  for (std::size_t i = 0; i < attempts_.size(); ++i) {
    quic::Connection& one = *attempts_[i]->connection();
    // The closing period counts from the connection's own clock, which stands at its last event.
    one.onTimeout(now);
    if (!one.isClosing()) one.closeApplication(http3::code(http3::ErrorCode::kNoError), reason);
  }
  if (attempts_.empty() && !over_) {
    ClosedEvent event;
    event.cause = "local";
    event.message = reason;
    endWith(std::move(event));
  }
}

EngineStatus ClientEngine::status(quic::Time now) const {
  EngineStatus status;
  status.uptime = now - startedAt_;
  ConnectionStatus one = describe(tunnel_, connection());
  one.slots = paths_.status(now);
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
  if (connection() != nullptr)
    connection()->closeApplication(http3::code(http3::ErrorCode::kNoError), closedEvent_->cause);
}

/// No connection came about, or there is none any more.
void ClientEngine::endWith(ClosedEvent event) {
  if (over_) return;
  over_ = true;
  tunnel_.close();
  paths_.detach();
  configurationDeadline_ = handshakeDeadline_ = launchAt_ = quic::kNever;
  setState(State::kClosed);
  events_.onEvent(closedEvent_ ? *closedEvent_ : std::move(event));
  for (const auto& attempt : attempts_)
    if (attempt->connection() != nullptr && !attempt->connection()->isClosing())
      attempt->connection()->closeApplication(http3::code(http3::ErrorCode::kNoError), "");
}

void ClientEngine::tellTicket() {
  if (pendingTicket_.empty() || current_ == nullptr || !current_->http()) return;
  // A ticket without the settings that hold for it is of no use for 0-RTT (RFC 9114 §7.2.4.2).
  std::vector<std::uint8_t> httpSettings = current_->http()->encodedPeerSettings();
  if (httpSettings.empty()) return;
  events_.onEvent(TicketEvent{std::exchange(pendingTicket_, {}), std::move(httpSettings)});
}

// --- the connection

void ClientEngine::onHandshakeComplete(ClientAttempt& attempt) {
  // After 0-RTT that the server took, nothing else says so.
  decide(attempt);
  if (!isCurrent(attempt)) return;
  handshakeAt_ = now_;
  configurationDeadline_ = now_ + kConfigurationTimeout;
  if (state_ == State::kConnecting) setState(State::kHandshakeDone);
}

void ClientEngine::onDatagram(std::span<std::uint8_t> payload, const quic::PacketId& origin, quic::Time now) {
  now_ = now;
  if (!current_->http() || !session_) return;
  const auto datagram = current_->http()->onDatagram(payload);
  if (!datagram || datagram->streamId != session_->streamId()) return;
  // RFC 9297 §2.1: it overtook the answer to its request, or our address.
  if (state_ != State::kConnected) {
    early_.hold(datagram->streamId, datagram->payload, now);
    return;
  }
  tunnel_.receiveDatagram(datagram->payload, origin, *connection(), now);
}

void ClientEngine::onMaxDatagramPayload(std::size_t bytes) {
  tunnel_.setMaxDatagramPayload(bytes);
  if (state_ != State::kConnected || tunMtu() == toldMtu_) return;
  toldMtu_ = tunMtu();
  events_.onEvent(MtuEvent{toldMtu_});
}

void ClientEngine::onClosed(ClientAttempt& attempt, const quic::CloseInfo& info) {
  if (over_ || (decided_ && !isCurrent(attempt))) return;
  ClosedEvent event = explainClose(info);
  if (!decided_ && !closing_ && (event.retryable || info.cause == quic::CloseInfo::Cause::kLocal)) {
    // One link less; others may do better.
    paths_.onAttemptOver(attempt.slot(), event.message, now_);
    const bool anyLeft = std::any_of(attempts_.begin(), attempts_.end(), [&](const auto& other) {
      return other.get() != &attempt && other->connection() != nullptr && !other->connection()->isClosing();
    });
    if (anyLeft || paths_.hasCandidate()) {
      launchAt_ = paths_.hasCandidate() ? now_ : quic::kNever;
      return;
    }
    // All links that are up failed; the ones that are down may come.
    if (info.cause == quic::CloseInfo::Cause::kLocal) return;
  }
  endWith(std::move(event));
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
quic::ConnectionEvents& ClientEngine::onConnection(const quic::NetworkPath&) { return *attempts_.front(); }
void ClientEngine::onConnectionMade(quic::Connection&, quic::ConnectionEvents&) {}
void ClientEngine::onConnectionGone(quic::Connection& connection, quic::ConnectionEvents&) {
  const auto found = std::find_if(attempts_.begin(), attempts_.end(),
                                  [&](const auto& one) { return one->connection() == &connection; });
  if (found == attempts_.end()) return;
  if (isCurrent(**found)) {
    session_.reset();
    current_ = nullptr;
  }
  (*found)->http().reset();
  attempts_.erase(found);
}

// --- connect_ip::ClientEvents

void ClientEngine::onEstablished(const http3::Headers& response) {
  established_ = true;
  if (const std::string* value = http3::findHeader(response, kNetworkHeader))
    network_ = parseNetworkHeader(*value);
  if (const std::string* value = http3::findHeader(response, kCopiesHeader);
      value != nullptr && *value == "?1" && paths_.count() > 1)
    session_->allowCopies();
  tunnel_.setIcmpSources(network_);
  tunnel_.open(*session_, current_->http()->peerTakesDatagrams());
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
  event.resumed = connection()->resumed();
  event.earlyData = connection()->earlyDataAccepted();
  event.handshakeTime = (handshakeAt_ != 0 ? handshakeAt_ : now_) - startedAt_;
  event.totalTime = now_ - startedAt_;
  events_.onEvent(std::move(event));
  early_.drain(session_->streamId(), now_, [&](std::span<std::uint8_t> payload) {
    const std::span<std::uint8_t> packet = session_->unwrap(payload);
    if (!packet.empty()) tunnel_.receive(packet, now_);
  });
}

}  // namespace mqvpn::tunnel
