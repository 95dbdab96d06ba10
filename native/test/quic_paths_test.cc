// What may be sent when and where: turns of paths, windows, timers, tickets.
#include <doctest/doctest.h>

#include <cstring>

#include "quic_sim.h"
#include "tls_support.h"

using namespace mqvpn;
using namespace mqvpn::quic;
using namespace mqvpn::quic::test;

namespace {

void confirm(Sim& sim) {
  sim.connect();
  REQUIRE(sim.run(sim.now + 5 * kSecond,
                  [&] { return sim.clientConnection()->handshakeConfirmed() && sim.server.complete; }));
  sim.run(sim.now + 500 * kMillisecond);
}

SimOptions withMultipath() {
  SimOptions options;
  options.client.multipath = options.server.multipath = MultipathVersion::kDraft21;
  return options;
}

/// Offers what no packet takes.
struct Oversized final : DatagramSource {
  bool hasDatagram() const override { return true; }
  std::size_t nextSize(std::uint32_t, std::size_t most, Time) override { return most + 1; }
  void write(std::uint8_t*, const PacketId&, std::uint64_t&) override { FAIL("more than fits"); }
};

}  // namespace

TEST_CASE("every path is asked before produce() says that there is nothing to send") {
  for (const std::size_t paths : {2u, 3u, 4u}) {
    CAPTURE(paths);
    Sim sim(withMultipath(), simServerTls(), simClientTls());
    std::vector<std::uint32_t> sockets;
    for (std::size_t i = 1; i < paths; ++i) sockets.push_back(sim.addLink({}, {}));
    confirm(sim);
    for (const std::uint32_t socket : sockets)
      REQUIRE(sim.clientConnection()->openPath(sim.through(socket), sim.now));
    // Every MTU is found, everything is acknowledged.
    sim.clientConnection()->ping();
    sim.run(sim.now + 5 * kSecond);
    for (int round = 0; round < 3; ++round) {
      const auto before = sim.clientConnection()->stats();
      sim.clientConnection()->ping();
      std::vector<std::uint8_t> buffer(SendBatch::kMostBytes);
      SendBatch batch;
      batch.buffer = buffer;
      while (sim.clientConnection()->produce(batch, sim.now)) continue;
      const auto after = sim.clientConnection()->stats();
      REQUIRE(after.paths.size() == paths);
      for (std::size_t i = 0; i < paths; ++i)
        CHECK(after.paths[i].packetsSent == before.paths[i].packetsSent + 1);
    }
  }
}

TEST_CASE("an outstanding challenge does not lift the congestion window") {
  SimOptions options;
  Sim sim(options, simServerTls(), simClientTls());
  sim.client.streamsToOpen = 1;
  sim.client.bytesPerStream = 50'000'000;
  sim.connect();
  sim.run(sim.now + 500 * kMillisecond);
  const std::uint32_t socket = sim.addLink({}, {});
  sim.clientConnection()->migrate(0, sim.through(socket), sim.now);
  for (int i = 0; i < 50; ++i) {
    sim.run(sim.now + kMillisecond);
    const PathStats path = sim.clientConnection()->stats().paths[0];
    CHECK(path.bytesInFlight <= path.window + 1500);
  }
}

TEST_CASE("a datagram fits what the peer takes, with its length field too") {
  SimOptions options;
  options.server.maxDatagramFrameSize = 1000;
  Sim sim(options, simServerTls(), simClientTls());
  confirm(sim);
  // RFC 9221 §3: "the maximum size of a DATAGRAM frame (including the frame type, length, and payload)".
  CHECK(sim.clientConnection()->maxDatagramPayload() == 997);
}

