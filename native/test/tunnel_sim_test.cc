#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "tunnel_sim.h"

using namespace mqvpn;
using namespace mqvpn::tunnel;
using namespace mqvpn::tunnel::test;
using connect_ip::Verdict;

namespace {

constexpr Duration kRtt = 20 * kMillisecond;

const ConnectionStatus& only(const EngineStatus& status) {
  REQUIRE(status.connections.size() == 1);
  return status.connections.front();
}

bool isIcmp(const Bytes& packet, std::uint8_t type, std::uint8_t code) {
  return packet.size() >= 28 && packet[9] == 1 && packet[20] == type && packet[21] == code;
}

/// UDP from the server's side (the internet) to a client, `size` bytes each, at a rate, and what arrives.
struct Stream {
  Stream(Sim& world, Host& from, Host& to, Udp udp, std::size_t packetSize, double bitsPerSecond)
      : sim(world), source(from), header(udp), size(packetSize) {
    gap = static_cast<Duration>(static_cast<double>(size) * 8e9 / bitsPerSecond);
    to.onPacket = [this, previous = to.onPacket](std::span<const std::uint8_t> packet) {
      if (packet.size() < 40 || packet[9] != 17 || packet[20] * 256 + packet[21] != header.from)
        return previous ? previous(packet) : false;
      const std::uint32_t number = numberOf(packet.data());
      reordered += number < last;
      last = std::max(last, number);
      bytes += packet.size();
      ++packets;
      marked += (packet[1] & 3) == 3;
      delays.push_back(sim.now() - stampOf(packet.data()));
      return true;
    };
  }
  void start(Duration time) {
    until = sim.now() + time;
    next();
  }
  void next() {
    if (sim.now() >= until) return;
    source.send(udp4(header, size, ++sent, sim.now()));
    sim.at(sim.now() + gap, [this] { next(); });
  }
  Duration percentile(double p) {
    REQUIRE_FALSE(delays.empty());
    std::sort(delays.begin(), delays.end());
    return delays[static_cast<std::size_t>(p * static_cast<double>(delays.size() - 1))];
  }

  Sim& sim;
  Host& source;
  Udp header;
  std::size_t size;
  Duration gap = 0;
  Time until = 0;
  std::uint32_t sent = 0, last = 0;
  std::uint64_t packets = 0, bytes = 0, reordered = 0, marked = 0;
  std::vector<Duration> delays;
};

}  // namespace

TEST_CASE(
    "a client gets its addresses after two round trips, and its first packet is answered after the third") {
  Sim sim;
  Client& client = sim.addClient();
  const Time start = sim.now();
  client.start();
  REQUIRE(sim.runUntil([&] { return client.vpn.isConnected(); }, kSecond));
  CHECK(sim.now() - start < 2 * kRtt + 3 * kMillisecond);
  const auto* connected = client.event<ConnectedEvent>();
  REQUIRE(connected);
  REQUIRE(connected->addresses.size() == 2);
  CHECK(connect_ip::toString(connected->addresses[0]) == "10.0.0.2/32");
  CHECK(connect_ip::toString(connected->addresses[1]) == "fd00::2/128");
  REQUIRE(connected->routes.size() == 2);
  CHECK(connect_ip::toString(connected->routes[0]) == "0.0.0.0/0");
  REQUIRE(connected->network.size() == 2);
  CHECK(connect_ip::toString(connected->network[0]) == "10.0.0.1/24");
  CHECK(connect_ip::toString(connected->network[1]) == "fd00::1/112");
  const auto rtt = sim.ping(client, kServerInner);
  REQUIRE(rtt);
  CHECK(*rtt < kRtt + kMillisecond);
  const auto* accepted = sim.server->event<ClientConnectedEvent>();
  REQUIRE(accepted);
  CHECK(accepted->user == "(global)");
  CHECK(accepted->addresses == connected->addresses);
}

