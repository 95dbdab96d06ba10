#include "tunnel_sim.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "tls_support.h"

namespace mqvpn::tunnel::test {

namespace {

constexpr std::uint16_t kPort = 443;

quic::SocketAddress addressOf(std::uint32_t ip, std::uint16_t port) {
  quic::SocketAddress address;
  address.family = 4;
  address.port = port;
  for (unsigned i = 0; i < 4; ++i) address.ip[i] = static_cast<std::uint8_t>(ip >> (24 - 8 * i));
  return address;
}

std::optional<connect_ip::Prefix> prefixOf(const std::string& text) {
  return text.empty() ? std::nullopt : connect_ip::parsePrefix(text);
}

std::unique_ptr<connect_ip::AddressPool> poolOf(const ServerSettings& settings) {
  std::string error;
  auto pool = connect_ip::AddressPool::create(settings.subnet4, settings.subnet6, error);
  REQUIRE_MESSAGE(pool, error);
  return pool;
}

}  // namespace

// --- Host

void Host::send(const Bytes& packet) { send(VnetHeader{}, packet); }

void Host::send(const VnetHeader& header, const Bytes& packet) {
  std::span<std::uint8_t> buffer = engine().tunBuffer();
  header.write(buffer.first<VnetHeader::kBytes>());
  std::copy(packet.begin(), packet.end(), buffer.begin() + VnetHeader::kBytes);
  engine().onTunRead(VnetHeader::kBytes + packet.size(), sim_.now());
  flush();
}

void Host::flush() {
  quic::SendBatch batch;
  batch.buffer = sim_.batchBuffer_;
  std::uint64_t owner = 0;
  while (engine().produce(batch, owner, sim_.now())) sim_.transmit(*this, batch);
  sim_.timers_.set(*this, engine().deadline());
}

void Host::write(std::span<const std::uint8_t> packet, ChecksumState) {
  if (onPacket && onPacket(packet)) return;
  received.emplace_back(packet.begin(), packet.end());
}

void Host::moveTo(quic::SocketAddress address) { address_ = address; }

Client::Client(Sim& sim, quic::SocketAddress address, ClientSettings settings, const tls::ClientContext& tls)
    : Host(sim, address), vpn(std::move(settings), tls, sim.random, *this, *this) {}

std::uint32_t Client::addLink(const Link& upward, const Link& downward) {
  quic::SocketAddress other = address_;
  const auto slot = static_cast<std::uint32_t>(extra.size() + 1);
  other.ip[0] = static_cast<std::uint8_t>(100 + slot);
  extra.push_back({upward, downward, other});
  return slot;
}

void Client::linkUp(std::uint32_t slot) {
  quic::NetworkPath network;
  network.socket = slot;
  network.remote = sim_.server->address();
  vpn.pathUp(slot, network, 1472, sim_.now());
  flush();
}

void Client::linkDown(std::uint32_t slot, std::string_view cause) {
  vpn.pathDown(slot, cause, sim_.now());
  flush();
}

void Client::start() {
  for (std::uint32_t slot = 0; slot <= extra.size(); ++slot)
    if (slot >= isDown.size() || !isDown[slot]) linkUp(slot);
  vpn.start(sim_.now());
  flush();
}

std::uint32_t Client::inner() const {
  const auto* connected = event<ConnectedEvent>();
  REQUIRE(connected);
  for (const auto& prefix : connected->addresses)
    if (prefix.address.version == 4) return prefix.address.v4Value();
  return 0;
}

Server::Server(Sim& sim, quic::SocketAddress address, ServerSettings settings, tls::ServerContext& tls)
    : Host(sim, address),
      vpn(settings, poolOf(settings), tls, std::array<std::uint8_t, 32>{7}, sim.random, *this, *this,
          sim.now()) {}

// --- Sim

Sim::Sim(const SimOptions& options)
    : random(options.seed),
      options_(options),
      serverTls_(std::make_unique<tls::ServerContext>(tls::test::serverConfig())),
      clientTls_(std::make_unique<tls::ClientContext>(tls::test::clientConfig())),
      batchBuffer_(quic::SendBatch::kMostBytes) {
  ServerSettings settings;
  settings.engine.connection.congestion = options.congestion;
  settings.engine.twins = options.twins;
  settings.engine.connection.maxDatagramFrameSize = options.serverDatagramFrameSize;
  settings.engine.connection.idleTimeout = options.idleTimeout;
  settings.engine.connection.multipath = options.multipath;
  settings.engine.pool = options.pool;
  settings.retry = options.retry;
  settings.subnet4 = prefixOf(options.subnet4);
  settings.subnet6 = prefixOf(options.subnet6);
  settings.users = {{"(global)", "secret"}, {"alice", "wonder"}};
  settings.maxClients = options.maxClients;
  settings.clientToClient = options.clientToClient;
  server = std::make_unique<Server>(*this, addressOf(0xc0000201, kPort), std::move(settings), *serverTls_);
  server->onPacket = [this](std::span<const std::uint8_t> packet) {
    routeAtServer(packet);
    return false;
  };
}

Sim::~Sim() = default;

Client& Sim::addClient(const std::string& key, const std::function<void(ClientSettings&)>& change) {
  ClientSettings settings;
  settings.engine.connection.congestion = options_.congestion;
  settings.engine.twins = options_.twins;
  settings.engine.connection.idleTimeout = options_.idleTimeout;
  settings.engine.pool = {1024, 16};
  settings.serverName = "vpn.example";
  settings.authority = "vpn.example:443";
  settings.key = key;
  if (change) change(settings);
  const auto number = static_cast<std::uint32_t>(clients.size());
  clients.push_back(std::make_unique<Client>(*this, addressOf(0xc6330000 + number, 40000),
                                             std::move(settings), *clientTls_));
  return *clients.back();
}

Client& Sim::connect(const std::string& key, const std::function<void(ClientSettings&)>& change) {
  Client& client = addClient(key, change);
  client.start();
  REQUIRE(runUntil([&] { return client.vpn.isConnected(); }, 5 * kSecond));
  return client;
}

void Sim::at(Time time, std::function<void()> what) {
  queue_.push({std::max(time, now_), order_++, nullptr, {}, quic::Ecn::kNotEct, {}, std::move(what)});
}

void Sim::transmit(Host& from, const quic::SendBatch& batch) {
  const bool upward = &from != server.get();
  Host* to = server.get();
  Link* link = nullptr;
  std::uint32_t socket = 0;
  if (upward) {
    link = &static_cast<Client&>(from).upOf(batch.path.socket);
    if (batch.path.remote != server->address()) return;
  } else {
    for (const auto& client : clients) {
      for (std::uint32_t slot = 0; slot <= client->extra.size(); ++slot) {
        if ((slot == 0 ? client->address() : client->extra[slot - 1].address) != batch.path.remote) continue;
        to = client.get();
        link = &client->downOf(slot);
        socket = slot;
      }
    }
    if (link == nullptr) return;
  }
  quic::NetworkPath network;
  network.remote = from.address();
  network.socket = socket;
  if (upward && batch.path.socket > 0)
    network.remote = static_cast<Client&>(from).extra[batch.path.socket - 1].address;
  for (std::size_t at = 0; at < batch.used; at += batch.segmentSize) {
    const std::span<const std::uint8_t> bytes =
        batch.bytes().subspan(at, std::min(batch.segmentSize, batch.used - at));
    if (link->dead || bytes.size() > link->mtu) continue;
    // IP and UDP headers take their time as well.
    const auto serialise =
        static_cast<Duration>(static_cast<double>(bytes.size() + 28) * 8e9 / link->bitsPerSecond);
    const Time start = std::max(now_, link->freeAt);
    const double waiting = static_cast<double>(start - now_) * link->bitsPerSecond / 8e9;
    if (waiting > static_cast<double>(link->queueBytes)) continue;
    link->freeAt = start + serialise;
    if (random.uniform() < link->loss) continue;
    queue_.push({link->freeAt + link->delay,
                 order_++,
                 to,
                 network,
                 batch.ecn,
                 Bytes(bytes.begin(), bytes.end()),
                 {}});
  }
}

void Sim::routeAtServer(std::span<const std::uint8_t> packet) {
  if (packet.size() < 20 || packet[0] >> 4 != 4) return;
  const std::uint32_t destination = get32(&packet[16]);
  Bytes copy(packet.begin(), packet.end());
  if (destination >> 8 == kServerInner >> 8 && destination != kServerInner) {
    // Client to client: as the kernel forwards.
    --copy[8];
    finish4(copy);
    at(now_, [this, copy] { server->send(copy); });
  } else if ((destination == kServerInner || destination == kInternet) && packet.size() >= 28 &&
             packet[9] == 17 && packet[23] == 7) {
    // UDP port 7: the echo protocol. The checksum survives the exchange.
    std::swap_ranges(&copy[12], &copy[16], &copy[16]);
    std::swap_ranges(&copy[20], &copy[22], &copy[22]);
    copy[8] = 64;
    finish4(copy);
    at(now_, [this, copy] { server->send(copy); });
  }
}

void Sim::run(Duration time) {
  const Time end = now_ + time;
  runUntil([] { return false; }, time);
  now_ = end;
}

bool Sim::runUntil(const std::function<bool()>& condition, Duration within) {
  const Time end = now_ + within;
  while (!condition()) {
    const Time arrival = queue_.empty() ? kNever : queue_.top().at;
    const Time next = std::min(arrival, timers_.earliest());
    if (next > end) {
      now_ = end;
      return condition();
    }
    now_ = std::max(now_, next);
    ++steps;
    if (Host* host = timers_.popDue(now_)) {
      host->engine().onTimeout(now_);
      host->flush();
      continue;
    }
    Arrival one = std::move(const_cast<Arrival&>(queue_.top()));
    queue_.pop();
    if (one.action) {
      one.action();
      continue;
    }
    one.to->engine().receive(one.bytes, one.network, one.ecn, now_);
    one.to->flush();
  }
  return true;
}

std::optional<Duration> Sim::ping(Client& client, std::uint32_t destination, std::size_t size,
                                  Duration within) {
  static std::uint16_t port = 1000;
  Udp udp;
  udp.source = client.inner();
  udp.destination = destination;
  udp.from = ++port;
  udp.to = 7;
  const Time start = now_;
  bool answered = false;
  const auto before = client.onPacket;
  client.onPacket = [&](std::span<const std::uint8_t> packet) {
    if (packet.size() >= 28 && packet[9] == 17 && packet[22] * 256 + packet[23] == udp.from) {
      answered = packet.size() == size;
      return true;
    }
    return before ? before(packet) : false;
  };
  client.send(udp4(udp, size));
  runUntil([&] { return answered; }, within);
  client.onPacket = before;
  return answered ? std::optional(now_ - start) : std::nullopt;
}

}  // namespace mqvpn::tunnel::test
