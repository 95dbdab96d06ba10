#pragma once

#include <cstddef>
#include <cstdint>

#include "quic/time.h"

namespace mqvpn::tunnel {

/// Decides which path an inner packet leaves by. Packets wait in one queue; a path that may send (window and
/// pacing allow it) asks for the head, and the scheduler lets it have it, or keeps it for a better path.
class Scheduler {
 public:
  virtual ~Scheduler() = default;
  /// Path `pathId` could send `bytes` of flow `flowHash` now. False: not by this path, not now.
  virtual bool offers(std::uint32_t pathId, std::uint32_t flowHash, std::size_t bytes, quic::Time now) = 0;
};

/// For connections of one path: it gets everything.
class SinglePath final : public Scheduler {
 public:
  bool offers(std::uint32_t, std::uint32_t, std::size_t, quic::Time) override { return true; }
};

}  // namespace mqvpn::tunnel
