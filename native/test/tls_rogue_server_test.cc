// A client meets a server that leaves out what QUIC asks for. Our own server cannot be talked into that.

#include <doctest/doctest.h>
#include <gnutls/gnutls.h>

#include "test/tls_support.h"
#include "tls/alert.h"

using namespace mqvpn::tls;
using namespace mqvpn::tls::test;

namespace {

/// A TLS server on bare GnuTLS.
class RogueServer {
 public:
  RogueServer(bool withAlpn, bool withParameters) {
    gnutls_certificate_allocate_credentials(&credentials_);
    const auto datum = [](const std::string& text) {
      return gnutls_datum_t{reinterpret_cast<unsigned char*>(const_cast<char*>(text.data())),
                            static_cast<unsigned>(text.size())};
    };
    const gnutls_datum_t certificate = datum(testServer().certificatePem);
    const gnutls_datum_t key = datum(testServer().keyPem);
    REQUIRE(gnutls_certificate_set_x509_key_mem(credentials_, &certificate, &key, GNUTLS_X509_FMT_PEM) >= 0);
    REQUIRE(gnutls_init(&session_, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_AUTO_SEND_TICKET) == 0);
    gnutls_session_set_ptr(session_, this);
    gnutls_priority_set_direct(session_, "NORMAL:-VERS-ALL:+VERS-TLS1.3:%DISABLE_TLS13_COMPAT_MODE", nullptr);
    gnutls_credentials_set(session_, GNUTLS_CRD_CERTIFICATE, credentials_);
    gnutls_handshake_set_secret_function(session_, [](gnutls_session_t, gnutls_record_encryption_level_t,
                                                      const void*, const void*, std::size_t) { return 0; });
    gnutls_alert_set_read_function(
        session_, [](gnutls_session_t, gnutls_record_encryption_level_t, gnutls_alert_level_t,
                     gnutls_alert_description_t) { return 0; });
    gnutls_handshake_set_read_function(
        session_, [](gnutls_session_t session, gnutls_record_encryption_level_t level,
                     gnutls_handshake_description_t, const void* data, std::size_t size) {
          const auto* bytes = static_cast<const std::uint8_t*>(data);
          static_cast<RogueServer*>(gnutls_session_get_ptr(session))
              ->outgoing.emplace_back(
                  level == GNUTLS_ENCRYPTION_LEVEL_INITIAL ? Level::kInitial : Level::kHandshake,
                  Bytes(bytes, bytes + size));
          return 0;
        });
    if (withAlpn) {
      const std::string name = "h3";
      const gnutls_datum_t protocol = datum(name);
      gnutls_alpn_set_protocols(session_, &protocol, 1, 0);
    }
    if (withParameters) {
      gnutls_session_ext_register(
          session_, "quic_transport_parameters", 0x39, GNUTLS_EXT_TLS,
          [](gnutls_session_t, const unsigned char*, std::size_t) { return 0; },
          [](gnutls_session_t, gnutls_buffer_t extension) {
            gnutls_buffer_append_data(extension, kServerParameters.data(), kServerParameters.size());
            return static_cast<int>(kServerParameters.size());
          },
          nullptr, nullptr, nullptr, GNUTLS_EXT_FLAG_TLS | GNUTLS_EXT_FLAG_CLIENT_HELLO | GNUTLS_EXT_FLAG_EE);
    }
  }
  RogueServer(const RogueServer&) = delete;
  RogueServer& operator=(const RogueServer&) = delete;
  ~RogueServer() {
    gnutls_deinit(session_);
    gnutls_certificate_free_credentials(credentials_);
  }

  void answer(const Bytes& clientHello) {
    gnutls_handshake_write(session_, GNUTLS_ENCRYPTION_LEVEL_INITIAL, clientHello.data(), clientHello.size());
    REQUIRE(gnutls_handshake(session_) == GNUTLS_E_AGAIN);
  }

  std::vector<std::pair<Level, Bytes>> outgoing;

 private:
  gnutls_certificate_credentials_t credentials_ = nullptr;
  gnutls_session_t session_ = nullptr;
};

/// How a client ends that meets such a server.
std::optional<Failure> meet(bool withAlpn, bool withParameters) {
  const ClientContext context(clientConfig());
  Recorder events;
  const auto client = Session::client(context, "vpn.example", kClientParameters, {}, events);
  REQUIRE(client->start());
  RogueServer server(withAlpn, withParameters);
  server.answer(events.outgoing.front().second);
  for (const auto& [level, data] : server.outgoing) {
    if (!client->feed(level, data)) break;
  }
  CHECK(client->complete() != client->failure().has_value());
  CHECK((events.secret(Level::kApplication, Direction::kSend) != nullptr) == client->complete());
  return client->failure();
}

}  // namespace

TEST_CASE("a client fails with no_application_protocol when the server chooses none") {
  const auto failure = meet(false, true);
  REQUIRE(failure);
  CHECK(failure->errorCode == 0x178);
}

TEST_CASE("a client fails with missing_extension when the server has no transport parameters") {
  const auto failure = meet(true, false);
  REQUIRE(failure);
  CHECK(failure->errorCode == 0x16d);
}

TEST_CASE("a client completes with a server on bare GnuTLS that leaves out neither") {
  CHECK_FALSE(meet(true, true));
}
