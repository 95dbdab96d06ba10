#pragma once

// The inside of Session, for the sources of this folder.

#include <gnutls/gnutls.h>

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "tls/context.h"
#include "tls/handshake_message.h"
#include "tls/session.h"

namespace mqvpn::tls {

/// RFC 9001 §8.2: "quic_transport_parameters(0x39)".
constexpr int kTransportParametersExtension = 0x39;

/// GnuTLS calls back from the middle of its own state machine. What it says is noted here, in order, and
/// given to the connection when GnuTLS has returned: a handler may then throw, and cannot reach into a
/// half-done handshake.
struct SecretNote {
  Level level;
  Direction direction;
  Secret secret;
};
struct CryptoNote {
  Level level;
  std::vector<std::uint8_t> data;
};
struct ParametersNote {};
struct KeyLogNote {
  std::string line;
};
using Note = std::variant<SecretNote, CryptoNote, ParametersNote, KeyLogNote>;

struct Session::Impl {
  Impl(bool isServer, std::span<const std::uint8_t> parameters, SessionEvents& handler,
       const std::function<void(std::string_view)>& keyLogLine, const std::vector<std::string>& protocols);
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl();

  /// Makes the GnuTLS session. False: failure says why.
  bool openClient(const ClientContext::Impl& context, const std::string& serverName,
                  std::span<const std::uint8_t> ticketBytes);
  bool openServer(std::shared_ptr<ServerContext::Impl> shared);

  bool start();
  bool feed(Level level, std::span<const std::uint8_t> data);
  bool sendTicket();
  std::vector<std::uint8_t> newTicket();

  const bool server;
  const std::vector<std::uint8_t> ourParameters;
  SessionEvents& events;
  const std::function<void(std::string_view)>& keyLog;
  const std::vector<std::string>& alpnOffer;

  gnutls_session_t session = nullptr;
  /// One of the two.
  const ClientContext::Impl* client = nullptr;
  std::shared_ptr<ServerContext::Impl> serverContext;
  std::string name;
  /// What gnutls_session_set_verify_cert2 keeps a pointer to.
  gnutls_typed_vdata_st verifyData[2]{};

  std::optional<std::vector<std::uint8_t>> peerParameters;
  std::vector<Note> notes;
  /// Why a callback stops the handshake; more exact than what GnuTLS makes of it.
  std::optional<Failure> refusal;
  std::optional<Failure> failure;

  MessageReader reader;
  /// The level that CRYPTO bytes are expected on.
  Level readLevel = Level::kInitial;
  CipherSuite suite = CipherSuite::kAes128GcmSha256;
  bool started = false;
  bool complete = false;
  /// Client: the server sent a HelloRetryRequest.
  bool retried = false;
  bool ticketArrived = false;
  bool ticketAllowsEarlyData = false;
  /// Client: the protocol that the ticket's 0-RTT data is for; empty: none is offered.
  std::string earlyAlpn;

  std::string alpn() const;
  bool earlyDataAccepted() const;

  /// What is wrong with the peer's extensions, once they are read.
  std::optional<Failure> missingExtension() const;

  /// callbacks.cc: connects GnuTLS to what is above.
  bool installCallbacks();

 private:
  /// What client and server have in common.
  bool openCommon(unsigned flags, gnutls_priority_t priority, gnutls_certificate_credentials_t credentials);
  bool nameServer(const std::string& serverName);
  bool verifyServer();
  /// Whether the ClientHello that waits in `notes` asks for 0-RTT without the ticket that would allow it.
  bool earlyDataWithoutTicket() const;
  bool take(Level level, std::span<const std::uint8_t> message);
  /// What GnuTLS does not check, or must be told in advance.
  bool inspect(std::span<const std::uint8_t> message);
  bool inspectClientHello(std::span<const std::uint8_t> message);
  bool inspectServerHello(std::span<const std::uint8_t> message);
  bool inspectTicket(std::span<const std::uint8_t> message);
  bool pump();
  bool finish();
  bool deliver();
  bool fail(Failure why);
  bool failAlert(std::uint8_t alert, std::string message);
  bool violation(std::string message);
  Failure noProtocol() const;
  bool failLibrary(int result, const char* doing);
};

}  // namespace mqvpn::tls