TEST_CASE("with a saved ticket the addresses are there after one round trip") {
  Sim sim;
  Client& first = sim.connect();
  REQUIRE(sim.runUntil([&] { return first.event<TicketEvent>() != nullptr; }, kSecond));
  const TicketEvent ticket = *first.event<TicketEvent>();
  Client& second = sim.addClient("secret", [&](ClientSettings& settings) {
    settings.ticket = ticket.ticket;
    settings.httpSettings = ticket.httpSettings;
  });
  const Time start = sim.now();
  second.start();
  REQUIRE(sim.runUntil([&] { return second.vpn.isConnected(); }, kSecond));
  CHECK(sim.now() - start < kRtt + 3 * kMillisecond);
  CHECK(second.event<ConnectedEvent>()->resumed);
  CHECK(second.event<ConnectedEvent>()->earlyData);
  CHECK(second.vpn.status(sim.now()).connections[0].slots[0].state == "active");
  CHECK(sim.ping(second, kInternet));
}

TEST_CASE("each direction takes one hop, at encapsulation") {
  Sim sim;
  Client& client = sim.connect();
  Udp udp;
  udp.source = client.inner();
  udp.destination = kInternet;
  udp.to = 9;
  client.send(udp4(udp, 100));
  sim.run(kRtt);
  REQUIRE_FALSE(sim.server->received.empty());
  CHECK(sim.server->received.back()[8] == 63);
  udp = {.source = kInternet, .destination = client.inner(), .ttl = 40};
  sim.server->send(udp4(udp, 100));
  sim.run(kRtt);
  REQUIRE_FALSE(client.received.empty());
  CHECK(client.received.back()[8] == 39);
  CHECK(checksumFold(checksumAdd(client.received.back().data(), 20)) == 0xffff);
}

TEST_CASE("a packet without a hop left is answered with Time Exceeded") {
  Sim sim;
  Client& client = sim.connect();
  const Udp udp{.source = client.inner(), .destination = kInternet, .ttl = 1};
  client.send(udp4(udp, 100));
  REQUIRE(client.received.size() == 1);
  CHECK(isIcmp(client.received[0], 11, 0));
  CHECK(get32(&client.received[0][12]) == kServerInner);
  CHECK(only(client.vpn.status(sim.now())).tunnel.fromTun.of(Verdict::kTtl) == 1);
}

TEST_CASE("a wrong key is told as such on both ends, and a retry is not advised") {
  Sim sim;
  Client& client = sim.addClient("wrong");
  client.start();
  REQUIRE(sim.runUntil([&] { return client.event<ClosedEvent>() != nullptr; }, 2 * kSecond));
  const auto* closed = client.event<ClosedEvent>();
  CAPTURE(closed->message);
  CHECK(closed->cause == "refused");
  CHECK(closed->refusal == connect_ip::Refusal::kWrongKey);
  CHECK_FALSE(closed->retryable);
  const auto* refused = sim.server->event<ClientRefusedEvent>();
  REQUIRE(refused);
  CHECK(refused->reason == connect_ip::Refusal::kWrongKey);
  REQUIRE(
      sim.runUntil([&] { return sim.server->vpn.connections() == 0 && client.vpn.isOver(); }, 5 * kSecond));
}

TEST_CASE("a full server says so, and lets the next one in when a client leaves") {
  Sim sim({.maxClients = 2});
  Client& first = sim.connect();
  sim.connect("wonder");
  Client& third = sim.addClient();
  third.start();
  REQUIRE(sim.runUntil([&] { return third.event<ClosedEvent>() != nullptr; }, 2 * kSecond));
  CHECK(third.event<ClosedEvent>()->refusal == connect_ip::Refusal::kFull);
  CHECK(third.event<ClosedEvent>()->retryable);
  first.vpn.close("bye", sim.now());
  first.flush();
  REQUIRE(sim.runUntil([&] { return sim.server->event<ClientDisconnectedEvent>() != nullptr; }, kSecond));
  CHECK(sim.server->event<ClientDisconnectedEvent>()->reason == "bye");
  CHECK(sim.server->event<ClientDisconnectedEvent>()->cause == "peer");
  sim.connect();
  CHECK(sim.server->vpn.tunnels() == 2);
}

