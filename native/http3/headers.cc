#include "http3/headers.h"

#include <algorithm>
#include <array>

namespace mqvpn::http3 {

namespace {

Error malformed(const char* reason) { return {ErrorCode::kMessageError, reason}; }

// RFC 9110 §5.6.2: tchar, without upper case (RFC 9114 §4.2).
bool isNameChar(char c) {
  if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) return true;
  return std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool isTokenChar(char c) { return isNameChar(c) || (c >= 'A' && c <= 'Z'); }

bool validName(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), isNameChar);
}

bool validToken(std::string_view value) {
  return !value.empty() && std::all_of(value.begin(), value.end(), isTokenChar);
}

// RFC 9110 §5.5: "Field values containing CR, LF, or NUL characters are invalid and dangerous".
bool validValue(std::string_view value) {
  return value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

// RFC 3986 §3.1.
bool validScheme(std::string_view scheme) {
  const auto alpha = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return !scheme.empty() && alpha(scheme[0]) && std::all_of(scheme.begin(), scheme.end(), [&](char c) {
    return alpha(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
  });
}

// RFC 9114 §4.2, RFC 9110 §7.6.1: what HTTP/1.1 uses to speak about the connection.
bool isConnectionSpecific(std::string_view name) {
  static constexpr std::array<std::string_view, 5> kNames{"connection", "keep-alive", "proxy-connection",
                                                          "transfer-encoding", "upgrade"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

Error checkRegular(std::string_view name, std::string_view value) {
  if (!validName(name)) return malformed("a field name is not lower case, or has invalid characters");
  if (isConnectionSpecific(name)) return malformed("a connection-specific field");
  // RFC 9114 §4.2: "it MUST NOT contain any value other than 'trailers'".
  if (name == "te" && value != "trailers") return malformed("te is not \"trailers\"");
  return {};
}

/// Takes the section apart: fields in front that begin with ':' go to `pseudo`, by their place in `known`.
template <std::size_t N>
Error readSection(const Headers& headers, const std::array<std::string_view, N>& known,
                  std::array<const std::string*, N>& pseudo) {
  bool regular = false;
  for (const auto& [name, value] : headers) {
    if (!validValue(value)) return malformed("a field value has invalid characters");
    if (!name.starts_with(':')) {
      regular = true;
      if (const Error error = checkRegular(name, value)) return error;
      continue;
    }
    // RFC 9114 §4.3: "All pseudo-header fields MUST appear in the header section before regular header
    // fields."
    if (regular) return malformed("a pseudo-header field after a regular one");
    const auto found = std::find(known.begin(), known.end(), name);
    if (found == known.end()) return malformed("an undefined pseudo-header field");
    const std::string*& slot = pseudo[static_cast<std::size_t>(found - known.begin())];
    if (slot != nullptr) return malformed("a pseudo-header field comes twice");
    slot = &value;
  }
  return {};
}

// RFC 9297 §3.2: "The Capsule Protocol MUST NOT be used with messages that contain Content-Length,
// Content-Type, or Transfer-Encoding header fields." The last is connection-specific anyway.
Error checkCapsuleMessage(const Headers& headers) {
  if (!capsuleProtocol(headers)) return {};
  if (findHeader(headers, "content-length") != nullptr || findHeader(headers, "content-type") != nullptr)
    return malformed("the Capsule Protocol with a field for content");
  return {};
}

// RFC 9114 §4.3.1.
Error checkAuthority(const Headers& headers, const std::string* authority, bool mandatory) {
  const std::string* host = findHeader(headers, "host");
  if (countHeader(headers, "host") > 1) return malformed("host comes twice");
  if (mandatory && authority == nullptr && host == nullptr) return malformed("no authority");
  if (authority != nullptr && authority->empty()) return malformed("an empty :authority");
  if (host != nullptr && host->empty()) return malformed("an empty host");
  if (authority != nullptr && host != nullptr && *authority != *host)
    return malformed(":authority and host differ");
  // "The authority MUST NOT include the deprecated userinfo subcomponent".
  if (authority != nullptr && authority->find('@') != std::string::npos)
    return malformed("userinfo in :authority");
  return {};
}

}  // namespace

const std::string* findHeader(const Headers& headers, std::string_view name) {
  for (const auto& [key, value] : headers)
    if (key == name) return &value;
  return nullptr;
}

std::size_t countHeader(const Headers& headers, std::string_view name) {
  return static_cast<std::size_t>(
      std::count_if(headers.begin(), headers.end(), [&](const auto& field) { return field.first == name; }));
}

std::uint64_t fieldSectionSize(const Headers& headers) {
  std::uint64_t size = 0;
  for (const auto& [name, value] : headers) size += name.size() + value.size() + 32;
  return size;
}

Error checkRequest(const Headers& headers) {
  enum { kMethod, kScheme, kAuthority, kPath, kProtocol };
  static constexpr std::array<std::string_view, 5> kKnown{":method", ":scheme", ":authority", ":path",
                                                          ":protocol"};
  std::array<const std::string*, 5> pseudo{};
  if (const Error error = readSection(headers, kKnown, pseudo)) return error;
  const auto [method, scheme, authority, path, protocol] = pseudo;
  if (method == nullptr || !validToken(*method)) return malformed("no valid :method");
  const bool connect = *method == "CONNECT";
  if (protocol != nullptr && !connect) return malformed(":protocol without CONNECT");
  if (connect && protocol == nullptr) {
    // RFC 9114 §4.4: "The :scheme and :path pseudo-header fields are omitted".
    if (scheme != nullptr || path != nullptr) return malformed("CONNECT with :scheme or :path");
    if (authority == nullptr || authority->empty()) return malformed("CONNECT without :authority");
    return checkCapsuleMessage(headers);
  }
  if (protocol != nullptr && !validToken(*protocol)) return malformed("an invalid :protocol");
  // RFC 8441 §4: "On requests that contain the :protocol pseudo-header field, the :scheme and :path
  // pseudo-header fields of the target URI MUST also be included."
  if (scheme == nullptr || !validScheme(*scheme)) return malformed("no valid :scheme");
  if (path == nullptr || path->empty()) return malformed("no :path");
  const bool http = *scheme == "https" || *scheme == "http";
  if (http && path->front() != '/' && !(*method == "OPTIONS" && *path == "*"))
    return malformed(":path is not absolute");
  if (const Error error = checkAuthority(headers, authority, http)) return error;
  return checkCapsuleMessage(headers);
}

Error checkResponse(const Headers& headers, unsigned& status) {
  static constexpr std::array<std::string_view, 1> kKnown{":status"};
  std::array<const std::string*, 1> pseudo{};
  status = 0;
  if (const Error error = readSection(headers, kKnown, pseudo)) return error;
  const std::string* text = pseudo[0];
  if (text == nullptr || text->size() != 3 ||
      !std::all_of(text->begin(), text->end(), [](char c) { return c >= '0' && c <= '9'; }))
    return malformed("no valid :status");
  for (const char digit : *text) status = status * 10 + static_cast<unsigned>(digit - '0');
  // RFC 9110 §15: "Values outside the range 100..599 are invalid."
  if (status < 100 || status > 599) return malformed(":status is not within 100..599");
  // RFC 9114 §4.5: "HTTP/3 does not support […] the 101 (Switching Protocols) informational status code".
  if (status == 101) return malformed("101 in HTTP/3");
  if (capsuleProtocol(headers)) {
    // RFC 9297 §3.2: "HTTP status codes 204 (No Content), 205 (Reset Content), and 206 (Partial Content) MUST
    // NOT be sent on responses that use the Capsule Protocol."
    if (status >= 204 && status <= 206) return malformed("the Capsule Protocol with status 204, 205 or 206");
    if (status >= 200 && status <= 299) return checkCapsuleMessage(headers);
  }
  return {};
}

Error checkTrailers(const Headers& headers) {
  // RFC 9114 §4.3: "Pseudo-header fields MUST NOT appear in trailer sections."
  std::array<std::string_view, 0> none;
  std::array<const std::string*, 0> pseudo;
  return readSection(headers, none, pseudo);
}

bool capsuleProtocol(const Headers& headers) {
  // RFC 9297 §3.4: "if this field is included multiple times, its type will become a List and the field will
  // therefore be ignored".
  if (countHeader(headers, "capsule-protocol") != 1) return false;
  std::string_view value = *findHeader(headers, "capsule-protocol");
  // RFC 8941 §4.2: leading and trailing spaces are discarded.
  while (value.starts_with(' ')) value.remove_prefix(1);
  while (value.ends_with(' ')) value.remove_suffix(1);
  if (!value.starts_with("?1")) return false;
  value.remove_prefix(2);
  // What follows a Boolean Item is nothing, or parameters; which ones does not matter.
  return value.empty() || value.starts_with(';');
}

}  // namespace mqvpn::http3
