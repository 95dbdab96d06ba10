#include "quic/errors.h"

#include <algorithm>
#include <iterator>

namespace mqvpn::quic {

namespace {

struct Name {
  std::uint64_t code;
  const char* name;
};

constexpr Name kTransportErrors[] = {
    {0x0, "NO_ERROR"},
    {0x1, "INTERNAL_ERROR"},
    {0x2, "CONNECTION_REFUSED"},
    {0x3, "FLOW_CONTROL_ERROR"},
    {0x4, "STREAM_LIMIT_ERROR"},
    {0x5, "STREAM_STATE_ERROR"},
    {0x6, "FINAL_SIZE_ERROR"},
    {0x7, "FRAME_ENCODING_ERROR"},
    {0x8, "TRANSPORT_PARAMETER_ERROR"},
    {0x9, "CONNECTION_ID_LIMIT_ERROR"},
    {0xa, "PROTOCOL_VIOLATION"},
    {0xb, "INVALID_TOKEN"},
    {0xc, "APPLICATION_ERROR"},
    {0xd, "CRYPTO_BUFFER_EXCEEDED"},
    {0xe, "KEY_UPDATE_ERROR"},
    {0xf, "AEAD_LIMIT_REACHED"},
    {0x10, "NO_VIABLE_PATH"},
    // RFC 9368 §8
    {0x11, "VERSION_NEGOTIATION_ERROR"},
    {0x3e, "APPLICATION_ABANDON_PATH"},
    {0x3e75, "PATH_RESOURCE_LIMIT_REACHED"},
    {0x3e76, "PATH_UNSTABLE_OR_POOR"},
    {0x3e77, "NO_CID_AVAILABLE_FOR_PATH"},
    // draft-ietf-quic-multipath-10 §6
    {0x1001d76d3ded42f3, "MP_PROTOCOL_VIOLATION"},
};

// RFC 8446 §6, RFC 7301 §3.2.
constexpr Name kTlsAlerts[] = {
    {0, "close_notify"},
    {10, "unexpected_message"},
    {20, "bad_record_mac"},
    {22, "record_overflow"},
    {40, "handshake_failure"},
    {42, "bad_certificate"},
    {43, "unsupported_certificate"},
    {44, "certificate_revoked"},
    {45, "certificate_expired"},
    {46, "certificate_unknown"},
    {47, "illegal_parameter"},
    {48, "unknown_ca"},
    {49, "access_denied"},
    {50, "decode_error"},
    {51, "decrypt_error"},
    {70, "protocol_version"},
    {71, "insufficient_security"},
    {80, "internal_error"},
    {86, "inappropriate_fallback"},
    {90, "user_canceled"},
    {109, "missing_extension"},
    {110, "unsupported_extension"},
    {112, "unrecognized_name"},
    {113, "bad_certificate_status_response"},
    {115, "unknown_psk_identity"},
    {116, "certificate_required"},
    {120, "no_application_protocol"},
};

template <std::size_t size>
const char* find(const Name (&names)[size], std::uint64_t code) {
  const auto* found = std::find_if(std::begin(names), std::end(names),
                                   [code](const Name& name) { return name.code == code; });
  return found == std::end(names) ? nullptr : found->name;
}

std::string hex(std::uint64_t value) {
  std::string digits;
  do {
    digits.insert(digits.begin(), "0123456789abcdef"[value & 15]);
    value >>= 4;
  } while (value > 0);
  return "0x" + digits;
}

}  // namespace

std::string transportErrorName(std::uint64_t code) {
  std::string text;
  // RFC 9000 §20.1: "A range of 256 values is reserved for carrying error codes specific to the cryptographic
  // handshake that is used."
  if (code >= 0x100 && code <= 0x1ff) {
    text.append("CRYPTO_ERROR ").append(std::to_string(code - 0x100));
    if (const char* alert = find(kTlsAlerts, code - 0x100)) text.append(": ").append(alert);
  } else {
    const char* name = find(kTransportErrors, code);
    text.append(name ? name : "unknown error");
  }
  return text.append(" (").append(hex(code)).append(")");
}

}  // namespace mqvpn::quic
