#include <doctest/doctest.h>

#include <ctime>

#include "test/tls_support.h"
#include "tls/alert.h"
#include "tls/ticket.h"

using namespace mqvpn::tls;
using namespace mqvpn::tls::test;

TEST_CASE("with a ticket, both ends have the early secret before the handshake is done") {
  for (const std::string priority : {"", "-CIPHER-ALL:+AES-256-GCM", "-CIPHER-ALL:+CHACHA20-POLY1305"}) {
    CAPTURE(priority);
    ServerContext server(serverConfig());
    ClientConfig config = clientConfig();
    config.priority = priority;
    const ClientContext client(config);
    Pair pair(client, server, "vpn.example", ticketFrom(client, server));
    REQUIRE(pair.client->start());
    const Secret* early = pair.clientEvents.secret(Level::kEarly, Direction::kSend);
    REQUIRE(early != nullptr);

    // The ClientHello is all that a server needs for 0-RTT, and for its whole flight.
    REQUIRE(pair.clientEvents.outgoing.size() == 1);
    REQUIRE(pair.server->feed(Level::kInitial, pair.clientEvents.outgoing.front().second));
    pair.clientEvents.outgoing.clear();
    CHECK(pair.serverEvents.order ==
          "parameters, secret 1 receive, secret 2 send, crypto 0, crypto 2, secret 2 receive, secret 3 send");
    CHECK(secretsMatch(pair.clientEvents, pair.serverEvents, Level::kEarly));
    CHECK_FALSE(pair.server->complete());

    pair.run();
    CHECK(pair.bothComplete());
    CHECK(pair.client->earlyDataAccepted());
    CHECK(pair.server->earlyDataAccepted());
    CHECK(early->suite() == pair.client->suite());
    for (const Level level : {Level::kHandshake, Level::kApplication}) {
      CHECK(secretsMatch(pair.clientEvents, pair.serverEvents, level));
      CHECK(secretsMatch(pair.serverEvents, pair.clientEvents, level));
    }
  }
}

TEST_CASE("another server rejects 0-RTT, and the handshake completes in full") {
  ServerContext server(serverConfig());
  ServerContext other(serverConfig());
  const ClientContext client(clientConfig());
  Pair pair(client, other, "vpn.example", ticketFrom(client, server));
  pair.run();
  CHECK(pair.clientEvents.secret(Level::kEarly, Direction::kSend) != nullptr);
  CHECK(pair.serverEvents.secret(Level::kEarly, Direction::kReceive) == nullptr);
  CHECK(pair.bothComplete());
  CHECK_FALSE(pair.client->earlyDataAccepted());
  CHECK_FALSE(pair.server->earlyDataAccepted());
  CHECK(secretsMatch(pair.clientEvents, pair.serverEvents, Level::kApplication));
  CHECK(secretsMatch(pair.serverEvents, pair.clientEvents, Level::kApplication));
}

TEST_CASE("a server without 0-RTT says so in its tickets, and clients do not try") {
  ServerConfig config = serverConfig();
  SUBCASE("because it is off") { config.earlyData = false; }
  SUBCASE("because a ticket does not know for which of two protocols it is") {
    config.alpn = {"h3", "other"};
  }
  ServerContext server(config);
  const ClientContext client(clientConfig());
  Pair pair(client, server, "vpn.example", ticketFrom(client, server));
  pair.run();
  CHECK(pair.bothComplete());
  CHECK(pair.client->resumed());
  CHECK(pair.clientEvents.secret(Level::kEarly, Direction::kSend) == nullptr);
}

TEST_CASE("a server that sends a HelloRetryRequest rejects 0-RTT") {
  ServerConfig config = serverConfig();
  config.priority = "-GROUP-ALL:+GROUP-SECP384R1";
  ServerContext server(config);
  const ClientContext client(clientConfig());
  // Our own client knows better than to offer it here; another one might.
  auto ticket = decodeTicket(ticketFrom(client, server));
  REQUIRE(ticket);
  CHECK_FALSE(ticket->earlyData);
  ticket->earlyData = true;
  Pair pair(client, server, "vpn.example", encodeTicket(*ticket));
  REQUIRE(pair.client->start());
  REQUIRE(pair.clientEvents.secret(Level::kEarly, Direction::kSend) != nullptr);
  REQUIRE(pair.server->feed(Level::kInitial, pair.clientEvents.outgoing.front().second));
  CHECK(pair.serverEvents.order == "parameters, crypto 0");
}

