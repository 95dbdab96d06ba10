#pragma once

// Certificates made on the spot, and two sessions that talk through memory.

#include <cstdint>
#include <ctime>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tls/session.h"

namespace mqvpn::tls::test {

using Bytes = std::vector<std::uint8_t>;

/// Hexadecimal text, white space allowed.
Bytes unhex(std::string_view text);

struct Identity {
  std::string certificatePem;
  std::string keyPem;
};

struct CertificateOptions {
  std::vector<std::string> names{};
  /// IPv4 or IPv6, as text.
  std::vector<std::string> addresses{};
  std::time_t notBefore = 0;
  std::time_t notAfter = 0;
  bool authority = false;
  /// False: an extended key usage that is not that of a TLS server.
  bool forServers = true;
  /// Empty: "test authority" or "test server".
  std::string commonName{};
};

/// ECDSA P-256. Without an issuer: self-signed. Times of 0: valid from an hour ago for a day.
Identity makeCertificate(const CertificateOptions& options, const Identity* issuer = nullptr);

/// A server for "vpn.example", 192.0.2.1 and 2001:db8::1, and the authority that signed it. Made once per
/// process.
const Identity& testAuthority();
const Identity& testServer();

ServerConfig serverConfig();
ClientConfig clientConfig();
ClientConfig insecureConfig();

/// Records what a session says, and queues its CRYPTO bytes for the peer.
class Recorder : public SessionEvents {
 public:
  void onSecret(Level level, Direction direction, const Secret& secret) override;
  void onCryptoData(Level level, std::span<const std::uint8_t> data) override;
  bool onTransportParameters(std::span<const std::uint8_t> encoded) override;

  /// Null: it did not come.
  const Secret* secret(Level level, Direction direction) const;

  std::map<std::pair<Level, Direction>, Secret> secrets;
  std::deque<std::pair<Level, Bytes>> outgoing;
  std::vector<Bytes> parameters;
  bool acceptParameters = true;
  /// "parameters, crypto 0, secret 2 send": what came, in its order.
  std::string order;

 private:
  void note(const std::string& what);
};

inline const Bytes kClientParameters{1, 2, 3, 4};
inline const Bytes kServerParameters{5, 6, 7};

/// A client and a server joined by memory.
struct Pair {
  Pair(const ClientContext& clientContext, ServerContext& serverContext,
       const std::string& name = "vpn.example", std::span<const std::uint8_t> ticket = {});

  /// Carries everything that waits, in pieces of that size, until nothing waits or one side fails.
  void run(std::size_t piece = SIZE_MAX);
  bool bothComplete() const { return client->complete() && server->complete(); }

  Recorder clientEvents;
  Recorder serverEvents;
  std::unique_ptr<Session> client;
  std::unique_ptr<Session> server;
};

/// A full handshake, and the ticket that the server sends after it.
Bytes ticketFrom(const ClientContext& clientContext, ServerContext& serverContext);

/// Both ends have the same secret for what `from` sends at that level.
bool secretsMatch(const Recorder& from, const Recorder& to, Level level);

}  // namespace mqvpn::tls::test
