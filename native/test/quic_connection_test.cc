#include <doctest/doctest.h>

#include "quic_sim.h"
#include "tls_support.h"

using namespace mqvpn;
using namespace mqvpn::quic;
using namespace mqvpn::quic::test;

namespace {

void checkInvariants(const Sim& sim) {
  CHECK(sim.clientWatch.violations == 0);
  CHECK(sim.serverWatch.violations == 0);
  CHECK(sim.amplificationViolations == 0);
  CHECK(sim.client.wrongBytes == 0);
  CHECK(sim.server.wrongBytes == 0);
  CHECK(sim.client.datagramsDuplicated == 0);
  CHECK(sim.server.datagramsDuplicated == 0);
  CHECK(sim.client.datagramsWrong == 0);
  CHECK(sim.server.datagramsWrong == 0);
}

}  // namespace

TEST_CASE("a handshake takes one round trip, and the server is confirmed half a round trip later") {
  SimOptions options;
  Sim sim(options, simServerTls(), simClientTls());
  const Time start = sim.now;
  sim.connect();
  REQUIRE(sim.run(start + 5 * kSecond, [&] { return sim.client.complete && sim.server.complete; }));
  CHECK(sim.client.readyAt - start < 22 * kMillisecond);
  CHECK(sim.server.completeAt - start < 33 * kMillisecond);
  CHECK(sim.run(start + 5 * kSecond, [&] { return sim.clientConnection()->handshakeConfirmed(); }));
  CHECK(!sim.client.ticket.empty());
  CHECK(!sim.client.token.empty());
  checkInvariants(sim);
}

