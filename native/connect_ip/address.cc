#include "connect_ip/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace mqvpn::connect_ip {

namespace {

/// The bits of byte `index` that a prefix of `length` bits covers.
std::uint8_t maskByte(unsigned length, std::size_t index) {
  const unsigned before = static_cast<unsigned>(index) * 8;
  if (length >= before + 8) return 0xff;
  if (length <= before) return 0;
  return static_cast<std::uint8_t>(0xff << (before + 8 - length));
}

}  // namespace

IpAddress IpAddress::v4(std::uint32_t value) {
  return v4(static_cast<std::uint8_t>(value >> 24), static_cast<std::uint8_t>(value >> 16),
            static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value));
}

IpAddress IpAddress::v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
  IpAddress address;
  address.version = 4;
  address.bytes = {a, b, c, d};
  return address;
}

IpAddress IpAddress::from(std::span<const std::uint8_t> bytes) {
  IpAddress address;
  if (bytes.size() != 4 && bytes.size() != 16) return address;
  address.version = bytes.size() == 4 ? 4 : 6;
  std::copy(bytes.begin(), bytes.end(), address.bytes.begin());
  return address;
}

IpAddress IpAddress::lowest(std::uint8_t version) {
  IpAddress address;
  address.version = version;
  return address;
}

IpAddress IpAddress::highest(std::uint8_t version) {
  IpAddress address = lowest(version);
  std::fill_n(address.bytes.begin(), address.size(), std::uint8_t{0xff});
  return address;
}

std::uint32_t IpAddress::v4Value() const {
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 |
         bytes[3];
}

std::optional<IpAddress> IpAddress::next() const {
  IpAddress result = *this;
  for (std::size_t i = size(); i-- > 0;)
    if (++result.bytes[i] != 0) return result;
  return std::nullopt;
}

std::optional<IpAddress> IpAddress::previous() const {
  IpAddress result = *this;
  for (std::size_t i = size(); i-- > 0;)
    if (result.bytes[i]-- != 0) return result;
  return std::nullopt;
}

std::string toString(const IpAddress& address) {
  if (address.version == 0) return "none";
  char text[INET6_ADDRSTRLEN];
  const int family = address.version == 4 ? AF_INET : AF_INET6;
  return inet_ntop(family, address.bytes.data(), text, sizeof text) == nullptr ? "none" : text;
}

std::optional<IpAddress> parseAddress(std::string_view text) {
  IpAddress address;
  const std::string terminated(text);
  if (terminated.find('\0') != std::string::npos) return std::nullopt;
  address.version = text.find(':') == std::string_view::npos ? 4 : 6;
  const int family = address.version == 4 ? AF_INET : AF_INET6;
  if (inet_pton(family, terminated.c_str(), address.bytes.data()) != 1) return std::nullopt;
  return address;
}

Prefix Prefix::host(const IpAddress& address) { return {address, static_cast<std::uint8_t>(address.bits())}; }

bool Prefix::contains(const IpAddress& other) const {
  if (other.version != address.version) return false;
  for (std::size_t i = 0; i < address.size(); ++i)
    if (((other.bytes[i] ^ address.bytes[i]) & maskByte(length, i)) != 0) return false;
  return true;
}

bool Prefix::hostBitsZero() const { return masked().address == address; }

Prefix Prefix::masked() const {
  Prefix result = *this;
  for (std::size_t i = 0; i < address.size(); ++i) result.address.bytes[i] &= maskByte(length, i);
  return result;
}

IpAddress Prefix::last() const {
  IpAddress result = address;
  for (std::size_t i = 0; i < address.size(); ++i)
    result.bytes[i] |= static_cast<std::uint8_t>(~maskByte(length, i));
  return result;
}

std::string toString(const Prefix& prefix) {
  return toString(prefix.address) + "/" + std::to_string(prefix.length);
}

std::optional<Prefix> parsePrefix(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::optional<IpAddress> address = parseAddress(text.substr(0, slash));
  if (!address) return std::nullopt;
  if (slash == std::string_view::npos) return Prefix::host(*address);
  const std::string_view digits = text.substr(slash + 1);
  unsigned length = 0;
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  if (failed != std::errc() || end != digits.data() + digits.size() || digits.size() > 3 ||
      length > address->bits())
    return std::nullopt;
  return Prefix{*address, static_cast<std::uint8_t>(length)};
}

IpRange IpRange::all(std::uint8_t version) {
  return {IpAddress::lowest(version), IpAddress::highest(version), 0};
}

IpRange IpRange::of(const Prefix& prefix, std::uint8_t protocol) {
  return {prefix.first(), prefix.last(), protocol};
}

std::string toString(const IpRange& range) {
  std::string text = toString(range.start) + "-" + toString(range.end);
  for (unsigned length = 0; length <= range.start.bits(); ++length) {
    const Prefix prefix{range.start, static_cast<std::uint8_t>(length)};
    if (prefix.first() == range.start && prefix.last() == range.end) {
      text = toString(prefix);
      break;
    }
  }
  if (range.protocol != 0) text += " protocol " + std::to_string(range.protocol);
  return text;
}

}  // namespace mqvpn::connect_ip
