#pragma once

#include <array>

#include "tunnel/scheduler.h"
#include "tunnel/wlb_capacity.h"

namespace mqvpn::tunnel {

/// Weighted load balancing that keeps flows whole: a TCP or UDP flow waits in the lane of one path, so that
/// its packets stay in order. A new flow gets the path where its share would be largest; flows that take what
/// they can get ("heavy") move when another path has clearly more for them, and none is left idle while two
/// share another. The rest (ICMP, fragments) leaves by the fastest path that is ready.
class Wlb final : public Scheduler, public FlowPlacer {
 public:
  explicit Wlb(FairQueue& queue) : queue_(queue) { queue.setPlacer(this); }
  ~Wlb() override { queue_.setPlacer(nullptr); }
  Wlb(const Wlb&) = delete;
  Wlb& operator=(const Wlb&) = delete;

  void onPaths(std::span<const quic::PathView> paths, std::size_t pulling, quic::Time now) override;
  const FairQueue::Head* next(std::uint32_t pathId, quic::Time now) override;
  void onTaken(std::size_t bytes) override;
  void reset() override;
  Lane place(FlowRecord& flow, quic::Time now) override;

  /// Of a path that onPaths() told; 0: unknown.
  std::uint64_t capacityOf(std::uint32_t pathId) const;
  Lane laneOf(std::uint32_t pathId) const override;

 private:
  static constexpr std::size_t kMostPaths = kMostLanes - 1;
  struct PathSlot {
    bool live = false;
    quic::PathView view;
    PathCapacity capacity;
    /// Since when packets wait in its lane without a break, and when some did last. kNever: none do.
    quic::Time waitingSince = quic::kNever;
    quic::Time waitedAt = 0;
    /// When it could send last.
    quic::Time readyAt = 0;
    /// Flows of its lane: those that take what they can get, those of which it is not known yet, and those of
    /// the first whose packets waited of late.
    unsigned heavy = 0, young = 0, backlogged = 0;
    /// What heavy flows sent, and all others, bytes per second.
    std::uint64_t rate = 0, light = 0;
    /// It carries about what it can: then its heavy flows want more, whether they wait here or in the queue
    /// of the link itself, where nobody sees it.
    bool full = false;
    /// Flows that would take more.
    unsigned hungry() const { return full ? heavy : backlogged; }
    // Turns between its lane and the shared one.
    std::int64_t credit = 0;
    bool sharedTurn = false;
  };

  PathSlot& slotOf(Lane lane) { return slots_[lane - 1u]; }
  const PathSlot& slotOf(Lane lane) const { return slots_[lane - 1u]; }
  Lane find(std::uint32_t pathId) const;
  bool sameSet(std::span<const quic::PathView> paths) const;
  void changeSet(std::span<const quic::PathView> paths, quic::Time now);
  void observe(Lane lane, const quic::PathView& view, quic::Time now);
  Lane best(Lane except) const;
  double share(Lane lane, unsigned more) const;
  Lane settle(FlowRecord& flow, Lane lane);
  bool isYoung(const FlowRecord& flow, quic::Time now) const;
  bool betterAtGap(const FlowRecord& flow, Lane to, quic::Time now) const;
  void count(quic::Time now);
  void balance(quic::Time now);
  bool fillIdle(quic::Time now);
  void evenOut(quic::Time now);
  bool moveOne(Lane from, Lane to, quic::Time now);
  const FairQueue::Head* inTurn(Lane lane, quic::Time now);
  const FairQueue::Head* stuckSmall(Lane lane, quic::Time now);
  const FairQueue::Head* spilled(Lane lane, quic::Time now);

  FairQueue& queue_;
  std::array<PathSlot, kMostPaths> slots_;
  std::size_t live_ = 0;
  Lane pulling_ = kSharedLane;
  /// The path that pulls leaves the shared lane to a faster one.
  bool yields_ = false;
  /// Which lane was offered last, in its turn, and that nothing was taken since.
  Lane offered_ = kSharedLane;
  bool stands_ = false;
  quic::Time nextCount_ = 0;
  quic::Time nextMove_ = 0;
};

}  // namespace mqvpn::tunnel
