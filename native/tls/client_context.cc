#include <stdexcept>

#include "tls/context.h"
#include "tls/suite.h"

namespace mqvpn::tls {

namespace {

void trustSystem(gnutls_certificate_credentials_t credentials) {
  const int count = gnutls_certificate_set_x509_system_trust(credentials);
  if (count <= 0) {
    throw std::runtime_error(
        "this system has no certificates of authorities (on Debian: the package ca-certificates)" +
        (count < 0 ? std::string(": ") + gnutls_strerror(count) : std::string()));
  }
}

void trustFile(gnutls_certificate_credentials_t credentials, const ClientConfig& config) {
  const bool inMemory = !config.caPem.empty();
  const std::string pem = inMemory ? config.caPem : readPem(config.caFile);
  const std::string where = inMemory ? "the text of the CA certificates" : config.caFile;
  const gnutls_datum_t datum = datumOf({reinterpret_cast<const std::uint8_t*>(pem.data()), pem.size()});
  const int count = gnutls_certificate_set_x509_trust_mem(credentials, &datum, GNUTLS_X509_FMT_PEM);
  if (count < 0) throw std::runtime_error(where + ": " + gnutls_strerror(count));
  if (count == 0) throw std::runtime_error(where + " holds no certificate");
}

}  // namespace

ClientContext::Impl::Impl(ClientConfig clientConfig)
    : config(std::move(clientConfig)),
      priority(makePriority(config.priority)),
      credentials(makeCredentials()) {
  if (config.alpn.empty()) throw std::runtime_error("QUIC needs an application protocol (ALPN)");
  if (config.verify == ClientConfig::Verify::kSystem) trustSystem(credentials.get());
  if (config.verify == ClientConfig::Verify::kCaFile) trustFile(credentials.get(), config);
}

ClientContext::ClientContext(ClientConfig config) : impl_(std::make_unique<Impl>(std::move(config))) {}
ClientContext::~ClientContext() = default;

}  // namespace mqvpn::tls
