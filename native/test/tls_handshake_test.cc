#include <doctest/doctest.h>

#include "test/tls_support.h"
#include "tls/alert.h"
#include "tls/session.h"

using namespace mqvpn::tls;
using namespace mqvpn::tls::test;

namespace {

struct SuiteCase {
  const char* priority;
  CipherSuite suite;
  std::size_t secretSize;
};
constexpr SuiteCase kSuites[] = {
    {"", CipherSuite::kAes128GcmSha256, 32},
    {"-CIPHER-ALL:+AES-256-GCM", CipherSuite::kAes256GcmSha384, 48},
    {"-CIPHER-ALL:+CHACHA20-POLY1305", CipherSuite::kChaCha20Poly1305Sha256, 32},
};

void checkComplete(const Pair& pair) {
  INFO("client: ", (pair.client->failure() ? pair.client->failure()->message : "no failure"));
  INFO("server: ", (pair.server->failure() ? pair.server->failure()->message : "no failure"));
  CHECK(pair.bothComplete());
  for (const Level level : {Level::kHandshake, Level::kApplication}) {
    CHECK(secretsMatch(pair.clientEvents, pair.serverEvents, level));
    CHECK(secretsMatch(pair.serverEvents, pair.clientEvents, level));
  }
}

}  // namespace

TEST_CASE("both ends have the same secrets at each level, for each cipher suite") {
  ServerContext server(serverConfig());
  for (const SuiteCase& wanted : kSuites) {
    CAPTURE(static_cast<int>(wanted.suite));
    ClientConfig config = clientConfig();
    config.priority = wanted.priority;
    const ClientContext client(config);
    Pair pair(client, server);
    pair.run();
    checkComplete(pair);
    CHECK(pair.client->suite() == wanted.suite);
    CHECK(pair.server->suite() == wanted.suite);
    for (const auto& [key, secret] : pair.clientEvents.secrets) {
      CHECK(secret.suite() == wanted.suite);
      CHECK(secret.bytes().size() == wanted.secretSize);
    }
    CHECK(pair.client->alpn() == "h3");
    CHECK(pair.server->alpn() == "h3");
    CHECK_FALSE(pair.client->resumed());
    CHECK_FALSE(pair.client->earlyDataAccepted());
    CHECK_FALSE(pair.server->earlyDataAccepted());
    CHECK_FALSE(pair.client->failure());
  }
}

TEST_CASE("each direction and each level has a secret of its own") {
  ServerContext server(serverConfig());
  const ClientContext client(clientConfig());
  Pair pair(client, server);
  pair.run();
  std::vector<Bytes> seen;
  for (const auto& [key, secret] : pair.clientEvents.secrets) {
    const Bytes bytes(secret.bytes().begin(), secret.bytes().end());
    for (const Bytes& other : seen) CHECK(bytes != other);
    seen.push_back(bytes);
  }
  CHECK(seen.size() == 4);
}

TEST_CASE("a secret comes before the CRYPTO bytes of its level, and parameters before application secrets") {
  ServerContext server(serverConfig());
  const ClientContext client(clientConfig());
  Pair pair(client, server);
  pair.run();
  CHECK(pair.clientEvents.order ==
        "crypto 0, secret 2 receive, secret 2 send, parameters, crypto 2, secret 3 receive, secret 3 send");
  CHECK(pair.serverEvents.order ==
        "parameters, secret 2 receive, secret 2 send, crypto 0, crypto 2, secret 3 send, secret 3 receive");
}

TEST_CASE("CRYPTO bytes may come one at a time") {
  ServerContext server(serverConfig());
  const ClientContext client(clientConfig());
  Pair pair(client, server);
  pair.run(1);
  checkComplete(pair);
  REQUIRE(pair.server->sendTicket());
  pair.run(1);
  CHECK_FALSE(pair.client->newTicket().empty());
}

TEST_CASE("each end gets the other's transport parameters, once") {
  ServerContext server(serverConfig());
  const ClientContext client(clientConfig());
  Pair pair(client, server);
  pair.run();
  CHECK(pair.serverEvents.parameters == std::vector<Bytes>{kClientParameters});
  CHECK(pair.clientEvents.parameters == std::vector<Bytes>{kServerParameters});
}

TEST_CASE("transport parameters that a connection refuses end the handshake") {
  ServerContext server(serverConfig());
  const ClientContext client(clientConfig());
  SUBCASE("at the server, which then sends nothing") {
    Pair pair(client, server);
    pair.serverEvents.acceptParameters = false;
    pair.run();
    CHECK_FALSE(pair.server->complete());
    REQUIRE(pair.server->failure());
    // RFC 9000 §20.1: TRANSPORT_PARAMETER_ERROR (0x08).
    CHECK(pair.server->failure()->errorCode == 0x08);
    CHECK(pair.serverEvents.order == "parameters");
    CHECK_FALSE(pair.server->feed(Level::kInitial, Bytes{1}));
  }
  SUBCASE("at the client") {
    Pair pair(client, server);
    pair.clientEvents.acceptParameters = false;
    pair.run();
    CHECK_FALSE(pair.client->complete());
    REQUIRE(pair.client->failure());
    CHECK(pair.client->failure()->errorCode == 0x08);
    CHECK(pair.clientEvents.secret(Level::kApplication, Direction::kSend) == nullptr);
  }
}

