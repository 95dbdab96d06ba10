#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "connect_ip/address.h"

namespace mqvpn::connect_ip {

/// RFC 9484 §3: the default template. It begins at the path; scheme and authority are the caller's.
constexpr std::string_view kDefaultTemplate = "/.well-known/masque/ip/{target}/{ipproto}/";

/// RFC 9484 §4.6: what a request is limited to.
struct Scope {
  enum class Kind : std::uint8_t { kAny, kPrefix, kHostname };
  Kind kind = Kind::kAny;
  Prefix prefix;
  std::string hostname;
  /// Nothing: "*".
  std::optional<std::uint8_t> protocol;

  bool unlimited() const { return kind == Kind::kAny && !protocol; }
  bool operator==(const Scope&) const = default;
};

/// RFC 6570 simple expansion of {target} and {ipproto}; other variables expand to nothing.
std::string expandTemplate(std::string_view uriTemplate, const Scope& scope);

/// Server: the scope that a request's :path names, by the default template or another one of the same form
/// (two variables, each a path segment, or in a query). Nothing: the path is of another resource, or its
/// variables break §4.6.
std::optional<Scope> parsePath(std::string_view path, std::string_view uriTemplate = kDefaultTemplate);
/// Whether the path is of this resource at all: tells 404 from 400.
bool pathMatches(std::string_view path, std::string_view uriTemplate = kDefaultTemplate);

}  // namespace mqvpn::connect_ip
