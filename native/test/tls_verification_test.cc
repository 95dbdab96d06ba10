#include <doctest/doctest.h>

#include <algorithm>
#include <stdexcept>

#include "test/tls_support.h"
#include "tls/alert.h"
#include "tls/verification.h"

using namespace mqvpn::tls;
using namespace mqvpn::tls::test;

namespace {

/// Why the client refuses that server; nothing: it does not.
std::optional<Failure> refusalOf(const ClientConfig& config, const Identity& identity,
                                 const std::string& name = "vpn.example") {
  ServerConfig serverSide = serverConfig();
  serverSide.certificatePem = identity.certificatePem;
  serverSide.keyPem = identity.keyPem;
  ServerContext server(serverSide);
  const ClientContext client(config);
  Pair pair(client, server, name);
  pair.run();
  CHECK(pair.client->complete() != pair.client->failure().has_value());
  if (pair.client->failure()) {
    CHECK(pair.client->failure()->errorCode == cryptoError(pair.client->failure()->alert));
    CHECK(pair.clientEvents.secret(Level::kApplication, Direction::kSend) == nullptr);
  }
  return pair.client->failure();
}

bool contains(const std::optional<Failure>& failure, std::string_view text) {
  return failure && failure->message.find(text) != std::string::npos;
}

std::array<std::uint8_t, 32> pinOf(const Identity& identity) {
  ServerConfig config;
  config.certificatePem = identity.certificatePem;
  config.keyPem = identity.keyPem;
  return ServerContext(config).pin();
}

Identity signedCertificate(CertificateOptions options) { return makeCertificate(options, &testAuthority()); }

}  // namespace

TEST_CASE("a certificate of a trusted authority for that name or address is accepted") {
  CHECK_FALSE(refusalOf(clientConfig(), testServer(), "vpn.example"));
  CHECK_FALSE(refusalOf(clientConfig(), testServer(), "VPN.example."));
  CHECK_FALSE(refusalOf(clientConfig(), testServer(), "192.0.2.1"));
  CHECK_FALSE(refusalOf(clientConfig(), testServer(), "2001:db8::1"));
}

TEST_CASE("a certificate for another name is refused, and both names are told") {
  for (const std::string name : {"other.example", "192.0.2.2", "2001:db8::2", "sub.vpn.example", "example"}) {
    CAPTURE(name);
    const auto failure = refusalOf(clientConfig(), testServer(), name);
    REQUIRE(failure);
    CHECK(failure->alert == kBadCertificate);
    CHECK(contains(failure, "the name does not match (expected " + name));
    CHECK(contains(failure, "vpn.example, 192.0.2.1, 2001:db8::1"));
  }
}

TEST_CASE("without a name to expect, no certificate is accepted") {
  const auto failure = refusalOf(clientConfig(), testServer(), "");
  REQUIRE(failure);
  CHECK(contains(failure, "no server name was given"));
}

TEST_CASE("a certificate of an unknown authority is refused, and its issuer is told") {
  ClientConfig config = clientConfig();
  config.caPem = makeCertificate({.authority = true, .commonName = "another"}).certificatePem;
  const auto failure = refusalOf(config, testServer());
  REQUIRE(failure);
  CHECK(failure->alert == kUnknownCa);
  CHECK(contains(failure, "CN=test authority"));
}

TEST_CASE("a self-signed certificate is refused with advice") {
  const Identity identity = makeCertificate({.names = {"vpn.example"}});
  const auto failure = refusalOf(clientConfig(), identity);
  REQUIRE(failure);
  CHECK(failure->alert == kUnknownCa);
  CHECK(contains(failure, "it is self-signed"));
  CHECK(contains(failure, "--pin " + hex(pinOf(identity))));
  CHECK(contains(failure, "--insecure"));
}

TEST_CASE("a self-signed certificate may be its own CA file") {
  const Identity identity = makeCertificate({.names = {"vpn.example"}});
  ClientConfig config = clientConfig();
  config.caPem = identity.certificatePem;
  CHECK_FALSE(refusalOf(config, identity));
  CHECK(contains(refusalOf(config, identity, "other.example"), "the name does not match"));
}

TEST_CASE("a certificate outside its time is refused with the day") {
  const std::time_t now = std::time(nullptr);
  const auto expired =
      refusalOf(clientConfig(),
                signedCertificate({{"vpn.example"}, {}, now - 20 * 86400, now - 10 * 86400, false, true}));
  REQUIRE(expired);
  CHECK(expired->alert == kCertificateExpired);
  CHECK(contains(expired, "has expired (valid until 20"));
  const auto future =
      refusalOf(clientConfig(),
                signedCertificate({{"vpn.example"}, {}, now + 10 * 86400, now + 20 * 86400, false, true}));
  REQUIRE(future);
  CHECK(future->alert == kCertificateExpired);
  CHECK(contains(future, "is not valid yet (from 20"));
}

