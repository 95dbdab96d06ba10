#include "tunnel/server_client.h"

#include <algorithm>
#include <utility>

#include "tunnel/explain.h"
#include "tunnel/server_engine.h"

namespace mqvpn::tunnel {

using connect_ip::Refusal;

namespace {

/// A client asks for its tunnel as soon as the handshake allows; who does not, only takes up room.
constexpr quic::Duration kRequestTimeout = 15 * quic::kSecond;
/// Time to read the answer of a refused request; then the connection ends.
constexpr quic::Duration kRefusedLinger = 2 * quic::kSecond;
/// Guessing keys costs a handshake every so many requests.
constexpr unsigned kMostRefusals = 3;
constexpr quic::Duration kShrinkAfter = 10 * quic::kSecond;

}  // namespace

/// One request stream.
struct ServerClient::Request final : connect_ip::ServerEvents {
  Request(ServerClient& owner, http3::Connection& http, std::uint64_t streamId)
      : client(owner), session(http, streamId, *this) {}

  std::optional<std::string> authorize(std::string_view key) override {
    return client.engine_.authorize(key);
  }
  connect_ip::Grant admit(const connect_ip::Request& request) override { return client.admit(request); }
  void onEstablished() override { client.establish(*this); }
  void onRefused(Refusal refusal) override { client.onRefused(refusal); }
  void onPacket(std::span<std::uint8_t> packet) override {
    if (client.active_ == this) client.tunnel_.receive(packet, client.engine_.now_);
  }
  void onEnded(std::uint64_t errorCode, bool local, std::string_view reason) override {
    if (client.active_ != this) return;
    const std::string text = reason.empty() ? http3::errorName(errorCode) : std::string(reason);
    client.endTunnel(local ? "protocol" : "peer", text);
  }

  ServerClient& client;
  connect_ip::ServerSession session;
};

class ServerClient::HttpEvents final : public http3::Events {
 public:
  explicit HttpEvents(ServerClient& client) : client_(client) {}

  void onSettings(const http3::Settings&) override {
    if (client_.active_ != nullptr)
      client_.tunnel_.open(client_.active_->session, client_.http_->peerTakesDatagrams());
  }
  void onRequest(std::uint64_t streamId, const http3::Headers& headers) override {
    const auto [made, isNew] = client_.requests_.try_emplace(streamId);
    if (!isNew) return;
    made->second = std::make_unique<Request>(client_, *client_.http_, streamId);
    Request& request = *made->second;
    request.session.onRequest(headers);
  }
  void onResponse(std::uint64_t, unsigned, const http3::Headers&) override {}
  void onData(std::uint64_t streamId, std::span<std::uint8_t> bytes) override {
    if (Request* request = client_.find(streamId)) request->session.onData(bytes);
  }
  void onFinished(std::uint64_t streamId) override {
    if (Request* request = client_.find(streamId)) request->session.onFinished();
  }
  void onRequestFailed(std::uint64_t streamId, std::uint64_t errorCode, bool local,
                       std::string_view reason) override {
    if (Request* request = client_.find(streamId)) request->session.onRequestFailed(errorCode, local, reason);
  }
  void onStreamClosed(std::uint64_t streamId) override {
    const auto found = client_.requests_.find(streamId);
    if (found == client_.requests_.end()) return;
    if (client_.active_ == found->second.get()) client_.endTunnel("peer", "the request stream was closed");
    client_.requests_.erase(found);
  }

