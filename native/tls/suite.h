#pragma once

// Only the sources of this folder include this file: nobody else needs to find GnuTLS.

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include <cstddef>
#include <cstdint>
#include <optional>

#include "tls/secret.h"

namespace mqvpn::tls {

/// What a cipher suite of TLS 1.3 means for QUIC.
struct SuiteParameters {
  gnutls_cipher_algorithm_t aead;
  /// Bytes of the packet protection key and of the header protection key.
  std::size_t keySize;
  gnutls_cipher_algorithm_t headerCipher;
  gnutls_mac_algorithm_t hash;
  std::uint64_t confidentialityLimit;
  std::uint64_t integrityLimit;
};

inline const SuiteParameters& parametersOf(CipherSuite suite) {
  // RFC 9001 §6.6: "For AEAD_AES_128_GCM and AEAD_AES_256_GCM, the confidentiality limit is 2^23 encrypted
  // packets […] the integrity limit is 2^52 invalid packets". "For AEAD_CHACHA20_POLY1305, the
  // confidentiality limit is greater than the number of possible packets (2^62) and so can be disregarded.
  // […] the integrity limit is 2^36".
  constexpr std::uint64_t one = 1;
  static constexpr SuiteParameters aes128{GNUTLS_CIPHER_AES_128_GCM, 16,        GNUTLS_CIPHER_AES_128_CBC,
                                          GNUTLS_MAC_SHA256,         one << 23, one << 52};
  static constexpr SuiteParameters aes256{GNUTLS_CIPHER_AES_256_GCM, 32,        GNUTLS_CIPHER_AES_256_CBC,
                                          GNUTLS_MAC_SHA384,         one << 23, one << 52};
  static constexpr SuiteParameters chacha{GNUTLS_CIPHER_CHACHA20_POLY1305,
                                          32,
                                          GNUTLS_CIPHER_CHACHA20_32,
                                          GNUTLS_MAC_SHA256,
                                          one << 62,
                                          one << 36};
  switch (suite) {
    case CipherSuite::kAes256GcmSha384:
      return aes256;
    case CipherSuite::kChaCha20Poly1305Sha256:
      return chacha;
    case CipherSuite::kAes128GcmSha256:
      break;
  }
  return aes128;
}

/// The suite of TLS 1.3 with that AEAD; none: one that RFC 9001 or we do not use.
inline std::optional<CipherSuite> suiteOf(gnutls_cipher_algorithm_t aead) {
  switch (aead) {
    case GNUTLS_CIPHER_AES_128_GCM:
      return CipherSuite::kAes128GcmSha256;
    case GNUTLS_CIPHER_AES_256_GCM:
      return CipherSuite::kAes256GcmSha384;
    case GNUTLS_CIPHER_CHACHA20_POLY1305:
      return CipherSuite::kChaCha20Poly1305Sha256;
    default:
      return std::nullopt;
  }
}

/// The suite with that number of RFC 8446 §B.4; none: one that we do not use.
inline std::optional<CipherSuite> suiteOf(std::uint16_t number) {
  switch (static_cast<CipherSuite>(number)) {
    case CipherSuite::kAes128GcmSha256:
    case CipherSuite::kAes256GcmSha384:
    case CipherSuite::kChaCha20Poly1305Sha256:
      return static_cast<CipherSuite>(number);
  }
  return std::nullopt;
}

/// GnuTLS takes inputs through pointers to mutable memory that it does not write to.
inline gnutls_datum_t datumOf(std::span<const std::uint8_t> bytes) {
  return {const_cast<std::uint8_t*>(bytes.data()), static_cast<unsigned>(bytes.size())};
}

}  // namespace mqvpn::tls