TEST_CASE("a certificate that is not for TLS servers is refused") {
  const auto failure =
      refusalOf(clientConfig(), signedCertificate({{"vpn.example"}, {}, 0, 0, false, false}));
  REQUIRE(failure);
  CHECK(failure->alert == kBadCertificate);
}

TEST_CASE("a pin accepts its certificate whatever its name, issuer and time") {
  const std::time_t now = std::time(nullptr);
  for (const Identity& identity :
       {testServer(), makeCertificate({{"x"}, {}, now - 20 * 86400, now - 10 * 86400, false, true})}) {
    ClientConfig config;
    config.verify = ClientConfig::Verify::kPin;
    config.pin = pinOf(identity);
    CHECK_FALSE(refusalOf(config, identity, "anything.example"));
    CHECK_FALSE(refusalOf(config, identity, ""));
  }
}

TEST_CASE("a pin refuses every other certificate, and tells the pin that was seen") {
  ClientConfig config;
  config.verify = ClientConfig::Verify::kPin;
  config.pin = pinOf(testServer());
  for (const std::size_t changed : {0u, 31u}) {
    ClientConfig other = config;
    other.pin[changed] ^= 1;
    const auto failure = refusalOf(other, testServer());
    REQUIRE(failure);
    CHECK(failure->alert == kBadCertificate);
    CHECK(contains(failure, "the server's pin is " + hex(config.pin) + ", expected " + hex(other.pin)));
  }
}

TEST_CASE("a pin is the SHA-256 of the certificate's DER") {
  // What `openssl x509 -outform DER | sha256sum` prints: the base64 text between the PEM lines, hashed.
  const Identity& identity = testServer();
  std::string base64 = identity.certificatePem;
  base64 = base64.substr(base64.find('\n') + 1);
  base64 = base64.substr(0, base64.find('-'));
  Bytes der;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : base64) {
    const std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const std::size_t digit = alphabet.find(c);
    if (digit == std::string_view::npos) continue;
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    der.push_back(static_cast<std::uint8_t>(bits >> count));
  }
  CHECK(pinOf(identity) == fingerprint(der));
}

TEST_CASE("the authorities of the system do not trust an authority of a test") {
  ClientConfig config;
  config.verify = ClientConfig::Verify::kSystem;
  try {
    CHECK(contains(refusalOf(config, testServer()), "its issuer is not trusted"));
  } catch (const std::runtime_error& error) {
    // A system without authorities.
    CHECK(std::string(error.what()).find("ca-certificates") != std::string::npos);
  }
}

TEST_CASE("insecure accepts anything") {
  const Identity identity = makeCertificate({.names = {"x"}});
  CHECK_FALSE(refusalOf(insecureConfig(), identity));
}

TEST_CASE("an authority with the name of a trusted one, and another key, is refused") {
  ClientConfig config = clientConfig();
  config.caPem = makeCertificate({.authority = true}).certificatePem;
  const auto failure = refusalOf(config, testServer());
  REQUIRE(failure);
  CHECK(failure->alert == kBadCertificate);
}

TEST_CASE("a name that a stranger chose cannot write to the terminal") {
  const Identity authority =
      makeCertificate({.authority = true, .commonName = "evil\x1b[2J" + std::string(300, 'x')});
  const auto failure = refusalOf(clientConfig(), makeCertificate({.names = {"vpn.example"}}, &authority));
  REQUIRE(failure);
  CHECK(contains(failure, "evil"));
  CHECK(std::ranges::none_of(failure->message, [](char c) { return c >= 0 && c < ' '; }));
  CHECK(failure->message.size() < 400);
}

TEST_CASE("names and addresses are told apart") {
  CHECK(isIpLiteral("192.0.2.1"));
  CHECK(isIpLiteral("2001:db8::1"));
  CHECK(isIpLiteral("::1"));
  CHECK_FALSE(isIpLiteral("vpn.example"));
  CHECK_FALSE(isIpLiteral("1.2.3"));
  CHECK_FALSE(isIpLiteral(""));
}

TEST_CASE("the ClientHello names a DNS server, and no address") {
  const ClientContext context(clientConfig());
  const auto hello = [&](const std::string& name) {
    Recorder events;
    const auto session = Session::client(context, name, kClientParameters, {}, events);
    REQUIRE(session->start());
    const Bytes& data = events.outgoing.front().second;
    return std::string(data.begin(), data.end());
  };
  CHECK(hello("vpn.example.").find("vpn.example") != std::string::npos);
  CHECK(hello("vpn.example.").find("vpn.example.") == std::string::npos);
  CHECK(hello("192.0.2.1").find("192.0.2.1") == std::string::npos);
  CHECK(hello("2001:db8::1").find("2001:db8::1") == std::string::npos);
}
