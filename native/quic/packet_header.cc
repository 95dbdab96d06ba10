#include "quic/packet_header.h"

namespace mqvpn::quic {

namespace {

// RFC 9000 §17.2: first byte of a long header.
constexpr std::uint8_t kLongForm = 0x80;
constexpr std::uint8_t kFixedBit = 0x40;

/// Length and bytes of a connection ID of version 1.
bool readConnectionId(Reader& in, ConnectionId& out) {
  // RFC 9000 §17.2: "Endpoints that receive a version 1 long header with a value larger than 20 MUST drop the
  // packet."
  const std::uint8_t size = in.u8();
  if (size > ConnectionId::kMaxSize) return false;
  out = ConnectionId(in.bytes(size));
  return in.ok();
}

std::optional<PacketHeader> parseShortHeader(Bytes datagram, std::size_t idSize) {
  if (idSize > ConnectionId::kMaxSize || datagram.size() < 1 + idSize) return std::nullopt;
  PacketHeader header;
  header.type = PacketType::kOneRtt;
  header.fixedBit = datagram[0] & kFixedBit;
  header.destination = ConnectionId(datagram.subspan(1, idSize));
  header.packetNumberOffset = 1 + idSize;
  header.size = datagram.size();
  return header;
}

/// What a packet of version 1 has behind its connection IDs.
bool parseVersion1(Reader& in, std::uint8_t first, PacketHeader& header) {
  switch (first >> 4 & 3) {
    case 0:
      header.type = PacketType::kInitial;
      header.token = in.bytes(in.varint());
      break;
    case 1:
      header.type = PacketType::kZeroRtt;
      break;
    case 2:
      header.type = PacketType::kHandshake;
      break;
    default:
      header.type = PacketType::kRetry;
      // RFC 9000 §17.2.5: "Retry Token (..), Retry Integrity Tag (128)".
      if (in.remaining() < 16) return false;
      header.token = in.bytes(in.remaining() - 16);
      return true;
  }
  // RFC 9000 §17.2: "Length: This is the length of the remainder of the packet (that is, the Packet Number
  // and Payload fields) in bytes".
  const std::uint64_t length = in.varint();
  if (!in.ok() || length > in.remaining()) return false;
  header.packetNumberOffset = in.position();
  header.size = in.position() + static_cast<std::size_t>(length);
  return true;
}

void writePacketNumber(Writer& out, std::uint64_t packetNumber, std::size_t size) {
  for (std::size_t i = size; i-- > 0;) out.u8(static_cast<std::uint8_t>(packetNumber >> 8 * i));
}

}  // namespace

std::optional<PacketHeader> parsePacketHeader(Bytes datagram, std::size_t shortIdSize) {
  if (datagram.empty()) return std::nullopt;
  const std::uint8_t first = datagram[0];
  if ((first & kLongForm) == 0) return parseShortHeader(datagram, shortIdSize);

  Reader in(datagram);
  in.skip(1);
  PacketHeader header;
  header.fixedBit = first & kFixedBit;
  header.version = in.u32();
  if (!readConnectionId(in, header.destination) || !readConnectionId(in, header.source)) return std::nullopt;
  header.size = datagram.size();
  header.packetNumberOffset = header.size;
  // RFC 9000 §17.2.1: "it will be identified as a Version Negotiation packet based on the Version field
  // having a value of 0".
  if (header.version == 0) header.type = PacketType::kVersionNegotiation;
  if (header.version == kVersion1 && !parseVersion1(in, first, header)) return std::nullopt;
  return header;
}

std::size_t packetNumberSize(std::uint64_t packetNumber, std::uint64_t largestAcked) {
  const std::uint64_t range = largestAcked == UINT64_MAX ? packetNumber + 1 : packetNumber - largestAcked;
  // RFC 9000 §17.1: "the sender MUST use a packet number size able to represent more than twice as large a
  // range as the difference between the largest acknowledged packet number and the packet number being sent."
  if (range < 1 << 7) return 1;
  if (range < 1 << 15) return 2;
  if (range < 1 << 23) return 3;
  return 4;
}

std::uint64_t decodePacketNumber(std::uint64_t expected, std::uint64_t truncated, std::size_t size) {
  const std::uint64_t window = std::uint64_t{1} << 8 * size;
  const std::uint64_t half = window / 2;
  const std::uint64_t candidate = (expected & ~(window - 1)) | truncated;
  if (candidate + half <= expected && candidate < (std::uint64_t{1} << 62) - window)
    return candidate + window;
  if (candidate > expected + half && candidate >= window) return candidate - window;
  return candidate;
}

std::size_t writeLongHeader(Writer& out, PacketType type, const ConnectionId& destination,
                            const ConnectionId& source, Bytes token, std::uint64_t packetNumber,
                            std::size_t packetNumberSize) {
  const unsigned bits = type == PacketType::kInitial ? 0 : type == PacketType::kZeroRtt ? 1 : 2;
  out.u8(static_cast<std::uint8_t>(kLongForm | kFixedBit | bits << 4 | (packetNumberSize - 1)));
  out.u32(kVersion1);
  out.u8(static_cast<std::uint8_t>(destination.size()));
  out.bytes(destination.bytes());
  out.u8(static_cast<std::uint8_t>(source.size()));
  out.bytes(source.bytes());
  if (type == PacketType::kInitial) {
    out.varint(token.size());
    out.bytes(token);
  }
  const std::size_t lengthField = out.size();
  out.varint(0, 2);
  writePacketNumber(out, packetNumber, packetNumberSize);
  return lengthField;
}

void setLength(std::uint8_t* lengthField, std::size_t length) {
  lengthField[0] = static_cast<std::uint8_t>(0x40 | (length >> 8 & 0x3f));
  lengthField[1] = static_cast<std::uint8_t>(length);
}

void writeShortHeader(Writer& out, const ConnectionId& destination, bool spin, bool keyPhase,
                      std::uint64_t packetNumber, std::size_t packetNumberSize) {
  out.u8(static_cast<std::uint8_t>(kFixedBit | (spin ? 0x20 : 0) | (keyPhase ? 0x04 : 0) |
                                   (packetNumberSize - 1)));
  out.bytes(destination.bytes());
  writePacketNumber(out, packetNumber, packetNumberSize);
}

}  // namespace mqvpn::quic
