#include "connect_ip/template.h"

#include <algorithm>
#include <charconv>
#include <vector>

namespace mqvpn::connect_ip {

namespace {

/// A template taken apart: literal text, or the name of a variable.
struct Part {
  bool variable;
  std::string_view text;
};

std::vector<Part> split(std::string_view text) {
  std::vector<Part> parts;
  while (!text.empty()) {
    const std::size_t open = text.find('{');
    const std::size_t close = open == std::string_view::npos ? open : text.find('}', open);
    if (close == std::string_view::npos) {
      parts.push_back({false, text});
      break;
    }
    if (open > 0) parts.push_back({false, text.substr(0, open)});
    parts.push_back({true, text.substr(open + 1, close - open - 1)});
    text.remove_prefix(close + 1);
  }
  return parts;
}

bool isUnreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

// RFC 6570 §3.2.2, but for '*', which RFC 9484 §4.6 writes as it is.
std::string percentEncode(std::string_view text) {
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (isUnreserved(c) || c == '*') {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += {'%', kHex[byte >> 4], kHex[byte & 15]};
  }
  return out;
}

std::optional<std::string> percentDecode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    unsigned value = 0;
    const auto [end, failed] = std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16);
    if (failed != std::errc() || end != text.data() + i + 3) return std::nullopt;
    out += static_cast<char>(value);
    i += 2;
  }
  return out;
}

struct Variables {
  std::optional<std::string_view> target;
  std::optional<std::string_view> protocol;
};

/// Lays the path over the template. A variable goes to the next character that ends a segment or a query's
/// parameter.
bool match(std::string_view path, std::string_view uriTemplate, Variables& found) {
  for (const Part& part : split(uriTemplate)) {
    if (!part.variable) {
      if (!path.starts_with(part.text)) return false;
      path.remove_prefix(part.text.size());
      continue;
    }
    const std::string_view value = path.substr(0, path.find_first_of("/?&"));
    path.remove_prefix(value.size());
    if (part.text == "target") found.target = value;
    if (part.text == "ipproto") found.protocol = value;
  }
  return path.empty();
}

// RFC 9484 §4.6: reg-name. Decoded, and narrowed to what DNS can resolve (RFC 1035 §2.3.4: 255 octets on the
// wire).
bool isHostname(std::string_view text) {
  return !text.empty() && text.size() <= 253 &&
         std::all_of(text.begin(), text.end(), [](char c) { return isUnreserved(c) && c != '~'; });
}

bool readTarget(const std::string& text, Scope& scope) {
  if (text == "*") return true;
  if (const std::optional<Prefix> prefix = parsePrefix(text)) {
    // RFC 9484 §4.6: "the lower bits of the IP address that are not covered by the prefix length MUST all be
    // set to 0."
    if (!prefix->hostBitsZero()) return false;
    scope.kind = Scope::Kind::kPrefix;
    scope.prefix = *prefix;
    return true;
  }
  if (!isHostname(text)) return false;
  scope.kind = Scope::Kind::kHostname;
  scope.hostname = text;
  return true;
}

// RFC 9484 §4.6: "ipproto MUST represent a decimal integer between 0 and 255 inclusive or the wildcard
// value".
bool readProtocol(const std::string& text, Scope& scope) {
  if (text == "*") return true;
  unsigned value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size() || text.size() > 3 || value > 255)
    return false;
  scope.protocol = static_cast<std::uint8_t>(value);
  return true;
}

std::string targetText(const Scope& scope) {
  switch (scope.kind) {
    case Scope::Kind::kAny:
      return "*";
    case Scope::Kind::kHostname:
      return scope.hostname;
    case Scope::Kind::kPrefix:
      break;
  }
  const bool whole = scope.prefix.length == scope.prefix.address.bits();
  return whole ? toString(scope.prefix.address) : toString(scope.prefix);
}

}  // namespace

std::string expandTemplate(std::string_view uriTemplate, const Scope& scope) {
  std::string out;
  for (const Part& part : split(uriTemplate)) {
    if (!part.variable) {
      out += part.text;
    } else if (part.text == "target") {
      out += percentEncode(targetText(scope));
    } else if (part.text == "ipproto") {
      out += scope.protocol ? std::to_string(*scope.protocol) : "*";
    }
  }
  return out;
}

bool pathMatches(std::string_view path, std::string_view uriTemplate) {
  Variables found;
  return match(path, uriTemplate, found);
}

std::optional<Scope> parsePath(std::string_view path, std::string_view uriTemplate) {
  Variables found;
  if (!match(path, uriTemplate, found)) return std::nullopt;
  // RFC 9484 §4.6: "if they are not included, they are considered to carry the wildcard value".
  const std::optional<std::string> target = percentDecode(found.target.value_or("*"));
  const std::optional<std::string> protocol = percentDecode(found.protocol.value_or("*"));
  Scope scope;
  if (!target || !protocol || !readTarget(*target, scope) || !readProtocol(*protocol, scope))
    return std::nullopt;
  return scope;
}

}  // namespace mqvpn::connect_ip