TEST_CASE("an interface that takes more than a batch holds does not keep the sender awake") {
  SimOptions options;
  options.client.maxUdpPayload = options.server.maxUdpPayload = 65'507;
  options.up.queueBytes = options.down.queueBytes = 8 << 20;
  Sim sim(options, simServerTls(), simClientTls());
  // A window that has room for such a probe.
  sim.client.streamsToOpen = 1;
  sim.client.bytesPerStream = 3'000'000;
  confirm(sim);
  REQUIRE(sim.run(sim.now + 10 * kSecond, [&] { return sim.client.streamsFinished == 1; }));
  REQUIRE(sim.clientConnection()->stats().paths[0].window > 70'000);
  SUBCASE("from the start") {}
  SUBCASE("later") { sim.clientConnection()->setMaxUdpPayload(0, 65'520, sim.now); }
  const Time until = sim.now + 10 * kSecond;
  const std::uint64_t events = sim.events;
  sim.run(until);
  CHECK(sim.now == until);
  CHECK(sim.events - events < 1000);
}

TEST_CASE("a source that offers more than a packet takes does not keep the sender awake") {
  SimOptions options;
  Sim sim(options, simServerTls(), simClientTls());
  confirm(sim);
  Oversized source;
  sim.clientConnection()->setDatagramSource(&source);
  sim.clientConnection()->ping();
  const Time until = sim.now + 5 * kSecond;
  const std::uint64_t events = sim.events;
  sim.run(until);
  CHECK(sim.now == until);
  CHECK(sim.events - events < 1000);
  sim.clientConnection()->setDatagramSource(nullptr);
}

TEST_CASE("a source that has nothing for this path does not keep it from acknowledging") {
  struct Elsewhere final : DatagramSource {
    bool hasDatagram() const override { return true; }
    std::size_t nextSize(std::uint32_t, std::size_t, Time) override { return 0; }
    void write(std::uint8_t*, const PacketId&, std::uint64_t&) override { FAIL("nothing was offered"); }
  } source;
  Sim sim({}, simServerTls(), simClientTls());
  sim.connect();
  REQUIRE(sim.run(sim.now + 5 * kSecond, [&] { return sim.clientConnection()->handshakeConfirmed(); }));
  sim.run(sim.now + kSecond);
  sim.clientConnection()->setDatagramSource(&source);
  sim.server.datagramsToSend = 100;
  sim.serverConnection()->ping();
  const std::uint64_t before = sim.events;
  sim.run(sim.now + kSecond);
  CHECK(sim.server.datagramsAcked == 100);
  CHECK(sim.events - before < 2000);
  sim.clientConnection()->setDatagramSource(nullptr);
}

TEST_CASE("a client whose 0-RTT data is in flight keeps asking, in case the server may not send") {
  SimOptions options;
  Sim first(options, simServerTls(), simClientTls());
  first.connect();
  REQUIRE(first.run(first.now + 2 * kSecond, [&] { return !first.client.ticket.empty(); }));
  options.ticket = first.client.ticket;
  options.seed = 78;
  Sim sim(options, simServerTls(), simClientTls());
  sim.client.streamsToOpen = 1;
  sim.client.bytesPerStream = 500;
  // The server acknowledges the Initial packet, and what else it sends says nothing.
  bool silent = true;
  sim.serverWatch.tamper = [&](const Tracer::Packet& packet, std::span<std::uint8_t> payload) {
    if (silent && packet.type != PacketType::kInitial) std::memset(payload.data(), 0, payload.size());
  };
  int asked = 0;
  const Time start = sim.now;
  sim.onSend = [&](bool toServer, Bytes, const NetworkPath&) {
    if (toServer && sim.now > start + 100 * kMillisecond) ++asked;
  };
  sim.connect();
  sim.run(start + 900 * kMillisecond);
  CHECK(sim.client.readyEarly);
  CHECK(asked > 0);
  silent = false;
  CHECK(sim.run(start + 9 * kSecond, [&] { return sim.client.complete; }));
}

TEST_CASE("a path that fails may take another with it from inside the call that tells so") {
  Sim sim(withMultipath(), simServerTls(), simClientTls());
  LinkModel dead;
  dead.loss = 1;
  const std::uint32_t one = sim.addLink(dead, dead);
  const std::uint32_t two = sim.addLink(dead, dead);
  confirm(sim);
  REQUIRE(sim.clientConnection()->openPath(sim.through(one), sim.now) == 1u);
  REQUIRE(sim.clientConnection()->openPath(sim.through(two), sim.now) == 2u);
  bool abandoned = false;
  sim.client.onChange = [&](std::uint32_t id, ConnectionEvents::PathChange change) {
    if (id == 2 && change == ConnectionEvents::PathChange::kFailed)
      abandoned = sim.clientConnection()->abandonPath(1, TransportError::kNoError, sim.now);
  };
  sim.run(sim.now + 20 * kSecond);
  CHECK(abandoned);
  CHECK(sim.clientConnection()->stats().paths.size() == 1);
  CHECK(!sim.client.closed);
}

TEST_CASE("a ticket is sent when the application asks for it, and TLS is let go then") {
  SimOptions options;
  options.server.autoTicket = false;
  Sim sim(options, simServerTls(), simClientTls());
  confirm(sim);
  CHECK(sim.client.ticket.empty());
  CHECK(!sim.client.token.empty());
  CHECK(!sim.clientConnection()->sendTicket());
  const std::size_t before = sim.serverConnection()->stats().memoryBytes;
  CHECK(sim.serverConnection()->sendTicket());
  CHECK(!sim.serverConnection()->sendTicket());
  CHECK(sim.serverConnection()->stats().memoryBytes < before);
  sim.serverConnection()->ping();
  sim.clientConnection()->ping();
  REQUIRE(sim.run(sim.now + kSecond, [&] { return !sim.client.ticket.empty(); }));

  options.ticket = sim.client.ticket;
  options.seed = 79;
  options.server.autoTicket = true;
  Sim second(options, simServerTls(), simClientTls());
  second.connect();
  REQUIRE(second.run(second.now + kSecond, [&] { return second.client.complete && second.server.complete; }));
  CHECK(second.serverConnection()->resumed());
  CHECK(second.clientConnection()->resumed());
}
