#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "quic/application.h"
#include "quic/time.h"
#include "tunnel/fair_queue.h"

namespace mqvpn::tunnel {

/// Which scheduler. With one path both give it everything.
enum class SchedulerKind : std::uint8_t { kMinRtt, kWlb };

/// Decides which path an inner packet leaves by, for one tunnel. Packets wait in the lanes of one queue; a
/// path that may send (window and pacing allow it) asks, and the scheduler gives it the head of a lane, or
/// nothing.
class Scheduler {
 public:
  virtual ~Scheduler() = default;
  /// See quic::DatagramSource::onPaths(); `paths` may be empty.
  virtual void onPaths(std::span<const quic::PathView> paths, std::size_t pulling, quic::Time now) = 0;
  /// What path `pathId` takes next; null: nothing, now. FairQueue::pop() takes it away.
  virtual const FairQueue::Head* next(std::uint32_t pathId, quic::Time now) = 0;
  /// Where the flows wait that leave by this path alone; kSharedLane: none do.
  virtual Lane laneOf(std::uint32_t pathId) const { return (void)pathId, kSharedLane; }
  /// It was taken.
  virtual void onTaken(std::size_t bytes) { (void)bytes; }
  /// Another connection, with other paths. The queue is empty.
  virtual void reset() = 0;
};

/// `queue` outlives it.
std::unique_ptr<Scheduler> makeScheduler(SchedulerKind kind, FairQueue& queue);

}  // namespace mqvpn::tunnel
