#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace mqvpn::tunnel {

// Where things are in IP, TCP and UDP headers, in bytes.
inline constexpr std::size_t kIpv4Header = 20;
inline constexpr std::size_t kIpv4TotalLength = 2;
inline constexpr std::size_t kIpv4Identification = 4;
inline constexpr std::size_t kIpv4Fragment = 6;
inline constexpr std::size_t kIpv4TimeToLive = 8;
inline constexpr std::size_t kIpv4Protocol = 9;
inline constexpr std::size_t kIpv4Checksum = 10;
inline constexpr std::size_t kIpv4Addresses = 12;
inline constexpr std::uint16_t kIpv4DontFragment = 0x4000;
/// More fragments, and the offset.
inline constexpr std::uint16_t kIpv4FragmentBits = 0x3fff;

inline constexpr std::size_t kIpv6Header = 40;
inline constexpr std::size_t kIpv6PayloadLength = 4;
inline constexpr std::size_t kIpv6NextHeader = 6;
inline constexpr std::size_t kIpv6Addresses = 8;

inline constexpr std::uint8_t kProtocolTcp = 6;
inline constexpr std::uint8_t kProtocolUdp = 17;

inline constexpr std::size_t kTcpHeader = 20;
inline constexpr std::size_t kTcpSequence = 4;
inline constexpr std::size_t kTcpAcknowledgement = 8;
inline constexpr std::size_t kTcpDataOffset = 12;
inline constexpr std::size_t kTcpFlags = 13;
inline constexpr std::size_t kTcpWindow = 14;
inline constexpr std::size_t kTcpChecksum = 16;
inline constexpr std::size_t kTcpUrgent = 18;
inline constexpr std::uint8_t kTcpFin = 0x01;
inline constexpr std::uint8_t kTcpPush = 0x08;
inline constexpr std::uint8_t kTcpAck = 0x10;
inline constexpr std::uint8_t kTcpEcnEcho = 0x40;
inline constexpr std::uint8_t kTcpCongestionWindowReduced = 0x80;

inline constexpr std::size_t kUdpHeader = 8;
inline constexpr std::size_t kUdpLength = 4;
inline constexpr std::size_t kUdpChecksum = 6;

inline std::uint16_t get16(const std::uint8_t* at) { return static_cast<std::uint16_t>(at[0] << 8 | at[1]); }
inline std::uint32_t get32(const std::uint8_t* at) {
  return std::uint32_t{get16(at)} << 16 | std::uint32_t{get16(at + 2)};
}
/// The low 16 bits.
inline void put16(std::uint8_t* at, std::size_t value) {
  at[0] = static_cast<std::uint8_t>(value >> 8);
  at[1] = static_cast<std::uint8_t>(value);
}
inline void put32(std::uint8_t* at, std::uint32_t value) {
  put16(at, value >> 16);
  put16(at + 2, value);
}
/// A value as it would be read from memory where it lies in network order: the form in which checksums add
/// up.
inline std::uint16_t asInMemory16(std::size_t value) {
  const auto narrow = static_cast<std::uint16_t>(value);
  return std::endian::native == std::endian::little ? __builtin_bswap16(narrow) : narrow;
}
inline std::uint32_t asInMemory32(std::uint32_t value) {
  return std::endian::native == std::endian::little ? __builtin_bswap32(value) : value;
}
inline std::uint16_t load16(const std::uint8_t* at) {
  std::uint16_t value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}
inline void store16(std::uint8_t* at, std::uint16_t value) { std::memcpy(at, &value, sizeof(value)); }

/// The transport header of an IP packet that is not a fragment.
struct Transport {
  /// From the start of the packet; 0: malformed, a fragment, or more extension headers than anybody sends.
  std::size_t offset = 0;
  std::uint8_t protocol = 0;
  bool ipv6 = false;
};
/// Steps over IPv4 options and IPv6 extension headers. The offset is within the packet or just behind it.
Transport findTransport(std::span<const std::uint8_t> packet);

}  // namespace mqvpn::tunnel
