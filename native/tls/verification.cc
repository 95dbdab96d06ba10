#include "tls/verification.h"

#include <arpa/inet.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>

#include <algorithm>
#include <ctime>
#include <vector>

#include "tls/alert.h"
#include "tls/context.h"

namespace mqvpn::tls {

namespace {

using Certificate = Owned<gnutls_x509_crt_t, gnutls_x509_crt_deinit>;

std::span<const std::uint8_t> leafOf(gnutls_session_t session) {
  unsigned count = 0;
  const gnutls_datum_t* chain = gnutls_certificate_get_peers(session, &count);
  if (chain == nullptr || count == 0) return {};
  return {chain[0].data, chain[0].size};
}

Certificate parse(std::span<const std::uint8_t> der) {
  gnutls_x509_crt_t raw = nullptr;
  if (der.empty() || gnutls_x509_crt_init(&raw) < 0) return nullptr;
  Certificate certificate(raw);
  const gnutls_datum_t datum{const_cast<std::uint8_t*>(der.data()), static_cast<unsigned>(der.size())};
  if (gnutls_x509_crt_import(raw, &datum, GNUTLS_X509_FMT_DER) < 0) return nullptr;
  return certificate;
}

// What a stranger wrote goes to somebody's terminal: no control characters, no novel.
std::string printable(std::string_view text) {
  constexpr std::size_t longest = 100;
  std::string out(text.substr(0, longest));
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  if (text.size() > longest) out += "…";
  return out;
}

std::string addressText(const char* bytes, std::size_t size) {
  char text[INET6_ADDRSTRLEN] = "?";
  if (size == 4) inet_ntop(AF_INET, bytes, text, sizeof text);
  if (size == 16) inet_ntop(AF_INET6, bytes, text, sizeof text);
  return text;
}

// RFC 5280 §4.2.1.6, subjectAltName: what the certificate is for.
std::string namesOf(gnutls_x509_crt_t certificate) {
  constexpr unsigned most = 5;
  std::string list;
  for (unsigned i = 0;; ++i) {
    char name[256];
    std::size_t size = sizeof name;
    const int type = gnutls_x509_crt_get_subject_alt_name(certificate, i, name, &size, nullptr);
    if (type == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE) break;
    if (type != GNUTLS_SAN_DNSNAME && type != GNUTLS_SAN_IPADDRESS) continue;
    if (!list.empty()) list += ", ";
    if (i >= most) return list + "…";
    list += type == GNUTLS_SAN_DNSNAME ? printable({name, size}) : addressText(name, size);
  }
  return list.empty() ? "no name" : list;
}

std::string issuerOf(gnutls_x509_crt_t certificate) {
  gnutls_datum_t name{};
  if (gnutls_x509_crt_get_issuer_dn2(certificate, &name) < 0) return "?";
  std::string text = printable({reinterpret_cast<const char*>(name.data), name.size});
  gnutls_free(name.data);
  return text;
}

std::string dayOf(std::time_t when) {
  std::tm parts{};
  char text[sizeof "2026-01-31 12:00 UTC"] = "?";
  if (gmtime_r(&when, &parts) != nullptr) std::strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &parts);
  return text;
}

Failure refusal(std::uint8_t alert, const std::string& why) {
  return {alert, "certificate verification failed: " + why, cryptoError(alert)};
}

}  // namespace

Fingerprint fingerprint(std::span<const std::uint8_t> der) {
  Fingerprint hash{};
  gnutls_hash_fast(GNUTLS_DIG_SHA256, der.data(), der.size(), hash.data());
  return hash;
}

std::string hex(std::span<const std::uint8_t> bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const std::uint8_t byte : bytes) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

bool isIpLiteral(const std::string& host) {
  in6_addr address;
  return inet_pton(AF_INET, host.c_str(), &address) == 1 || inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

bool matchesPin(gnutls_session_t session, const Fingerprint& pin) {
  const auto leaf = leafOf(session);
  if (leaf.empty()) return false;
  const Fingerprint seen = fingerprint(leaf);
  return gnutls_memcmp(seen.data(), pin.data(), pin.size()) == 0;
}

Failure explainRefusal(gnutls_session_t session, const ClientConfig& config, const std::string& name) {
  const auto leaf = leafOf(session);
  const Certificate certificate = parse(leaf);
  if (certificate == nullptr)
    return refusal(kBadCertificate, "the server shows no certificate that can be read");
  const std::string pin = hex(fingerprint(leaf));
  if (config.verify == ClientConfig::Verify::kPin) {
    return refusal(kBadCertificate, "the server's pin is " + pin + ", expected " + hex(config.pin));
  }

  const unsigned status = gnutls_session_get_verify_cert_status(session);
  if ((status & GNUTLS_CERT_REVOKED) != 0) return refusal(kCertificateRevoked, "it was revoked");
  if ((status & GNUTLS_CERT_SIGNER_NOT_FOUND) != 0) {
    const bool selfSigned = gnutls_x509_crt_check_issuer(certificate.get(), certificate.get()) != 0;
    const std::string who =
        selfSigned ? "it is self-signed" : "its issuer is not trusted (" + issuerOf(certificate.get()) + ")";
    return refusal(kUnknownCa, who + "; if it is the right server, trust this certificate by --pin " + pin +
                                   ", or any certificate by --insecure");
  }
  if ((status & GNUTLS_CERT_EXPIRED) != 0) {
    return refusal(kCertificateExpired, "it, or one above it, has expired (valid until " +
                                            dayOf(gnutls_x509_crt_get_expiration_time(certificate.get())) +
                                            ")");
  }
  if ((status & GNUTLS_CERT_NOT_ACTIVATED) != 0) {
    return refusal(kCertificateExpired, "it, or one above it, is not valid yet (from " +
                                            dayOf(gnutls_x509_crt_get_activation_time(certificate.get())) +
                                            "); is the clock right?");
  }
  if ((status & GNUTLS_CERT_UNEXPECTED_OWNER) != 0) {
    if (name.empty()) return refusal(kBadCertificate, "no server name was given that it could be for");
    return refusal(kBadCertificate, "the name does not match (expected " + printable(name) + ", it is for " +
                                        namesOf(certificate.get()) + ")");
  }
  gnutls_datum_t text{};
  std::string why = "status " + std::to_string(status);
  if (gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0) >= 0) {
    why.assign(reinterpret_cast<const char*>(text.data), text.size);
    while (!why.empty() && (why.back() == ' ' || why.back() == '\0')) why.pop_back();
    gnutls_free(text.data);
  }
  return refusal(kBadCertificate, why);
}

}  // namespace mqvpn::tls