TEST_CASE("an inner packet with a foreign source leaves neither the client nor the server, and is counted") {
  Sim sim;
  Client& client = sim.connect();
  const Udp udp{.source = client.inner() + 1, .destination = kInternet};
  client.send(udp4(udp, 100));
  sim.run(kRtt);
  CHECK(sim.server->received.empty());
  CHECK(only(client.vpn.status(sim.now())).tunnel.fromTun.of(Verdict::kSource) == 1);
}

TEST_CASE("clients reach each other through the server's kernel") {
  Sim sim;
  Client& alice = sim.connect("wonder");
  Client& bob = sim.connect();
  const Udp udp{.source = alice.inner(), .destination = bob.inner()};
  alice.send(udp4(udp, 100, 5));
  REQUIRE(sim.runUntil([&] { return !bob.received.empty(); }, kSecond));
  CHECK(numberOf(bob.received[0].data()) == 5);
  // Alice's end, the kernel, the server's end.
  CHECK(bob.received[0][8] == 61);
}

TEST_CASE("a packet for an address that no client has is answered with Host Unreachable") {
  Sim sim;
  sim.connect();
  const Udp udp{.source = kInternet, .destination = kServerInner + 50};
  sim.server->send(udp4(udp, 100));
  REQUIRE(sim.server->received.size() == 1);
  CHECK(isIcmp(sim.server->received[0], 3, 1));
  CHECK(sim.server->vpn.status(sim.now()).unknownDestination == 1);
  for (int i = 0; i < 500; ++i) sim.server->send(udp4(udp, 100));
  CHECK(sim.server->received.size() <= connect_ip::kIcmpBurst);
}

TEST_CASE("the tunnel's MTU follows the path's, and larger packets get their ICMP") {
  Sim sim;
  Client& client = sim.addClient();
  client.up.mtu = client.down.mtu = 1412;
  client.start();
  sim.run(5 * kSecond);
  const std::uint32_t mtu = client.vpn.tunMtu();
  CHECK(mtu > 1340);
  CHECK(mtu <= 1412 - 30);
  CHECK(client.event<MtuEvent>());
  CHECK(sim.ping(client, kInternet, mtu));
  const Udp udp{.source = kInternet, .destination = client.inner()};
  sim.server->send(udp4(udp, 1460));
  REQUIRE_FALSE(sim.server->received.empty());
  const Bytes& icmp = sim.server->received.back();
  CHECK(isIcmp(icmp, 3, 4));
  const std::size_t told = icmp[26] * 256u + icmp[27];
  CHECK(told > 1340);
  CHECK(sim.ping(client, kInternet, told));
}

TEST_CASE("packets of 1280 bytes pass a path that carries QUIC's least, in capsules") {
  Sim sim;
  Client& client = sim.addClient();
  client.up.mtu = client.down.mtu = 1200;
  client.start();
  REQUIRE(sim.runUntil([&] { return client.vpn.isConnected(); }, 5 * kSecond));
  CHECK(client.event<ConnectedEvent>()->mtu == 1280);
  CHECK(sim.ping(client, kInternet, 1280));
  CHECK(only(client.vpn.status(sim.now())).tunnel.capsulesOut == 1);
  CHECK(sim.ping(client, kInternet, 1000));
  CHECK(only(client.vpn.status(sim.now())).tunnel.capsulesOut == 1);
}

TEST_CASE("a peer without QUIC datagrams gets all packets in capsules") {
  Sim sim({.serverDatagramFrameSize = 0});
  Client& client = sim.connect();
  for (int i = 0; i < 20; ++i) CHECK(sim.ping(client, kInternet, 1200));
  CHECK(only(client.vpn.status(sim.now())).tunnel.capsulesOut == 20);
}

