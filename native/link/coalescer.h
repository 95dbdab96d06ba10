#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "link/frame.h"

namespace mqvpn::link {

/// Glues frames that arrive together into one large packet where they are consecutive segments of one TCP or
/// UDP flow, just as the receive offload (GRO) of a network card does: a receiver's stack costs several times
/// as much per packet as everything else here together.
///
/// It stands behind the delay line, at the far end of the link: every frame was queued, delayed and lost on
/// its own. Only frames whose checksum was left undone are glued, so none is ever computed.
class Coalescer {
 public:
  /// Frames that are held until clear().
  std::span<Frame* const> frames() const { return {frames_.data(), count_}; }

  /// Adds the frame behind those that are held. False when it cannot be part of the same packet.
  bool add(Frame* frame);
  /// What to write for all frames together: vnet header and packet in pieces.
  std::span<const iovec> pieces();
  void clear() { count_ = 0; }

  /// No more UDP packets are glued: kernels before Linux 6.2 do not take them.
  void withoutUdp() { udp_ = false; }

 private:
  // 44 full TCP segments make 64 KB; a UDP packet for UDP_SEGMENT has at most 64 (UDP_MAX_SEGMENTS of older
  // kernels).
  static constexpr std::size_t kMostFrames = 64;
  // Ethernet 14, IPv6 40, TCP with all options 60.
  static constexpr std::size_t kMostHeader = kVnetHeaderBytes + 114;

  /// Where things are in a frame that can be glued; transport 0: it cannot.
  struct Shape {
    std::uint32_t transport = 0;
    std::uint32_t payload = 0;
    std::uint32_t payloadBytes = 0;
    bool ipv6 = false;
    bool tcp = false;
    bool pushed = false;
  };
  Shape shapeOf(Frame* frame) const;
  bool continues(Frame* frame, const Shape& shape) const;

  std::array<Frame*, kMostFrames> frames_{};
  std::array<iovec, kMostFrames + 1> pieces_{};
  std::array<std::uint8_t, kMostHeader> header_{};
  std::size_t count_ = 0;
  Shape first_;
  Shape last_;
  std::uint32_t payloadBytes_ = 0;
  bool udp_ = true;
};

}  // namespace mqvpn::link
