#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "connect_ip/address.h"
#include "connect_ip/checksum.h"
#include "connect_ip/ip_packet.h"

namespace mqvpn::connect_ip::test {

using ByteVector = std::vector<std::uint8_t>;

inline IpAddress ip(std::string_view text) { return parseAddress(text).value(); }
inline Prefix prefix(std::string_view text) { return parsePrefix(text).value(); }
inline IpRange range(std::string_view start, std::string_view end, std::uint8_t protocol = 0) {
  return {ip(start), ip(end), protocol};
}

/// An IPv4 or IPv6 packet with a right header, and `payload` behind it.
inline ByteVector packet(std::string_view source, std::string_view destination,
                         const ByteVector& payload = ByteVector(8), std::uint8_t protocol = 17,
                         std::uint8_t ttl = 64) {
  const IpAddress from = ip(source);
  const IpAddress to = ip(destination);
  ByteVector out;
  const auto put16 = [&](std::size_t value) {
    out.push_back(static_cast<std::uint8_t>(value >> 8));
    out.push_back(static_cast<std::uint8_t>(value));
  };
  if (from.version == 4) {
    out = {0x45, 0};
    put16(20 + payload.size());
    out.insert(out.end(), {0x12, 0x34, 0, 0, ttl, protocol, 0, 0});
  } else {
    out = {0x60, 0, 0, 0};
    put16(payload.size());
    out.insert(out.end(), {protocol, ttl});
  }
  for (const IpAddress& address : {from, to})
    out.insert(out.end(), address.data().begin(), address.data().end());
  if (from.version == 4) {
    const std::uint16_t sum = checksumFinish(checksumAdd(out));
    out[10] = static_cast<std::uint8_t>(sum >> 8);
    out[11] = static_cast<std::uint8_t>(sum);
  }
  out.insert(out.end(), payload.begin(), payload.end());
  return out;
}

/// A view of a packet that must be right.
inline PacketView view(ByteVector& bytes) {
  PacketView out;
  if (parsePacket(bytes, out) != PacketError::kNone) out = {};
  return out;
}

}  // namespace mqvpn::connect_ip::test