TEST_CASE("streams are echoed byte for byte") {
  SimOptions options;
  Sim sim(options, simServerTls(), simClientTls());
  sim.client.streamsToOpen = 5;
  sim.client.bytesPerStream = 300'000;
  sim.connect();
  REQUIRE(sim.run(sim.now + 60 * kSecond, [&] { return sim.client.streamsFinished == 5; }));
  CHECK(sim.client.bytesReceived == 5 * 300'000);
  CHECK(sim.server.bytesReceived == 5 * 300'000);
  checkInvariants(sim);
}

TEST_CASE("datagrams arrive once, in batches of equal packets, and the path MTU is found") {
  SimOptions options;
  Sim sim(options, simServerTls(), simClientTls());
  sim.client.datagramsToSend = 20'000;
  sim.client.datagramSize = 1300;
  sim.connect();
  sim.run(sim.now + 30 * kSecond,
          [&] { return sim.server.datagramsReceived + sim.client.datagramsLost >= 20'000; });
  CHECK(sim.server.datagramsReceived > 19'000);
  CHECK(sim.client.maxDatagram > 1400);
  checkInvariants(sim);
}

TEST_CASE("an idle connection ends silently after the idle time-out, and a keep-alive prevents it") {
  SimOptions options;
  options.client.idleTimeout = options.server.idleTimeout = 10 * kSecond;
  SUBCASE("without keep-alive") {
    Sim sim(options, simServerTls(), simClientTls());
    sim.connect();
    REQUIRE(sim.run(sim.now + 60 * kSecond, [&] { return sim.client.closed && sim.server.closed; }));
    CHECK(sim.client.closed->cause == CloseInfo::Cause::kIdleTimeout);
    CHECK(sim.server.closed->cause == CloseInfo::Cause::kIdleTimeout);
  }
  SUBCASE("with keep-alive") {
    options.client.keepAlive = 3 * kSecond;
    Sim sim(options, simServerTls(), simClientTls());
    sim.connect();
    CHECK(!sim.run(sim.now + 300 * kSecond, [&] { return sim.client.closed || sim.server.closed; }));
  }
}

TEST_CASE("a close reaches the peer with code and reason, and both ends forget the connection") {
  SimOptions options;
  Sim sim(options, simServerTls(), simClientTls());
  sim.connect();
  REQUIRE(sim.run(sim.now + kSecond, [&] { return sim.server.complete; }));
  sim.clientConnection()->closeApplication(0x1234, "good bye");
  REQUIRE(sim.run(sim.now + 10 * kSecond, [&] { return sim.server.closed.has_value(); }));
  CHECK(sim.server.closed->cause == CloseInfo::Cause::kPeer);
  CHECK(sim.server.closed->application);
  CHECK(sim.server.closed->errorCode == 0x1234);
  CHECK(sim.server.closed->reason == "good bye");
  sim.run(sim.now + 20 * kSecond);
  CHECK(sim.clientEnd->connections() == 0);
  CHECK(sim.serverEnd->connections() == 0);
}

TEST_CASE("a server that lost its state ends the connection by a stateless reset") {
  SimOptions options;
  Sim sim(options, simServerTls(), simClientTls());
  sim.connect();
  REQUIRE(sim.run(sim.now + kSecond, [&] { return sim.client.complete; }));
  sim.run(sim.now + kSecond);
  sim.dropServer();
  sim.clientConnection()->ping();
  REQUIRE(sim.run(sim.now + 5 * kSecond, [&] { return sim.client.closed.has_value(); }));
  CHECK(sim.client.closed->cause == CloseInfo::Cause::kStatelessReset);
}

TEST_CASE("a Retry costs a round trip and proves the address") {
  SimOptions options;
  options.retry = RetryPolicy::kAlways;
  Sim sim(options, simServerTls(), simClientTls());
  const Time start = sim.now;
  sim.connect();
  REQUIRE(sim.run(start + 5 * kSecond, [&] { return sim.client.complete; }));
  CHECK(sim.client.completeAt - start > 40 * kMillisecond);
  CHECK(sim.client.completeAt - start < 45 * kMillisecond);
  CHECK(sim.serverEnd->stats().retries == 1);
}

TEST_CASE("a saved ticket carries data in the first flight") {
  SimOptions options;
  options.server.streams.maxBidi = 100;
  Sim first(options, simServerTls(), simClientTls());
  first.connect();
  REQUIRE(first.run(first.now + 2 * kSecond, [&] { return !first.client.ticket.empty(); }));

  options.ticket = first.client.ticket;
  options.seed = 77;
  Sim second(options, simServerTls(), simClientTls());
  // Tickets have a lifetime in real time; the simulation's clock does not enter.
  second.client.streamsToOpen = 1;
  second.client.bytesPerStream = 500;
  const Time start = second.now;
  second.connect();
  REQUIRE(second.run(start + 5 * kSecond, [&] { return second.client.streamsFinished == 1; }));
  CHECK(second.client.readyEarly);
  CHECK(second.clientConnection()->earlyDataAccepted());
  CHECK(second.client.firstByteAt - start < 22 * kMillisecond);
  checkInvariants(second);
}

TEST_CASE("0-RTT data that is refused is sent again") {
  SimOptions options;
  tls::ServerContext other(tls::test::serverConfig());
  Sim first(options, simServerTls(), simClientTls());
  first.connect();
  REQUIRE(first.run(first.now + 2 * kSecond, [&] { return !first.client.ticket.empty(); }));
  options.ticket = first.client.ticket;
  Sim second(options, other, simClientTls());
  second.client.streamsToOpen = 2;
  second.client.bytesPerStream = 5000;
  second.connect();
  REQUIRE(second.run(second.now + 5 * kSecond, [&] { return second.client.streamsFinished == 2; }));
  CHECK(second.client.readyEarly);
  CHECK(second.client.earlyRejected);
  CHECK(!second.clientConnection()->earlyDataAccepted());
  checkInvariants(second);
}

TEST_CASE("keys are updated by either end without losing a byte") {
  SimOptions options;
  Sim sim(options, simServerTls(), simClientTls());
  sim.client.streamsToOpen = 3;
  sim.client.bytesPerStream = 3'000'000;
  sim.connect();
  REQUIRE(sim.run(sim.now + kSecond, [&] { return sim.clientConnection()->handshakeConfirmed(); }));
  int updates = 0;
  for (int i = 0; i < 40 && sim.client.streamsFinished < 3; ++i) {
    Connection& who = i % 2 == 0 ? *sim.clientConnection() : *sim.serverConnection();
    updates += who.updateKeys(sim.now) ? 1 : 0;
    sim.run(sim.now + 200 * kMillisecond, [&] { return sim.client.streamsFinished == 3; });
  }
  REQUIRE(sim.run(sim.now + 60 * kSecond, [&] { return sim.client.streamsFinished == 3; }));
  CHECK(updates > 3);
  CHECK(!sim.client.closed);
  CHECK(sim.clientConnection()->stats().undecryptable == 0);
  checkInvariants(sim);
}

TEST_CASE("a NAT that rebinds the client is followed, and data goes on") {
  SimOptions options;
  Sim sim(options, simServerTls(), simClientTls());
  sim.client.streamsToOpen = 1;
  sim.client.bytesPerStream = 20'000'000;
  sim.connect();
  sim.run(sim.now + 500 * kMillisecond);
  REQUIRE(sim.client.streamsFinished == 0);
  SUBCASE("another port") { sim.clientAddress.port = 6000; }
  SUBCASE("another address") { sim.clientAddress = *parseSocketAddress("203.0.113.77:6001"); }
  REQUIRE(sim.run(sim.now + 60 * kSecond, [&] { return sim.client.streamsFinished == 1; }));
  CHECK((sim.serverConnection()->network().remote == sim.clientAddress));
  CHECK(sim.serverConnection()->stats().paths[0].validated);
  CHECK(!sim.client.closed);
  checkInvariants(sim);
}

TEST_CASE("an address that an attacker makes up is given up again") {
  SimOptions options;
  Sim sim(options, simServerTls(), simClientTls());
  sim.connect();
  REQUIRE(sim.run(sim.now + kSecond, [&] { return sim.server.complete; }));
  sim.run(sim.now + kSecond);
  const SocketAddress real = sim.clientAddress;
  // One packet seems to come from elsewhere; answers to there arrive nowhere.
  sim.clientAddress = *parseSocketAddress("203.0.113.99:7000");
  sim.clientConnection()->ping();
  sim.run(sim.now + 11 * kMillisecond);
  sim.clientAddress = real;
  sim.run(sim.now + 20 * kSecond);
  CHECK((sim.serverConnection()->network().remote == real));
  CHECK(sim.serverConnection()->stats().paths[0].validated);
}

TEST_CASE("a server that cannot be reached ends the attempt after the handshake time-out") {
  SimOptions options;
  options.up.loss = 1;
  Sim sim(options, simServerTls(), simClientTls());
  const Time start = sim.now;
  sim.connect();
  REQUIRE(sim.run(start + 60 * kSecond, [&] { return sim.client.closed.has_value(); }));
  CHECK(sim.client.closed->cause == CloseInfo::Cause::kHandshakeTimeout);
  CHECK(sim.now - start == 10 * kSecond);
}

TEST_CASE("a certificate that is not trusted is refused with its alert, on both sides") {
  SimOptions options;
  options.serverName = "other.example";
  Sim sim(options, simServerTls(), simClientTls());
  sim.connect();
  REQUIRE(sim.run(sim.now + 5 * kSecond, [&] { return sim.client.closed && sim.server.closed; }));
  CHECK(sim.client.closed->errorCode == 0x12a);
  CHECK(sim.server.closed->errorCode == 0x12a);
  CHECK(sim.server.closed->cause == CloseInfo::Cause::kPeer);
}

TEST_CASE("a path that stops to carry large packets is found out, and data goes on in small ones") {
  SimOptions options;
  Sim sim(options, simServerTls(), simClientTls());
  sim.client.streamsToOpen = 1;
  sim.client.bytesPerStream = 30'000'000;
  sim.connect();
  sim.run(sim.now + kSecond);
  REQUIRE(sim.client.streamsFinished == 0);
  REQUIRE(sim.clientConnection()->stats().paths[0].mtu > 1400);
  sim.options.up.mtu = sim.options.down.mtu = 1300;
  REQUIRE(sim.run(sim.now + 120 * kSecond, [&] { return sim.client.streamsFinished == 1; }));
  CHECK(sim.clientConnection()->stats().paths[0].mtu <= 1300);
  checkInvariants(sim);
}

TEST_CASE("a client that moves to another address continues there under another connection ID") {
  SimOptions options;
  Sim sim(options, simServerTls(), simClientTls());
  sim.client.streamsToOpen = 1;
  sim.client.bytesPerStream = 20'000'000;
  sim.connect();
  sim.run(sim.now + 500 * kMillisecond);
  REQUIRE(sim.client.streamsFinished == 0);
  const std::uint32_t socket = sim.addLink({}, {});
  sim.clientConnection()->migrate(0, sim.through(socket), sim.now);
  REQUIRE(sim.run(sim.now + 60 * kSecond, [&] { return sim.client.streamsFinished == 1; }));
  CHECK((sim.serverConnection()->network().remote == sim.extra[0].clientAddress));
  CHECK(sim.clientConnection()->network().socket == socket);
  CHECK(sim.clientConnection()->stats().paths[0].validated);
  checkInvariants(sim);
}

TEST_CASE("keys are rotated every minute for eight hours") {
  SimOptions options;
  options.client.keepAlive = 10 * kSecond;
  Sim sim(options, simServerTls(), simClientTls());
  sim.connect();
  REQUIRE(sim.run(sim.now + kSecond, [&] { return sim.clientConnection()->handshakeConfirmed(); }));
  const Time end = sim.now + 8 * 3600 * kSecond;
  std::uint64_t updates = 0;
  while (sim.now < end) {
    sim.run(sim.now + 60 * kSecond);
    REQUIRE(sim.clientConnection() != nullptr);
    updates +=
        (updates % 2 == 0 ? sim.clientConnection() : sim.serverConnection())->updateKeys(sim.now) ? 1 : 0;
    sim.client.datagramsToSend += 3;
  }
  CHECK(updates >= 470);
  CHECK(!sim.client.closed);
  CHECK(sim.server.datagramsReceived >= 3 * 470);
  CHECK(sim.serverConnection()->stats().undecryptable == 0);
  checkInvariants(sim);
}
