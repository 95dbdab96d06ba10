#include "quic/endpoint.h"

#include <algorithm>
#include <cstring>

#include "quic/packet_keys.h"
#include "tls/mac.h"

namespace mqvpn::quic {
namespace {

/// RFC 9000 §10.3: a reset is at least this long, so that it can be taken for a packet: 5 bytes and the
/// token.
constexpr std::size_t kShortestReset = 21;

std::array<std::uint8_t, 32> derive(std::span<const std::uint8_t, 32> secret, std::string_view purpose) {
  return tls::hmacSha256(secret, {reinterpret_cast<const std::uint8_t*>(purpose.data()), purpose.size()});
}

}  // namespace

std::size_t Endpoint::IdHash::operator()(const ConnectionId& id) const {
  // IDs are ours and random, but for the first packet's, which a client chose: the key keeps it from building
  // collisions.
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  std::memcpy(&low, id.bytes().data(), std::min<std::size_t>(8, id.size()));
  if (id.size() > 8) std::memcpy(&high, id.bytes().data() + 8, std::min<std::size_t>(8, id.size() - 8));
  const auto mixed =
      static_cast<unsigned __int128>(low ^ key) * (high ^ 0x9e3779b97f4a7c15ull ^ (key << 32 | key >> 32));
  return static_cast<std::size_t>(static_cast<std::uint64_t>(mixed) ^
                                  static_cast<std::uint64_t>(mixed >> 64));
}

Endpoint::Endpoint(const EndpointSettings& settings, tls::ServerContext* tls,
                   std::span<const std::uint8_t, 32> secret, RandomSource& random, EndpointEvents& events)
    : settings_(settings),
      tls_(tls),
      resetKey_(derive(secret, "mqvpn stateless reset")),
      tokens_(secret),
      random_(random),
      events_(events),
      ids_(16, IdHash{random.u64()}) {}

Endpoint::~Endpoint() {
  // Connections give their IDs back while they go.
  connections_.clear();
}

StatelessResetToken Endpoint::resetToken(const ConnectionId& id) const {
  const tls::Mac mac = tls::hmacSha256(resetKey_, id.bytes());
  StatelessResetToken token;
  std::copy_n(mac.begin(), token.size(), token.begin());
  return token;
}

ConnectionId Endpoint::issue(Connection& owner, StatelessResetToken& token) {
  std::array<std::uint8_t, kIdSize> bytes;
  ConnectionId id;
  do {
    random_.fill(bytes);
    bytes[0] = settings_.worker;
    id = ConnectionId(bytes);
  } while (ids_.contains(id));
  token = resetToken(id);
  ids_.emplace(id, &owner);
  return id;
}

void Endpoint::retire(const ConnectionId& id) { ids_.erase(id); }

Connection& Endpoint::connect(ClientStart start, ConnectionEvents& events, std::unique_ptr<Tracer> tracer,
                              Time now) {
  Entry entry;
  entry.tracer = std::move(tracer);
  entry.events = &events;
  entry.connection = Connection::client(settings_.connection, {*this, random_, entry.tracer.get()},
                                        std::move(start), events, now);
  Connection* made = entry.connection.get();
  connections_.emplace(made, std::move(entry));
  return *made;
}

Connection* Endpoint::receive(std::span<std::uint8_t> datagram, const NetworkPath& network, Ecn ecn,
                              Time now) {
  ++stats_.received;
  const auto header = parsePacketHeader(datagram, kIdSize);
  if (!header) {
    ++stats_.malformed;
    return nullptr;
  }
  if (const auto found = ids_.find(header->destination); found != ids_.end()) {
    found->second->receive(datagram, network, ecn, now);
    return found->second;
  }
  if (tls_ != nullptr) return accept(*header, datagram, network, ecn, now);
  // A client has one connection, whose stateless reset may come with any connection ID (RFC 9000 §10.3.1).
  ++stats_.unknownId;
  if (connections_.size() == 1) {
    Connection* only = connections_.begin()->first;
    only->receive(datagram, network, ecn, now);
    return only;
  }
  return nullptr;
}

Connection* Endpoint::accept(const PacketHeader& header, std::span<std::uint8_t> datagram,
                             const NetworkPath& network, Ecn ecn, Time now) {
  const bool isLong = (datagram[0] & 0x80) != 0;
  if (isLong && header.version != kVersion1) {
    // RFC 9000 §6.1: "If a server receives a packet that indicates an unsupported version and if the packet
    // is large enough to initiate a new connection for any supported version, the server SHOULD send a
    // Version Negotiation packet".
    if (header.version != 0 && datagram.size() >= kMinInitialSize) {
      ++stats_.versionNegotiations;
      queueStateless(versionNegotiationPacket(header, static_cast<std::uint8_t>(random_.u64())), network);
    }
    return nullptr;
  }
  if (!isLong || header.type != PacketType::kInitial) {
    ++stats_.unknownId;
    if (!isLong) answerUnknown(datagram, header, network);
    return nullptr;
  }
  // RFC 9000 §14.1: "A server MUST discard an Initial packet that is carried in a UDP datagram with a payload
  // that is smaller than the smallest allowed maximum datagram size of 1200 bytes." §7.2: its connection ID
  // has at least 8 bytes.
  if (datagram.size() < kMinInitialSize || header.destination.size() < 8) {
    ++stats_.tooSmall;
    return nullptr;
  }
  ServerStart start;
  start.tls = tls_;
  start.network = network;
  start.destination = header.destination;
  start.source = header.source;
  start.originalDestination = header.destination;
  bool claimsRetry = false;
  const auto checked = tokens_.check(header.token, network.remote, now, claimsRetry);
  if (checked) {
    start.addressIsValidated = true;
    if (checked->isRetry) {
      // Keys and IDs hang on what the Retry said (RFC 9000 §7.3).
      if (header.destination != checked->retrySource) return nullptr;
      start.originalDestination = checked->originalDestination;
      start.retrySource = checked->retrySource;
    }
  } else if (claimsRetry) {
    // RFC 9000 §8.1.3: "If the server [...] receives [...] an invalid Retry token [...] it SHOULD immediately
    // close the connection with an INVALID_TOKEN error."
    ++stats_.refused;
    queueStateless(initialClose(header, TransportError::kInvalidToken), network);
    return nullptr;
  }
  if (refuseNew_ || connections_.size() >= settings_.mostConnections) {
    ++stats_.refused;
    queueStateless(initialClose(header, TransportError::kConnectionRefused), network);
    return nullptr;
  }
  if (!start.addressIsValidated &&
      (settings_.retry == RetryPolicy::kAlways ||
       (settings_.retry == RetryPolicy::kWhenBusy && handshakes_ >= kManyHandshakes))) {
    std::array<std::uint8_t, kIdSize> bytes;
    random_.fill(bytes);
    bytes[0] = settings_.worker;
    const ConnectionId source(bytes);
    ++stats_.retries;
    queueStateless(retryPacket(header.source, source,
                               tokens_.retryToken(network.remote, header.destination, source, now),
                               header.destination, static_cast<std::uint8_t>(random_.u64())),
                   network);
    return nullptr;
  }
  // Noise and damaged packets cost neither a TLS session nor a place until the handshake would time out.
  if (!isAuthentic(header, datagram)) {
    ++stats_.malformed;
    return nullptr;
  }
  start.newToken = tokens_.newToken(network.remote, now);

  Entry entry;
  entry.tracer = events_.makeTracer(start.originalDestination);
  entry.events = &events_.onConnection(network);
  entry.counted = true;
  entry.connection = Connection::server(settings_.connection, {*this, random_, entry.tracer.get()},
                                        std::move(start), *entry.events, now);
  Connection* made = entry.connection.get();
  // Until the client uses our ID, its own choice leads here.
  entry.firstDestination = header.destination;
  ids_.emplace(header.destination, made);
  ConnectionEvents& events = *entry.events;
  connections_.emplace(made, std::move(entry));
  ++handshakes_;
  events_.onConnectionMade(*made, events);
  made->receive(datagram, network, ecn, now);
  return made;
}

bool Endpoint::isAuthentic(const PacketHeader& header, Bytes datagram) {
  std::vector<std::uint8_t> packet(datagram.begin(),
                                   datagram.begin() + static_cast<std::ptrdiff_t>(header.size));
  PacketKeys keys(tls::initialSecrets(header.destination.bytes()).client);
  std::uint64_t number = 0;
  std::size_t headerSize = 0;
  if (!unprotectHeader(keys.header, header, packet, 0, number, headerSize)) return false;
  const auto payload = std::span(packet).subspan(headerSize);
  return payload.size() >= tls::kTagSize &&
         keys.packet.open(0, number, Bytes(packet).first(headerSize), payload.data(), payload.size());
}

void Endpoint::sweep(Connection& connection) {
  const auto found = connections_.find(&connection);
  if (found == connections_.end()) return;
  Entry& entry = found->second;
  const bool over = connection.isFinished();
  if (entry.counted && (over || connection.isClosing() || connection.handshakeConfirmed())) {
    entry.counted = false;
    --handshakes_;
  }
  // Kept for a while after the handshake, since late Initial packets may still come (and be ignored).
  if (over) {
    if (!entry.firstDestination.empty()) ids_.erase(entry.firstDestination);
    events_.onConnectionGone(connection, *entry.events);
    connections_.erase(found);
  }
}

void Endpoint::answerUnknown(Bytes datagram, const PacketHeader& header, const NetworkPath& network) {
  // RFC 9000 §10.3: "an endpoint MUST ensure that every stateless reset that it sends is smaller than the
  // packet that triggered it", and at least 21 bytes: loops end, and nothing is amplified.
  if (datagram.size() <= kShortestReset + 1) return;
  const std::size_t size = std::min<std::size_t>(datagram.size() - 1, 40);
  std::vector<std::uint8_t> noise(size);
  random_.fill(noise);
  ++stats_.statelessResets;
  queueStateless(statelessResetPacket(size, resetToken(header.destination), noise), network);
}

std::vector<std::uint8_t> Endpoint::initialClose(const PacketHeader& header, TransportError code) {
  // One Initial packet under the keys that anybody can compute; nothing is kept. It is shorter than what it
  // answers.
  std::array<std::uint8_t, kIdSize> source;
  random_.fill(source);
  source[0] = settings_.worker;
  std::vector<std::uint8_t> packet(kMinInitialSize);
  constexpr std::size_t kNumberSize = 2;
  Writer writer(packet);
  const std::size_t lengthAt =
      writeLongHeader(writer, PacketType::kInitial, header.source, ConnectionId(source), {}, 0, kNumberSize);
  const std::size_t headerSize = writer.size();
  Writer body(
      std::span<std::uint8_t>(packet).subspan(headerSize, packet.size() - headerSize - tls::kTagSize));
  ConnectionCloseFrame frame;
  frame.errorCode = static_cast<std::uint64_t>(code);
  writeFrame(body, frame);
  body.zeros(32);
  setLength(packet.data() + lengthAt, kNumberSize + body.size() + tls::kTagSize);
  PacketKeys keys(tls::initialSecrets(header.destination.bytes()).server);
  keys.packet.seal(0, 0, Bytes(packet).first(headerSize), packet.data() + headerSize, body.size());
  protectHeader(keys.header, packet, headerSize, kNumberSize);
  packet.resize(headerSize + body.size() + tls::kTagSize);
  return packet;
}

void Endpoint::queueStateless(std::vector<std::uint8_t> bytes, const NetworkPath& network) {
  if (stateless_.size() < kMostStateless) stateless_.push_back({std::move(bytes), network});
}

bool Endpoint::produceStateless(SendBatch& batch) {
  batch.clear();
  if (stateless_.empty()) return false;
  const Stateless one = std::move(stateless_.back());
  stateless_.pop_back();
  batch.path = one.network;
  batch.ecn = Ecn::kNotEct;
  std::memcpy(batch.buffer.data(), one.bytes.data(), one.bytes.size());
  batch.used = batch.segmentSize = one.bytes.size();
  batch.segments = 1;
  return true;
}

}  // namespace mqvpn::quic
