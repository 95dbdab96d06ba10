// Packets without a packet number: Version Negotiation, Retry, Stateless Reset.

#include <algorithm>
#include <array>

#include "quic/packet_header.h"
#include "tls/key_schedule.h"

namespace mqvpn::quic {

namespace {

void append(std::vector<std::uint8_t>& out, Bytes bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

void appendVersion(std::vector<std::uint8_t>& out, std::uint32_t version) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(version >> shift));
}

/// RFC 8999 §5.1: first byte, version, connection IDs.
std::vector<std::uint8_t> longHeader(std::uint8_t first, std::uint32_t version,
                                     const ConnectionId& destination, const ConnectionId& source) {
  std::vector<std::uint8_t> packet{first};
  appendVersion(packet, version);
  for (const ConnectionId* id : {&destination, &source}) {
    packet.push_back(static_cast<std::uint8_t>(id->size()));
    append(packet, id->bytes());
  }
  return packet;
}

}  // namespace

std::vector<std::uint8_t> versionNegotiationPacket(const PacketHeader& received, std::uint8_t random) {
  // RFC 9000 §17.2.1: "servers SHOULD set the most significant bit of this field (0x40) to 1 so that Version
  // Negotiation packets appear to have the Fixed Bit field."
  std::vector<std::uint8_t> packet =
      longHeader(static_cast<std::uint8_t>(0xc0 | random), 0, received.source, received.destination);
  // RFC 9000 §6.3: "an endpoint could include a reserved version in a Version Negotiation packet". Not the
  // one that the client used, §6.2: "A client MUST discard a Version Negotiation packet that lists the QUIC
  // version selected by the client."
  std::uint32_t reserved = 0x0a0a0a0a | (random >> 4) * 0x10101010u;
  if (reserved == received.version) reserved ^= 0x10101010;
  appendVersion(packet, reserved);
  appendVersion(packet, kVersion1);
  return packet;
}

std::optional<std::vector<std::uint32_t>> parseVersionNegotiation(Bytes packet) {
  Reader in(packet);
  const std::uint8_t first = in.u8();
  const std::uint32_t version = in.u32();
  if (!in.ok() || (first & 0x80) == 0 || version != 0) return std::nullopt;
  // Of any length: RFC 8999 §5.1 limits connection IDs by nothing but their length byte.
  in.skip(in.u8());
  in.skip(in.u8());
  if (!in.ok() || in.empty() || in.remaining() % 4 != 0) return std::nullopt;
  std::vector<std::uint32_t> versions;
  versions.reserve(in.remaining() / 4);
  while (!in.empty()) versions.push_back(in.u32());
  return versions;
}

std::vector<std::uint8_t> retryPacket(const ConnectionId& destination, const ConnectionId& source,
                                      Bytes token, const ConnectionId& originalDestination,
                                      std::uint8_t random) {
  std::vector<std::uint8_t> packet =
      longHeader(static_cast<std::uint8_t>(0xf0 | (random & 0x0f)), kVersion1, destination, source);
  append(packet, token);
  append(packet, tls::retryIntegrityTag(originalDestination.bytes(), packet));
  return packet;
}

std::optional<Retry> parseRetry(Bytes packet, const ConnectionId& originalDestination) {
  const std::optional<PacketHeader> header = parsePacketHeader(packet, 0);
  if (!header || header->version != kVersion1 || header->type != PacketType::kRetry) return std::nullopt;
  // RFC 9000 §17.2.5.2: "A client MUST discard a Retry packet with a zero-length Retry Token field."
  if (header->token.empty()) return std::nullopt;
  // "Clients MUST discard Retry packets that have a Retry Integrity Tag that cannot be validated". Its key is
  // public: no need to compare in constant time.
  const Bytes tag = packet.last(tls::kRetryTagSize);
  const auto right =
      tls::retryIntegrityTag(originalDestination.bytes(), packet.first(packet.size() - tls::kRetryTagSize));
  if (!std::equal(tag.begin(), tag.end(), right.begin(), right.end())) return std::nullopt;
  return Retry{header->source, header->token};
}

std::vector<std::uint8_t> statelessResetPacket(std::size_t size, const StatelessResetToken& token,
                                               Bytes random) {
  // RFC 9000 §10.3: "Endpoints MUST discard packets that are too small to be valid QUIC packets"; 21 bytes
  // are the least that a packet of version 1 has.
  constexpr std::size_t least = 21;
  std::vector<std::uint8_t> packet(std::max(size, least));
  const std::size_t unpredictable = packet.size() - token.size();
  for (std::size_t i = 0; i < unpredictable && !random.empty(); ++i) packet[i] = random[i % random.size()];
  // RFC 9000 §10.3: "Fixed Bits (2) = 1": the form of a short header.
  packet[0] = static_cast<std::uint8_t>((packet[0] & 0x3f) | 0x40);
  std::copy(token.begin(), token.end(), packet.begin() + static_cast<std::ptrdiff_t>(unpredictable));
  return packet;
}

}  // namespace mqvpn::quic
