#include "tls/key_schedule.h"

#include <sys/uio.h>

#include <algorithm>
#include <stdexcept>
#include <string>

#include "tls/suite.h"

namespace mqvpn::tls {

namespace {

// RFC 9001 §5.2: "initial_salt = 0x38762cf7f55934b34d179ae6a4c80cadccbb7f0a"
constexpr std::array<std::uint8_t, 20> kInitialSalt{0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34,
                                                    0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8,
                                                    0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a};
// RFC 9001 §5.8: "The secret key, K, is 128 bits equal to 0xbe0c690b9f66575a1d766b54e368c84e."
constexpr std::array<std::uint8_t, 16> kRetryKey{0xbe, 0x0c, 0x69, 0x0b, 0x9f, 0x66, 0x57, 0x5a,
                                                 0x1d, 0x76, 0x6b, 0x54, 0xe3, 0x68, 0xc8, 0x4e};
// RFC 9001 §5.8: "The nonce, N, is 96 bits equal to 0x461599d35d632bf2239825bb."
constexpr std::array<std::uint8_t, 12> kRetryNonce{0x46, 0x15, 0x99, 0xd3, 0x5d, 0x63,
                                                   0x2b, 0xf2, 0x23, 0x98, 0x25, 0xbb};

// Only a library that is broken or out of memory fails here: no input reaches these calls unchecked.
void check(int result, const char* what) {
  if (result < 0) throw std::runtime_error(std::string(what) + ": " + gnutls_strerror(result));
}

}  // namespace

void expandLabel(const Secret& secret, std::string_view label, std::span<std::uint8_t> out) {
  // RFC 8446 §7.1: "struct { uint16 length = Length; opaque label<7..255> = "tls13 " + Label;
  // opaque context<0..255> = Context; } HkdfLabel;"
  constexpr std::string_view prefix = "tls13 ";
  constexpr std::size_t longest = 255;
  if (prefix.size() + label.size() > longest) throw std::length_error("HKDF label too long");
  std::array<std::uint8_t, 2 + 1 + longest + 1> info{};
  std::size_t size = 0;
  info[size++] = static_cast<std::uint8_t>(out.size() >> 8);
  info[size++] = static_cast<std::uint8_t>(out.size());
  info[size++] = static_cast<std::uint8_t>(prefix.size() + label.size());
  for (const std::string_view part : {prefix, label}) {
    for (const char c : part) info[size++] = static_cast<std::uint8_t>(c);
  }
  info[size++] = 0;  // No context.
  const gnutls_datum_t key = datumOf(secret.bytes());
  const gnutls_datum_t datum = datumOf({info.data(), size});
  check(gnutls_hkdf_expand(parametersOf(secret.suite()).hash, &key, &datum, out.data(), out.size()),
        "HKDF-Expand");
}

InitialSecrets initialSecrets(std::span<const std::uint8_t> destinationConnectionId) {
  // RFC 9001 §5.2: "The hash function for HKDF when deriving initial secrets and keys is SHA-256"
  constexpr CipherSuite suite = CipherSuite::kAes128GcmSha256;
  constexpr std::size_t size = 32;
  std::array<std::uint8_t, size> bytes{};
  const gnutls_datum_t key = datumOf(destinationConnectionId);
  const gnutls_datum_t salt = datumOf(kInitialSalt);
  check(gnutls_hkdf_extract(GNUTLS_MAC_SHA256, &key, &salt, bytes.data()), "HKDF-Extract");
  const Secret initial(suite, bytes);
  expandLabel(initial, "client in", bytes);
  const Secret client(suite, bytes);
  expandLabel(initial, "server in", bytes);
  return {client, Secret(suite, bytes)};
}

Secret nextSecret(const Secret& secret) {
  std::array<std::uint8_t, 48> bytes{};
  const std::span<std::uint8_t> next(bytes.data(), secret.bytes().size());
  expandLabel(secret, "quic ku", next);
  const Secret result(secret.suite(), next);
  gnutls_memset(bytes.data(), 0, bytes.size());
  return result;
}

std::array<std::uint8_t, kRetryTagSize> retryIntegrityTag(
    std::span<const std::uint8_t> originalDestinationConnectionId, std::span<const std::uint8_t> retry) {
  const gnutls_datum_t key = datumOf(kRetryKey);
  gnutls_aead_cipher_hd_t cipher = nullptr;
  check(gnutls_aead_cipher_init(&cipher, GNUTLS_CIPHER_AES_128_GCM, &key), "AES-128-GCM");
  // RFC 9001 §5.8: "The Retry Pseudo-Packet is not sent over the wire. It is computed by taking the
  // transmitted Retry packet, removing the Retry Integrity Tag, and prepending the two following fields:
  // ODCID Length […] Original Destination Connection ID". It is the associated data of an empty plaintext.
  std::uint8_t length = static_cast<std::uint8_t>(originalDestinationConnectionId.size());
  const auto piece = [](std::span<const std::uint8_t> bytes) {
    return giovec_t{const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
  };
  const std::array<giovec_t, 3> pseudoPacket{giovec_t{&length, 1}, piece(originalDestinationConnectionId),
                                             piece(retry)};
  std::array<std::uint8_t, kRetryTagSize> tag{};
  std::size_t tagSize = tag.size();
  const int result =
      gnutls_aead_cipher_encryptv2(cipher, kRetryNonce.data(), kRetryNonce.size(), pseudoPacket.data(),
                                   static_cast<int>(pseudoPacket.size()), nullptr, 0, tag.data(), &tagSize);
  gnutls_aead_cipher_deinit(cipher);
  check(result, "the Retry integrity tag");
  return tag;
}

}  // namespace mqvpn::tls
