#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "quic/buffer.h"
#include "quic/connection_id.h"

namespace mqvpn::quic {

constexpr std::uint32_t kVersion1 = 0x00000001;
/// RFC 9000 §14: "A client MUST expand the payload of all UDP datagrams carrying Initial packets to at least
/// 1200 bytes".
constexpr std::size_t kMinInitialSize = 1200;

enum class PacketType : std::uint8_t { kInitial, kZeroRtt, kHandshake, kRetry, kVersionNegotiation, kOneRtt };

/// What can be read of a packet before its header protection is removed (RFC 9000 §17, RFC 8999).
struct PacketHeader {
  /// Of a long header of an unknown version it means nothing: look at `version` first.
  PacketType type = PacketType::kOneRtt;
  /// RFC 9287 §3: only an endpoint that offered grease_quic_bit may accept a packet without it. It says
  /// nothing in Version Negotiation packets.
  bool fixedBit = true;
  /// 0 in short headers and in Version Negotiation packets.
  std::uint32_t version = 0;
  ConnectionId destination;
  /// Long headers.
  ConnectionId source;
  /// Initial and Retry; points into the datagram.
  Bytes token;
  /// Where the protected packet number begins, from the start of the packet; `size` in packets that have
  /// none. The caller checks that the sample behind it lies within `size`.
  std::size_t packetNumberOffset = 0;
  /// The whole packet: another may follow in the datagram (RFC 9000 §12.2).
  std::size_t size = 0;
};

/// Reads the header at the start of `datagram`. Short headers have a destination connection ID of
/// `shortIdSize` bytes. Nothing: not QUIC, or malformed. A long header of an unknown version gives the fields
/// of RFC 8999 only, with size = all of it; connection IDs longer than 20 bytes give nothing.
std::optional<PacketHeader> parsePacketHeader(Bytes datagram, std::size_t shortIdSize);

/// RFC 9000 §17.1 and Appendix A.2: bytes (1 to 4) that encode `packetNumber` when `largestAcked` was
/// acknowledged (UINT64_MAX: none).
std::size_t packetNumberSize(std::uint64_t packetNumber, std::uint64_t largestAcked);
/// RFC 9000 Appendix A.3. `expected`: the largest packet number received so far, plus 1.
std::uint64_t decodePacketNumber(std::uint64_t expected, std::uint64_t truncated, std::size_t size);

/// A long header up to and with the packet number; its Length field takes two bytes and is set by
/// setLength(). `token` of Initial packets only. Returns where the Length field is.
std::size_t writeLongHeader(Writer& out, PacketType type, const ConnectionId& destination,
                            const ConnectionId& source, Bytes token, std::uint64_t packetNumber,
                            std::size_t packetNumberSize);
/// `length`: packet number, payload and tag; at most 16383.
void setLength(std::uint8_t* lengthField, std::size_t length);
/// RFC 9000 §17.3.1.
void writeShortHeader(Writer& out, const ConnectionId& destination, bool spin, bool keyPhase,
                      std::uint64_t packetNumber, std::size_t packetNumberSize);

/// RFC 9000 §17.2.1, answered with the IDs swapped. The list contains a reserved version (§15: 0x?a?a?a?a).
std::vector<std::uint8_t> versionNegotiationPacket(const PacketHeader& received, std::uint8_t random);
/// The versions that a Version Negotiation packet offers; nothing: malformed.
std::optional<std::vector<std::uint32_t>> parseVersionNegotiation(Bytes packet);
/// RFC 9000 §17.2.5, with its integrity tag (RFC 9001 §5.8).
std::vector<std::uint8_t> retryPacket(const ConnectionId& destination, const ConnectionId& source,
                                      Bytes token, const ConnectionId& originalDestination,
                                      std::uint8_t random);
struct Retry {
  ConnectionId source;
  Bytes token;
};
/// Nothing: malformed, an empty token, or the tag does not match.
std::optional<Retry> parseRetry(Bytes packet, const ConnectionId& originalDestination);
/// RFC 9000 §10.3, as long as `size` (at least 21); the last 16 bytes are the token.
std::vector<std::uint8_t> statelessResetPacket(std::size_t size, const StatelessResetToken& token,
                                               Bytes random);

}  // namespace mqvpn::quic
