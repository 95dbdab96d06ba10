// IP packets for tests of tunnel/segment and tunnel/coalesce, built and checked by code of its own: slow,
// byte by byte, straight from the RFCs.
#pragma once

#include <cstdint>
#include <cstring>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "tunnel/coalesce.h"
#include "tunnel/segment.h"
#include "tunnel/vnet_header.h"

namespace mqvpn::tunnel::test {

using Packet = std::vector<std::uint8_t>;

inline std::uint32_t read16(const std::uint8_t* at) { return std::uint32_t{at[0]} * 256 + at[1]; }
inline std::uint32_t read32(const std::uint8_t* at) { return read16(at) * 65536 + read16(at + 2); }
inline void write16(std::uint8_t* at, std::uint32_t value) {
  at[0] = static_cast<std::uint8_t>(value >> 8);
  at[1] = static_cast<std::uint8_t>(value);
}
inline void write32(std::uint8_t* at, std::uint32_t value) {
  write16(at, value >> 16);
  write16(at + 2, value);
}

/// RFC 1071, not complemented.
inline std::uint32_t slowSum(std::span<const std::uint8_t> data, std::uint32_t sum = 0) {
  for (std::size_t i = 0; i < data.size(); ++i) {
    sum += i % 2 == 0 ? std::uint32_t{data[i]} * 256 : data[i];
    if (sum > 0xffff) sum -= 0xffff;
  }
  return sum;
}

/// std::mt19937's own results are wider than what it fills.
struct Random {
  explicit Random(std::uint32_t seed) : engine(seed) {}
  std::uint32_t operator()() { return static_cast<std::uint32_t>(engine()); }
  std::mt19937 engine;
};

struct Spec {
  bool ipv6 = false;
  bool tcp = true;
  std::uint32_t flow = 1;
  std::uint32_t payload = 5000;
  std::uint32_t gsoSize = 1448;
  std::uint32_t sequence = 1000;
  std::uint32_t acknowledgement = 77;
  std::uint32_t window = 501;
  std::uint8_t flags = 0x10;
  std::uint32_t id = 7;
  bool dontFragment = true;
  std::uint8_t tos = 0;
  std::uint8_t ttl = 64;
  std::uint32_t timestamp = 4711;
  /// Multiple of 8, of an IPv6 destination options header.
  std::uint32_t extension = 0;
  std::uint8_t fill = 1;
};

inline std::uint32_t transportOf(const Spec& s) { return s.ipv6 ? 40 + s.extension : 20; }
inline std::uint32_t headerOf(const Spec& s) { return transportOf(s) + (s.tcp ? 32 : 8); }

inline std::uint32_t pseudoSum(std::span<const std::uint8_t> packet, std::uint32_t transport, bool tcp) {
  const bool ipv6 = packet[0] >> 4 == 6;
  std::uint32_t sum = slowSum(packet.subspan(ipv6 ? 8 : 12, ipv6 ? 32 : 8));
  std::uint8_t rest[8] = {};
  write32(rest, static_cast<std::uint32_t>(packet.size()) - transport);
  rest[7] = tcp ? 6 : 17;
  return slowSum(rest, sum);
}

/// The whole packet with an undone checksum, as a kernel hands it to a device that cuts.
inline Packet superPacket(const Spec& s) {
  const std::uint32_t transport = transportOf(s);
  Packet packet(headerOf(s) + s.payload);
  std::uint8_t* ip = packet.data();
  const auto size = static_cast<std::uint32_t>(packet.size());
  const std::uint8_t protocol = s.tcp ? 6 : 17;
  if (s.ipv6) {
    ip[0] = 0x60 | s.tos >> 4;
    ip[1] = static_cast<std::uint8_t>(s.tos << 4);
    ip[3] = 0x42;
    write16(ip + 4, size - 40);
    ip[6] = s.extension > 0 ? 60 : protocol;
    ip[7] = s.ttl;
    for (std::uint8_t i = 0; i < 32; ++i) ip[8 + i] = static_cast<std::uint8_t>(i * 7);
    write32(ip + 36, s.flow);
    if (s.extension > 0) {
      ip[40] = protocol;
      ip[41] = static_cast<std::uint8_t>(s.extension / 8 - 1);
    }
  } else {
    ip[0] = 0x45;
    ip[1] = s.tos;
    write16(ip + 2, size);
    write16(ip + 4, s.id);
    if (s.dontFragment) ip[6] = 0x40;
    ip[8] = s.ttl;
    ip[9] = protocol;
    write32(ip + 12, 0x0a000001);
    write32(ip + 16, 0x0a010000 + s.flow);
    write16(ip + 10, 0xffff - slowSum({ip, 20}));
  }
  std::uint8_t* at = ip + transport;
  write16(at, 40000 + s.flow % 20000);
  write16(at + 2, 5201);
  if (s.tcp) {
    write32(at + 4, s.sequence);
    write32(at + 8, s.acknowledgement);
    at[12] = 8 << 4;
    at[13] = s.flags;
    write16(at + 14, s.window);
    at[20] = at[21] = 1;
    at[22] = 8;
    at[23] = 10;
    write32(at + 24, s.timestamp);
  } else {
    write16(at + 4, size - transport);
  }
  for (std::uint32_t i = 0; i < s.payload; ++i) {
    ip[headerOf(s) + i] = static_cast<std::uint8_t>((s.sequence + i) * s.fill >> 3);
  }
  write16(at + (s.tcp ? 16 : 6), pseudoSum(packet, transport, s.tcp));
  return packet;
}

inline VnetHeader headerFor(const Spec& s) {
  VnetHeader vnet;
  vnet.flags = VnetHeader::kNeedsChecksum;
  vnet.checksumStart = static_cast<std::uint16_t>(transportOf(s));
  vnet.checksumOffset = s.tcp ? 16 : 6;
  if (s.payload <= s.gsoSize) return vnet;
  vnet.gsoType = !s.tcp ? VnetHeader::kGsoUdp : s.ipv6 ? VnetHeader::kGsoTcp6 : VnetHeader::kGsoTcp4;
  vnet.headerLength = static_cast<std::uint16_t>(headerOf(s));
  vnet.gsoSize = static_cast<std::uint16_t>(s.gsoSize);
  return vnet;
}

/// One packet as it is on the wire, checksum complete.
inline Packet wirePacket(Spec s) {
  Packet packet = superPacket(s);
  std::uint8_t* checksum = packet.data() + transportOf(s) + (s.tcp ? 16 : 6);
  const std::uint32_t sum = 0xffff - slowSum(std::span(packet).subspan(transportOf(s)));
  write16(checksum, sum == 0 ? 0xffff : sum);
  return packet;
}

/// Whether lengths and checksums of a wire packet are right.
inline bool wellFormed(std::span<const std::uint8_t> packet, std::uint32_t transport, bool tcp) {
  const bool ipv6 = packet[0] >> 4 == 6;
  if (ipv6 ? read16(&packet[4]) + 40 != packet.size() : read16(&packet[2]) != packet.size()) return false;
  if (!ipv6 && slowSum(packet.first(20)) != 0xffff) return false;
  if (!tcp && read16(&packet[transport + 4]) != packet.size() - transport) return false;
  if (!tcp && read16(&packet[transport + 6]) == 0) return false;
  return slowSum(packet.subspan(transport), pseudoSum(packet, transport, tcp)) == 0xffff;
}

inline std::vector<Packet> segmentsOf(Segmenter& segmenter) {
  std::vector<Packet> all;
  for (std::size_t i = 0; i < segmenter.count(); ++i) {
    Packet packet(segmenter.size(i));
    if (segmenter.write(i, packet.data()) != packet.size()) return {};
    all.push_back(packet);
  }
  return all;
}

/// What was written to the device.
struct Write {
  VnetHeader vnet;
  Packet packet;
  std::size_t packets = 0;
  std::size_t pieces = 0;
};
struct Writes : CoalesceSink {
  std::vector<Write> all;
  void onWrite(std::span<const iovec> pieces, std::size_t packets) override {
    Packet joined;
    for (const iovec& piece : pieces) {
      const auto* data = static_cast<const std::uint8_t*>(piece.iov_base);
      joined.insert(joined.end(), data, data + piece.iov_len);
    }
    Write write;
    write.vnet = VnetHeader::read(std::span(joined).first<VnetHeader::kBytes>());
    write.packet.assign(joined.begin() + VnetHeader::kBytes, joined.end());
    write.packets = packets;
    write.pieces = pieces.size();
    all.push_back(write);
  }
};

}  // namespace mqvpn::tunnel::test
