#include "connect_ip/refusal.h"

#include <algorithm>
#include <array>

namespace mqvpn::connect_ip {

namespace {

struct Row {
  Refusal refusal;
  const char* name;
  /// 0: never sent.
  unsigned status;
  /// RFC 9209 §2.3.
  const char* error;
  bool retryable;
};

constexpr std::array<Row, 12> kRows{{
    {Refusal::kNone, "none", 200, "", false},
    {Refusal::kMissingKey, "missing-key", 401, "http_request_denied", false},
    {Refusal::kWrongKey, "wrong-key", 401, "http_request_denied", false},
    {Refusal::kFull, "full", 503, "connection_limit_reached", true},
    {Refusal::kWrongProtocol, "wrong-protocol", 501, "http_request_error", false},
    {Refusal::kNotFound, "not-found", 404, "http_request_error", false},
    {Refusal::kBadRequest, "bad-request", 400, "http_request_error", false},
    {Refusal::kUnsupportedTarget, "unsupported-target", 502, "dns_error", false},
    {Refusal::kGoingAway, "going-away", 503, "destination_unavailable", true},
    {Refusal::kNoExtendedConnect, "no-extended-connect", 0, "", false},
    {Refusal::kReset, "reset", 0, "", true},
    {Refusal::kOther, "other", 0, "", true},
}};

const Row& rowOf(Refusal refusal) { return kRows[static_cast<std::size_t>(refusal)]; }

/// In front of the name, inside `details`.
constexpr std::string_view kMark = "mqvpn-refused: ";

Refusal fromProxyStatus(const http3::Headers& headers) {
  for (const auto& [name, value] : headers) {
    const std::size_t mark = name == "proxy-status" ? value.find(kMark) : std::string::npos;
    if (mark == std::string::npos) continue;
    const std::string_view rest = std::string_view(value).substr(mark + kMark.size());
    const std::string_view word = rest.substr(0, rest.find('"'));
    for (const Row& row : kRows)
      if (row.status >= 300 && word == row.name) return row.refusal;
  }
  return Refusal::kNone;
}

}  // namespace

const char* refusalName(Refusal refusal) { return rowOf(refusal).name; }

unsigned refusalStatus(Refusal refusal) { return rowOf(refusal).status; }

bool refusalRetryable(Refusal refusal) { return rowOf(refusal).retryable; }

http3::Headers refusalHeaders(Refusal refusal) {
  const Row& row = rowOf(refusal);
  http3::Headers headers{{":status", std::to_string(row.status)},
                         {"proxy-status", std::string("mqvpn; error=") + row.error + "; details=\"" +
                                              std::string(kMark) + row.name + "\""}};
  // RFC 9110 §15.5.2: "The server generating a 401 response MUST send a WWW-Authenticate header field"; its
  // content is that of RFC 6750 §3.
  if (refusal == Refusal::kMissingKey) headers.emplace_back("www-authenticate", "Bearer realm=\"mqvpn\"");
  if (refusal == Refusal::kWrongKey)
    headers.emplace_back("www-authenticate", "Bearer realm=\"mqvpn\", error=\"invalid_token\"");
  return headers;
}

Refusal judgeRefusal(unsigned status, const http3::Headers& headers) {
  if (const Refusal told = fromProxyStatus(headers); told != Refusal::kNone) return told;
  switch (status) {
    case 400:
      return Refusal::kBadRequest;
    case 401:
    case 403:
    case 407:
      return Refusal::kWrongKey;
    case 404:
      return Refusal::kNotFound;
    case 429:
    case 503:
      return Refusal::kFull;
    case 501:
      return Refusal::kWrongProtocol;
    default:
      return Refusal::kOther;
  }
}

bool constantTimeEquals(std::string_view a, std::string_view b) {
  // volatile: the compiler may not leave the loop early.
  volatile unsigned different = a.size() == b.size() ? 0 : 1;
  const std::size_t size = std::min(a.size(), b.size());
  for (std::size_t i = 0; i < size; ++i)
    different = different | static_cast<unsigned>(static_cast<unsigned char>(a[i] ^ b[i]));
  return different == 0;
}

}  // namespace mqvpn::connect_ip
