#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tls/secret.h"

namespace mqvpn::tls {

enum class Direction : std::uint8_t { kReceive, kSend };

/// What a handshake gives to its connection. Calls come from inside start(), feed() and sendTicket(), never
/// from elsewhere. A handler must not call its session.
class SessionEvents {
 public:
  virtual ~SessionEvents() = default;
  /// A secret always comes before the first CRYPTO bytes of its level and direction.
  virtual void onSecret(Level level, Direction direction, const Secret& secret) = 0;
  /// Bytes for CRYPTO frames of that level.
  virtual void onCryptoData(Level level, std::span<const std::uint8_t> data) = 0;
  /// The peer's quic_transport_parameters, as soon as they are known: before the first byte of application
  /// data. False: they are wrong, and the handshake ends (the connection knows why).
  virtual bool onTransportParameters(std::span<const std::uint8_t> encoded) = 0;
};

/// Credentials and policy that many sessions share. Immutable and usable from several threads once made.
struct ClientConfig {
  /// Which certificates are believed. kInsecure accepts anything.
  enum class Verify : std::uint8_t { kSystem, kCaFile, kPin, kInsecure };
  Verify verify = Verify::kSystem;
  /// PEM, one authority or many (kCaFile).
  std::string caFile;
  /// The same as text: when it is not empty, caFile is not read.
  std::string caPem;
  /// SHA-256 over the DER of the server's certificate (kPin). The name is not checked then.
  std::array<std::uint8_t, 32> pin{};
  std::vector<std::string> alpn{"h3"};
  /// Empty: none (an NSS key log in the format of SSLKEYLOGFILE).
  std::function<void(std::string_view line)> keyLog;
  /// GnuTLS priority string additions, for tests: cipher suites, groups.
  std::string priority;
};

struct ServerConfig {
  /// PEM. The certificate first, then those that lead to an authority.
  std::string certificateFile;
  std::string keyFile;
  /// The same as text: when certificatePem is not empty, neither file is read.
  std::string certificatePem;
  std::string keyPem;
  std::vector<std::string> alpn{"h3"};
  /// Takes effect with one ALPN only: a ticket does not remember which protocol its 0-RTT data would be for.
  bool earlyData = true;
  std::function<void(std::string_view line)> keyLog;
  std::string priority;
};

/// Must outlive its sessions.
class ClientContext {
 public:
  /// Throws std::runtime_error that names the file and the cause.
  explicit ClientContext(ClientConfig config);
  ~ClientContext();
  struct Impl;
  const Impl& impl() const { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

/// Also holds the session ticket key (rotated by GnuTLS every 18 h) and the record of 0-RTT ClientHellos,
/// which guards itself: sessions of several threads may use one context. Must outlive its sessions.
/// Certificates are read once; replace() exchanges them for new handshakes.
class ServerContext {
 public:
  /// Throws std::runtime_error that names the file and the cause.
  explicit ServerContext(ServerConfig config);
  ~ServerContext();
  /// From now on sessions begin with this; those that have begun keep what they began with, and it lives as
  /// long as they do. Tickets of before lead to full handshakes: a session that is resumed shows no
  /// certificate. Throws as the constructor, and nothing has changed then. On the thread that makes the
  /// sessions.
  void replace(ServerConfig config);
  struct Impl;
  const Impl& impl() const { return *impl_; }
  Impl& impl() { return *impl_; }
  std::shared_ptr<Impl> share() const { return impl_; }
  /// SHA-256 over the DER of the certificate: what a client pins.
  std::array<std::uint8_t, 32> pin() const;

 private:
  std::shared_ptr<Impl> impl_;
};

/// A failed handshake: CRYPTO_ERROR is 0x0100 + alert (RFC 9001 §4.8).
struct Failure {
  std::uint8_t alert = 0;
  /// What a person needs to know: "certificate verification failed: the name does not match (expected
  /// vpn.example)".
  std::string message;
  /// The code for CONNECTION_CLOSE: 0x0100 + alert, but PROTOCOL_VIOLATION (0x0a) where RFC 9001 asks for it,
  /// and TRANSPORT_PARAMETER_ERROR (0x08) after onTransportParameters() returned false.
  std::uint64_t errorCode = 0;
};

/// One TLS 1.3 handshake over QUIC CRYPTO data (RFC 9001 §4). Knows no packets.
class Session {
 public:
  /// `serverName`: what the certificate must be for: a DNS name, or an IP address as text (which is not sent
  /// as SNI: RFC 6066 §3). Trouble while a session is made shows as a failed start(), or a failed feed().
  ///
  /// `ticket`: what newTicket() gave in an earlier session with the same server name and the same trust;
  /// empty: none. What is damaged or has expired counts as none. Use each ticket once (RFC 8446 §C.4).
  ///
  /// `transportParameters` are never empty (RFC 9000 §7.3).
  static std::unique_ptr<Session> client(const ClientContext& context, const std::string& serverName,
                                         std::span<const std::uint8_t> transportParameters,
                                         std::span<const std::uint8_t> ticket, SessionEvents& events);
  static std::unique_ptr<Session> server(ServerContext& context,
                                         std::span<const std::uint8_t> transportParameters,
                                         SessionEvents& events);
  ~Session();

  /// The client's first flight. With a ticket that allows 0-RTT, onSecret(kEarly, kSend) comes here.
  bool start();
  /// In-order CRYPTO bytes of one level. False: failure() says why. Also takes post-handshake messages. Keep
  /// data of a level until its receive secret came (RFC 9001 §4.1.3): any other level than the current one is
  /// refused.
  bool feed(Level level, std::span<const std::uint8_t> data);

  bool complete() const;
  bool resumed() const;
  /// Both: whether 0-RTT was accepted; meaningful once complete.
  bool earlyDataAccepted() const;
  const std::optional<Failure>& failure() const;
  std::string alpn() const;
  CipherSuite suite() const;

  /// Server, after completion: makes a NewSessionTicket (through onCryptoData at kApplication).
  bool sendTicket();
  /// Client: a ticket arrived since the last call; the bytes to keep. Empty: none. They embed the ALPN and
  /// suite, and the resumption secret: a file of them is for its owner's eyes only.
  ///
  /// A session that is resumed shows no certificate and checks no name: GnuTLS uses a ticket for ANY host. So
  /// a ticket is as good as the verification of the session that it came from. Keep it under the server's
  /// name, port and the trust (CA file, pin, insecure) of that session, and never use it under another.
  std::vector<std::uint8_t> newTicket();

  struct Impl;

 private:
  explicit Session(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace mqvpn::tls
