// Peers that break the rules on purpose: no crash, no memory without bound, no weapon against others.
#include <doctest/doctest.h>

#include <array>
#include <cstring>

#include "quic/packet_keys.h"
#include "quic/remote_ids.h"
#include "quic_sim.h"

using namespace mqvpn;
using namespace mqvpn::quic;
using namespace mqvpn::quic::test;

namespace {

SimOptions withMultipath() {
  SimOptions options;
  options.client.multipath = options.server.multipath = MultipathVersion::kDraft21;
  options.client.grease = options.server.grease = false;
  return options;
}

void confirm(Sim& sim) {
  sim.connect();
  REQUIRE(sim.run(sim.now + 5 * kSecond,
                  [&] { return sim.clientConnection()->handshakeConfirmed() && sim.server.complete; }));
  sim.run(sim.now + 500 * kMillisecond);
}

/// The client's next datagram carries these frames instead of its payload.
void sendInstead(Sim& sim, std::vector<Frame> frames, MultipathVersion version = MultipathVersion::kDraft21) {
  sim.clientWatch.tamper = [&sim, frames = std::move(frames), version](const Tracer::Packet& packet,
                                                                       std::span<std::uint8_t> payload) {
    if (packet.type != PacketType::kOneRtt || payload.size() < 900) return;
    std::memset(payload.data(), 0, payload.size());
    Writer out(payload);
    for (const Frame& frame : frames) REQUIRE(writeFrame(out, frame, version));
    sim.clientWatch.tamper = {};
  };
  sim.client.datagramsToSend = sim.client.datagramsSent + 1;
  sim.clientConnection()->ping();
}

NewConnectionIdFrame newId(std::uint64_t sequence, std::uint64_t retirePriorTo) {
  NewConnectionIdFrame frame;
  frame.sequence = sequence;
  frame.retirePriorTo = retirePriorTo;
  const std::array<std::uint8_t, 8> bytes{static_cast<std::uint8_t>(sequence), 1, 2, 3, 4, 5, 6, 7};
  frame.id = ConnectionId(bytes);
  frame.token.fill(static_cast<std::uint8_t>(sequence));
  return frame;
}

}  // namespace

TEST_CASE("a peer cannot take back the last connection ID that leads to it") {
  RemoteIds ids(4);
  ids.setFirst(newId(0, 0).id, std::nullopt);
  CHECK(!ids.onNewConnectionId(newId(5, 0)));
  REQUIRE(ids.rotate());
  CHECK(!ids.onNewConnectionId(newId(3, 0)));
  REQUIRE(ids.rotate());
  // 5 was used up; now 3 is to go as well.
  CHECK(ids.onNewConnectionId(newId(5, 4)).code == TransportError::kProtocolViolation);
}

TEST_CASE("only the token of the connection ID in use makes a stateless reset") {
  RemoteIds ids(4);
  ids.setFirst(newId(0, 0).id, newId(0, 0).token);
  CHECK(!ids.onNewConnectionId(newId(1, 0)));
  CHECK(ids.isResetToken(newId(0, 0).token));
  CHECK(!ids.isResetToken(newId(1, 0).token));
  REQUIRE(ids.rotate());
  CHECK(!ids.isResetToken(newId(0, 0).token));
  CHECK(ids.isResetToken(newId(1, 0).token));
}

TEST_CASE("keys are not used up beyond the limit of the cipher when no update is confirmed") {
  OneRttKeys keys;
  std::array<std::uint8_t, 32> bytes{};
  keys.installSend(tls::Secret(tls::CipherSuite::kAes128GcmSha256, bytes));
  for (int i = 0; i < (1 << 23) - 2000; ++i) keys.countSealed();
  CHECK(!keys.exhausted());
  for (int i = 0; i < 2000; ++i) keys.countSealed();
  CHECK(keys.exhausted());
}

