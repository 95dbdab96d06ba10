#include "tunnel/packet_pool.h"

#include <cstring>

namespace mqvpn::tunnel {

PacketPool::PacketPool(PoolSizes sizes) : sizes_(sizes) {
  // One more: the landing slot.
  ++sizes_.large;
  smallMemory_ = std::make_unique_for_overwrite<std::uint8_t[]>(sizes_.small * kSmallBytes);
  largeMemory_ = std::make_unique_for_overwrite<std::uint8_t[]>(sizes_.large * kLargeStride);
  packets_.resize(sizes_.small + sizes_.large);
  freeSmall_.reserve(sizes_.small);
  freeLarge_.reserve(sizes_.large);
  for (std::size_t i = sizes_.small; i-- > 0;) {
    packets_[i].slot_ = smallMemory_.get() + i * kSmallBytes;
    freeSmall_.push_back(&packets_[i]);
  }
  for (std::size_t i = sizes_.large; i-- > 0;) {
    Packet& packet = packets_[sizes_.small + i];
    packet.slot_ = largeMemory_.get() + i * kLargeStride;
    packet.large_ = true;
    freeLarge_.push_back(&packet);
  }
  landing_ = freeLarge_.back();
  freeLarge_.pop_back();
}

std::span<std::uint8_t> PacketPool::readBuffer() { return {landing_->slot_, kReadBytes}; }

Packet* PacketPool::wrap(Packet* packet, std::size_t bytes) {
  packet->next = nullptr;
  packet->index = 0;
  packet->flowHash = 0;
  packet->enqueuedAt = 0;
  packet->header =
      VnetHeader::read(std::span<const std::uint8_t, VnetHeader::kBytes>(packet->slot_, VnetHeader::kBytes));
  packet->data = {packet->slot_ + VnetHeader::kBytes, bytes - VnetHeader::kBytes};
  return packet;
}

Packet* PacketPool::commit(std::size_t bytes) {
  if (bytes < VnetHeader::kBytes || bytes > kReadBytes) return nullptr;
  if (bytes <= kSmallBytes && !freeSmall_.empty()) {
    Packet* packet = freeSmall_.back();
    freeSmall_.pop_back();
    std::memcpy(packet->slot_, landing_->slot_, bytes);
    return wrap(packet, bytes);
  }
  if (freeLarge_.empty()) return nullptr;
  Packet* packet = landing_;
  landing_ = freeLarge_.back();
  freeLarge_.pop_back();
  return wrap(packet, bytes);
}

Packet* PacketPool::copy(std::span<const std::uint8_t> bytes) {
  if (freeSmall_.empty() || bytes.size() > kSmallBytes - VnetHeader::kBytes) return nullptr;
  Packet* packet = freeSmall_.back();
  freeSmall_.pop_back();
  std::memset(packet->slot_, 0, VnetHeader::kBytes);
  if (!bytes.empty()) std::memcpy(packet->slot_ + VnetHeader::kBytes, bytes.data(), bytes.size());
  return wrap(packet, VnetHeader::kBytes + bytes.size());
}

void PacketPool::release(Packet* packet) { (packet->large_ ? freeLarge_ : freeSmall_).push_back(packet); }

std::size_t PacketPool::memoryBytes() const {
  return sizes_.small * kSmallBytes + sizes_.large * kLargeStride + packets_.size() * sizeof(Packet);
}

}  // namespace mqvpn::tunnel
