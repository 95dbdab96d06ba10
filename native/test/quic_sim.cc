#include "quic_sim.h"

#include <algorithm>
#include <cstring>

#include "tls_support.h"

namespace mqvpn::quic::test {
namespace {

/// Lets the endpoint own a tracer while the simulation keeps looking at it.
class Forward final : public Tracer {
 public:
  explicit Forward(NonceWatch& to) : to_(to) {}
  void onPacketSent(const Packet& packet, Time now) override { to_.onPacketSent(packet, now); }
  void onPacketReceived(const Packet& packet, Time now) override { to_.onPacketReceived(packet, now); }
  void onPacketDropped(std::size_t, std::string_view, Time) override {}
  void onMetrics(std::uint32_t, const PathSender&, Time) override {}
  void onKeyUpdated(std::uint64_t, bool, Time) override {}
  void onPathUpdated(std::uint32_t, std::string_view, Time) override {}
  void onClosed(const CloseInfo&, Time) override {}

 private:
  NonceWatch& to_;
};

constexpr std::array<std::uint8_t, 32> kSecret{1, 2, 3};

}  // namespace

void NonceWatch::onPacketSent(const Packet& packet, Time) {
  const int space = packet.type == PacketType::kInitial ? 0 : packet.type == PacketType::kHandshake ? 1 : 2;
  std::uint64_t& next = next_[{space, packet.pathId}];
  if (packet.number < next) ++violations;
  next = packet.number + 1;
  if (tamper) tamper(packet, {const_cast<std::uint8_t*>(packet.payload.data()), packet.payload.size()});
}

void NonceWatch::onPacketReceived(const Packet& packet, Time) {
  if (packet.type == PacketType::kHandshake || packet.type == PacketType::kOneRtt) sawHandshakePacket = true;
}

// --- the application

void App::onReady(bool early) {
  ready = true;
  readyEarly |= early;
  if (readyAt == 0) readyAt = *clock;
  openMore();
}

void App::openMore() {
  while (opened_ < streamsToOpen) {
    const auto id = connection->openStream(true);
    if (!id) return;
    ++opened_;
    out_[*id].total = bytesPerStream;
    pump(*id);
  }
}

void App::pump(std::uint64_t id) {
  const auto found = out_.find(id);
  if (found == out_.end()) return;
  Out& out = found->second;
  while (!out.finished) {
    std::array<std::uint8_t, 4096> chunk;
    const std::size_t size = std::min<std::uint64_t>(chunk.size(), out.total - out.written);
    for (std::size_t i = 0; i < size; ++i) chunk[i] = pattern(id, out.written + i);
    const bool fin = out.written + size == out.total;
    const std::size_t took = connection->writeStream(id, Bytes(chunk).first(size), fin);
    out.written += took;
    if (took == size && fin) out.finished = true;
    if (took < size) return;
  }
}

void App::onStreamReadable(std::uint64_t id) {
  std::array<std::uint8_t, 5000> chunk;
  for (bool fin = false; !fin;) {
    const std::size_t got = connection->readStream(id, chunk, fin);
    if (got > 0 && firstByteAt == 0) firstByteAt = *clock;
    std::uint64_t& at = in_[id];
    for (std::size_t i = 0; i < got; ++i)
      if (chunk[i] != pattern(id, at + i)) ++wrongBytes;
    at += got;
    bytesReceived += got;
    if (fin) {
      ++streamsFinished;
      if (echo_) {
        out_[id].total = at;
        pump(id);
      }
    }
    if (got == 0) return;
  }
}

void App::onDatagram(std::span<std::uint8_t> payload, const PacketId& origin, Time) {
  if (origins.size() < 1000) origins.push_back(origin);
  if (payload.size() < 8) {
    ++datagramsWrong;
    return;
  }
  std::uint64_t number;
  std::memcpy(&number, payload.data(), 8);
  for (std::size_t i = 8; i < payload.size(); ++i)
    if (payload[i] != static_cast<std::uint8_t>(number + i)) {
      ++datagramsWrong;
      break;
    }
  if (!seen_.insert(number).second) ++datagramsDuplicated;
  ++datagramsReceived;
}

std::size_t App::nextSize(std::uint32_t, std::size_t most, Time) { return std::min(datagramSize, most); }

void App::write(std::uint8_t* out, const PacketId&, std::uint64_t& tag) {
  const std::size_t size = std::min(datagramSize, maxDatagram);
  const std::uint64_t number = ++datagramsSent;
  std::memcpy(out, &number, 8);
  for (std::size_t i = 8; i < size; ++i) out[i] = static_cast<std::uint8_t>(number + i);
  tag = number;
}

// --- the world

Sim::Sim(const SimOptions& chosen, tls::ServerContext& serverTls, const tls::ClientContext& clientTls)
    : options(chosen),
      random_(chosen.seed),
      clientRandom_(chosen.seed * 3 + 1),
      serverRandom_(chosen.seed * 5 + 2),
      clientTls_(clientTls),
      serverTls_(serverTls),
      buffer_(SendBatch::kMostBytes) {
  client.clock = server.clock = &now;
  EndpointSettings settings;
  settings.connection = options.client;
  clientEnd = std::make_unique<Endpoint>(settings, nullptr, kSecret, clientRandom_, *this);
  settings.connection = options.server;
  settings.retry = options.retry;
  serverEnd = std::make_unique<Endpoint>(settings, &serverTls_, kSecret, serverRandom_, *this);
  clientAddress = *parseSocketAddress("192.0.2.10:5000");
  serverAddress = *parseSocketAddress("198.51.100.1:443");
}

Sim::~Sim() = default;

void Sim::connect() {
  ClientStart start;
  start.tls = &clientTls_;
  start.serverName = options.serverName;
  start.network.remote = serverAddress;
  start.ticket = options.ticket;
  start.token = options.token;
  // Events may come from inside connect(): the application waits until it knows its connection.
  struct Hold {
    App& app;
    std::uint64_t streams, datagrams;
  } hold{client, client.streamsToOpen, client.datagramsToSend};
  client.streamsToOpen = client.datagramsToSend = 0;
  client.connection = &clientEnd->connect(start, client, std::make_unique<Forward>(clientWatch), now);
  client.streamsToOpen = hold.streams;
  client.datagramsToSend = hold.datagrams;
  client.connection->setDatagramSource(&client);
  if (client.ready) client.onReady(client.readyEarly);
  flush(false);
}

ConnectionEvents& Sim::onConnection(const NetworkPath&) { return server; }

void Sim::onConnectionMade(Connection& connection, ConnectionEvents&) {
  server.connection = &connection;
  connection.setDatagramSource(&server);
  if (onServerApp) onServerApp(server);
}

void Sim::onConnectionGone(Connection& connection, ConnectionEvents&) {
  if (client.connection == &connection) client.connection = nullptr;
  if (server.connection == &connection) server.connection = nullptr;
}

std::unique_ptr<Tracer> Sim::makeTracer(const ConnectionId&) {
  return std::make_unique<Forward>(serverWatch);
}

std::uint32_t Sim::addLink(const LinkModel& up, const LinkModel& down) {
  ExtraLink link;
  link.up = up;
  link.down = down;
  link.clientAddress = clientAddress;
  link.clientAddress.ip[2] = static_cast<std::uint8_t>(100 + extra.size());
  extra.push_back(link);
  return static_cast<std::uint32_t>(extra.size());
}

void Sim::dropServer() {
  server.connection = nullptr;
  EndpointSettings settings;
  settings.connection = options.server;
  settings.retry = options.retry;
  serverEnd = std::make_unique<Endpoint>(settings, &serverTls_, kSecret, serverRandom_, *this);
}

void Sim::flush(bool fromServer) {
  Endpoint& end = fromServer ? *serverEnd : *clientEnd;
  SendBatch batch;
  batch.buffer = buffer_;
  const auto send = [&] {
    for (std::size_t at = 0; at < batch.used; at += batch.segmentSize)
      offer(!fromServer, batch.bytes().subspan(at, std::min(batch.segmentSize, batch.used - at)), batch.ecn,
            batch.path);
  };
  while (end.produceStateless(batch)) send();
  std::vector<Connection*> all;
  end.forEach([&](Connection& connection) { all.push_back(&connection); });
  for (Connection* connection : all) {
    while (connection->produce(batch, now)) send();
    end.sweep(*connection);
  }
}

void Sim::offer(bool toServer, Bytes datagram, Ecn ecn, const NetworkPath& path) {
  if (!toServer) {
    serverSent_ += datagram.size();
    if (!serverWatch.sawHandshakePacket && options.retry == RetryPolicy::kOff && options.token.empty() &&
        serverSent_ > 3 * serverGot_)
      ++amplificationViolations;
  }
  if (onSend) onSend(toServer, datagram, path);
  // A NAT that forgot the old address delivers nothing to it.
  std::size_t index = path.socket;
  if (!toServer) {
    index = path.remote == clientAddress ? 0 : SIZE_MAX;
    for (std::size_t i = 0; i < extra.size(); ++i)
      if (path.remote == extra[i].clientAddress) index = i + 1;
  }
  if (index > extra.size()) return;
  ExtraLink* other = index == 0 ? nullptr : &extra[index - 1];
  const LinkModel& link = other ? (toServer ? other->up : other->down) : toServer ? options.up : options.down;
  Time& busy = (other ? other->busyUntil : busyUntil_)[toServer ? 0 : 1];
  if (datagram.size() > link.mtu) return;
  if (now >= link.deadFrom && now < link.deadUntil) return;
  const Time start = std::max(now, busy);
  const auto backlog = static_cast<double>(start - now) * link.bitsPerSecond / 8e9;
  if (backlog > static_cast<double>(link.queueBytes)) return;
  busy = start + static_cast<Duration>(static_cast<double>(datagram.size() + 28) * 8e9 / link.bitsPerSecond);
  if (random_.chance(link.loss)) return;
  const int copies = random_.chance(link.duplicate) ? 2 : 1;
  for (int copy = 0; copy < copies; ++copy) {
    Arrival arrival;
    arrival.at = busy + link.delay;
    if (link.jitter > 0)
      arrival.at += static_cast<Duration>(random_.uniform() * static_cast<double>(link.jitter));
    if (random_.chance(link.reorder)) arrival.at = now + 1;
    arrival.order = order_++;
    arrival.toServer = toServer;
    arrival.bytes.assign(datagram.begin(), datagram.end());
    if (random_.chance(link.corrupt)) {
      arrival.bytes[random_.below(arrival.bytes.size())] ^= static_cast<std::uint8_t>(1 + random_.below(255));
    }
    arrival.ecn = ecn;
    arrival.path.remote = !toServer ? serverAddress : other ? other->clientAddress : clientAddress;
    if (!toServer) arrival.path.socket = static_cast<std::uint32_t>(index);
    arrivals_.push(std::move(arrival));
  }
}

void Sim::service() {
  for (Endpoint* end : {clientEnd.get(), serverEnd.get()}) {
    std::vector<Connection*> due;
    end->forEach([&](Connection& connection) {
      if (connection.deadline() <= now) due.push_back(&connection);
    });
    for (Connection* connection : due) connection->onTimeout(now);
    flush(end == serverEnd.get());
  }
}

bool Sim::run(Time until, const std::function<bool()>& condition) {
  std::uint64_t still = 0;
  while (!(condition && condition())) {
    Time next = arrivals_.empty() ? kNever : arrivals_.top().at;
    for (Endpoint* end : {clientEnd.get(), serverEnd.get()})
      end->forEach([&](Connection& connection) { next = std::min(next, connection.deadline()); });
    if (next > until) {
      now = until;
      return condition && condition();
    }
    // A deadline in the past that nothing comes of would spin for ever: that is a bug, and ends the run.
    if (next <= now && (arrivals_.empty() || arrivals_.top().at > now)) {
      if (++still > 10'000) return false;
    } else {
      still = 0;
    }
    now = std::max(now, next);
    ++events;
    while (!arrivals_.empty() && arrivals_.top().at <= now) {
      Arrival arrival = arrivals_.top();
      arrivals_.pop();
      Endpoint& end = arrival.toServer ? *serverEnd : *clientEnd;
      if (arrival.toServer) serverGot_ += arrival.bytes.size();
      end.receive(arrival.bytes, arrival.path, arrival.ecn, now);
      flush(arrival.toServer);
    }
    service();
  }
  return true;
}

tls::ServerContext& simServerTls() {
  static tls::ServerContext context(tls::test::serverConfig());
  return context;
}

const tls::ClientContext& simClientTls() {
  static const tls::ClientContext context(tls::test::clientConfig());
  return context;
}

}  // namespace mqvpn::quic::test
