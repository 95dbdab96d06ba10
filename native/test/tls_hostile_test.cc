#include <doctest/doctest.h>

#include <random>

#include "test/tls_support.h"
#include "tls/alert.h"

using namespace mqvpn::tls;
using namespace mqvpn::tls::test;

namespace {

// RFC 9000 §20.1.
constexpr std::uint64_t kProtocolViolation = 0x0a;

struct Ends {
  ServerContext serverContext{serverConfig()};
  ClientContext clientContext{clientConfig()};
};

Ends& ends() {
  static Ends both;
  return both;
}

Bytes clientHello() {
  Recorder events;
  const auto session = Session::client(ends().clientContext, "vpn.example", kClientParameters, {}, events);
  REQUIRE(session->start());
  return events.outgoing.front().second;
}

/// Takes an extension out of a ClientHello.
Bytes without(Bytes hello, std::uint16_t extension) {
  const auto number = [&](std::size_t at) { return std::size_t{hello[at]} << 8 | hello[at + 1]; };
  const auto setNumber = [&](std::size_t at, std::size_t value) {
    hello[at] = static_cast<std::uint8_t>(value >> 8);
    hello[at + 1] = static_cast<std::uint8_t>(value);
  };
  std::size_t at = 4 + 2 + 32;
  at += 1 + std::size_t{hello[at]};
  at += 2 + number(at);
  at += 1 + std::size_t{hello[at]};
  const std::size_t lengthAt = at;
  for (at += 2; at < hello.size(); at += 4 + number(at + 2)) {
    if (number(at) != extension) continue;
    const std::size_t size = 4 + number(at + 2);
    setNumber(lengthAt, number(lengthAt) - size);
    hello.erase(hello.begin() + static_cast<std::ptrdiff_t>(at),
                hello.begin() + static_cast<std::ptrdiff_t>(at + size));
    setNumber(2, hello.size() - 4);
    return hello;
  }
  FAIL("no such extension");
  return hello;
}

struct Server {
  Recorder events;
  std::unique_ptr<Session> session = Session::server(ends().serverContext, kServerParameters, events);
};

Failure refusalOf(Session& session, Level level, const Bytes& data) {
  CHECK_FALSE(session.feed(level, data));
  REQUIRE(session.failure());
  return *session.failure();
}

}  // namespace

TEST_CASE("a ClientHello without transport parameters fails with missing_extension") {
  Server server;
  const Failure failure = refusalOf(*server.session, Level::kInitial, without(clientHello(), 0x39));
  CHECK(failure.alert == kMissingExtension);
  CHECK(failure.errorCode == 0x16d);
  CHECK(server.events.order.empty());
}

TEST_CASE("a ClientHello without ALPN fails with no_application_protocol") {
  Server server;
  CHECK(refusalOf(*server.session, Level::kInitial, without(clientHello(), 16)).errorCode == 0x178);
  CHECK(server.events.outgoing.empty());
}

TEST_CASE("a ClientHello that does not offer TLS 1.3 fails with protocol_version") {
  Server server;
  CHECK(refusalOf(*server.session, Level::kInitial, without(clientHello(), 43)).alert == 70);
}

TEST_CASE("a ClientHello in the compatibility mode of TLS 1.3 is a protocol violation") {
  Bytes hello = clientHello();
  hello[4 + 2 + 32] = 32;
  hello.insert(hello.begin() + 4 + 2 + 32 + 1, 32, 0xaa);
  hello[2] = static_cast<std::uint8_t>((hello.size() - 4) >> 8);
  hello[3] = static_cast<std::uint8_t>(hello.size() - 4);
  Server server;
  CHECK(refusalOf(*server.session, Level::kInitial, hello).errorCode == kProtocolViolation);
}

TEST_CASE("CRYPTO data of another level than the current one is a protocol violation") {
  for (const Level level : {Level::kEarly, Level::kHandshake, Level::kApplication}) {
    Server server;
    CHECK(refusalOf(*server.session, level, clientHello()).errorCode == kProtocolViolation);
  }
  SUBCASE("of a level that is over") {
    Pair pair(ends().clientContext, ends().serverContext);
    pair.run();
    CHECK(refusalOf(*pair.server, Level::kInitial, {1}).errorCode == kProtocolViolation);
    CHECK(refusalOf(*pair.client, Level::kHandshake, {20}).errorCode == kProtocolViolation);
  }
  SUBCASE("before the client has begun") {
    Recorder events;
    const auto client = Session::client(ends().clientContext, "vpn.example", kClientParameters, {}, events);
    CHECK(refusalOf(*client, Level::kInitial, {2}).errorCode == kProtocolViolation);
  }
}

TEST_CASE("bytes that are left when the keys change are a protocol violation") {
  Server server;
  Bytes hello = clientHello();
  hello.push_back(1);
  CHECK(refusalOf(*server.session, Level::kInitial, hello).errorCode == kProtocolViolation);
}

