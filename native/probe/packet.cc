#include "probe/packet.h"

#include <cassert>
#include <cstring>

namespace mqvpn::probe {
namespace {

template <typename T>
void put(uint8_t* at, T value) {
  for (size_t i = 0; i < sizeof(T); ++i) at[i] = static_cast<uint8_t>(value >> (8 * (sizeof(T) - 1 - i)));
}

template <typename T>
T get(const uint8_t* at) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) value = static_cast<T>((value << 8) | at[i]);
  return value;
}

}  // namespace

void encode(const Packet& packet, std::span<uint8_t> out) {
  assert(out.size() == packet.size && out.size() >= kHeaderBytes);
  put<uint32_t>(&out[0], kMagic);
  out[4] = kVersion;
  out[5] = static_cast<uint8_t>(packet.role);
  put<uint16_t>(&out[6], packet.size);
  put<uint64_t>(&out[8], packet.session);
  put<uint64_t>(&out[16], packet.seq);
  put<uint64_t>(&out[24], static_cast<uint64_t>(packet.txNs));
  // Filler that does not compress: a VPN with compression must not see a smaller packet than it is told to
  // carry.
  uint64_t state = packet.seq * 0x9e3779b97f4a7c15u + 0x2545f4914f6cdd1du;
  for (size_t i = kHeaderBytes; i < out.size(); i += 8) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    const size_t rest = out.size() - i;
    std::memcpy(&out[i], &state, rest < 8 ? rest : 8);
  }
}

std::optional<Packet> decodeHeader(std::span<const uint8_t> in) {
  if (in.size() < kHeaderBytes) return std::nullopt;
  if (get<uint32_t>(&in[0]) != kMagic || in[4] != kVersion || in[5] > 1) return std::nullopt;
  Packet packet;
  packet.role = static_cast<Role>(in[5]);
  packet.size = get<uint16_t>(&in[6]);
  packet.session = get<uint64_t>(&in[8]);
  packet.seq = get<uint64_t>(&in[16]);
  packet.txNs = static_cast<int64_t>(get<uint64_t>(&in[24]));
  if (packet.size < kHeaderBytes || packet.size > kMaxPacketBytes) return std::nullopt;
  return packet;
}

std::optional<Packet> decodeDatagram(std::span<const uint8_t> in) {
  auto packet = decodeHeader(in);
  if (packet && packet->size != in.size()) return std::nullopt;
  return packet;
}

}  // namespace mqvpn::probe
