#include <gnutls/x509.h>

#include <algorithm>

#include "tls/alert.h"
#include "tls/session_impl.h"
#include "tls/suite.h"
#include "tls/ticket.h"
#include "tls/verification.h"

// How a session is set up: everything before its first byte.

namespace mqvpn::tls {

namespace {

// RFC 9001 §8.3: "Clients MUST NOT send the EndOfEarlyData message." Tickets are sent when the connection
// asks for one.
constexpr unsigned kFlags = GNUTLS_NONBLOCK | GNUTLS_NO_END_OF_EARLY_DATA | GNUTLS_NO_AUTO_SEND_TICKET;

int verifyPin(gnutls_session_t session) noexcept {
  const auto* impl = static_cast<const Session::Impl*>(gnutls_session_get_ptr(session));
  return matchesPin(session, impl->client->config.pin) ? 0 : GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR;
}

}  // namespace

Session::Impl::Impl(bool isServer, std::span<const std::uint8_t> parameters, SessionEvents& handler,
                    const std::function<void(std::string_view)>& keyLogLine,
                    const std::vector<std::string>& protocols)
    : server(isServer),
      ourParameters(parameters.begin(), parameters.end()),
      events(handler),
      keyLog(keyLogLine),
      alpnOffer(protocols) {}

Session::Impl::~Impl() {
  if (session != nullptr) gnutls_deinit(session);
}

bool Session::Impl::openCommon(unsigned flags, gnutls_priority_t priority,
                               gnutls_certificate_credentials_t credentials) {
  int result = gnutls_init(&session, flags | kFlags);
  if (result < 0) return failLibrary(result, "cannot make a TLS session");
  if (!installCallbacks())
    return failAlert(kInternalError, "GnuTLS refuses the transport parameters extension");
  result = gnutls_priority_set(session, priority);
  if (result >= 0) result = gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials);
  if (result >= 0) {
    std::vector<gnutls_datum_t> protocols;
    for (const std::string& protocol : alpnOffer) {
      protocols.push_back(datumOf({reinterpret_cast<const std::uint8_t*>(protocol.data()), protocol.size()}));
    }
    result = gnutls_alpn_set_protocols(session, protocols.data(), static_cast<unsigned>(protocols.size()),
                                       GNUTLS_ALPN_MANDATORY | GNUTLS_ALPN_SERVER_PRECEDENCE);
  }
  return result >= 0 || failLibrary(result, "cannot set up a TLS session");
}

bool Session::Impl::openClient(const ClientContext::Impl& context, const std::string& serverName,
                               std::span<const std::uint8_t> ticketBytes) {
  client = &context;
  std::optional<Ticket> ticket = decodeTicket(ticketBytes);
  if (ticket && std::ranges::find(alpnOffer, ticket->alpn) == alpnOffer.end()) ticket.reset();
  // RFC 8446 §4.2.10: for 0-RTT the server must choose the protocol of the ticket; that is likely of our
  // first alone.
  const bool early = ticket && ticket->earlyData && ticket->alpn == alpnOffer.front();
  earlyAlpn = early ? ticket->alpn : "";
  bool ok = openCommon(GNUTLS_CLIENT | (early ? unsigned{GNUTLS_ENABLE_EARLY_DATA} : 0u),
                       context.priority.get(), context.credentials.get()) &&
            nameServer(serverName) && verifyServer();
  if (ticket) {
    // What GnuTLS cannot read leads to a full handshake, as no ticket would.
    if (ok) gnutls_session_set_data(session, ticket->session.data(), ticket->session.size());
    gnutls_memset(ticket->session.data(), 0, ticket->session.size());
  }
  return ok;
}

bool Session::Impl::nameServer(const std::string& serverName) {
  name = serverName;
  // RFC 6066 §3: "The hostname is represented as a byte string using ASCII encoding without a trailing dot."
  if (name.size() > 1 && name.back() == '.') name.pop_back();
  // RFC 6066 §3: "Literal IPv4 and IPv6 addresses are not permitted in "HostName"."
  if (name.empty() || isIpLiteral(name)) return true;
  const int result = gnutls_server_name_set(session, GNUTLS_NAME_DNS, name.data(), name.size());
  return result >= 0 || failLibrary(result, "the server's name cannot be used");
}

bool Session::Impl::verifyServer() {
  switch (client->config.verify) {
    case ClientConfig::Verify::kSystem:
    case ClientConfig::Verify::kCaFile:
      // An empty name stays a name here: it matches no certificate, where no name at all would match every
      // one.
      verifyData[0].type = GNUTLS_DT_DNS_HOSTNAME;
      verifyData[0].data = reinterpret_cast<unsigned char*>(name.data());
      verifyData[1].type = GNUTLS_DT_KEY_PURPOSE_OID;
      verifyData[1].data = reinterpret_cast<unsigned char*>(const_cast<char*>(GNUTLS_KP_TLS_WWW_SERVER));
      gnutls_session_set_verify_cert2(session, verifyData, 2, 0);
      break;
    case ClientConfig::Verify::kPin:
      gnutls_session_set_verify_function(session, verifyPin);
      break;
    case ClientConfig::Verify::kInsecure:
      break;
  }
  return true;
}

bool Session::Impl::openServer(std::shared_ptr<ServerContext::Impl> shared) {
  serverContext = std::move(shared);
  ServerContext::Impl& context = *serverContext;
  if (!openCommon(GNUTLS_SERVER | (context.earlyData() ? unsigned{GNUTLS_ENABLE_EARLY_DATA} : 0u),
                  context.priority.get(), context.credentials.get())) {
    return false;
  }
  int result = gnutls_session_ticket_enable_server(session, &context.ticketKey);
  if (result >= 0 && context.earlyData()) {
    gnutls_anti_replay_enable(session, context.antiReplay.get());
    // RFC 9001 §4.6.1: "Servers MUST NOT send the early_data extension with a max_early_data_size field set
    // to any value other than 0xffffffff."
    result = gnutls_record_set_max_early_data_size(session, 0xffffffff);
  }
  return result >= 0 || failLibrary(result, "cannot set up session tickets");
}

std::unique_ptr<Session> Session::client(const ClientContext& context, const std::string& serverName,
                                         std::span<const std::uint8_t> transportParameters,
                                         std::span<const std::uint8_t> ticket, SessionEvents& events) {
  const ClientConfig& config = context.impl().config;
  auto impl = std::make_unique<Impl>(false, transportParameters, events, config.keyLog, config.alpn);
  impl->openClient(context.impl(), serverName, ticket);
  return std::unique_ptr<Session>(new Session(std::move(impl)));
}

std::unique_ptr<Session> Session::server(ServerContext& context,
                                         std::span<const std::uint8_t> transportParameters,
                                         SessionEvents& events) {
  std::shared_ptr<ServerContext::Impl> shared = context.share();
  const ServerConfig& config = shared->config;
  auto impl = std::make_unique<Impl>(true, transportParameters, events, config.keyLog, config.alpn);
  impl->openServer(std::move(shared));
  return std::unique_ptr<Session>(new Session(std::move(impl)));
}

}  // namespace mqvpn::tls
