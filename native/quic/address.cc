#include "quic/address.h"

// Text forms of addresses only; nothing here is a system call.
#include <arpa/inet.h>

#include <charconv>
#include <limits>

namespace mqvpn::quic {

namespace {

/// Decimal digits and nothing else.
template <typename Number>
bool parseNumber(std::string_view text, Number& out) {
  std::uint64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size()) return false;
  if (value > std::numeric_limits<Number>::max()) return false;
  out = static_cast<Number>(value);
  return true;
}

}  // namespace

std::string toString(const SocketAddress& address) {
  if (address.family != 4 && address.family != 6) return "unknown";
  char host[INET6_ADDRSTRLEN] = "";
  inet_ntop(address.family == 4 ? AF_INET : AF_INET6, address.ip.data(), host, sizeof host);
  std::string text = address.family == 4 ? "" : "[";
  text.append(host);
  if (address.scope != 0) text.append("%").append(std::to_string(address.scope));
  return text.append(address.family == 4 ? ":" : "]:").append(std::to_string(address.port));
}

std::optional<SocketAddress> parseSocketAddress(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  SocketAddress address;
  if (!parseNumber(text.substr(colon + 1), address.port)) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  address.family = bracketed ? 6 : 4;
  if (bracketed) {
    host = host.substr(1, host.size() - 2);
    if (const std::size_t percent = host.find('%'); percent != std::string_view::npos) {
      if (!parseNumber(host.substr(percent + 1), address.scope)) return std::nullopt;
      host = host.substr(0, percent);
    }
  }
  // inet_pton() wants a terminated string; one with a zero inside would end early.
  if (host.find('\0') != std::string_view::npos) return std::nullopt;
  if (inet_pton(bracketed ? AF_INET6 : AF_INET, std::string(host).c_str(), address.ip.data()) != 1)
    return std::nullopt;
  return address;
}

}  // namespace mqvpn::quic
