#include "tls/session.h"

#include <algorithm>
#include <utility>

#include "tls/alert.h"
#include "tls/session_impl.h"
#include "tls/ticket.h"
#include "tls/verification.h"

// How a session runs: bytes in, notes of the callbacks out.

namespace mqvpn::tls {

namespace {

// RFC 9000 §20.1.
constexpr std::uint64_t kTransportParameterError = 0x08;
constexpr std::uint64_t kProtocolViolation = 0x0a;

gnutls_record_encryption_level_t gnutlsLevelOf(Level level) {
  switch (level) {
    case Level::kEarly:
      return GNUTLS_ENCRYPTION_LEVEL_EARLY;
    case Level::kHandshake:
      return GNUTLS_ENCRYPTION_LEVEL_HANDSHAKE;
    case Level::kApplication:
      return GNUTLS_ENCRYPTION_LEVEL_APPLICATION;
    case Level::kInitial:
      break;
  }
  return GNUTLS_ENCRYPTION_LEVEL_INITIAL;
}

std::string joined(const std::vector<std::string>& words) {
  std::string list;
  for (const std::string& word : words) list.append(list.empty() ? "" : ", ").append(word);
  return list;
}

}  // namespace

bool Session::Impl::fail(Failure why) {
  if (!failure) failure = std::move(why);
  return false;
}

bool Session::Impl::failAlert(std::uint8_t alert, std::string message) {
  return fail({alert, std::move(message), cryptoError(alert)});
}

bool Session::Impl::violation(std::string message) {
  return fail({kUnexpectedMessage, std::move(message), kProtocolViolation});
}

bool Session::Impl::failLibrary(int result, const char* doing) {
  if (refusal) return fail(*refusal);
  if (result == GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR && client != nullptr) {
    return fail(explainRefusal(session, client->config, name));
  }
  if (result == GNUTLS_E_NO_APPLICATION_PROTOCOL) return fail(noProtocol());
  const int alert = gnutls_error_to_alert(result, nullptr);
  return failAlert(alert < 0 ? std::uint8_t{kInternalError} : static_cast<std::uint8_t>(alert),
                   std::string(doing) + ": " + gnutls_strerror(result));
}

Failure Session::Impl::noProtocol() const {
  return {kNoApplicationProtocol,
          std::string(server ? "the client offers" : "the server chose") +
              " no application protocol (ALPN) of ours: " + joined(alpnOffer),
          cryptoError(kNoApplicationProtocol)};
}

std::optional<Failure> Session::Impl::missingExtension() const {
  // RFC 9001 §8.1: "endpoints MUST immediately close a connection […] with a no_application_protocol TLS
  // alert […] if an application protocol is not negotiated." GnuTLS itself accepts a peer without the
  // extension.
  if (alpn().empty()) return noProtocol();
  // RFC 9001 §8.2: "endpoints that receive ClientHello or EncryptedExtensions messages without the
  // quic_transport_parameters extension MUST close the connection with an error of type 0x016d".
  if (!peerParameters) {
    return Failure{kMissingExtension, "the peer sent no QUIC transport parameters",
                   cryptoError(kMissingExtension)};
  }
  return std::nullopt;
}

bool Session::Impl::start() {
  if (failure) return false;
  if (server || std::exchange(started, true)) return true;
  int result = gnutls_handshake(session);
  if (earlyDataWithoutTicket()) {
    // GnuTLS finds out that a ticket has expired only after it wrote the early_data extension. RFC 8446
    // §4.2.10: "When a PSK is used and early data is allowed for that PSK, the client can send Application
    // Data in its first flight": without one, servers abort. So begin again, without the ticket.
    notes.clear();
    gnutls_deinit(std::exchange(session, nullptr));
    const std::string serverName = name;
    if (!openClient(*client, serverName, {})) return false;
    result = gnutls_handshake(session);
  }
  const bool delivered = deliver();
  if (gnutls_error_is_fatal(result) != 0) return failLibrary(result, "TLS handshake");
  return delivered;
}

bool Session::Impl::earlyDataWithoutTicket() const {
  if (earlyAlpn.empty()) return false;
  return std::ranges::any_of(notes, [](const Note& note) {
    const auto* hello = std::get_if<CryptoNote>(&note);
    return hello != nullptr && hasExtension(hello->data, kExtensionEarlyData) &&
           !hasExtension(hello->data, kExtensionPreSharedKey);
  });
}

bool Session::Impl::feed(Level level, std::span<const std::uint8_t> data) {
  if (failure) return false;
  while (!data.empty()) {
    // RFC 9001 §4.1.3: "If the packet is from a previously installed encryption level, it MUST NOT contain
    // data that extends past the end of previously received data in that flow. Implementations MUST treat any
    // violations of this requirement as a connection error of type PROTOCOL_VIOLATION. […] When TLS provides
    // keys for a higher encryption level, if there is data from a previous encryption level that TLS has not
    // consumed, this MUST be treated as a connection error of type PROTOCOL_VIOLATION." The second shows here
    // too: the level changed in this loop.
    if (level != readLevel || (!server && !started)) return violation("CRYPTO data at an unexpected level");
    const std::size_t longest =
        level == Level::kInitial ? MessageReader::kLongestHello : MessageReader::kLongest;
    const auto message = reader.next(data, longest);
    const auto type = message.empty() ? reader.unfinished() : static_cast<MessageType>(message.front());
    if (type && !mayReceive(server, level, *type)) {
      // RFC 9001 §4.4: "servers MUST NOT send post-handshake TLS CertificateRequest messages, and clients
      // MUST treat receipt of such messages as a connection error of type PROTOCOL_VIOLATION."
      if (level == Level::kApplication && type == MessageType::kCertificateRequest) {
        return violation("the server asks for a certificate after the handshake");
      }
      // RFC 9001 §6: "Endpoints MUST treat the receipt of a TLS KeyUpdate message as a connection error of
      // type 0x010a".
      return failAlert(kUnexpectedMessage,
                       "unexpected TLS message of type " + std::to_string(static_cast<unsigned>(*type)));
    }
    if (reader.tooLong()) return failAlert(kDecodeError, "a TLS message is too long");
    if (message.empty()) return true;
    if (!take(level, message)) return false;
  }
  return true;
}

bool Session::Impl::inspect(std::span<const std::uint8_t> message) {
  switch (static_cast<MessageType>(message.front())) {
    case MessageType::kClientHello:
      return inspectClientHello(message);
    case MessageType::kServerHello:
      return inspectServerHello(message);
    case MessageType::kNewSessionTicket:
      return inspectTicket(message);
    default:
      return true;
  }
}

bool Session::Impl::inspectClientHello(std::span<const std::uint8_t> message) {
  // RFC 9001 §8.4: "A server SHOULD treat the receipt of a TLS ClientHello with a non-empty legacy_session_id
  // field as a connection error of type PROTOCOL_VIOLATION."
  if (hasSessionId(message)) return violation("the client asks for the compatibility mode of TLS 1.3");
  // RFC 9001 §4.2: "An endpoint MUST terminate the connection if a version of TLS older than 1.3 is
  // negotiated." Without this extension (RFC 8446 §4.2.1) one would be.
  if (!hasExtension(message, kExtensionSupportedVersions)) {
    return failAlert(kProtocolVersion, "the client does not offer TLS 1.3");
  }
  if (hasExtension(message, kExtensionEarlyData) && !hasKeyShare(message, serverContext->groups)) {
    // RFC 9001 §4.6.2: "A server will always reject 0-RTT if it sends a TLS HelloRetryRequest." GnuTLS
    // accepts it first, and then takes the second ClientHello for 0-RTT data. Without a replay filter it
    // rejects it.
    gnutls_anti_replay_enable(session, nullptr);
  }
  return true;
}

bool Session::Impl::inspectServerHello(std::span<const std::uint8_t> message) {
  // The callback of the handshake secrets needs to know it; GnuTLS says it only later.
  suite = serverHelloSuite(message.subspan(kMessageHeaderSize)).value_or(suite);
  if (!isRetryRequest(message)) return true;
  retried = true;
  // GnuTLS puts early_data into its second ClientHello as well, which RFC 8446 §4.1.2 forbids, and then runs
  // out of epochs. Tickets are used once, so the next attempt is without one.
  return earlyAlpn.empty() ||
         failAlert(kHandshakeFailure,
                   "the server asks for another key share after 0-RTT was offered; try again");
}

bool Session::Impl::inspectTicket(std::span<const std::uint8_t> message) {
  const TicketEarlyData early = ticketEarlyData(message);
  if (early == TicketEarlyData::kMalformed) return failAlert(kDecodeError, "a session ticket is malformed");
  // RFC 9001 §4.6.1: "A client MUST treat receipt of a NewSessionTicket that contains an early_data extension
  // with any other value as a connection error of type PROTOCOL_VIOLATION."
  if (early == TicketEarlyData::kWrongLimit) {
    return violation("a ticket limits 0-RTT data as only TLS over TCP does");
  }
  // Where a HelloRetryRequest was needed, it will be needed again; see inspectServerHello().
  ticketAllowsEarlyData = early == TicketEarlyData::kYes && !retried;
  return true;
}

bool Session::Impl::take(Level level, std::span<const std::uint8_t> message) {
  if (!inspect(message)) return false;
  const int result = gnutls_handshake_write(session, gnutlsLevelOf(level), message.data(), message.size());
  if (result < 0 && gnutls_error_is_fatal(result) != 0) return failLibrary(result, "TLS message");
  // Only tickets come after the handshake (mayReceive), and GnuTLS has read it by now.
  if (complete) ticketArrived = true;
  if (!pump()) return false;
  if (static_cast<MessageType>(message.front()) != MessageType::kEncryptedExtensions) return true;
  const std::optional<Failure> missing = missingExtension();
  return !missing || fail(*missing);
}

bool Session::Impl::pump() {
  if (complete) return deliver();
  const int result = gnutls_handshake(session);
  // What was made before it went wrong goes out too: the peer may need it to read our CONNECTION_CLOSE.
  if (!deliver()) return false;
  if (result == GNUTLS_E_SUCCESS) return finish();
  return gnutls_error_is_fatal(result) == 0 || failLibrary(result, "TLS handshake");
}

bool Session::Impl::finish() {
  // RFC 8446 §4.2.10: a server that accepts 0-RTT has chosen what the ticket was for. If not, the data was
  // misunderstood.
  if (!earlyAlpn.empty() && earlyDataAccepted() && alpn() != earlyAlpn) {
    return failAlert(kIllegalParameter, "the server accepts 0-RTT data for another application protocol");
  }
  complete = true;
  return true;
}

bool Session::Impl::deliver() {
  // If a handler throws, the rest is gone with this vector: nothing is delivered twice.
  for (const Note& note : std::exchange(notes, {})) {
    if (const auto* secret = std::get_if<SecretNote>(&note)) {
      events.onSecret(secret->level, secret->direction, secret->secret);
    } else if (const auto* crypto = std::get_if<CryptoNote>(&note)) {
      events.onCryptoData(crypto->level, crypto->data);
    } else if (const auto* line = std::get_if<KeyLogNote>(&note)) {
      keyLog(line->line);
    } else if (!events.onTransportParameters(*peerParameters)) {
      return fail(
          {kIllegalParameter, "the peer's QUIC transport parameters are wrong", kTransportParameterError});
    }
  }
  return true;
}

bool Session::Impl::sendTicket() {
  if (failure || !server || !complete) return false;
  const int result = gnutls_session_ticket_send(session, 1, 0);
  return deliver() && result >= 0;
}

std::vector<std::uint8_t> Session::Impl::newTicket() {
  if (!std::exchange(ticketArrived, false)) return {};
  // Without this flag the next call would wait for a ticket.
  if ((gnutls_session_get_flags(session) & GNUTLS_SFLAGS_SESSION_TICKET) == 0) return {};
  gnutls_datum_t data{};
  if (gnutls_session_get_data2(session, &data) < 0) return {};
  Ticket ticket{suite, ticketAllowsEarlyData, alpn(), {data.data, data.data + data.size}};
  gnutls_memset(data.data, 0, data.size);
  gnutls_free(data.data);
  std::vector<std::uint8_t> bytes = encodeTicket(ticket);
  gnutls_memset(ticket.session.data(), 0, ticket.session.size());
  return bytes;
}

std::string Session::Impl::alpn() const {
  gnutls_datum_t protocol{};
  if (session == nullptr || gnutls_alpn_get_selected_protocol(session, &protocol) < 0) return "";
  return {reinterpret_cast<const char*>(protocol.data), protocol.size};
}

bool Session::Impl::earlyDataAccepted() const {
  return session != nullptr && (gnutls_session_get_flags(session) & GNUTLS_SFLAGS_EARLY_DATA) != 0;
}

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::~Session() = default;

bool Session::start() { return impl_->start(); }
bool Session::feed(Level level, std::span<const std::uint8_t> data) { return impl_->feed(level, data); }
bool Session::complete() const { return impl_->complete; }
bool Session::resumed() const {
  return impl_->session != nullptr && gnutls_session_is_resumed(impl_->session) != 0;
}
bool Session::earlyDataAccepted() const { return impl_->earlyDataAccepted(); }
const std::optional<Failure>& Session::failure() const { return impl_->failure; }
std::string Session::alpn() const { return impl_->alpn(); }
CipherSuite Session::suite() const { return impl_->suite; }
bool Session::sendTicket() { return impl_->sendTicket(); }
std::vector<std::uint8_t> Session::newTicket() { return impl_->newTicket(); }

}  // namespace mqvpn::tls
