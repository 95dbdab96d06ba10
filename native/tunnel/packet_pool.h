#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "quic/time.h"
#include "tunnel/segment.h"
#include "tunnel/vnet_header.h"

namespace mqvpn::tunnel {

/// One packet as it was read from the TUN device: a plain one, or a super-packet that is still to be cut
/// (TSO, USO). It stays whole while it waits; its segments leave one by one, so that cutting costs neither
/// memory nor a copy.
struct Packet {
  /// Of whoever holds it: a list of one queue, or the pool's free list.
  Packet* next = nullptr;
  /// Behind the vnet header.
  std::span<std::uint8_t> data;
  VnetHeader header;
  Segmenter segmenter;
  /// The first segment that has not left yet.
  std::uint32_t index = 0;
  /// Where flows are told apart.
  std::uint32_t flowHash = 0;
  quic::Time enqueuedAt = 0;

  /// Of the segment that leaves next.
  std::size_t size() const { return segmenter.size(index); }
  bool empty() const { return index >= segmenter.count(); }

 private:
  friend class PacketPool;
  std::uint8_t* slot_ = nullptr;
  bool large_ = false;
};

struct PoolSizes {
  /// Slots for packets of up to PacketPool::kSmallBytes, most of all traffic that is not bulk TCP.
  std::size_t small = 4096;
  /// Slots of 64 KiB.
  std::size_t large = 512;
};

/// All packets of a tunnel that wait. Fixed when the tunnel starts: nothing is allocated per packet, and a
/// flood takes no more than this. Pages that no packet needs are never touched.
class PacketPool {
 public:
  /// A read of the TUN device: the vnet header and the largest IP packet.
  static constexpr std::size_t kReadBytes = VnetHeader::kBytes + 65535;
  static constexpr std::size_t kSmallBytes = 2048;

  explicit PacketPool(PoolSizes sizes);
  PacketPool(const PacketPool&) = delete;
  PacketPool& operator=(const PacketPool&) = delete;

  /// Where the next packet is read to, its vnet header first. Always there.
  std::span<std::uint8_t> readBuffer();
  /// Makes a Packet of the first `bytes` of readBuffer(). A small one is copied to a slot of its own size, so
  /// that it does not hold 64 KiB. Null: no slot is free (free one and call again; or forget the packet).
  Packet* commit(std::size_t bytes);
  /// The same for a packet that somebody else holds (ICMP that is made here, tests); at most kSmallBytes.
  Packet* copy(std::span<const std::uint8_t> packet);
  void release(Packet* packet);

  std::size_t freeSmall() const { return freeSmall_.size(); }
  std::size_t freeLarge() const { return freeLarge_.size(); }
  /// What the pool may come to take.
  std::size_t memoryBytes() const;

 private:
  static constexpr std::size_t kLargeStride = 66'560;  // kReadBytes, rounded up to whole KiB

  Packet* wrap(Packet* packet, std::size_t bytes);

  PoolSizes sizes_;
  // Not cleared: memory that no packet needs is never touched.
  std::unique_ptr<std::uint8_t[]> smallMemory_;
  std::unique_ptr<std::uint8_t[]> largeMemory_;
  std::vector<Packet> packets_;
  // Used as stacks: what was in use last is still in the processor's cache.
  std::vector<Packet*> freeSmall_;
  std::vector<Packet*> freeLarge_;
  Packet* landing_ = nullptr;
};

}  // namespace mqvpn::tunnel
