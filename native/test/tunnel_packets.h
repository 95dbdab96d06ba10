#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <vector>

#include "tunnel/segment_checksum.h"

namespace mqvpn::tunnel::test {

using Bytes = std::vector<std::uint8_t>;

inline void put16(Bytes& packet, std::size_t at, std::size_t value) {
  packet[at] = static_cast<std::uint8_t>(value >> 8);
  packet[at + 1] = static_cast<std::uint8_t>(value);
}
inline std::uint32_t get32(const std::uint8_t* at) {
  return std::uint32_t{at[0]} << 24 | std::uint32_t{at[1]} << 16 | std::uint32_t{at[2]} << 8 | at[3];
}

struct Udp {
  std::uint32_t source = 0x0a000002;       // 10.0.0.2
  std::uint32_t destination = 0x08080808;  // 8.8.8.8
  std::uint16_t from = 4000;
  std::uint16_t to = 53;
  std::uint8_t ttl = 64;
  std::uint8_t ecn = 0;
  bool dontFragment = true;
};

inline void finish4(Bytes& packet) {
  put16(packet, 10, 0);
  const std::uint16_t sum = static_cast<std::uint16_t>(~checksumFold(checksumAdd(packet.data(), 20)));
  std::memcpy(&packet[10], &sum, 2);
}

/// An IPv4 UDP packet of `size` bytes in all (at least 28), with right checksums. The first 4 bytes of
/// payload hold `number`, the next 8 `stamp`, when there is room.
inline Bytes udp4(const Udp& udp, std::size_t size, std::uint32_t number = 0, std::uint64_t stamp = 0) {
  Bytes packet(std::max<std::size_t>(size, 28));
  packet[0] = 0x45;
  packet[1] = udp.ecn;
  put16(packet, 2, packet.size());
  put16(packet, 6, udp.dontFragment ? 0x4000 : 0);
  packet[8] = udp.ttl;
  packet[9] = 17;
  for (unsigned i = 0; i < 4; ++i) {
    packet[12 + i] = static_cast<std::uint8_t>(udp.source >> (24 - 8 * i));
    packet[16 + i] = static_cast<std::uint8_t>(udp.destination >> (24 - 8 * i));
  }
  put16(packet, 20, udp.from);
  put16(packet, 22, udp.to);
  put16(packet, 24, packet.size() - 20);
  if (packet.size() >= 32) std::memcpy(&packet[28], &number, 4);
  if (packet.size() >= 40) std::memcpy(&packet[32], &stamp, 8);
  finish4(packet);
  const std::uint64_t pseudo = pseudoHeaderSum(packet.data(), false, 17, packet.size() - 20);
  const std::uint16_t sum =
      static_cast<std::uint16_t>(~checksumFold(checksumAdd(packet.data() + 20, packet.size() - 20, pseudo)));
  std::memcpy(&packet[26], &sum, 2);
  return packet;
}
inline std::uint32_t numberOf(const std::uint8_t* packet) {
  std::uint32_t number;
  std::memcpy(&number, packet + 28, 4);
  return number;
}
inline std::uint64_t stampOf(const std::uint8_t* packet) {
  std::uint64_t stamp;
  std::memcpy(&stamp, packet + 32, 8);
  return stamp;
}

/// An IPv6 packet: header, then `rest` with `next` as its next header.
inline Bytes ip6(std::uint8_t next, const Bytes& rest, std::uint8_t sourceEnd = 2,
                 std::uint8_t destinationEnd = 9) {
  Bytes packet(40);
  packet[0] = 0x60;
  put16(packet, 4, rest.size());
  packet[6] = next;
  packet[7] = 64;
  packet[8] = packet[24] = 0xfd;
  packet[23] = sourceEnd;
  packet[39] = destinationEnd;
  packet.insert(packet.end(), rest.begin(), rest.end());
  return packet;
}

}  // namespace mqvpn::tunnel::test
