#pragma once

#include <cstdint>
#include <span>

#include "tunnel/coalesce.h"

namespace mqvpn::tunnel {

/// Takes IP packets for the TUN device.
class TunSink {
 public:
  virtual ~TunSink() = default;
  /// `packet` is valid during the call. One that lies inside the datagram that the engine was given stays
  /// valid as long as that does, so packets of one receive batch can be glued without a copy; others (out of
  /// a capsule, made here) do not.
  virtual void write(std::span<const std::uint8_t> packet, ChecksumState checksum) = 0;
};

}  // namespace mqvpn::tunnel
