#include "tls/alert.h"

#include <string_view>

namespace mqvpn::tls {

namespace {

struct Description {
  std::uint8_t alert;
  std::string_view name;
  /// What it means when a peer says it to us.
  std::string_view meaning;
};

// RFC 8446 §6, RFC 7301 §3.2.
constexpr Description kDescriptions[] = {
    {0, "close_notify", ""},
    {10, "unexpected_message", ""},
    {20, "bad_record_mac", ""},
    {22, "record_overflow", ""},
    {40, "handshake_failure", "no cipher suite, group or signature algorithm in common"},
    {42, "bad_certificate", "the peer refuses our certificate, for example because its name is another"},
    {43, "unsupported_certificate", "the peer cannot use our kind of certificate"},
    {44, "certificate_revoked", "our certificate was revoked"},
    {45, "certificate_expired", "our certificate has expired or is not valid yet, by the peer's clock"},
    {46, "certificate_unknown", "the peer refuses our certificate"},
    {47, "illegal_parameter", ""},
    {48, "unknown_ca", "the peer does not trust who signed our certificate"},
    {49, "access_denied", ""},
    {50, "decode_error", ""},
    {51, "decrypt_error", ""},
    {70, "protocol_version", "the peer does not speak TLS 1.3"},
    {71, "insufficient_security", ""},
    {80, "internal_error", ""},
    {86, "inappropriate_fallback", ""},
    {90, "user_canceled", ""},
    {109, "missing_extension", "the peer misses an extension, for example the QUIC transport parameters"},
    {110, "unsupported_extension", ""},
    {112, "unrecognized_name", "the peer does not serve the name that we asked for"},
    {113, "bad_certificate_status_response", ""},
    {115, "unknown_psk_identity", ""},
    {116, "certificate_required", "the peer wants a client certificate"},
    {120, "no_application_protocol", "the peer speaks none of our protocols (ALPN)"},
};

}  // namespace

std::string describeAlert(std::uint8_t alert) {
  for (const Description& description : kDescriptions) {
    if (description.alert != alert) continue;
    std::string text = std::string(description.name) + " (" + std::to_string(alert) + ")";
    if (!description.meaning.empty()) text.append(": ").append(description.meaning);
    return text;
  }
  return "alert " + std::to_string(alert);
}

}  // namespace mqvpn::tls
