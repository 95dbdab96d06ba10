#include "tls/secret.h"

#include <gnutls/gnutls.h>

#include <algorithm>
#include <stdexcept>

namespace mqvpn::tls {

Secret::Secret(CipherSuite suite, std::span<const std::uint8_t> bytes) : suite_(suite) {
  if (bytes.size() > bytes_.size()) throw std::length_error("a TLS secret has at most 48 bytes");
  std::copy(bytes.begin(), bytes.end(), bytes_.begin());
  size_ = static_cast<std::uint8_t>(bytes.size());
}

// A plain memset of memory that dies next is removed by the optimiser; this one is not.
Secret::~Secret() { gnutls_memset(bytes_.data(), 0, bytes_.size()); }

}  // namespace mqvpn::tls
