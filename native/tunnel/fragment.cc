#include "tunnel/fragment.h"

#include <algorithm>
#include <cstring>

#include "tunnel/segment_checksum.h"

namespace mqvpn::tunnel {

namespace {
constexpr unsigned kMoreFragments = 0x2000, kOffsetMask = 0x1fff;
}  // namespace

Fragmenter::Fragmenter(std::span<const std::uint8_t> packet, std::size_t most)
    : packet_(packet), step_((most - kHeader) / 8 * 8) {
  if (packet.size() <= kHeader || packet[0] != 0x45) return;
  const std::size_t payload = packet.size() - kHeader;
  count_ = (payload + step_ - 1) / step_;
}

std::size_t Fragmenter::write(std::size_t index, std::uint8_t* out) const {
  const std::size_t from = index * step_;
  const std::size_t size = std::min(step_, packet_.size() - kHeader - from);
  std::memcpy(out, packet_.data(), kHeader);
  std::memcpy(out + kHeader, packet_.data() + kHeader + from, size);
  // A fragment may be cut again: offset and flag add to what is there.
  const unsigned before = static_cast<unsigned>(packet_[6]) << 8 | packet_[7];
  const auto offset = static_cast<unsigned>((before & kOffsetMask) + from / 8);
  const unsigned more = index + 1 < count_ ? kMoreFragments : before & kMoreFragments;
  const unsigned field = more | (offset & kOffsetMask);
  out[6] = static_cast<std::uint8_t>(field >> 8);
  out[7] = static_cast<std::uint8_t>(field);
  const std::size_t total = kHeader + size;
  out[2] = static_cast<std::uint8_t>(total >> 8);
  out[3] = static_cast<std::uint8_t>(total);
  out[10] = out[11] = 0;
  const auto sum = static_cast<std::uint16_t>(~checksumFold(checksumAdd(out, kHeader)));
  std::memcpy(out + 10, &sum, sizeof(sum));
  return total;
}

}  // namespace mqvpn::tunnel