TEST_CASE("a saturating stream gets what the link carries, in its order, and a sparse one passes it") {
  Sim sim;
  Client& client = sim.connect();
  client.down.bitsPerSecond = 20e6;
  client.down.queueBytes = 50'000;
  sim.run(2 * kSecond);
  Stream bulk(sim, *sim.server, client, {.source = kInternet, .destination = client.inner(), .from = 5001},
              1200, 40e6);
  Stream sparse(sim, *sim.server, client, {.source = kInternet, .destination = client.inner(), .from = 5002},
                100, 80e3);
  bulk.start(10 * kSecond);
  sparse.start(10 * kSecond);
  sim.run(11 * kSecond);
  const double goodput = static_cast<double>(bulk.bytes) * 8 / 10;
  CHECK(goodput > 17e6);
  CHECK(bulk.reordered == 0);
  CHECK(sparse.reordered == 0);
  CHECK(static_cast<double>(sparse.packets) > 0.97 * static_cast<double>(sparse.sent));
  // Half of the trip, and what the link's own queue holds.
  CHECK(sparse.percentile(0.95) < 10 * kMillisecond + 25 * kMillisecond);
}

TEST_CASE("inner senders that speak ECN are marked and lose nothing to the queue") {
  Sim sim;
  Client& client = sim.connect();
  client.down.bitsPerSecond = 20e6;
  sim.run(2 * kSecond);
  Stream bulk(sim, *sim.server, client,
              {.source = kInternet, .destination = client.inner(), .from = 5001, .ecn = 2}, 1200, 22e6);
  bulk.start(3 * kSecond);
  sim.run(4 * kSecond);
  CHECK(bulk.marked > 5);
  const ConnectionStatus status = only(sim.server->vpn.status(sim.now()));
  CHECK(status.queue.codelDrops == 0);
  CHECK(status.queue.marks == bulk.marked);
}

TEST_CASE(
    "a client that changes its address in the middle of a transfer loses no more than what was under way") {
  Sim sim;
  Client& client = sim.connect();
  sim.run(kSecond);
  Stream stream(sim, client, *sim.server, {.source = client.inner(), .destination = kInternet, .from = 5001},
                1000, 8e6);
  stream.start(4 * kSecond);
  sim.run(2 * kSecond);
  quic::SocketAddress moved = client.address();
  moved.port = 50123;
  client.moveTo(moved);
  sim.run(3 * kSecond);
  CHECK(static_cast<double>(stream.packets) > 0.97 * stream.sent);
  CHECK(sim.server->count<ClientDisconnectedEvent>() == 0);
  CHECK((only(sim.server->vpn.status(sim.now())).remote == moved));
  CHECK(sim.ping(client, kInternet));
}

TEST_CASE("a tunnel is set up and carries packets at five percent loss") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    Sim sim({.seed = seed});
    Client& client = sim.addClient();
    client.up.loss = client.down.loss = 0.05;
    client.start();
    REQUIRE(sim.runUntil([&] { return client.vpn.isConnected(); }, 20 * kSecond));
    int answered = 0;
    for (int i = 0; i < 100; ++i) answered += sim.ping(client, kInternet, 64, 100 * kMillisecond).has_value();
    CHECK(answered > 70);
  }
}

TEST_CASE("a server that stops tells its clients, which hear why") {
  Sim sim;
  Client& client = sim.connect();
  sim.server->vpn.close("server stops", sim.now());
  sim.server->flush();
  REQUIRE(sim.runUntil([&] { return client.event<ClosedEvent>() != nullptr; }, kSecond));
  CHECK(client.event<ClosedEvent>()->cause == "peer");
  CHECK(client.event<ClosedEvent>()->message == "the server closed the connection: server stops");
  CHECK(client.event<ClosedEvent>()->retryable);
  REQUIRE(
      sim.runUntil([&] { return sim.server->vpn.connections() == 0 && client.vpn.isOver(); }, 5 * kSecond));
}

