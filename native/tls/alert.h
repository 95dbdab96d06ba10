#pragma once

#include <cstdint>
#include <string>

namespace mqvpn::tls {

/// Alerts that this folder raises itself (RFC 8446 §6, RFC 7301 §3.2).
enum Alert : std::uint8_t {
  kUnexpectedMessage = 10,
  kHandshakeFailure = 40,
  kBadCertificate = 42,
  kCertificateRevoked = 44,
  kCertificateExpired = 45,
  kUnknownCa = 48,
  kIllegalParameter = 47,
  kDecodeError = 50,
  kProtocolVersion = 70,
  kInternalError = 80,
  kMissingExtension = 109,
  kNoApplicationProtocol = 120,
};

/// RFC 9001 §4.8: "The AlertDescription value is added to 0x0100 to produce a QUIC error code from the range
/// reserved for CRYPTO_ERROR".
constexpr std::uint64_t cryptoError(std::uint8_t alert) { return 0x0100u + alert; }

/// For a CONNECTION_CLOSE with CRYPTO_ERROR that a peer sent: "unknown_ca (48): the peer does not trust who
/// signed our certificate". The name alone where there is nothing to add; "alert 200" where RFC 8446 has no
/// name.
std::string describeAlert(std::uint8_t alert);

}  // namespace mqvpn::tls
