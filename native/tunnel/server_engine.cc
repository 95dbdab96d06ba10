#include "tunnel/server_engine.h"

#include <algorithm>
#include <array>
#include <utility>

#include "connect_ip/icmp.h"
#include "connect_ip/refusal.h"
#include "tunnel/server_client.h"

namespace mqvpn::tunnel {

using connect_ip::PacketError;
using connect_ip::PacketView;

namespace {

/// Handshakes and refused clients may be under way beside the tunnels.
constexpr std::size_t kSpareConnections = 4096;
/// Clients whose backlogs are compared when memory runs out: the fattest of so many is fat enough, and ten
/// thousand are not looked at.
constexpr std::size_t kBacklogSample = 16;

quic::EndpointSettings endpointSettings(const ServerSettings& settings) {
  quic::EndpointSettings endpoint;
  endpoint.connection = settings.engine.connection;
  endpoint.connection.acceptDraft10 = settings.engine.connection.multipath != quic::MultipathVersion::kNone;
  endpoint.retry = settings.retry;
  endpoint.mostConnections = std::size_t{settings.maxClients} + kSpareConnections;
  return endpoint;
}

HashKey randomKey(quic::RandomSource& random) {
  const std::uint64_t first = random.u64();
  return {first, random.u64()};
}

}  // namespace

ServerEngine::ServerEngine(ServerSettings settings, std::unique_ptr<connect_ip::AddressPool> addresses,
                           tls::ServerContext& tls, std::span<const std::uint8_t, 32> secret,
                           quic::RandomSource& random, TunSink& tun, EventSink& events, quic::Time now)
    : settings_(std::move(settings)),
      random_(random),
      tun_(tun),
      events_(events),
      addresses_(std::move(addresses)),
      packets_(settings_.engine.pool),
      hashKey_(randomKey(random)),
      endpoint_(endpointSettings(settings_), &tls, secret, random, *this),
      now_(now),
      startedAt_(now),
      // Refusals are an attacker's to make; a person reads the log.
      refusalEvents_(10, 50) {}

ServerEngine::~ServerEngine() {
  // Connections refer to clients and clients to connections: first the latter let go.
  for (auto& [id, client] : clients_) client->detach();
}

std::vector<connect_ip::Prefix> ServerEngine::network() const {
  std::vector<connect_ip::Prefix> network;
  if (const auto prefix = addresses_->server4()) network.push_back(*prefix);
  if (const auto prefix = addresses_->server6()) network.push_back(*prefix);
  return network;
}

// --- the network

ServerClient* ServerEngine::clientOf(const quic::Connection* connection) {
  // Datagrams come in trains.
  if (lastReceived_.first == connection) return lastReceived_.second;
  const auto found = byConnection_.find(connection);
  if (found == byConnection_.end()) return nullptr;
  lastReceived_ = {connection, found->second};
  return found->second;
}

void ServerEngine::receive(std::span<std::uint8_t> datagram, const quic::NetworkPath& network, quic::Ecn ecn,
                           quic::Time now) {
  now_ = now;
  const quic::Connection* connection = endpoint_.receive(datagram, network, ecn, now);
  if (connection == nullptr) return;
  if (ServerClient* client = clientOf(connection)) touch(*client);
}

void ServerEngine::touch(ServerClient& client) {
  if (client.ready_) return;
  client.ready_ = true;
  client.nextReady_ = nullptr;
  (readyFirst_ == nullptr ? readyFirst_ : readyLast_->nextReady_) = &client;
  readyLast_ = &client;
}

bool ServerEngine::produce(quic::SendBatch& batch, std::uint64_t& owner, quic::Time now) {
  now_ = now;
  gone_.clear();
  owner = 0;
  if (endpoint_.produceStateless(batch)) return true;
  while (readyFirst_ != nullptr) {
    ServerClient& client = *readyFirst_;
    readyFirst_ = client.nextReady_;
    client.ready_ = false;
    if (client.produce(batch, now)) {
      // To the end of the ring: others have their turn before its next batch.
      touch(client);
      owner = client.id();
      return true;
    }
    settle(client);
  }
  return false;
}

/// Nothing to send for now.
void ServerEngine::settle(ServerClient& client) {
  quic::Connection* connection = client.connection();
  if (connection == nullptr) return;
  if (connection->isFinished() ||
      (!client.confirmed_ && (connection->handshakeConfirmed() || connection->isClosing()))) {
    client.confirmed_ = true;
    const bool finished = connection->isFinished();
    endpoint_.sweep(*connection);
    if (finished) return;
  }
  timers_.set(client, client.nextDeadline());
}

void ServerEngine::onTooBig(std::uint64_t owner, const quic::NetworkPath& network, std::uint32_t size,
                            quic::Time now) {
  now_ = now;
  const auto found = clients_.find(owner);
  if (found == clients_.end() || found->second->connection() == nullptr) return;
  found->second->connection()->onTooBig(network, size, now);
  touch(*found->second);
}

void ServerEngine::onTimeout(quic::Time now) {
  now_ = now;
  while (ServerClient* client = timers_.popDue(now)) {
    client->onTimeout(now);
    touch(*client);
  }
}

void ServerEngine::close(std::string_view reason, quic::Time now) {
  now_ = now;
  closing_ = true;
  endpoint_.refuseNew();
  for (auto& [id, client] : clients_) {
    // The closing period counts from the connection's own clock, which stands at its last event.
    if (client->connection() != nullptr) client->connection()->onTimeout(now);
    client->close(reason);
    touch(*client);
  }
}

bool ServerEngine::disconnect(std::uint64_t id, std::string_view reason, quic::Time now) {
  now_ = now;
  const auto found = clients_.find(id);
  if (found == clients_.end()) return false;
  if (found->second->connection() != nullptr) found->second->connection()->onTimeout(now);
  found->second->close(reason);
  touch(*found->second);
  return true;
}

// --- the TUN device

ServerClient* ServerEngine::clientFor(const PacketView& view) const {
  const std::uint32_t offset = view.version == 4 ? addresses_->offsetOf4(view.destination4())
                                                 : addresses_->offsetOf6(view.destination().data());
  return offset < byOffset_.size() ? byOffset_[offset] : nullptr;
}

void ServerEngine::onTunRead(std::size_t bytes, quic::Time now) {
  now_ = now;
  Packet* packet = packets_.commit(bytes);
  if (packet == nullptr) {
    makeRoom();
    packet = packets_.commit(bytes);
  }
  if (packet == nullptr) {
    ++noBuffer_;
    return;
  }
  PacketView view;
  if (connect_ip::parsePacket(packet->data, view) != PacketError::kNone) {
    ++malformed_;
    packets_.release(packet);
    return;
  }
  ServerClient* client = clientFor(view);
  if (client == nullptr) {
    onUnknown(view, now);
    packets_.release(packet);
    return;
  }
  client->tunnel().send(packet, view, now);
  client->onQueued(now);
  if (!client->backlogged_) {
    client->backlogged_ = true;
    backlogged_.push_back(client);
  }
  touch(*client);
}

void ServerEngine::onUnknown(const PacketView& view, quic::Time now) {
  ++unknownDestination_;
  if (!icmpLimit_.take(now)) return;
  std::array<std::uint8_t, connect_ip::kMaxIcmpSize> buffer;
  // Not from the server's address: Linux drops what comes in from an address of its own (a martian).
  const std::size_t size = connect_ip::writeIcmpError(buffer, view, connect_ip::IcmpError::kHostUnreachable,
                                                      view.destinationAddress());
  if (size > 0) tun_.write(std::span(buffer).first(size), ChecksumState::kTrusted);
}

/// No slot is free: a client with much in its queue loses some of it.
void ServerEngine::makeRoom() {
  ServerClient* fattest = nullptr;
  for (std::size_t i = 0; i < kBacklogSample && !backlogged_.empty(); ++i) {
    backlogCursor_ = (backlogCursor_ + 1) % backlogged_.size();
    ServerClient* client = backlogged_[backlogCursor_];
    if (client->tunnel().queue().empty()) {
      client->backlogged_ = false;
      backlogged_[backlogCursor_] = backlogged_.back();
      backlogged_.pop_back();
      continue;
    }
    if (fattest == nullptr || client->tunnel().queue().bytes() > fattest->tunnel().queue().bytes())
      fattest = client;
  }
  if (fattest != nullptr) fattest->tunnel().queue().dropFattest();
}

// --- quic::EndpointEvents

quic::ConnectionEvents& ServerEngine::onConnection(const quic::NetworkPath& network) {
  const std::uint64_t id = nextId_++;
  auto client = std::make_unique<ServerClient>(*this, id, network);
  ServerClient& made = *client;
  clients_.emplace(id, std::move(client));
  return made;
}

void ServerEngine::onConnectionMade(quic::Connection& connection, quic::ConnectionEvents& events) {
  auto& client = static_cast<ServerClient&>(events);
  client.attach(connection);
  byConnection_.emplace(&connection, &client);
  touch(client);
}

void ServerEngine::onConnectionGone(quic::Connection& connection, quic::ConnectionEvents& events) {
  auto& client = static_cast<ServerClient&>(events);
  client.detach();
  timers_.clear(client);
  byConnection_.erase(&connection);
  if (lastReceived_.first == &connection) lastReceived_ = {nullptr, nullptr};
  std::erase(backlogged_, &client);
  const auto found = clients_.find(client.id());
  gone_.push_back(std::move(found->second));
  clients_.erase(found);
}

std::unique_ptr<quic::Tracer> ServerEngine::makeTracer(const quic::ConnectionId& id) {
  return settings_.engine.makeTracer ? settings_.engine.makeTracer(id) : nullptr;
}

// --- for ServerClient

std::optional<std::string> ServerEngine::authorize(std::string_view key) const {
  // All are compared, so that the time tells nothing about who matched.
  const User* matched = nullptr;
  for (const User& user : settings_.users) {
    const bool equal = connect_ip::constantTimeEquals(user.key, key);
    if (equal && !user.key.empty()) matched = &user;
  }
  return matched != nullptr ? std::optional(matched->name) : std::nullopt;
}

std::optional<connect_ip::AddressPool::Lease> ServerEngine::lease(ServerClient&, const std::string& key) {
  if (addresses_->inUse() >= settings_.maxClients) return std::nullopt;
  auto lease = addresses_->allocate(key);
  if (lease && lease->offset >= byOffset_.size()) byOffset_.resize(lease->offset + 1);
  return lease;
}

void ServerEngine::release(std::uint32_t offset) {
  byOffset_[offset] = nullptr;
  addresses_->release(offset);
}

void ServerEngine::tellRefused(const quic::SocketAddress& remote, connect_ip::Refusal reason) {
  if (refusalEvents_.take(now_)) events_.onEvent(ClientRefusedEvent{remote, reason});
}

EngineStatus ServerEngine::status(quic::Time now) const {
  EngineStatus status;
  status.uptime = now - startedAt_;
  status.endpoint = endpoint_.stats();
  status.unknownDestination = unknownDestination_;
  status.malformed = malformed_;
  status.noBuffer = noBuffer_;
  status.connections.reserve(clients_.size());
  for (const auto& [id, client] : clients_) status.connections.push_back(client->status(now));
  return status;
}

}  // namespace mqvpn::tunnel