 private:
  ServerClient& client_;
};

ServerClient::ServerClient(ServerEngine& engine, std::uint64_t id, const quic::NetworkPath& network)
    : engine_(engine),
      id_(id),
      network_(network),
      startedAt_(engine.now_),
      httpEvents_(std::make_unique<HttpEvents>(*this)),
      tunnel_(Tunnel::Side::kServer,
              {engine.packets_, engine.tun_, engine.settings_.engine.scheduler, engine.hashKey_,
               engine.settings_.engine.queue, engine.settings_.engine.twins}),
      requestDeadline_(engine.now_ + kRequestTimeout) {
  tunnel_.setIcmpSources(engine.network());
  if (!engine.settings_.clientToClient) tunnel_.setHiddenPeers(&engine);
}

ServerClient::~ServerClient() = default;

void ServerClient::attach(quic::Connection& connection) {
  connection_ = &connection;
  connection.setDatagramSource(&tunnel_);
}

void ServerClient::detach() {
  tunnel_.close();
  releaseLease();
  active_ = nullptr;
  engine_.uncarry(*this);
  requests_.clear();
  http_.reset();
  connection_ = nullptr;
}

bool ServerClient::produce(quic::SendBatch& batch, quic::Time now) {
  while (connection_ != nullptr) {
    if (connection_->produce(batch, now)) return true;
    if (connection_->isClosing() || !tunnel_.sendCapsules(now)) break;
  }
  return false;
}

quic::Time ServerClient::nextDeadline() const {
  const quic::Time connection = connection_ != nullptr ? connection_->deadline() : quic::kNever;
  return std::min({connection, requestDeadline_, shrinkAt_});
}

void ServerClient::onTimeout(quic::Time now) {
  if (connection_ != nullptr && connection_->deadline() <= now) connection_->onTimeout(now);
  if (requestDeadline_ <= now) {
    requestDeadline_ = quic::kNever;
    close("no tunnel was asked for");
  }
  if (shrinkAt_ <= now) {
    shrinkAt_ = quic::kNever;
    if (now - lastQueuedAt_ >= kShrinkAfter && tunnel_.queue().empty()) {
      tunnel_.queue().shrink();
    } else {
      shrinkAt_ = now + kShrinkAfter;
    }
  }
}

void ServerClient::close(std::string_view reason) {
  if (connection_ != nullptr && !connection_->isClosing())
    connection_->closeApplication(http3::code(http3::ErrorCode::kNoError), reason);
}

void ServerClient::replace(std::string_view reason) {
  endTunnel("replaced", reason);
  close(reason);
  engine_.touch(*this);
}

void ServerClient::refreshNetworks() {
  if (active_ == nullptr || !lease_) return;
  std::vector<connect_ip::Prefix> now;
  for (const auto& prefix : addresses_)
    if (prefix.length == prefix.address.bits() &&
        (prefix.address == lease_->v4 || prefix.address == lease_->v6))
      now.push_back(prefix);
  const std::vector<connect_ip::Prefix> networks = networksWithin(scope_);
  now.insert(now.end(), networks.begin(), networks.end());
  if (now == addresses_) return;
  addresses_ = std::move(now);
  tunnel_.setClientAddresses(addresses_);
  // A stream without room for it is one that the client does not read.
  if (!active_->session.assign(addresses_)) close("the client takes no new addresses");
}

std::vector<connect_ip::Prefix> ServerClient::networksWithin(const connect_ip::Scope& scope) const {
  std::vector<connect_ip::Prefix> networks = engine_.networksOf(user_);
  if (scope.kind == connect_ip::Scope::Kind::kPrefix)
    std::erase_if(networks, [&](const connect_ip::Prefix& network) {
      return network.address.version != scope.prefix.address.version;
    });
  return networks;
}

void ServerClient::onQueued(quic::Time now) {
  lastQueuedAt_ = now;
  if (shrinkAt_ == quic::kNever) shrinkAt_ = now + kShrinkAfter;
}

ConnectionStatus ServerClient::status(quic::Time now) const {
  ConnectionStatus status = describe(tunnel_, connection_);
  status.id = id_;
  status.user = user_;
  status.addresses = addresses_;
  status.uptime = now - startedAt_;
  status.state = active_ != nullptr                                   ? "connected"
                 : connection_ == nullptr || connection_->isClosing() ? "closed"
                 : connection_->handshakeComplete()                   ? "handshake-done"
                                                                      : "connecting";
  return status;
}

// --- quic::ConnectionEvents

void ServerClient::onReady(bool) {
  if (!http_) {
    http3::ConnectionConfig config;
    config.grease = engine_.random_.u64();
    config.maxRequests = engine_.settings_.engine.connection.streams.maxBidi;
    http_ = std::make_unique<http3::Connection>(*connection_, *httpEvents_, config);
  }
  http_->start();
}

void ServerClient::onDatagram(std::span<std::uint8_t> payload, const quic::PacketId& origin, quic::Time now) {
  if (!http_) return;
  const auto datagram = http_->onDatagram(payload);
  if (!datagram) return;
  if (active_ == nullptr || datagram->streamId != active_->session.streamId()) {
    // RFC 9297 §2.1: it overtook its request.
    if (find(datagram->streamId) == nullptr) early_.hold(datagram->streamId, datagram->payload, now);
    return;
  }
  tunnel_.receiveDatagram(datagram->payload, origin, *connection_, now);
}

void ServerClient::onClosed(const quic::CloseInfo& info) {
  endTunnel(causeName(info), info.reason.empty() ? describeCode(info) : info.reason);
  requestDeadline_ = quic::kNever;
}

// --- the request

ServerClient::Request* ServerClient::find(std::uint64_t streamId) {
  const auto found = requests_.find(streamId);
  return found == requests_.end() ? nullptr : found->second.get();
}

connect_ip::Grant ServerClient::admit(const connect_ip::Request& request) {
  connect_ip::Grant grant;
  const auto refuse = [&](Refusal refusal) {
    grant.refusal = refusal;
    return grant;
  };
  if (engine_.closing_) return refuse(Refusal::kGoingAway);
  // One tunnel per connection: what a second one would carry, the first one can.
  if (lease_ || request.scope.kind == connect_ip::Scope::Kind::kHostname)
    return refuse(lease_ ? Refusal::kFull : Refusal::kUnsupportedTarget);
  const quic::SocketAddress& remote = connection_->network().remote;
  // A client that comes back gets the address that it had.
  const std::string* header = http3::findHeader(*request.headers, kClientHeader);
  const auto identity = header != nullptr ? parseClientHeader(*header) : std::nullopt;
  std::string key = request.user;
  if (identity) {
    key += '#' + identity->id;
  } else {
    key += '@';
    key.append(reinterpret_cast<const char*>(remote.ip.data()), remote.ip.size());
  }
  lease_ = engine_.lease(request.user, key,
                         identity && identity->address ? *identity->address : connect_ip::IpAddress{},
                         identity.has_value());
  if (!lease_) return refuse(Refusal::kFull);
  user_ = request.user;
  scope_ = request.scope;
  const auto wanted = [&](std::uint8_t version) {
    return request.scope.kind == connect_ip::Scope::Kind::kAny ||
           request.scope.prefix.address.version == version;
  };
  const auto add = [&](const std::optional<connect_ip::IpAddress>& address) {
    if (!address || !wanted(address->version)) return;
    grant.addresses.push_back(connect_ip::Prefix::host(*address));
    connect_ip::IpRange range = request.scope.kind == connect_ip::Scope::Kind::kAny
                                    ? connect_ip::IpRange::all(address->version)
                                    : connect_ip::IpRange::of(request.scope.prefix);
    range.protocol = request.scope.protocol.value_or(0);
    grant.routes.push_back(range);
  };
  add(lease_->v4);
  add(lease_->v6);
  if (grant.addresses.empty()) {
    releaseLease();
    return refuse(Refusal::kUnsupportedTarget);
  }
  // RFC 9484 §4.7.1: an assigned prefix is what its receiver may send from. These are of the network behind
  // it, and come after the address of its own.
  const std::vector<connect_ip::Prefix> networks = networksWithin(request.scope);
  grant.addresses.insert(grant.addresses.end(), networks.begin(), networks.end());
  // Ours is said only to who asked for it.
  if (http3::findHeader(*request.headers, kNetworkHeader) != nullptr)
    grant.extraHeaders.emplace_back(kNetworkHeader, formatNetworkHeader(engine_.network()));
  const std::string* copies = http3::findHeader(*request.headers, kCopiesHeader);
  copies_ = copies != nullptr && *copies == "?1";
  if (copies_) grant.extraHeaders.emplace_back(kCopiesHeader, "?1");
  addresses_ = grant.addresses;
  routes_ = grant.routes;
  return grant;
}

void ServerClient::establish(Request& request) {
  active_ = &request;
  if (copies_) request.session.allowCopies();
  establishedAt_ = engine_.now_;
  requestDeadline_ = quic::kNever;
  tunnel_.setClientAddresses(addresses_);
  tunnel_.setServerRoutes(routes_);
  tunnel_.open(request.session, http_->peerTakesDatagrams());
  ++engine_.tunnels_;
  engine_.carry(*this, lease_->offset);
  engine_.events_.onEvent(
      ClientConnectedEvent{id_, user_, connection_->network().remote, addresses_, connection_->resumed()});
  early_.drain(request.session.streamId(), engine_.now_, [&](std::span<std::uint8_t> payload) {
    const std::span<std::uint8_t> packet = request.session.unwrap(payload);
    if (!packet.empty()) tunnel_.receive(packet, engine_.now_);
  });
}

void ServerClient::onRefused(Refusal refusal) {
  engine_.tellRefused(network_.remote, refusal);
  if (active_ != nullptr) return;
  requestDeadline_ = std::min(requestDeadline_, engine_.now_ + kRefusedLinger);
  if (++refusals_ >= kMostRefusals) close("too many refused requests");
}

void ServerClient::endTunnel(std::string_view cause, std::string_view reason) {
  if (active_ == nullptr) return;
  active_ = nullptr;
  tunnel_.close();
  engine_.uncarry(*this);
  --engine_.tunnels_;
  const double seconds =
      static_cast<double>(engine_.now_ - establishedAt_) / static_cast<double>(quic::kSecond);
  const quic::SocketAddress remote = connection_ != nullptr ? connection_->network().remote : network_.remote;
  engine_.events_.onEvent(
      ClientDisconnectedEvent{id_, user_, remote, std::string(cause), std::string(reason), seconds});
  releaseLease();
  requestDeadline_ = engine_.now_ + kRequestTimeout;
}

void ServerClient::releaseLease() {
  if (!lease_) return;
  engine_.release(lease_->offset);
  lease_.reset();
  addresses_.clear();
}

}  // namespace mqvpn::tunnel
