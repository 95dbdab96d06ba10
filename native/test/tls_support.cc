#include "test/tls_support.h"

#include <arpa/inet.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>

#include <algorithm>
#include <stdexcept>

namespace mqvpn::tls::test {

namespace {

void must(int result) {
  if (result < 0) throw std::runtime_error(gnutls_strerror(result));
}

std::string taken(gnutls_datum_t datum) {
  std::string text(reinterpret_cast<const char*>(datum.data), datum.size);
  gnutls_free(datum.data);
  return text;
}

gnutls_datum_t textDatum(const std::string& text) {
  return {reinterpret_cast<unsigned char*>(const_cast<char*>(text.data())),
          static_cast<unsigned>(text.size())};
}

}  // namespace

Bytes unhex(std::string_view text) {
  Bytes out;
  int half = -1;
  for (const char c : text) {
    int digit;
    if (c >= '0' && c <= '9') {
      digit = c - '0';
    } else if (c >= 'a' && c <= 'f') {
      digit = c - 'a' + 10;
    } else {
      continue;
    }
    if (half < 0) {
      half = digit;
    } else {
      out.push_back(static_cast<std::uint8_t>(half << 4 | digit));
      half = -1;
    }
  }
  return out;
}

Identity makeCertificate(const CertificateOptions& options, const Identity* issuer) {
  gnutls_x509_privkey_t key;
  gnutls_x509_crt_t crt;
  must(gnutls_x509_privkey_init(&key));
  must(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1),
                                    0));
  must(gnutls_x509_crt_init(&crt));
  must(gnutls_x509_crt_set_version(crt, 3));
  must(gnutls_x509_crt_set_key(crt, key));
  std::uint8_t serial[8];
  must(gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof serial));
  serial[0] &= 0x7f;
  must(gnutls_x509_crt_set_serial(crt, serial, sizeof serial));
  const std::time_t now = std::time(nullptr);
  must(gnutls_x509_crt_set_activation_time(crt, options.notBefore != 0 ? options.notBefore : now - 3600));
  must(gnutls_x509_crt_set_expiration_time(crt, options.notAfter != 0 ? options.notAfter : now + 86400));
  std::string commonName = options.commonName;
  if (commonName.empty()) commonName = options.authority ? "test authority" : "test server";
  must(gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, commonName.data(),
                                     static_cast<unsigned>(commonName.size())));
  for (const std::string& name : options.names) {
    must(gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, name.data(),
                                              static_cast<unsigned>(name.size()), GNUTLS_FSAN_APPEND));
  }
  for (const std::string& address : options.addresses) {
    std::uint8_t bytes[16];
    const bool v4 = inet_pton(AF_INET, address.c_str(), bytes) == 1;
    if (!v4 && inet_pton(AF_INET6, address.c_str(), bytes) != 1) throw std::runtime_error(address);
    must(gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, bytes, v4 ? 4 : 16,
                                              GNUTLS_FSAN_APPEND));
  }
  must(gnutls_x509_crt_set_basic_constraints(crt, options.authority ? 1 : 0, -1));
  must(gnutls_x509_crt_set_key_usage(crt, options.authority
                                              ? GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_DIGITAL_SIGNATURE
                                              : GNUTLS_KEY_DIGITAL_SIGNATURE));
  if (!options.authority) {
    must(gnutls_x509_crt_set_key_purpose_oid(
        crt, options.forServers ? GNUTLS_KP_TLS_WWW_SERVER : GNUTLS_KP_EMAIL_PROTECTION, 0));
  }
  if (issuer == nullptr) {
    must(gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0));
  } else {
    gnutls_x509_privkey_t issuerKey;
    gnutls_x509_crt_t issuerCrt;
    must(gnutls_x509_privkey_init(&issuerKey));
    must(gnutls_x509_crt_init(&issuerCrt));
    const gnutls_datum_t keyText = textDatum(issuer->keyPem);
    const gnutls_datum_t crtText = textDatum(issuer->certificatePem);
    must(gnutls_x509_privkey_import(issuerKey, &keyText, GNUTLS_X509_FMT_PEM));
    must(gnutls_x509_crt_import(issuerCrt, &crtText, GNUTLS_X509_FMT_PEM));
    must(gnutls_x509_crt_sign2(crt, issuerCrt, issuerKey, GNUTLS_DIG_SHA256, 0));
    gnutls_x509_crt_deinit(issuerCrt);
    gnutls_x509_privkey_deinit(issuerKey);
  }
  gnutls_datum_t certificatePem{};
  gnutls_datum_t keyPem{};
  must(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &certificatePem));
  must(gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &keyPem));
  gnutls_x509_crt_deinit(crt);
  gnutls_x509_privkey_deinit(key);
  return {taken(certificatePem), taken(keyPem)};
}

