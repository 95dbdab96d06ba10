#include <gnutls/abstract.h>
#include <gnutls/x509.h>

#include <limits>
#include <stdexcept>

#include "tls/context.h"
#include "tls/suite.h"
#include "tls/verification.h"

namespace mqvpn::tls {

namespace {

gnutls_datum_t textDatum(const std::string& text) {
  return datumOf({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

// gnutls_certificate_set_x509_key_mem2 does not tell which of its two inputs is wrong. These do.
void checkCertificate(const std::string& pem, const std::string& where) {
  const gnutls_datum_t datum = textDatum(pem);
  gnutls_x509_crt_t* chain = nullptr;
  unsigned count = 0;
  const int result = gnutls_x509_crt_list_import2(&chain, &count, &datum, GNUTLS_X509_FMT_PEM, 0);
  if (result < 0) throw std::runtime_error(where + " is not a PEM certificate: " + gnutls_strerror(result));
  for (unsigned i = 0; i < count; ++i) gnutls_x509_crt_deinit(chain[i]);
  gnutls_free(chain);
  if (count == 0) throw std::runtime_error(where + " holds no certificate");
}

void checkKey(const std::string& pem, const std::string& where) {
  const gnutls_datum_t datum = textDatum(pem);
  gnutls_privkey_t key = nullptr;
  int result = gnutls_privkey_init(&key);
  if (result >= 0) {
    result = gnutls_privkey_import_x509_raw(key, &datum, GNUTLS_X509_FMT_PEM, nullptr, 0);
    gnutls_privkey_deinit(key);
  }
  if (result < 0) {
    throw std::runtime_error(where +
                             " is not a PEM private key without a password: " + gnutls_strerror(result));
  }
}

void useCertificate(gnutls_certificate_credentials_t credentials, const ServerConfig& config) {
  const bool inMemory = !config.certificatePem.empty();
  const std::string certificate = inMemory ? config.certificatePem : readPem(config.certificateFile);
  std::string key = inMemory ? config.keyPem : readPem(config.keyFile);
  const std::string certificateName = inMemory ? "the text of the certificate" : config.certificateFile;
  const std::string keyName = inMemory ? "the text of the key" : config.keyFile;
  checkCertificate(certificate, certificateName);
  checkKey(key, keyName);
  const gnutls_datum_t certificateDatum = textDatum(certificate);
  const gnutls_datum_t keyDatum = textDatum(key);
  const int result = gnutls_certificate_set_x509_key_mem2(credentials, &certificateDatum, &keyDatum,
                                                          GNUTLS_X509_FMT_PEM, nullptr, 0);
  gnutls_memset(key.data(), 0, key.size());
  if (result == GNUTLS_E_CERTIFICATE_KEY_MISMATCH) {
    throw std::runtime_error("the key " + keyName + " does not belong to the certificate " + certificateName);
  }
  if (result < 0) throw std::runtime_error(certificateName + ", " + keyName + ": " + gnutls_strerror(result));
}

// Called by GnuTLS in the middle of a handshake, possibly on several threads. `key` ends with the PSK binder.
int addClientHello(void* filter, time_t expires, const gnutls_datum_t* key, const gnutls_datum_t*) noexcept {
  const bool added = static_cast<ReplayFilter*>(filter)->add(expires, {key->data, key->size});
  return added ? 0 : GNUTLS_E_DB_ENTRY_EXISTS;
}

AntiReplay makeAntiReplay(ReplayFilter& filter) {
  gnutls_anti_replay_t antiReplay = nullptr;
  const int result = gnutls_anti_replay_init(&antiReplay);
  if (result < 0) throw std::runtime_error(std::string("anti-replay: ") + gnutls_strerror(result));
  // At the end of each window GnuTLS starts a new one and refuses 0-RTT to every ticket from before: with its
  // 10 s, hardly any ticket would ever be good for 0-RTT. The longest window (49 days; the difference that is
  // compared with it has 32 bits and cannot be larger) never ends. ReplayFilter therefore remembers as long
  // as tickets can be used. That no new window starts also means that sessions only read this object, so that
  // threads may share it.
  gnutls_anti_replay_set_window(antiReplay, std::numeric_limits<unsigned>::max());
  gnutls_anti_replay_set_ptr(antiReplay, &filter);
  gnutls_anti_replay_set_add_function(antiReplay, addClientHello);
  return AntiReplay(antiReplay);
}

}  // namespace

ServerContext::Impl::Impl(ServerConfig serverConfig)
    : config(std::move(serverConfig)),
      priority(makePriority(config.priority)),
      groups(groupsOf(priority.get())),
      credentials(makeCredentials()),
      antiReplay(makeAntiReplay(replayFilter)) {
  if (config.alpn.empty()) throw std::runtime_error("QUIC needs an application protocol (ALPN)");
  useCertificate(credentials.get(), config);
  // GnuTLS has its own copy; ours need not stay in memory.
  gnutls_memset(config.keyPem.data(), 0, config.keyPem.size());
  config.keyPem.clear();
  const int result = gnutls_session_ticket_key_generate(&ticketKey);
  if (result < 0) throw std::runtime_error(std::string("session ticket key: ") + gnutls_strerror(result));
}

ServerContext::Impl::~Impl() {
  gnutls_memset(ticketKey.data, 0, ticketKey.size);
  gnutls_free(ticketKey.data);
}

ServerContext::ServerContext(ServerConfig config) : impl_(std::make_shared<Impl>(std::move(config))) {}
ServerContext::~ServerContext() = default;

void ServerContext::replace(ServerConfig config) { impl_ = std::make_shared<Impl>(std::move(config)); }

std::array<std::uint8_t, 32> ServerContext::pin() const {
  gnutls_datum_t leaf{};
  if (gnutls_certificate_get_crt_raw(impl_->credentials.get(), 0, 0, &leaf) < 0) return {};
  return fingerprint({leaf.data, leaf.size});
}

}  // namespace mqvpn::tls
