#include "tls/mac.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include <stdexcept>

namespace mqvpn::tls {

Mac hmacSha256(std::span<const std::uint8_t> key, std::span<const std::uint8_t> data) {
  Mac mac;
  if (gnutls_hmac_fast(GNUTLS_MAC_SHA256, key.data(), key.size(), data.data(), data.size(), mac.data()) != 0)
    throw std::runtime_error("GnuTLS cannot compute HMAC-SHA-256");
  return mac;
}

bool constantTimeEquals(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
  return a.size() == b.size() && (a.empty() || gnutls_memcmp(a.data(), b.data(), a.size()) == 0);
}

void randomBytes(std::span<std::uint8_t> out) {
  if (out.empty()) return;
  if (gnutls_rnd(GNUTLS_RND_KEY, out.data(), out.size()) != 0)
    throw std::runtime_error("GnuTLS has no random numbers");
}

}  // namespace mqvpn::tls