const Identity& testAuthority() {
  static const Identity authority = makeCertificate({.authority = true});
  return authority;
}

const Identity& testServer() {
  static const Identity server = makeCertificate(
      {.names = {"vpn.example"}, .addresses = {"192.0.2.1", "2001:db8::1"}}, &testAuthority());
  return server;
}

ServerConfig serverConfig() {
  ServerConfig config;
  config.certificatePem = testServer().certificatePem;
  config.keyPem = testServer().keyPem;
  return config;
}

ClientConfig clientConfig() {
  ClientConfig config;
  config.verify = ClientConfig::Verify::kCaFile;
  config.caPem = testAuthority().certificatePem;
  return config;
}

ClientConfig insecureConfig() {
  ClientConfig config;
  config.verify = ClientConfig::Verify::kInsecure;
  return config;
}

void Recorder::note(const std::string& what) { order.append(order.empty() ? "" : ", ").append(what); }

void Recorder::onSecret(Level level, Direction direction, const Secret& secret) {
  secrets.insert_or_assign({level, direction}, secret);
  note("secret " + std::to_string(static_cast<int>(level)) +
       (direction == Direction::kSend ? " send" : " receive"));
}

void Recorder::onCryptoData(Level level, std::span<const std::uint8_t> data) {
  outgoing.emplace_back(level, Bytes(data.begin(), data.end()));
  note("crypto " + std::to_string(static_cast<int>(level)));
}

bool Recorder::onTransportParameters(std::span<const std::uint8_t> encoded) {
  parameters.emplace_back(encoded.begin(), encoded.end());
  note("parameters");
  return acceptParameters;
}

const Secret* Recorder::secret(Level level, Direction direction) const {
  const auto found = secrets.find({level, direction});
  return found == secrets.end() ? nullptr : &found->second;
}

Pair::Pair(const ClientContext& clientContext, ServerContext& serverContext, const std::string& name,
           std::span<const std::uint8_t> ticket)
    : client(Session::client(clientContext, name, kClientParameters, ticket, clientEvents)),
      server(Session::server(serverContext, kServerParameters, serverEvents)) {}

void Pair::run(std::size_t piece) {
  if (!client->start()) return;
  const auto carry = [&](Recorder& from, Session& to) {
    while (!from.outgoing.empty()) {
      const auto [level, data] = std::move(from.outgoing.front());
      from.outgoing.pop_front();
      for (std::size_t at = 0; at < data.size(); at += std::min(piece, data.size() - at)) {
        if (!to.feed(level, std::span(data).subspan(at, std::min(piece, data.size() - at)))) return false;
      }
    }
    return true;
  };
  while (!clientEvents.outgoing.empty() || !serverEvents.outgoing.empty()) {
    if (!carry(clientEvents, *server) || !carry(serverEvents, *client)) return;
  }
}

Bytes ticketFrom(const ClientContext& clientContext, ServerContext& serverContext) {
  Pair pair(clientContext, serverContext);
  pair.run();
  pair.server->sendTicket();
  pair.run();
  return pair.client->newTicket();
}

bool secretsMatch(const Recorder& from, const Recorder& to, Level level) {
  const Secret* sent = from.secret(level, Direction::kSend);
  const Secret* received = to.secret(level, Direction::kReceive);
  return sent != nullptr && received != nullptr && !sent->empty() && sent->suite() == received->suite() &&
         std::ranges::equal(sent->bytes(), received->bytes());
}

}  // namespace mqvpn::tls::test
