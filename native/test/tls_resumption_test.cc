#include <doctest/doctest.h>

#include "test/tls_support.h"

using namespace mqvpn::tls;
using namespace mqvpn::tls::test;

TEST_CASE("a ticket resumes a session: secrets match, and no certificate is sent") {
  for (const std::string priority : {"", "-CIPHER-ALL:+AES-256-GCM", "-CIPHER-ALL:+CHACHA20-POLY1305"}) {
    CAPTURE(priority);
    ServerContext server(serverConfig());
    ClientConfig config = clientConfig();
    config.priority = priority;
    const ClientContext client(config);
    const Bytes ticket = ticketFrom(client, server);
    REQUIRE_FALSE(ticket.empty());
    Pair pair(client, server, "vpn.example", ticket);
    pair.run();
    REQUIRE(pair.bothComplete());
    CHECK(pair.client->resumed());
    CHECK(pair.server->resumed());
    CHECK(pair.client->alpn() == "h3");
    for (const Level level : {Level::kHandshake, Level::kApplication}) {
      CHECK(secretsMatch(pair.clientEvents, pair.serverEvents, level));
      CHECK(secretsMatch(pair.serverEvents, pair.clientEvents, level));
    }
  }
}

TEST_CASE("tickets are sent only on request, and only by a server that is done") {
  ServerContext server(serverConfig());
  const ClientContext client(clientConfig());
  Pair pair(client, server);
  CHECK_FALSE(pair.server->sendTicket());
  pair.run();
  CHECK(pair.client->newTicket().empty());
  CHECK_FALSE(pair.client->sendTicket());
  REQUIRE(pair.server->sendTicket());
  REQUIRE(pair.serverEvents.outgoing.size() == 1);
  CHECK(pair.serverEvents.outgoing.front().first == Level::kApplication);
}

TEST_CASE("each ticket is given to the application once, and the last one counts") {
  ServerContext server(serverConfig());
  const ClientContext client(clientConfig());
  Pair pair(client, server);
  pair.run();
  REQUIRE(pair.server->sendTicket());
  pair.run();
  const Bytes first = pair.client->newTicket();
  CHECK_FALSE(first.empty());
  CHECK(pair.client->newTicket().empty());
  REQUIRE(pair.server->sendTicket());
  pair.run();
  const Bytes second = pair.client->newTicket();
  CHECK_FALSE(second.empty());
  CHECK(first != second);
}

TEST_CASE("a session that was resumed gives tickets too") {
  ServerContext server(serverConfig());
  const ClientContext client(clientConfig());
  Bytes ticket = ticketFrom(client, server);
  for (int i = 0; i < 3; ++i) {
    Pair pair(client, server, "vpn.example", ticket);
    pair.run();
    REQUIRE(pair.client->resumed());
    REQUIRE(pair.server->sendTicket());
    pair.run();
    ticket = pair.client->newTicket();
    CHECK_FALSE(ticket.empty());
  }
}

TEST_CASE("a ticket of another server leads to a full handshake") {
  ServerContext server(serverConfig());
  ServerContext other(serverConfig());
  const ClientContext client(clientConfig());
  Pair pair(client, other, "vpn.example", ticketFrom(client, server));
  pair.run();
  CHECK(pair.bothComplete());
  CHECK_FALSE(pair.client->resumed());
  CHECK_FALSE(pair.server->resumed());
}

TEST_CASE("where a HelloRetryRequest is needed, a ticket resumes and offers no 0-RTT") {
  ServerConfig config = serverConfig();
  config.priority = "-GROUP-ALL:+GROUP-SECP384R1";
  ServerContext server(config);
  const ClientContext client(clientConfig());
  Pair pair(client, server, "vpn.example", ticketFrom(client, server));
  pair.run();
  CHECK(pair.bothComplete());
  CHECK(pair.client->resumed());
  CHECK(pair.clientEvents.secret(Level::kEarly, Direction::kSend) == nullptr);
}

TEST_CASE("a ticket that is damaged in any place counts as none") {
  ServerContext server(serverConfig());
  const ClientContext client(clientConfig());
  const Bytes ticket = ticketFrom(client, server);
  for (std::size_t i = 0; i < ticket.size(); i += 61) {
    CAPTURE(i);
    Bytes damaged = ticket;
    damaged[i] ^= 0xff;
    Pair pair(client, server, "vpn.example", damaged);
    pair.run();
    CHECK(pair.bothComplete());
    CHECK_FALSE(pair.client->resumed());
  }
}

TEST_CASE("a ticket for a protocol that is no longer offered counts as none") {
  ServerConfig config = serverConfig();
  config.alpn = {"h3", "other"};
  ServerContext server(config);
  const Bytes ticket = ticketFrom(ClientContext(clientConfig()), server);
  ClientConfig clientSide = clientConfig();
  clientSide.alpn = {"other"};
  const ClientContext client(clientSide);
  Pair pair(client, server, "vpn.example", ticket);
  pair.run();
  CHECK(pair.bothComplete());
  CHECK_FALSE(pair.client->resumed());
  CHECK(pair.client->alpn() == "other");
}
