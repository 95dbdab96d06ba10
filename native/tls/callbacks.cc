#include <gnutls/gnutls.h>

#include <array>

#include "tls/alert.h"
#include "tls/session_impl.h"
#include "tls/suite.h"
#include "tls/verification.h"

// All are noexcept: an exception must not cross the C frames of GnuTLS, and only memory that has run out
// could raise one.

namespace mqvpn::tls {

namespace {

Session::Impl& implOf(gnutls_session_t session) {
  return *static_cast<Session::Impl*>(gnutls_session_get_ptr(session));
}

Level levelOf(gnutls_record_encryption_level_t level) {
  switch (level) {
    case GNUTLS_ENCRYPTION_LEVEL_EARLY:
      return Level::kEarly;
    case GNUTLS_ENCRYPTION_LEVEL_HANDSHAKE:
      return Level::kHandshake;
    case GNUTLS_ENCRYPTION_LEVEL_APPLICATION:
      return Level::kApplication;
    case GNUTLS_ENCRYPTION_LEVEL_INITIAL:
      break;
  }
  return Level::kInitial;
}

int onSecret(gnutls_session_t session, gnutls_record_encryption_level_t gnutlsLevel, const void* read,
             const void* write, std::size_t size) noexcept {
  Session::Impl& impl = implOf(session);
  const Level level = levelOf(gnutlsLevel);
  CipherSuite suite = impl.suite;
  if (level == Level::kEarly) {
    // 0-RTT is protected with the suite of the session that is resumed; no ServerHello has chosen one yet.
    const auto early = suiteOf(gnutls_early_cipher_get(session));
    if (!early) return GNUTLS_E_INTERNAL_ERROR;
    suite = *early;
  }
  const auto note = [&](const void* secret, Direction direction) {
    if (secret == nullptr) return;
    impl.notes.emplace_back(
        SecretNote{level, direction, Secret(suite, {static_cast<const std::uint8_t*>(secret), size})});
    if (direction == Direction::kReceive && level != Level::kEarly) impl.readLevel = level;
  };
  note(read, Direction::kReceive);
  note(write, Direction::kSend);
  return 0;
}

int onHandshakeData(gnutls_session_t session, gnutls_record_encryption_level_t gnutlsLevel,
                    gnutls_handshake_description_t type, const void* bytes, std::size_t size) noexcept {
  // RFC 9001 §8.4: "QUIC also provides no means to carry a change_cipher_spec record." It is no handshake
  // message.
  if (type == GNUTLS_HANDSHAKE_CHANGE_CIPHER_SPEC) return 0;
  Session::Impl& impl = implOf(session);
  const std::span<const std::uint8_t> data(static_cast<const std::uint8_t*>(bytes), size);
  const Level level = levelOf(gnutlsLevel);
  // A flight is one piece per level.
  CryptoNote* last = impl.notes.empty() ? nullptr : std::get_if<CryptoNote>(&impl.notes.back());
  if (last == nullptr || last->level != level) {
    last = &std::get<CryptoNote>(impl.notes.emplace_back(CryptoNote{level, {}}));
  }
  last->data.insert(last->data.end(), data.begin(), data.end());
  return 0;
}

int onAlert(gnutls_session_t session, gnutls_record_encryption_level_t, gnutls_alert_level_t,
            gnutls_alert_description_t description) noexcept {
  Session::Impl& impl = implOf(session);
  // RFC 9001 §4.8: "a QUIC endpoint MUST treat any alert from TLS as if it were at the "fatal" level."
  const auto alert = static_cast<std::uint8_t>(description);
  if (!impl.refusal) impl.refusal = Failure{alert, "TLS: " + describeAlert(alert), cryptoError(alert)};
  return 0;
}

int sendTransportParameters(gnutls_session_t session, gnutls_buffer_t extension) noexcept {
  const Session::Impl& impl = implOf(session);
  const int result =
      gnutls_buffer_append_data(extension, impl.ourParameters.data(), impl.ourParameters.size());
  return result < 0 ? result : static_cast<int>(impl.ourParameters.size());
}

int receiveTransportParameters(gnutls_session_t session, const unsigned char* data,
                               std::size_t size) noexcept {
  Session::Impl& impl = implOf(session);
  std::vector<std::uint8_t> parameters(data, data + size);
  if (impl.peerParameters) {
    // The second ClientHello, after a HelloRetryRequest. RFC 8446 §4.1.2 lists what may differ; this is not
    // on the list.
    return parameters == *impl.peerParameters ? 0 : GNUTLS_E_RECEIVED_ILLEGAL_PARAMETER;
  }
  impl.peerParameters = std::move(parameters);
  impl.notes.emplace_back(ParametersNote{});
  return 0;
}

// Servers: after a message was read or written, whole, and before what it leads to. `body` has no header.
int onMessage(gnutls_session_t session, unsigned type, unsigned, unsigned incoming,
              const gnutls_datum_t* body) noexcept {
  Session::Impl& impl = implOf(session);
  if (incoming == 0 && type == GNUTLS_HANDSHAKE_SERVER_HELLO) {
    // The callback of the handshake secrets is next. gnutls_cipher_get() would tell it the suite of 0-RTT
    // packets.
    impl.suite = serverHelloSuite({body->data, body->size}).value_or(impl.suite);
  }
  if (incoming != 0 && type == GNUTLS_HANDSHAKE_CLIENT_HELLO) {
    impl.refusal = impl.missingExtension();
    if (impl.refusal) return GNUTLS_E_RECEIVED_ILLEGAL_EXTENSION;
  }
  return 0;
}

int noteKeyLog(gnutls_session_t session, const char* label, const gnutls_datum_t* secret) noexcept {
  Session::Impl& impl = implOf(session);
  if (!impl.keyLog) return 0;
  gnutls_datum_t clientRandom{};
  gnutls_datum_t serverRandom{};
  gnutls_session_get_random(session, &clientRandom, &serverRandom);
  impl.notes.emplace_back(KeyLogNote{std::string(label) + " " + hex({clientRandom.data, clientRandom.size}) +
                                     " " + hex({secret->data, secret->size})});
  return 0;
}

}  // namespace

bool Session::Impl::installCallbacks() {
  gnutls_session_set_ptr(session, this);
  gnutls_handshake_set_secret_function(session, onSecret);
  gnutls_handshake_set_read_function(session, onHandshakeData);
  gnutls_alert_set_read_function(session, onAlert);
  if (server) gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_ANY, GNUTLS_HOOK_POST, onMessage);
  // Always, because GnuTLS's own function writes secrets to a file when the environment says so.
  gnutls_session_set_keylog_function(session, noteKeyLog);
  // RFC 9001 §8.2: "The quic_transport_parameters extension is carried in the ClientHello and the
  // EncryptedExtensions".
  return gnutls_session_ext_register(
             session, "quic_transport_parameters", kTransportParametersExtension, GNUTLS_EXT_TLS,
             receiveTransportParameters, sendTransportParameters, nullptr, nullptr, nullptr,
             GNUTLS_EXT_FLAG_TLS | GNUTLS_EXT_FLAG_CLIENT_HELLO | GNUTLS_EXT_FLAG_EE) >= 0;
}

}  // namespace mqvpn::tls