TEST_CASE("EncryptedExtensions in Initial packets are refused, though TLS would take them") {
  Pair pair(ends().clientContext, ends().serverContext);
  REQUIRE(pair.client->start());
  REQUIRE(pair.server->feed(Level::kInitial, pair.clientEvents.outgoing.front().second));
  Bytes data = pair.serverEvents.outgoing[0].second;
  const Bytes& more = pair.serverEvents.outgoing[1].second;
  SUBCASE("behind the ServerHello") {
    data.insert(data.end(), more.begin(), more.end());
    CHECK(refusalOf(*pair.client, Level::kInitial, data).errorCode == kProtocolViolation);
  }
  SUBCASE("instead of it") {
    CHECK(refusalOf(*pair.client, Level::kInitial, more).alert == kUnexpectedMessage);
  }
}

TEST_CASE("after the handshake, a client takes tickets and nothing else") {
  Pair pair(ends().clientContext, ends().serverContext);
  pair.run();
  SUBCASE("RFC 9001 6: KeyUpdate") {
    CHECK(refusalOf(*pair.client, Level::kApplication, {24, 0, 0, 1, 0}).errorCode == 0x10a);
  }
  SUBCASE("RFC 9001 4.4: CertificateRequest") {
    CHECK(refusalOf(*pair.client, Level::kApplication, {13}).errorCode == kProtocolViolation);
  }
  SUBCASE("RFC 9001 4.6.1: a ticket with another limit of early data") {
    const Bytes ticket = unhex("04 000018 00001000 01020304 00 0003cccccc 0008 002a0004 00004000");
    CHECK(refusalOf(*pair.client, Level::kApplication, ticket).errorCode == kProtocolViolation);
    CHECK(pair.client->newTicket().empty());
  }
  SUBCASE("a ticket that ends early") {
    CHECK(refusalOf(*pair.client, Level::kApplication, {4, 0, 0, 2, 0, 0}).alert == kDecodeError);
    CHECK(pair.client->newTicket().empty());
  }
}

TEST_CASE("after the handshake, a server takes nothing") {
  Pair pair(ends().clientContext, ends().serverContext);
  pair.run();
  const Failure failure = refusalOf(*pair.server, Level::kApplication, {24, 0, 0, 1, 0});
  CHECK(failure.errorCode == 0x10a);
  CHECK_FALSE(pair.server->sendTicket());
}

TEST_CASE("a ClientHello that claims to be huge is refused before it is collected") {
  Server server;
  CHECK(refusalOf(*server.session, Level::kInitial, {1, 1, 0, 0}).alert == kDecodeError);
}

TEST_CASE("a Finished that does not fit fails, and no application secret is received") {
  Pair pair(ends().clientContext, ends().serverContext);
  REQUIRE(pair.client->start());
  REQUIRE(pair.server->feed(Level::kInitial, pair.clientEvents.outgoing.front().second));
  Bytes finished{20, 0, 0, 32};
  finished.resize(36, 7);
  CHECK(refusalOf(*pair.server, Level::kHandshake, finished).alert == 51);
  CHECK(pair.serverEvents.secret(Level::kApplication, Direction::kReceive) == nullptr);
}

TEST_CASE("a handshake with a changed byte never completes at both ends, and never crashes") {
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    CAPTURE(round);
    Pair pair(ends().clientContext, ends().serverContext);
    REQUIRE(pair.client->start());
    // Which of the flights is hit: the client's first, the server's, the client's second.
    const auto victim = random() % 3;
    const auto carry = [&](Recorder& from, Session& to, bool change) {
      while (!from.outgoing.empty()) {
        auto [level, data] = std::move(from.outgoing.front());
        from.outgoing.pop_front();
        if (std::exchange(change, false))
          data[random() % data.size()] ^= static_cast<std::uint8_t>(1 + random() % 255);
        if (!to.feed(level, data)) return;
      }
    };
    carry(pair.clientEvents, *pair.server, victim == 0);
    carry(pair.serverEvents, *pair.client, victim == 1);
    carry(pair.clientEvents, *pair.server, victim == 2);
    CHECK_FALSE(pair.bothComplete());
  }
}

TEST_CASE("random bytes at random levels never crash") {
  for (unsigned seed = 0; seed < 500; ++seed) {
    std::mt19937 random(seed);
    Pair pair(ends().clientContext, ends().serverContext);
    REQUIRE(pair.client->start());
    if (random() % 2 == 0) pair.run();
    for (int i = 0; i < 20; ++i) {
      Bytes data(random() % 200);
      for (std::uint8_t& byte : data) byte = static_cast<std::uint8_t>(random());
      // Half of the time the message is at least framed well.
      if (data.size() >= 4 && random() % 2 == 0) {
        constexpr std::uint8_t types[] = {1, 2, 4, 8, 11, 13, 15, 20, 24};
        data[0] = types[random() % sizeof types];
        data[1] = data[2] = 0;
        data[3] = static_cast<std::uint8_t>(data.size() - 4);
      }
      pair.client->feed(static_cast<Level>(random() % 4), data);
      pair.server->feed(static_cast<Level>(random() % 4), data);
    }
    CHECK((pair.client->failure() || pair.client->complete() || !pair.clientEvents.outgoing.empty()));
  }
}
