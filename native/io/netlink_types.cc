#include "io/netlink_types.h"

#include <arpa/inet.h>

#include <charconv>

namespace mqvpn::io {

std::string toString(const IpAddress& address) {
  if (address.empty()) return "none";
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(address.family == 4 ? AF_INET : AF_INET6, address.bytes.data(), text, sizeof(text));
  return text;
}

std::string toString(const IpPrefix& prefix) {
  return toString(prefix.address) + "/" + std::to_string(prefix.length);
}

std::optional<IpAddress> parseIpAddress(std::string_view text) {
  const std::string copy(text);
  IpAddress address;
  address.family = copy.find(':') == std::string::npos ? 4 : 6;
  if (inet_pton(address.family == 4 ? AF_INET : AF_INET6, copy.c_str(), address.bytes.data()) != 1)
    return std::nullopt;
  return address;
}

std::optional<IpPrefix> parseIpPrefix(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = parseIpAddress(text.substr(0, slash));
  if (!address) return std::nullopt;
  const auto most = static_cast<std::uint8_t>(address->size() * 8);
  if (slash == std::string_view::npos) return IpPrefix{*address, most};
  const std::string_view digits = text.substr(slash + 1);
  std::uint8_t length = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  if (error != std::errc{} || end != digits.data() + digits.size() || length > most) return std::nullopt;
  return IpPrefix{*address, length};
}

}  // namespace mqvpn::io
