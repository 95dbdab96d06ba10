#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "quic/address.h"

namespace mqvpn::quic {

/// UDP datagrams for one network path that leave with one system call (UDP_SEGMENT): all have `segmentSize`
/// bytes, but the last, which may be shorter. The buffer is the caller's.
struct SendBatch {
  /// What the kernel takes: UDP_MAX_SEGMENTS is 64 in the oldest kernels that know the option, and one
  /// message has at most 65 507 bytes of payload over IPv4 (IPv6: 65 527).
  static constexpr std::size_t kMostSegments = 64;
  static constexpr std::size_t kMostBytes = 65'000;

  std::span<std::uint8_t> buffer;
  std::size_t used = 0;
  std::size_t segmentSize = 0;
  std::size_t segments = 0;
  NetworkPath path;
  Ecn ecn = Ecn::kNotEct;
  /// A PMTU probe: never fragmented, and its loss or EMSGSIZE says nothing.
  bool isProbe = false;

  std::span<const std::uint8_t> bytes() const { return buffer.first(used); }
  bool empty() const { return segments == 0; }
  void clear() {
    used = segmentSize = segments = 0;
    isProbe = false;
  }
};

}  // namespace mqvpn::quic
