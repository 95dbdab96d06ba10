#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "http3/headers.h"

namespace mqvpn::connect_ip {

/// Why there is no tunnel. What a user can do about it differs, so every cause has a name of its own on the
/// wire:
///
///   proxy-status: mqvpn; error=http_request_denied; details="mqvpn-refused: wrong-key"
///
/// (RFC 9209 §2: a token for the proxy, parameters `error` and `details`). Peers that do not know it see the
/// status code.
enum class Refusal : std::uint8_t {
  kNone,
  /// 401 with `www-authenticate: Bearer`: no key was given.
  kMissingKey,
  /// 401 with `www-authenticate: Bearer error="invalid_token"`. Peers also use 403.
  kWrongKey,
  /// 503: no address is free, or max-clients is reached.
  kFull,
  /// 501: `:protocol` is not connect-ip.
  kWrongProtocol,
  /// 404: the path is of no resource here.
  kNotFound,
  /// 400: target or ipproto break RFC 9484 §4.6, or the request is not one for connect-ip.
  kBadRequest,
  /// 502 with `error=dns_error`: the target is a host name, and this server resolves none.
  kUnsupportedTarget,
  /// 503: the server is about to stop, or sent GOAWAY.
  kGoingAway,
  /// Client only: the peer's SETTINGS lack ENABLE_CONNECT_PROTOCOL.
  kNoExtendedConnect,
  /// Client only: the request was reset without an answer.
  kReset,
  /// Client only: a status or an answer that says nothing we know.
  kOther,
};

/// "wrong-key", "full"…; "none" for kNone.
const char* refusalName(Refusal refusal);
unsigned refusalStatus(Refusal refusal);
/// Whether trying again later can help without anybody changing anything.
bool refusalRetryable(Refusal refusal);

/// Server: the whole response.
http3::Headers refusalHeaders(Refusal refusal);
/// Client: from the answer of any server.
Refusal judgeRefusal(unsigned status, const http3::Headers& headers);

/// Compares without telling by its time where two secrets differ; only their lengths show.
bool constantTimeEquals(std::string_view a, std::string_view b);

}  // namespace mqvpn::connect_ip
