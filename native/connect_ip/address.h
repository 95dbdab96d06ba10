#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace mqvpn::connect_ip {

/// An inner address. IPv4 takes the first four bytes; the rest is 0.
struct IpAddress {
  /// 4, 6, or 0: none.
  std::uint8_t version = 0;
  /// Network order.
  std::array<std::uint8_t, 16> bytes{};

  static IpAddress v4(std::uint32_t value);
  static IpAddress v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d);
  /// `bytes` are 4 or 16.
  static IpAddress from(std::span<const std::uint8_t> bytes);
  static IpAddress lowest(std::uint8_t version);
  static IpAddress highest(std::uint8_t version);

  /// Bytes: 4 or 16.
  std::size_t size() const { return version == 4 ? 4 : 16; }
  unsigned bits() const { return version == 4 ? 32 : 128; }
  std::span<const std::uint8_t> data() const { return std::span(bytes).first(size()); }
  /// Host order; IPv4 only.
  std::uint32_t v4Value() const;
  /// One up or down; nothing beyond the end of the family.
  std::optional<IpAddress> next() const;
  std::optional<IpAddress> previous() const;
  bool isZero() const { return bytes == std::array<std::uint8_t, 16>{}; }

  auto operator<=>(const IpAddress&) const = default;
};

/// "10.0.0.2", "fd00::2" (RFC 5952).
std::string toString(const IpAddress& address);
/// IPv4 in four decimal parts, IPv6 as RFC 4291 §2.2; no zone.
std::optional<IpAddress> parseAddress(std::string_view text);

struct Prefix {
  IpAddress address;
  /// Bits, at most address.bits().
  std::uint8_t length = 0;

  static Prefix host(const IpAddress& address);
  bool contains(const IpAddress& other) const;
  bool hostBitsZero() const;
  /// Host bits cleared.
  Prefix masked() const;
  /// First and last address.
  IpAddress first() const { return masked().address; }
  IpAddress last() const;

  auto operator<=>(const Prefix&) const = default;
};

/// "10.0.0.0/24".
std::string toString(const Prefix& prefix);
/// Without "/length": a single address. Host bits are kept.
std::optional<Prefix> parsePrefix(std::string_view text);

/// RFC 9484 §4.7.3.
struct IpRange {
  IpAddress start;
  IpAddress end;
  /// 0: all.
  std::uint8_t protocol = 0;

  static IpRange all(std::uint8_t version);
  static IpRange of(const Prefix& prefix, std::uint8_t protocol = 0);
  auto operator<=>(const IpRange&) const = default;
};

/// "0.0.0.0/0" when it is a prefix, else "10.0.0.1-10.0.0.9"; " protocol 17" follows when it is limited.
std::string toString(const IpRange& range);

}  // namespace mqvpn::connect_ip
