// What a TUN device hands out, and what a peer sends: cut it, glue it. No input may crash either, and what is
// glued must come apart into the packets that were put in.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "tunnel/coalesce.h"
#include "tunnel/segment.h"
#include "tunnel_segment_support.h"

using namespace mqvpn::tunnel;
using namespace mqvpn::tunnel::test;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void cut(std::span<const std::uint8_t> input) {
  if (input.size() < VnetHeader::kBytes) return;
  const VnetHeader vnet = VnetHeader::read(input.first<VnetHeader::kBytes>());
  Packet packet(input.begin() + VnetHeader::kBytes, input.end());
  for (const ChecksumMode mode : {ChecksumMode::kFull, ChecksumMode::kPartial}) {
    Packet mine = packet;
    Segmenter segmenter;
    if (!segmenter.init(vnet, mine, mode)) continue;
    const auto segments = segmentsOf(segmenter);
    require(!segments.empty());
    for (std::size_t i = 0; i < segments.size(); ++i) {
      const auto placed = segmenter.place(i);
      require(std::equal(placed.begin(), placed.end(), segments[i].begin(), segments[i].end()));
    }
  }
}

/// 0 and 0xffff are the same sum; with DF the identification is free.
Packet normal(Packet packet) {
  if (packet[0] >> 4 == 4) {
    if ((packet[6] & 0x40) != 0) write16(&packet[4], 0);
    write16(&packet[10], 0);
  }
  const std::size_t transport = packet[0] >> 4 == 4 ? 20 : 40;
  const std::size_t checksum = transport + (packet[packet[0] >> 4 == 4 ? 9 : 6] == 6 ? 16 : 6);
  if (read16(&packet[checksum]) == 0xffff) write16(&packet[checksum], 0);
  return packet;
}

/// Packets come apart at lengths that the input gives, in two bytes in front of each.
void glue(std::span<const std::uint8_t> input, ChecksumState state) {
  std::vector<Packet> packets;
  while (input.size() >= 2 && packets.size() < 200) {
    const std::size_t size = std::min<std::size_t>(read16(input.data()), input.size() - 2);
    packets.emplace_back(input.begin() + 2, input.begin() + 2 + static_cast<std::ptrdiff_t>(size));
    input = input.subspan(2 + size);
  }
  Writes writes;
  Coalescer coalescer(writes);
  for (const Packet& packet : packets) coalescer.add(packet, state);
  coalescer.flush();
  std::size_t total = 0;
  for (Write& write : writes.all) {
    total += write.packets;
    if (write.packets == 1) {
      require(std::find(packets.begin(), packets.end(), write.packet) != packets.end());
      continue;
    }
    Segmenter segmenter;
    require(segmenter.init(write.vnet, write.packet));
    const auto segments = segmentsOf(segmenter);
    require(segments.size() == write.packets);
    if (state != ChecksumState::kUnverified) continue;
    for (const Packet& segment : segments) {
      require(std::any_of(packets.begin(), packets.end(), [&](const Packet& packet) {
        return packet.size() == segment.size() && normal(packet) == normal(segment);
      }));
    }
  }
  require(total == packets.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::span<const std::uint8_t> input(data + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      cut(input);
      break;
    case 1:
      glue(input, ChecksumState::kUnverified);
      break;
    case 2:
      glue(input, ChecksumState::kTrusted);
      break;
    default:
      glue(input, ChecksumState::kPartial);
      break;
  }
  return 0;
}