TEST_CASE("a client that offered 0-RTT and gets a HelloRetryRequest says that a new attempt helps") {
  ServerContext server(serverConfig());
  ServerConfig config = serverConfig();
  config.priority = "-GROUP-ALL:+GROUP-SECP384R1";
  ServerContext other(config);
  const ClientContext client(clientConfig());
  Pair pair(client, other, "vpn.example", ticketFrom(client, server));
  pair.run();
  REQUIRE(pair.client->failure());
  CHECK(pair.client->failure()->message.ends_with("try again"));
  Pair again(client, other);
  again.run();
  CHECK(again.bothComplete());
}

TEST_CASE("a ClientHello that is sent again gets no 0-RTT") {
  ServerContext server(serverConfig());
  const ClientContext client(clientConfig());
  Recorder events;
  const auto from =
      Session::client(client, "vpn.example", kClientParameters, ticketFrom(client, server), events);
  REQUIRE(from->start());
  const Bytes hello = events.outgoing.front().second;
  Recorder first;
  Recorder second;
  const auto honest = Session::server(server, kServerParameters, first);
  const auto replayed = Session::server(server, kServerParameters, second);
  REQUIRE(honest->feed(Level::kInitial, hello));
  REQUIRE(replayed->feed(Level::kInitial, hello));
  CHECK(first.secret(Level::kEarly, Direction::kReceive) != nullptr);
  CHECK(second.secret(Level::kEarly, Direction::kReceive) == nullptr);
  CHECK_FALSE(replayed->earlyDataAccepted());
}

TEST_CASE("tickets from before another client's 0-RTT are good for 0-RTT all the same") {
  ServerContext server(serverConfig());
  const ClientContext client(clientConfig());
  std::vector<Bytes> tickets;
  for (int i = 0; i < 4; ++i) tickets.push_back(ticketFrom(client, server));
  for (const Bytes& ticket : tickets) {
    Pair pair(client, server, "vpn.example", ticket);
    pair.run();
    CHECK(pair.server->earlyDataAccepted());
  }
}

TEST_CASE("0-RTT is offered for the client's first protocol only") {
  ServerContext server(serverConfig());
  const Bytes ticket = ticketFrom(ClientContext(clientConfig()), server);
  ClientConfig config = clientConfig();
  config.alpn = {"other", "h3"};
  const ClientContext client(config);
  Pair pair(client, server, "vpn.example", ticket);
  pair.run();
  CHECK(pair.bothComplete());
  CHECK(pair.client->resumed());
  CHECK(pair.clientEvents.secret(Level::kEarly, Direction::kSend) == nullptr);
}

TEST_CASE("a server that accepts 0-RTT for another protocol than the ticket's is refused") {
  ServerConfig config = serverConfig();
  config.alpn = {"other"};
  ServerContext server(config);
  ClientConfig clientSide = clientConfig();
  clientSide.alpn = {"h3", "other"};
  const ClientContext client(clientSide);
  auto ticket = decodeTicket(ticketFrom(client, server));
  REQUIRE(ticket);
  CHECK(ticket->alpn == "other");
  ticket->alpn = "h3";
  Pair pair(client, server, "vpn.example", encodeTicket(*ticket));
  pair.run();
  CHECK(pair.serverEvents.secret(Level::kEarly, Direction::kReceive) != nullptr);
  CHECK_FALSE(pair.client->complete());
  REQUIRE(pair.client->failure());
  CHECK(pair.client->failure()->alert == kIllegalParameter);
}

TEST_CASE("a ticket that has expired leads to a full handshake without 0-RTT") {
  ServerContext server(serverConfig());
  const ClientContext client(clientConfig());
  auto ticket = decodeTicket(ticketFrom(client, server));
  REQUIRE(ticket);
  // GnuTLS keeps the second at which the ticket arrived as a big-endian number. Make it a day old.
  const auto now = static_cast<std::uint32_t>(std::time(nullptr));
  int found = 0;
  for (std::size_t i = 0; i + 4 <= ticket->session.size(); ++i) {
    std::uint8_t* at = ticket->session.data() + i;
    const std::uint32_t value =
        std::uint32_t{at[0]} << 24 | std::uint32_t{at[1]} << 16 | std::uint32_t{at[2]} << 8 | at[3];
    if (value > now || value + 60 < now) continue;
    ++found;
    const std::uint32_t old = value - 86400;
    for (int byte = 0; byte < 4; ++byte) at[byte] = static_cast<std::uint8_t>(old >> (24 - 8 * byte));
  }
  REQUIRE(found >= 1);
  Pair pair(client, server, "vpn.example", encodeTicket(*ticket));
  pair.run();
  CHECK(pair.bothComplete());
  CHECK_FALSE(pair.client->resumed());
  CHECK(pair.clientEvents.secret(Level::kEarly, Direction::kSend) == nullptr);
}
