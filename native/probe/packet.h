// The probe's packet: what one end writes and the other reads. Sans-I/O.
//
//   0       4         5      6        8           16       24                 32 … size
//   +-------+---------+------+--------+-----------+--------+------------------+---------+
//   | magic | version | role | size   | session   | seq    | transmit time ns | filler  |
//   +-------+---------+------+--------+-----------+--------+------------------+---------+
//
// All numbers are big-endian. The transmit time is CLOCK_MONOTONIC, which every network namespace of one
// machine shares: a one-way delay is a plain difference.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace mqvpn::probe {

constexpr uint32_t kMagic = 0x6d715062;  // "mqPb"
constexpr uint8_t kVersion = 1;
constexpr size_t kHeaderBytes = 32;
constexpr size_t kMaxPacketBytes = 65507;  // the largest UDP payload over IPv4

// Who wrote a packet. An end ignores packets of its own role: some middleboxes reflect.
enum class Role : uint8_t { kConnect = 0, kServe = 1 };

struct Packet {
  Role role = Role::kConnect;
  uint16_t size = kHeaderBytes;  // whole message, bytes
  uint64_t session = 0;  // both ends are told the same number: an earlier run's stragglers do not match
  uint64_t seq = 0;
  int64_t txNs = 0;
};

// Writes header and filler into `out`, which must hold exactly `packet.size` bytes (at least kHeaderBytes).
void encode(const Packet& packet, std::span<uint8_t> out);

// Reads the header at the start of `in`. Nothing when the bytes are not one of our headers; says nothing
// about whether the whole message is there.
std::optional<Packet> decodeHeader(std::span<const uint8_t> in);

// Reads one datagram: a header, and exactly as many bytes as it says.
std::optional<Packet> decodeDatagram(std::span<const uint8_t> in);

}  // namespace mqvpn::probe
