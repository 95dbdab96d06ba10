// Headers of packets, and the packets that have nothing but a header. The first byte is the size of short
// connection IDs.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "quic/packet_header.h"

using namespace mqvpn::quic;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const Bytes datagram(data + 1, size - 1);
  const std::size_t idSize = data[0] % 24;

  // As a connection walks through a datagram of several packets.
  std::size_t at = 0;
  while (at < datagram.size()) {
    const Bytes rest = datagram.subspan(at);
    const auto header = parsePacketHeader(rest, idSize);
    if (!header) break;
    if (header->size == 0 || header->size > rest.size()) std::abort();
    if (header->packetNumberOffset > header->size) std::abort();
    if (!header->token.empty() && (header->token.data() < rest.data() ||
                                   header->token.data() + header->token.size() > rest.data() + rest.size()))
      std::abort();
    if (header->type == PacketType::kOneRtt && header->version == 0 && header->destination.size() != idSize)
      std::abort();
    if (header->version != 0 && header->version != kVersion1) {
      const auto versions = parseVersionNegotiation(versionNegotiationPacket(*header, data[0]));
      if (!versions || versions->size() != 2) std::abort();
    }
    at += header->size;
  }
  if (const auto versions = parseVersionNegotiation(datagram))
    if (versions->empty() || versions->size() * 4 > datagram.size()) std::abort();
  if (const auto retry =
          parseRetry(datagram, ConnectionId(datagram.first(std::min<std::size_t>(datagram.size(), 8)))))
    if (retry->token.empty()) std::abort();
  return 0;
}
