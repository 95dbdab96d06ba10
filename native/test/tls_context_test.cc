#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include "test/tls_support.h"

using namespace mqvpn::tls;
using namespace mqvpn::tls::test;

namespace {

/// A file that goes with the test.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& text) {
    char name[] = "/tmp/mqvpn-tls-test-XXXXXX";
    const int fd = mkstemp(name);
    REQUIRE(fd >= 0);
    path = name;
    std::FILE* file = fdopen(fd, "w");
    std::fwrite(text.data(), 1, text.size(), file);
    std::fclose(file);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() { std::remove(path.c_str()); }
  std::string path;
};

/// The message of what that throws; empty: it does not throw.
template <typename Make>
std::string complaint(Make make) {
  try {
    make();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

std::string serverComplaint(const std::string& certificateFile, const std::string& keyFile) {
  ServerConfig config;
  config.certificateFile = certificateFile;
  config.keyFile = keyFile;
  return complaint([&] { ServerContext context(config); });
}

std::string clientComplaint(const std::string& caFile) {
  ClientConfig config;
  config.verify = ClientConfig::Verify::kCaFile;
  config.caFile = caFile;
  return complaint([&] { ClientContext context(config); });
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("certificate, key and authorities are read from PEM files") {
  const TemporaryFile certificate(testServer().certificatePem);
  const TemporaryFile key(testServer().keyPem);
  const TemporaryFile authority(testAuthority().certificatePem);
  ServerConfig serverSide;
  serverSide.certificateFile = certificate.path;
  serverSide.keyFile = key.path;
  ServerContext server(serverSide);
  ClientConfig clientSide;
  clientSide.verify = ClientConfig::Verify::kCaFile;
  clientSide.caFile = authority.path;
  const ClientContext client(clientSide);
  Pair pair(client, server);
  pair.run();
  CHECK(pair.bothComplete());
}

TEST_CASE("a file that cannot be read is named, with the cause") {
  const TemporaryFile certificate(testServer().certificatePem);
  CHECK(serverComplaint("/nonexistent/server.crt", "/nonexistent/server.key") ==
        "cannot read /nonexistent/server.crt: No such file or directory");
  CHECK(serverComplaint(certificate.path, "/nonexistent/server.key") ==
        "cannot read /nonexistent/server.key: No such file or directory");
  CHECK(clientComplaint("/nonexistent/ca.pem") ==
        "cannot read /nonexistent/ca.pem: No such file or directory");
}

TEST_CASE("a file with the wrong contents is named") {
  const TemporaryFile certificate(testServer().certificatePem);
  const TemporaryFile key(testServer().keyPem);
  const TemporaryFile otherKey(testAuthority().keyPem);
  const TemporaryFile nonsense("nonsense\n");
  CHECK(contains(serverComplaint(nonsense.path, key.path), nonsense.path + " is not a PEM certificate"));
  CHECK(contains(serverComplaint(key.path, certificate.path), key.path + " is not a PEM certificate"));
  CHECK(contains(serverComplaint(certificate.path, nonsense.path),
                 nonsense.path + " is not a PEM private key"));
  CHECK(contains(serverComplaint(certificate.path, otherKey.path),
                 otherKey.path + " does not belong to the certificate " + certificate.path));
  CHECK(contains(clientComplaint(nonsense.path), nonsense.path));
  CHECK(serverComplaint(certificate.path, key.path).empty());
}

TEST_CASE("a wrong priority string is refused, with the place") {
  ClientConfig config = insecureConfig();
  config.priority = "+NONSENSE";
  CHECK(contains(complaint([&] { ClientContext context(config); }), "NONSENSE"));
}

TEST_CASE("a context without an application protocol is refused") {
  ClientConfig config = insecureConfig();
  config.alpn.clear();
  CHECK(contains(complaint([&] { ClientContext context(config); }), "ALPN"));
  ServerConfig serverSide = serverConfig();
  serverSide.alpn.clear();
  CHECK(contains(complaint([&] { ServerContext context(serverSide); }), "ALPN"));
}

TEST_CASE("a server name that cannot be one is refused at the start, not by an exception") {
  const ClientContext context(clientConfig());
  Recorder events;
  const auto session = Session::client(context, "xn--\xff\xfe", kClientParameters, {}, events);
  CHECK_FALSE(session->start());
  REQUIRE(session->failure());
  CHECK(contains(session->failure()->message, "the server's name cannot be used"));
  CHECK_FALSE(session->feed(Level::kInitial, Bytes{2}));
  CHECK_FALSE(session->complete());
  CHECK_FALSE(session->resumed());
  CHECK(session->newTicket().empty());
}

TEST_CASE("a new certificate is for new sessions, and the old one lives as long as its own") {
  ServerContext server(serverConfig());
  const auto before = server.pin();
  const ClientContext client(clientConfig());
  const Bytes ticket = ticketFrom(client, server);
  // The first messages of this one are under way when the certificate changes.
  Pair old(client, server);
  CertificateOptions options;
  options.names = {"vpn.example"};
  const Identity renewed = makeCertificate(options, &testAuthority());
  ServerConfig config = serverConfig();
  config.certificatePem = renewed.certificatePem;
  config.keyPem = renewed.keyPem;
  server.replace(config);
  CHECK(server.pin() != before);
  old.run();
  CHECK(old.bothComplete());
  CHECK(secretsMatch(old.serverEvents, old.clientEvents, Level::kApplication));

  ClientConfig pinned = clientConfig();
  pinned.verify = ClientConfig::Verify::kPin;
  pinned.pin = server.pin();
  const ClientContext pinning(pinned);
  Pair fresh(pinning, server);
  fresh.run();
  CHECK(fresh.bothComplete());
  // A ticket of before shows no certificate, so it is worth nothing.
  Pair resuming(client, server, "vpn.example", ticket);
  resuming.run();
  CHECK(resuming.bothComplete());
  CHECK_FALSE(resuming.server->resumed());
}

TEST_CASE("a certificate that cannot be used replaces nothing") {
  ServerContext server(serverConfig());
  const auto before = server.pin();
  ServerConfig wrong;
  wrong.certificateFile = "/nowhere/certificate";
  wrong.keyFile = "/nowhere/key";
  CHECK_THROWS_AS(server.replace(wrong), std::runtime_error);
  CHECK(server.pin() == before);
  const ClientContext client(clientConfig());
  Pair pair(client, server);
  pair.run();
  CHECK(pair.bothComplete());
}
