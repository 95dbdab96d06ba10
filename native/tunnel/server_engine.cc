#include "tunnel/server_engine.h"

#include <algorithm>
#include <array>
#include <unordered_set>
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
      users_(settings_.users, *addresses_),
      packets_(settings_.engine.pool),
      hashKey_(randomKey(random)),
      endpoint_(endpointSettings(settings_), &tls, secret, random, *this),
      now_(now),
      startedAt_(now),
      // Refusals are an attacker's to make; a person reads the log.
      refusalEvents_(10, 50) {
  adoptUsers();
}

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
  cut(*found->second, reason);
  return true;
}

void ServerEngine::cut(ServerClient& client, std::string_view reason) {
  if (client.connection() != nullptr) client.connection()->onTimeout(now_);
  client.close(reason);
  touch(client);
}

// --- users

std::size_t ServerEngine::setUsers(std::vector<User> users, quic::Time now) {
  now_ = now;
  UserTable table(std::move(users), *addresses_);
  std::vector<ServerClient*> gone, staying;
  for (const auto& [id, client] : clients_) {
    if (!client->hasTunnel()) continue;
    const std::size_t before = users_.find(client->user()), after = table.find(client->user());
    const bool stands = before != UserTable::kNobody && after != UserTable::kNobody &&
                        users_.all()[before].keyHash == table.all()[after].keyHash;
    (stands ? staying : gone).push_back(client.get());
  }
  for (ServerClient* client : gone) cut(*client, "this key is no longer valid");
  users_ = std::move(table);
  adoptUsers();
  for (ServerClient* client : staying) {
    client->refreshNetworks();
    touch(*client);
  }
  return gone.size();
}

void ServerEngine::adoptUsers() {
  std::unordered_set<std::uint32_t> fixed;
  for (std::size_t i = 0; i < users_.all().size(); ++i)
    if (users_.offset(i) != 0) fixed.insert(users_.offset(i));
  addresses_->reserve(std::move(fixed));
  carriers_.assign(users_.all().size(), nullptr);
  for (const auto& [id, client] : clients_) {
    if (!client->hasTunnel()) continue;
    const std::size_t user = users_.find(client->user());
    if (user == UserTable::kNobody) continue;
    // The newest, as when they came one after the other.
    if (carriers_[user] == nullptr || carriers_[user]->id() < id) carriers_[user] = client.get();
  }
}

bool ServerEngine::isPeer(std::uint8_t version, const std::uint8_t* address) const {
  const std::uint32_t offset =
      version == 4 ? addresses_->offsetOf4(std::uint32_t{address[0]} << 24 | std::uint32_t{address[1]} << 16 |
                                           std::uint32_t{address[2]} << 8 | address[3])
                   : addresses_->offsetOf6(address);
  // Offset 1 is the server itself.
  return offset > 1 || users_.behind(version, address) != UserTable::kNobody;
}

std::vector<connect_ip::Prefix> ServerEngine::networksOf(std::string_view user) const {
  const std::size_t index = users_.find(user);
  return index == UserTable::kNobody ? std::vector<connect_ip::Prefix>() : users_.all()[index].networks;
}

void ServerEngine::carry(ServerClient& client, std::uint32_t offset) {
  byOffset_[offset] = &client;
  if (const std::size_t user = users_.find(client.user()); user != UserTable::kNobody)
    carriers_[user] = &client;
}

void ServerEngine::uncarry(ServerClient& client) {
  const std::size_t user = users_.find(client.user());
  if (user == UserTable::kNobody || carriers_[user] != &client) return;
  carriers_[user] = nullptr;
  // Without networks nobody asks.
  if (users_.all()[user].networks.empty()) return;
  for (const auto& [id, other] : clients_) {
    if (!other->hasTunnel() || other.get() == &client || other->user() != client.user()) continue;
    if (carriers_[user] == nullptr || carriers_[user]->id() < id) carriers_[user] = other.get();
  }
}

// --- the TUN device

ServerClient* ServerEngine::clientFor(const PacketView& view) const {
  const std::uint32_t offset = view.version == 4 ? addresses_->offsetOf4(view.destination4())
                                                 : addresses_->offsetOf6(view.destination().data());
  if (offset != 0) return offset < byOffset_.size() ? byOffset_[offset] : nullptr;
  const std::size_t user = users_.behind(view.version, view.destination().data());
  return user != UserTable::kNobody ? carriers_[user] : nullptr;
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
  const std::size_t user = users_.authorize(key);
  return user != UserTable::kNobody ? std::optional(users_.all()[user].name) : std::nullopt;
}

std::optional<connect_ip::AddressPool::Lease> ServerEngine::lease(std::string_view user,
                                                                  const std::string& key,
                                                                  const connect_ip::IpAddress& wanted,
                                                                  bool isOnly) {
  const std::size_t index = users_.find(user);
  const std::uint32_t fixed = index != UserTable::kNobody ? users_.offset(index) : 0;
  // A client that lost its network comes back long before its old connection is known to be dead; and who got
  // the address before it became this user's has no right to it.
  if (fixed != 0 && fixed < byOffset_.size() && byOffset_[fixed] != nullptr)
    byOffset_[fixed]->replace("the address is needed for another connection of " + std::string(user));
  if (const std::uint32_t held = isOnly ? addresses_->heldBy(key) : 0;
      held != 0 && held < byOffset_.size() && byOffset_[held] != nullptr)
    byOffset_[held]->replace("the client has connected anew");
  if (addresses_->inUse() >= settings_.maxClients) return std::nullopt;
  auto lease = fixed != 0 ? addresses_->allocateReserved(fixed)
                          : addresses_->allocate(key, addresses_->offsetOf(wanted));
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