TEST_CASE("a client that opens and abandons paths without pause costs a few of them") {
  SimOptions options = withMultipath();
  options.up.delay = options.down.delay = 100 * kMicrosecond;
  Sim sim(options, simServerTls(), simClientTls());
  const std::uint32_t socket = sim.addLink(options.up, options.down);
  confirm(sim);
  const std::size_t before = sim.serverConnection()->stats().memoryBytes;
  const Time late = sim.now + 70 * kMillisecond;
  std::size_t most = 0;
  int opened = 0;
  while (sim.now + 2 * kMillisecond < late) {
    const auto id = sim.clientConnection()->openPath(sim.through(socket), sim.now);
    sim.run(sim.now + 300 * kMicrosecond);
    if (!id) continue;
    ++opened;
    // One more packet on each path, which arrives long after the path was abandoned: all at the same time.
    sim.extra[0].up.delay = late - sim.now;
    sim.clientConnection()->ping();
    sim.run(sim.now + 20 * kMicrosecond);
    sim.extra[0].up.delay = options.up.delay;
    REQUIRE(sim.clientConnection()->abandonPath(*id, TransportError::kNoError, sim.now));
    most = std::max(most, sim.serverConnection()->stats().memoryBytes);
  }
  CHECK(opened > 70);
  sim.run(late + kMillisecond);
  sim.clientConnection()->ping();
  sim.run(sim.now + 500 * kMillisecond);
  CHECK(!sim.client.closed);
  CHECK(!sim.server.closed);
  CHECK(most - before < 20 * (sizeof(Path) + 20'000));
}

TEST_CASE("a client that abandons path IDs and acknowledges nothing gets no more of them") {
  Sim sim(withMultipath(), simServerTls(), simClientTls());
  confirm(sim);
  std::uint32_t id = 1;
  sim.clientWatch.tamper = [&](const Tracer::Packet& packet, std::span<std::uint8_t> payload) {
    if (packet.type != PacketType::kOneRtt) return;
    std::memset(payload.data(), 0, payload.size());
    Writer out(payload);
    while (writeFrame(out, PathAbandonFrame{id, 0}, MultipathVersion::kDraft21)) ++id;
    // A frame that did not fit left nothing usable.
    std::memset(payload.data() + out.size(), 0, payload.size() - out.size());
  };
  sim.client.datagramsToSend = 500;
  REQUIRE(sim.run(sim.now + 5 * kSecond, [&] { return sim.server.closed.has_value(); }));
  CHECK(sim.server.closed->errorCode == static_cast<std::uint64_t>(TransportError::kProtocolViolation));
}

TEST_CASE("a peer that abandons the only path is told that none is left") {
  Sim sim(withMultipath(), simServerTls(), simClientTls());
  confirm(sim);
  sendInstead(sim, {PathAbandonFrame{0, 0}});
  REQUIRE(sim.run(sim.now + kSecond, [&] { return sim.server.closed && sim.client.closed; }));
  CHECK(sim.server.closed->errorCode == static_cast<std::uint64_t>(TransportError::kNoViablePath));
  CHECK(sim.client.closed->errorCode == static_cast<std::uint64_t>(TransportError::kNoViablePath));
  CHECK((sim.serverConnection()->network().remote == sim.clientAddress));
}

TEST_CASE("an acknowledgement for a path ID that was never granted is an error") {
  Sim sim(withMultipath(), simServerTls(), simClientTls());
  confirm(sim);
  AckFrame ack;
  ack.pathId = 1000;
  std::array<std::uint8_t, 64> bytes{};
  Writer writer(bytes);
  RangeSet one;
  one.add(0);
  REQUIRE(writeAck(writer, one, 1000, 0, std::nullopt, MultipathVersion::kDraft21));
  sim.clientWatch.tamper = [&](const Tracer::Packet& packet, std::span<std::uint8_t> payload) {
    if (packet.type != PacketType::kOneRtt || payload.size() < 900) return;
    std::memset(payload.data(), 0, payload.size());
    std::memcpy(payload.data(), bytes.data(), writer.size());
  };
  sim.client.datagramsToSend = 1;
  sim.clientConnection()->ping();
  REQUIRE(sim.run(sim.now + kSecond, [&] { return sim.server.closed.has_value(); }));
  CHECK(sim.server.closed->errorCode == static_cast<std::uint64_t>(TransportError::kProtocolViolation));
}

TEST_CASE("a made-up address gets at most three times what came from it") {
  SimOptions options;
  options.client.grease = options.server.grease = false;
  Sim sim(options, simServerTls(), simClientTls());
  confirm(sim);
  const SocketAddress real = sim.clientAddress;
  const SocketAddress victim = *parseSocketAddress("203.0.113.99:7000");
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  sim.onSend = [&](bool toServer, Bytes datagram, const NetworkPath& path) {
    if (toServer && sim.clientAddress == victim) from += datagram.size();
    if (!toServer && path.remote == victim) to += datagram.size();
  };
  sim.clientAddress = victim;
  SUBCASE("by a small packet that seems to move the client there") { sim.clientConnection()->ping(); }
  SUBCASE("while the server has much to send") {
    sim.server.datagramsToSend = 500;
    sim.clientConnection()->ping();
  }
  SUBCASE("by a packet full of challenges") {
    std::vector<Frame> challenges;
    for (std::uint8_t i = 0; i < 8; ++i) challenges.push_back(PathChallengeFrame{{i}});
    sendInstead(sim, challenges, MultipathVersion::kNone);
  }
  sim.run(sim.now + 1);
  sim.clientAddress = real;
  sim.run(sim.now + 20 * kSecond);
  CHECK(from > 0);
  CHECK(to > 0);
  CHECK(to <= 3 * from);
  CHECK((sim.serverConnection()->network().remote == real));
}

TEST_CASE("the address that was left is asked too, so that a forwarded copy does not divert a client") {
  SimOptions options;
  Sim sim(options, simServerTls(), simClientTls());
  confirm(sim);
  const SocketAddress real = sim.clientAddress;
  sim.clientAddress = *parseSocketAddress("203.0.113.99:7000");
  sim.clientConnection()->ping();
  sim.clientConnection()->onTimeout(sim.now);
  sim.run(sim.now + 1);
  sim.clientAddress = real;
  // There in 10 ms, the question back in 10, its acknowledgement in 10 and at most 25 of delay.
  std::size_t asked = 0;
  sim.onSend = [&](bool toServer, Bytes datagram, const NetworkPath& path) {
    if (!toServer && path.remote == real) asked = std::max(asked, datagram.size());
  };
  sim.run(sim.now + 15 * kMillisecond);
  CHECK((sim.serverConnection()->network().remote != real));
  CHECK(asked == 1200);
  sim.run(sim.now + 45 * kMillisecond);
  CHECK((sim.serverConnection()->network().remote == real));
  CHECK(sim.serverConnection()->stats().paths[0].validated);
}

TEST_CASE("a client takes nothing from an address that is not its server's") {
  SimOptions options;
  Sim sim(options, simServerTls(), simClientTls());
  confirm(sim);
  sim.serverAddress.port = 444;
  const auto before = sim.clientConnection()->stats().paths[0].packetsReceived;
  sim.serverConnection()->ping();
  sim.serverConnection()->onTimeout(sim.now);
  sim.run(sim.now + 500 * kMillisecond);
  CHECK(sim.serverConnection()->stats().paths[0].packetsSent > 0);
  CHECK(sim.clientConnection()->stats().paths[0].packetsReceived == before);
}

TEST_CASE("a TLS message after the handshake ends the connection") {
  SimOptions options;
  Sim sim(options, simServerTls(), simClientTls());
  confirm(sim);
  // KeyUpdate (RFC 9001 §6).
  static constexpr std::array<std::uint8_t, 5> kKeyUpdate{24, 0, 0, 1, 0};
  sendInstead(sim, {CryptoFrame{0, kKeyUpdate}}, MultipathVersion::kNone);
  REQUIRE(sim.run(sim.now + kSecond, [&] { return sim.server.closed.has_value(); }));
  CHECK(sim.server.closed->errorCode == 0x10a);
}

TEST_CASE("an Initial packet that does not open leaves nothing behind") {
  SimOptions options;
  Sim sim(options, simServerTls(), simClientTls());
  sim.options.down.loss = 1;
  std::vector<std::uint8_t> initial;
  sim.onSend = [&](bool toServer, Bytes datagram, const NetworkPath&) {
    if (toServer && initial.empty()) initial.assign(datagram.begin(), datagram.end());
  };
  sim.connect();
  sim.run(sim.now + 15 * kMillisecond);
  REQUIRE(sim.serverEnd->connections() == 1);
  // Another destination: other keys.
  initial[8] ^= 1;
  NetworkPath from;
  from.remote = sim.clientAddress;
  CHECK(sim.serverEnd->receive(initial, from, Ecn::kNotEct, sim.now) == nullptr);
  CHECK(sim.serverEnd->connections() == 1);
  CHECK(sim.serverEnd->stats().malformed == 1);
}

TEST_CASE("a server takes no Initial packet from a datagram below 1200 bytes") {
  SimOptions options;
  options.client.grease = options.server.grease = false;
  Sim sim(options, simServerTls(), simClientTls());
  // The server's answers get lost, so that its Initial keys stay.
  sim.options.down.loss = 1;
  std::vector<std::uint8_t> initial;
  sim.onSend = [&](bool toServer, Bytes datagram, const NetworkPath&) {
    if (toServer && initial.empty()) initial.assign(datagram.begin(), datagram.end());
  };
  sim.connect();
  sim.run(sim.now + 15 * kMillisecond);
  REQUIRE(sim.serverConnection() != nullptr);
  const auto header = parsePacketHeader(initial, Endpoint::kIdSize);
  REQUIRE(header);
  std::vector<std::uint8_t> packet(200);
  Writer writer(packet);
  const std::size_t lengthAt =
      writeLongHeader(writer, PacketType::kInitial, header->destination, header->source, {}, 50, 2);
  const std::size_t headerSize = writer.size();
  const std::size_t payload = packet.size() - headerSize - tls::kTagSize;
  packet[headerSize] = 1;
  setLength(packet.data() + lengthAt, 2 + payload + tls::kTagSize);
  PacketKeys keys(tls::initialSecrets(header->destination.bytes()).client);
  keys.packet.seal(0, 50, Bytes(packet).first(headerSize), packet.data() + headerSize, payload);
  protectHeader(keys.header, packet, headerSize, 2);
  NetworkPath from;
  from.remote = sim.clientAddress;
  const auto before = sim.serverConnection()->stats().paths[0].packetsReceived;
  sim.serverEnd->receive(packet, from, Ecn::kNotEct, sim.now);
  CHECK(sim.serverConnection()->stats().paths[0].packetsReceived == before);
}