TEST_CASE("a server without a protocol in common with the client fails with no_application_protocol") {
  ServerContext server(serverConfig());
  ClientConfig config = clientConfig();
  config.alpn = {"h2", "http/1.1"};
  const ClientContext client(config);
  Pair pair(client, server);
  pair.run();
  REQUIRE(pair.server->failure());
  CHECK(pair.server->failure()->alert == kNoApplicationProtocol);
  CHECK(pair.server->failure()->errorCode == 0x178);
  CHECK(pair.server->failure()->message.find("h3") != std::string::npos);
  CHECK(pair.serverEvents.outgoing.empty());
}

TEST_CASE("the server's order decides which of several protocols is spoken") {
  ServerConfig config = serverConfig();
  config.alpn = {"h3", "h3-29"};
  ServerContext server(config);
  ClientConfig clientSide = clientConfig();
  clientSide.alpn = {"h3-29", "h3"};
  const ClientContext client(clientSide);
  Pair pair(client, server);
  pair.run();
  CHECK(pair.client->alpn() == "h3");
  CHECK(pair.server->alpn() == "h3");
}

TEST_CASE("a server that knows none of the client's key shares asks for another with HelloRetryRequest") {
  ServerConfig config = serverConfig();
  config.priority = "-GROUP-ALL:+GROUP-SECP384R1";
  ServerContext server(config);
  const ClientContext client(clientConfig());
  Pair pair(client, server);
  for (const std::size_t piece : {SIZE_MAX, std::size_t{1}}) {
    CAPTURE(piece);
    Pair retried(client, server);
    retried.run(piece);
    checkComplete(retried);
    CHECK(retried.serverEvents.parameters.size() == 1);
    CHECK(retried.clientEvents.order.starts_with("crypto 0, crypto 0, "));
  }
}

TEST_CASE("key shares for X25519 and for P-256 spare a HelloRetryRequest, whichever the server has") {
  const ClientContext client(clientConfig());
  for (const std::string group : {"-GROUP-ALL:+GROUP-X25519", "-GROUP-ALL:+GROUP-SECP256R1"}) {
    CAPTURE(group);
    ServerConfig config = serverConfig();
    config.priority = group;
    ServerContext server(config);
    Pair pair(client, server);
    pair.run();
    checkComplete(pair);
    CHECK(pair.clientEvents.order.starts_with("crypto 0, secret 2 receive"));
  }
}

TEST_CASE("a client that prefers P-256 and also knows X25519 needs no HelloRetryRequest") {
  ClientConfig config = clientConfig();
  config.priority = "-GROUP-ALL:+GROUP-SECP256R1:+GROUP-SECP384R1:+GROUP-X25519";
  const ClientContext client(config);
  ServerContext server(serverConfig());
  Pair pair(client, server);
  pair.run();
  checkComplete(pair);
  CHECK(pair.clientEvents.order.starts_with("crypto 0, secret 2 receive"));
}

TEST_CASE("peers without a cipher suite in common fail with handshake_failure") {
  ServerConfig config = serverConfig();
  config.priority = "-CIPHER-ALL:+AES-256-GCM";
  ServerContext server(config);
  ClientConfig clientSide = clientConfig();
  clientSide.priority = "-CIPHER-ALL:+AES-128-GCM";
  const ClientContext client(clientSide);
  Pair pair(client, server);
  pair.run();
  REQUIRE(pair.server->failure());
  CHECK(pair.server->failure()->alert == 40);
  CHECK(pair.server->failure()->errorCode == 0x128);
}

TEST_CASE("the key log has the lines of the NSS format, the same at both ends") {
  std::vector<std::string> clientLines;
  std::vector<std::string> serverLines;
  ClientConfig config = clientConfig();
  config.keyLog = [&](std::string_view line) { clientLines.emplace_back(line); };
  ServerConfig serverSide = serverConfig();
  serverSide.keyLog = [&](std::string_view line) { serverLines.emplace_back(line); };
  const ClientContext client(config);
  ServerContext server(serverSide);
  Pair pair(client, server);
  pair.run();
  const auto find = [](const std::vector<std::string>& lines, const std::string& label) -> std::string {
    for (const std::string& line : lines) {
      if (line.starts_with(label + " ")) return line;
    }
    return "";
  };
  for (const char* label : {"CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET",
                            "CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0"}) {
    const std::string line = find(clientLines, label);
    CAPTURE(line);
    CHECK(line == find(serverLines, label));
    // Label, 32 bytes of the client's random number, 32 bytes of secret.
    CHECK(line.size() == std::string(label).size() + 1 + 64 + 1 + 64);
  }
  const std::string last = find(clientLines, "CLIENT_TRAFFIC_SECRET_0");
  const Secret* sent = pair.clientEvents.secret(Level::kApplication, Direction::kSend);
  const Bytes logged = unhex(std::string_view(last).substr(last.rfind(' ')));
  CHECK(std::ranges::equal(logged, sent->bytes()));
}

TEST_CASE("a handler that throws does not break the session's memory") {
  struct Thrower : Recorder {
    void onSecret(Level, Direction, const Secret&) override { throw std::runtime_error("full"); }
  };
  ServerContext server(serverConfig());
  const ClientContext client(clientConfig());
  Recorder clientEvents;
  Thrower serverEvents;
  const auto from = Session::client(client, "vpn.example", kClientParameters, {}, clientEvents);
  const auto to = Session::server(server, kServerParameters, serverEvents);
  REQUIRE(from->start());
  CHECK_THROWS_AS(to->feed(Level::kInitial, clientEvents.outgoing.front().second), std::runtime_error);
  CHECK_FALSE(to->complete());
}
