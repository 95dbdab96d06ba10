#include "tls/context.h"

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace mqvpn::tls {

namespace {

// AES-128-GCM first: the fastest that GnuTLS has on processors with AES instructions, by a factor of seven
// over ChaCha20. X25519 and P-256 come first so that a client sends key shares for both, and peers that know
// only one of them need no HelloRetryRequest. A server takes the client's order: with its own it would answer
// a client that sends a share for P-256 only, but knows X25519 too, with a HelloRetryRequest, which costs a
// round trip. RFC 9001 §8.4: "A client MUST NOT request the use of the TLS 1.3 compatibility mode."
constexpr const char* kPriority =
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:"
    "-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:%DISABLE_TLS13_COMPAT_MODE";

}  // namespace

Credentials makeCredentials() {
  gnutls_certificate_credentials_t credentials = nullptr;
  const int result = gnutls_certificate_allocate_credentials(&credentials);
  if (result < 0) throw std::runtime_error(std::string("TLS credentials: ") + gnutls_strerror(result));
  return Credentials(credentials);
}

Priority makePriority(const std::string& additions) {
  const std::string text = additions.empty() ? kPriority : std::string(kPriority) + ":" + additions;
  gnutls_priority_t priority = nullptr;
  const char* wrongAt = nullptr;
  const int result = gnutls_priority_init(&priority, text.c_str(), &wrongAt);
  if (result < 0) {
    throw std::runtime_error(std::string("TLS priorities: ") + gnutls_strerror(result) + " at \"" +
                             (wrongAt == nullptr ? "" : wrongAt) + "\"");
  }
  return Priority(priority);
}

std::vector<std::uint16_t> groupsOf(gnutls_priority_t priority) {
  const unsigned* ids = nullptr;
  const int count = gnutls_priority_group_list(priority, &ids);
  std::vector<std::uint16_t> groups;
  for (int i = 0; i < count; ++i) {
    switch (ids[i]) {
      case GNUTLS_GROUP_SECP256R1:
        groups.push_back(23);
        break;
      case GNUTLS_GROUP_SECP384R1:
        groups.push_back(24);
        break;
      case GNUTLS_GROUP_X25519:
        groups.push_back(29);
        break;
      default:
        break;
    }
  }
  return groups;
}

std::string readPem(const std::string& file) {
  gnutls_datum_t data{};
  errno = 0;
  const int result = gnutls_load_file(file.c_str(), &data);
  if (result < 0) {
    const int cause = errno;
    throw std::runtime_error("cannot read " + file + ": " +
                             (cause != 0 ? std::strerror(cause) : gnutls_strerror(result)));
  }
  std::string text(reinterpret_cast<const char*>(data.data), data.size);
  // It may be a private key.
  gnutls_memset(data.data, 0, data.size);
  gnutls_free(data.data);
  return text;
}

}  // namespace mqvpn::tls