TEST_CASE("a client can be put out, and comes back to the address that it had") {
  Sim sim;
  sim.connect();
  Client& client = sim.connect("wonder");
  const std::uint32_t inner = client.inner();
  const std::uint64_t id = std::get<ClientConnectedEvent>(sim.server->events.back()).id;
  CHECK_FALSE(sim.server->vpn.disconnect(id + 100, "x", sim.now()));
  CHECK(sim.server->vpn.disconnect(id, "put out", sim.now()));
  sim.server->flush();
  REQUIRE(sim.runUntil([&] { return client.event<ClosedEvent>() != nullptr; }, kSecond));
  REQUIRE(sim.runUntil([&] { return sim.server->vpn.connections() == 1; }, 5 * kSecond));
  Client& again = sim.addClient("wonder");
  quic::SocketAddress address = client.address();
  ++address.port;
  again.moveTo(address);
  again.start();
  REQUIRE(sim.runUntil([&] { return again.vpn.isConnected(); }, kSecond));
  CHECK(again.inner() == inner);
}

TEST_CASE("a client whose server vanished gives up after the idle time-out") {
  Sim sim({.idleTimeout = 10 * kSecond});
  Client& client = sim.connect();
  client.up.dead = client.down.dead = true;
  sim.run(25 * kSecond);
  REQUIRE(client.event<ClosedEvent>());
  CHECK(client.event<ClosedEvent>()->cause == "idle");
  CHECK(client.vpn.isOver());
  CHECK(sim.server->vpn.connections() == 0);
  REQUIRE(sim.server->event<ClientDisconnectedEvent>());
  CHECK(sim.server->event<ClientDisconnectedEvent>()->cause == "idle");
}

TEST_CASE("a server that does not answer is reported as such") {
  Sim sim;
  Client& client = sim.addClient();
  client.up.dead = true;
  client.start();
  sim.run(30 * kSecond);
  REQUIRE(client.event<ClosedEvent>());
  CHECK(client.event<ClosedEvent>()->cause == "handshake-timeout");
  CHECK(client.event<ClosedEvent>()->retryable);
}

TEST_CASE("a server that asks for a Retry costs one round trip more") {
  Sim sim({.retry = quic::RetryPolicy::kAlways});
  Client& client = sim.addClient();
  const Time start = sim.now();
  client.start();
  REQUIRE(sim.runUntil([&] { return client.vpn.isConnected(); }, kSecond));
  CHECK(sim.now() - start > 3 * kRtt);
  CHECK(sim.now() - start < 3 * kRtt + 3 * kMillisecond);
}

TEST_CASE("a super-packet from the TUN device arrives as its segments") {
  Sim sim;
  Client& client = sim.connect();
  sim.run(2 * kSecond);
  const std::size_t count = 30, payload = 1100;
  VnetHeader header;
  header.flags = VnetHeader::kNeedsChecksum;
  header.gsoType = VnetHeader::kGsoUdp;
  header.gsoSize = payload;
  header.headerLength = 28;
  header.checksumStart = 20;
  header.checksumOffset = 6;
  Bytes packet = udp4({.source = client.inner(), .destination = kInternet}, 28 + count * payload);
  // As the kernel hands it over: with the sum of the pseudo-header alone.
  const std::uint16_t partial = checksumFold(pseudoHeaderSum(packet.data(), false, 17, packet.size() - 20));
  std::memcpy(&packet[26], &partial, 2);
  sim.server->received.clear();
  client.send(header, packet);
  sim.run(kSecond);
  CHECK(sim.server->received.size() == count);
  for (const Bytes& segment : sim.server->received) {
    REQUIRE(segment.size() == 28 + payload);
    const std::uint64_t pseudo = pseudoHeaderSum(segment.data(), false, 17, segment.size() - 20);
    REQUIRE(checksumFold(checksumAdd(segment.data() + 20, segment.size() - 20, pseudo)) == 0xffff);
    REQUIRE(checksumFold(checksumAdd(segment.data(), 20)) == 0xffff);
  }
}
