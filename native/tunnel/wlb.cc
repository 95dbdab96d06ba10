#include "tunnel/wlb.h"

#include <algorithm>
#include <array>

#include "tunnel/min_rtt.h"

namespace mqvpn::tunnel {

namespace {

using quic::Duration;
using quic::kMillisecond;
using quic::kSecond;
using quic::Time;

/// How often flows are counted, and moved.
constexpr Duration kCountEvery = 20 * kMillisecond;
constexpr Duration kMeasure = 100 * kMillisecond;
/// A flow that begins, also again after a pause, may be a heavy one for so long, once it sent so much. Until
/// then the first round trips of a connection are taken for the beginning of one.
constexpr Duration kYoung = 200 * kMillisecond;
constexpr std::uint64_t kYoungBytes = 8 << 10;
constexpr Duration kPause = 100 * kMillisecond;
/// One whose packets waited within so long takes what it can get.
constexpr Duration kBacklogged = 200 * kMillisecond;
/// One that sent nothing for so long counts no more.
constexpr Duration kQuiet = kSecond;
/// So does one of TCP that fills this part of its path.
constexpr std::uint64_t kHeavyPart = 32;
/// What others send, measured, is not to be shared; this part of a path always is.
constexpr std::uint64_t kLeastPart = 16;
/// A path is full from this many tenths of what it is known to carry on.
constexpr std::uint64_t kFullTenths = 8;
/// A path for which nothing waited for so long is idle.
constexpr Duration kIdle = 100 * kMillisecond;
/// A flow moves for so much more; shares are known to some 10 %.
constexpr double kClearly = 1.3;
constexpr Duration kMoveEvery = kSecond;
/// For twice as much or more it moves sooner, or although it is not known yet what its path carries.
constexpr double kFar = 2;
constexpr Duration kFarMoveEvery = 100 * kMillisecond;
/// A gap in a flow is at least so long.
constexpr Duration kLeastGap = kMillisecond;
constexpr Duration kGapMoveEvery = 500 * kMillisecond;
/// Packets of UDP flows wait so long for their own path at most while another one is idle.
constexpr Duration kSpillAfter = 5 * kMillisecond;
/// TCP takes the disorder for loss: only where its path seems to be dead.
constexpr Duration kStalled = 100 * kMillisecond;

}  // namespace

Lane Wlb::find(std::uint32_t pathId) const {
  for (Lane lane = 1; lane < kMostLanes; ++lane)
    if (slotOf(lane).live && slotOf(lane).view.id == pathId) return lane;
  return kSharedLane;
}

Lane Wlb::laneOf(std::uint32_t pathId) const { return live_ < 2 ? kSharedLane : find(pathId); }

std::uint64_t Wlb::capacityOf(std::uint32_t pathId) const {
  const Lane lane = find(pathId);
  return lane == kSharedLane ? 0 : slotOf(lane).capacity.bytesPerSecond();
}

void Wlb::reset() {
  slots_ = {};
  live_ = 0;
  pulling_ = offered_ = kSharedLane;
  yields_ = stands_ = false;
  nextCount_ = nextMove_ = 0;
}

// --- paths

void Wlb::onPaths(std::span<const quic::PathView> paths, std::size_t pulling, Time now) {
  // More than eight at a time are not used for pinned flows.
  const std::span<const quic::PathView> known = paths.first(std::min(paths.size(), kMostPaths));
  if (!sameSet(known)) changeSet(known, now);
  for (const quic::PathView& view : known) observe(find(view.id), view, now);
  pulling_ = pulling < known.size() ? find(known[pulling].id) : kSharedLane;
  stands_ = false;
  if (live_ < 2) return;
  yields_ = yieldsToFaster(paths, pulling, now);
  if (now < nextCount_) return;
  nextCount_ = now + kCountEvery;
  count(now);
  balance(now);
}

bool Wlb::sameSet(std::span<const quic::PathView> paths) const {
  return paths.size() == live_ && std::all_of(paths.begin(), paths.end(), [&](const quic::PathView& view) {
           return find(view.id) != kSharedLane;
         });
}

void Wlb::changeSet(std::span<const quic::PathView> paths, Time now) {
  const std::size_t before = live_;
  live_ = paths.size();
  std::array<bool, kMostLanes> leave{};
  Lane stays = kSharedLane;
  for (Lane lane = 1; lane < kMostLanes; ++lane) {
    PathSlot& slot = slotOf(lane);
    if (!slot.live) continue;
    const bool gone = std::none_of(paths.begin(), paths.end(),
                                   [&](const quic::PathView& view) { return view.id == slot.view.id; });
    leave[lane] = gone || live_ < 2;
    if (gone) {
      PathSlot left;
      left.view.id = slot.view.id;
      left.capacity = slot.capacity;
      slot = left;
    } else if (before == 1) {
      stays = lane;
    }
    if (leave[lane]) queue_.moveAll(lane, [](const FlowRecord&) { return kSharedLane; });
  }
  for (const quic::PathView& view : paths) {
    if (find(view.id) != kSharedLane) continue;
    // The one that it had before, or any that is free.
    auto slot = std::find_if(slots_.begin(), slots_.end(),
                             [&](const PathSlot& one) { return !one.live && one.view.id == view.id; });
    if (slot == slots_.end()) {
      slot = std::find_if(slots_.begin(), slots_.end(), [](const PathSlot& one) { return !one.live; });
      *slot = PathSlot{};
    }
    slot->live = true;
    slot->capacity.restart();
    slot->view = view;
    slot->readyAt = now;
    slot->capacity.observe(view, false, now);
  }
  // Flows that paused are settled with their next packet; those of a path that was the only one stay with it:
  // what they sent last still travels there.
  queue_.forEachFlow(now, [&](FairQueue::FlowIndex index, FlowRecord& flow, std::uint64_t waiting) {
    if (leave[flow.lane]) flow.lane = kSharedLane;
    if (waiting == 0 && stays != kSharedLane && live_ > 1 && flow.kind != FlowKind::kOther)
      queue_.move(index, stays);
  });
  count(now);
  if (live_ < 2) return;
  queue_.moveAll(kSharedLane, [&](FlowRecord& flow) {
    if (flow.kind == FlowKind::kOther) return kSharedLane;
    return settle(flow, stays != kSharedLane ? stays : best(kSharedLane));
  });
}

void Wlb::observe(Lane lane, const quic::PathView& view, Time now) {
  PathSlot& slot = slotOf(lane);
  slot.view = view;
  if (view.readyAt <= now) slot.readyAt = now;
  if (live_ < 2) return;
  if (queue_.waits(lane)) {
    if (slot.waitingSince == quic::kNever) slot.waitingSince = now;
    slot.waitedAt = now;
  } else {
    slot.waitingSince = quic::kNever;
  }
  const bool busy = slot.waitingSince != quic::kNever && now - slot.waitingSince >= view.smoothedRtt;
  slot.capacity.observe(view, busy, now);
}

// --- flows

double Wlb::share(Lane lane, unsigned more) const {
  const PathSlot& slot = slotOf(lane);
  const std::uint64_t capacity = slot.capacity.bytesPerSecond();
  const std::uint64_t left = std::max(capacity - std::min(capacity, slot.light), capacity / kLeastPart);
  return static_cast<double>(left) / std::max(1u, slot.heavy + slot.young + more);
}

/// Where one more flow would get most.
Lane Wlb::best(Lane except) const {
  Lane found = kSharedLane;
  for (Lane lane = 1; lane < kMostLanes; ++lane) {
    if (lane == except || !slotOf(lane).live) continue;
    if (found == kSharedLane || share(lane, 1) > share(found, 1)) found = lane;
  }
  return found;
}

Lane Wlb::settle(FlowRecord& flow, Lane lane) {
  flow.lane = lane;
  ++(flow.heavy ? slotOf(lane).heavy : slotOf(lane).young);
  return lane;
}

bool Wlb::isYoung(const FlowRecord& flow, Time now) const {
  const Duration age = now - flow.startedAt;
  if (age >= kYoung) return false;
  return flow.served - flow.servedBefore >= kYoungBytes || age < 2 * slotOf(flow.lane).view.smoothedRtt;
}

Lane Wlb::place(FlowRecord& flow, Time now) {
  const bool begins = flow.startedAt == 0 || now - flow.servedAt >= kPause;
  if (begins) {
    flow.startedAt = now;
    flow.servedBefore = flow.served;
  }
  if (live_ < 2 || flow.kind == FlowKind::kOther) return kSharedLane;
  if (begins && now >= nextCount_) {
    nextCount_ = now + kCountEvery;
    count(now);
  }
  if (flow.lane == kSharedLane || !slotOf(flow.lane).live) return settle(flow, best(kSharedLane));
  if (begins && !flow.heavy) {
    ++slotOf(flow.lane).young;
    return flow.lane;
  }
  const Lane other = best(flow.lane);
  if (!betterAtGap(flow, other, now)) return flow.lane;
  --(flow.heavy ? slotOf(flow.lane).heavy : slotOf(flow.lane).young);
  flow.movedAt = now;
  return settle(flow, other);
}

/// Whether a flow that paused is better off elsewhere. Its packets stay in order when the pause is longer
/// than what the other path is faster by.
bool Wlb::betterAtGap(const FlowRecord& flow, Lane to, Time now) const {
  const PathSlot& from = slotOf(flow.lane);
  const PathSlot& target = slotOf(to);
  if (!flow.heavy &&
      (from.young == 0 || flow.served - flow.servedBefore < kYoungBytes || !isYoung(flow, now)))
    return false;
  if (now - flow.movedAt < kGapMoveEvery) return false;
  const Duration here = from.view.smoothedRtt, there = target.view.smoothedRtt;
  const Duration gap = now - flow.servedAt;
  if (gap < kLeastGap + (here > there ? here - there : 0)) return false;
  const bool alone = from.heavy + from.young < 2;
  // A path is not left empty for one that is in use.
  if (alone && target.heavy + target.young > 0) return false;
  return share(to, 1) >= (alone && !from.capacity.isMeasured() ? kFar : kClearly) * share(flow.lane, 0);
}

void Wlb::count(Time now) {
  for (PathSlot& slot : slots_) {
    slot.heavy = slot.young = slot.backlogged = 0;
    slot.rate = slot.light = 0;
  }
  queue_.forEachFlow(now, [&](FairQueue::FlowIndex, FlowRecord& flow, std::uint64_t waiting) {
    if (flow.kind == FlowKind::kOther) return;
    if (waiting == 0 && now - flow.servedAt > kQuiet) {
      flow.heavy = false;
      flow.rate = 0;
      return;
    }
    if (now - flow.measuredAt >= kMeasure) {
      const double took = static_cast<double>(std::min(now - flow.measuredAt, kQuiet));
      flow.rate = static_cast<std::uint64_t>(static_cast<double>(flow.served - flow.measured) * 1e9 / took);
      flow.measured = flow.served;
      flow.measuredAt = now;
    }
    const bool backlogged = flow.backloggedAt != 0 && now - flow.backloggedAt < kBacklogged;
    const bool pinned = flow.lane != kSharedLane && slotOf(flow.lane).live;
    if (!pinned) {
      flow.heavy = backlogged;
      return;
    }
    PathSlot& slot = slotOf(flow.lane);
    flow.heavy = backlogged ||
                 (flow.kind == FlowKind::kTcp && flow.rate > slot.capacity.bytesPerSecond() / kHeavyPart);
    if (flow.heavy) {
      ++slot.heavy;
      slot.rate += flow.rate;
      slot.backlogged += backlogged;
    } else if (isYoung(flow, now)) {
      ++slot.young;
    } else {
      slot.light += flow.rate;
    }
  });
  for (PathSlot& slot : slots_)
    slot.full = slot.live && slot.rate > 0 &&
                (slot.rate + slot.light) * 10 >= slot.capacity.bytesPerSecond() * kFullTenths;
}

// --- moving

void Wlb::balance(Time now) {
  if (!fillIdle(now) && now >= nextMove_) evenOut(now);
}

/// A path for which nothing waits takes a flow from one for which several do.
bool Wlb::fillIdle(Time now) {
  for (Lane lane = 1; lane < kMostLanes; ++lane) {
    const PathSlot& idle = slotOf(lane);
    if (!idle.live || idle.waitingSince != quic::kNever || now - idle.waitedAt < kIdle ||
        idle.view.inFlight * 2 > idle.view.window)
      continue;
    const std::uint64_t capacity = idle.capacity.bytesPerSecond();
    if (idle.heavy > 0 && idle.rate * 2 > capacity) continue;
    Lane from = kSharedLane;
    for (Lane other = 1; other < kMostLanes; ++other) {
      const PathSlot& slot = slotOf(other);
      if (other == lane || !slot.live || slot.hungry() < 2) continue;
      if (from == kSharedLane || share(other, 0) < share(from, 0)) from = other;
    }
    if (from == kSharedLane) continue;
    if (idle.heavy + idle.young > 0 &&
        static_cast<double>(capacity - std::min(capacity, idle.rate)) < kClearly * share(from, 0))
      continue;
    if (moveOne(from, lane, now)) return true;
  }
  return false;
}

/// Moves one flow to where it gets clearly more; none to where it would leave a path empty for one in use.
void Wlb::evenOut(Time now) {
  Lane from = kSharedLane, to = kSharedLane;
  double most = kClearly;
  for (Lane source = 1; source < kMostLanes; ++source) {
    const PathSlot& slot = slotOf(source);
    if (!slot.live || slot.hungry() == 0) continue;
    const Lane target = best(source);
    if (target == kSharedLane) continue;
    // Its only flow does not leave a path while it still finds out what that carries.
    if (slot.heavy < 2 && (!slot.capacity.isMeasured() || slotOf(target).heavy + slotOf(target).young > 0))
      continue;
    const double gain = share(target, 1) / share(source, 0);
    if (gain < most) continue;
    most = gain;
    from = source;
    to = target;
  }
  if (from != kSharedLane && moveOne(from, to, now))
    nextMove_ = now + (most >= kFar && slotOf(from).heavy > 0 ? kFarMoveEvery : kMoveEvery);
}

bool Wlb::moveOne(Lane from, Lane to, Time now) {
  // The one of which least waits, and is overtaken on its way by the old path.
  const Duration here = slotOf(from).view.smoothedRtt, there = slotOf(to).view.smoothedRtt;
  const double ahead = here > there ? static_cast<double>(here - there) / 1e9 : 0;
  FairQueue::FlowIndex found = 0;
  FlowRecord* moved = nullptr;
  std::uint64_t least = UINT64_MAX;
  queue_.forEachFlow(now, [&](FairQueue::FlowIndex index, FlowRecord& flow, std::uint64_t waiting) {
    const bool hungry = slotOf(from).full || now - flow.backloggedAt < kBacklogged;
    const std::uint64_t cost = waiting + static_cast<std::uint64_t>(ahead * static_cast<double>(flow.rate));
    if (flow.lane != from || !flow.heavy || !hungry || cost >= least) return;
    least = cost;
    found = index;
    moved = &flow;
  });
  if (moved == nullptr) return false;
  queue_.move(found, to);
  moved->movedAt = now;
  --slotOf(from).heavy;
  ++slotOf(to).heavy;
  return true;
}

// --- pulling

const FairQueue::Head* Wlb::next(std::uint32_t pathId, Time now) {
  if (live_ < 2) return queue_.peek(kSharedLane, now);
  const Lane lane = pulling_ != kSharedLane && slotOf(pulling_).view.id == pathId ? pulling_ : find(pathId);
  if (lane == kSharedLane) {
    const FairQueue::Head* head = queue_.peek(kSharedLane, now);
    return head != nullptr ? head : spilled(kSharedLane, now);
  }
  // To ask again changes nothing.
  if (stands_)
    if (const FairQueue::Head* head = queue_.peek(offered_, now)) return head;
  if (const FairQueue::Head* head = stuckSmall(lane, now)) return head;
  const FairQueue::Head* head = inTurn(lane, now);
  stands_ = head != nullptr;
  return head != nullptr ? head : spilled(lane, now);
}

/// From the path's own lane or the shared one, in turns by the number of flows in each; what is new in either
/// goes first.
const FairQueue::Head* Wlb::inTurn(Lane lane, Time now) {
  PathSlot& slot = slotOf(lane);
  if (yields_ || !queue_.waits(kSharedLane)) {
    offered_ = lane;
    return queue_.peek(lane, now);
  }
  const bool ownNew = queue_.waitsNew(lane), sharedNew = queue_.waitsNew(kSharedLane);
  bool shared = !queue_.waits(lane) || (sharedNew && !ownNew);
  if (!shared && ownNew == sharedNew) {
    if (slot.credit <= 0) {
      slot.sharedTurn = !slot.sharedTurn;
      const std::size_t flows = queue_.flowsIn(slot.sharedTurn ? kSharedLane : lane);
      slot.credit = static_cast<std::int64_t>(queue_.quantum() * flows);
    }
    shared = slot.sharedTurn;
  }
  for (int i = 0; i < 2; ++i, shared = !shared) {
    offered_ = shared ? kSharedLane : lane;
    if (const FairQueue::Head* head = queue_.peek(offered_, now)) return head;
  }
  return nullptr;
}

void Wlb::onTaken(std::size_t bytes) {
  stands_ = false;
  if (pulling_ != kSharedLane) slotOf(pulling_).credit -= static_cast<std::int64_t>(bytes);
}

/// A path whose window stays full may be dead, which is known in a while only; what sends little does not
/// wait for that.
const FairQueue::Head* Wlb::stuckSmall(Lane lane, Time now) {
  for (Lane other = 1; other < kMostLanes; ++other) {
    const PathSlot& slot = slotOf(other);
    if (other == lane || !slot.live || slot.view.readyAt <= now || now - slot.readyAt < kSpillAfter) continue;
    if (!queue_.waits(other)) continue;
    if (const FairQueue::Head* head = queue_.peekSmall(other, now)) return head;
  }
  return nullptr;
}

/// The path has nothing of its own to send: what waits too long for another. `lane`: its own, if it has one.
const FairQueue::Head* Wlb::spilled(Lane lane, Time now) {
  for (Lane other = 1; other < kMostLanes; ++other) {
    const PathSlot& slot = slotOf(other);
    if (other == lane || !slot.live || slot.view.readyAt <= now || !queue_.waits(other)) continue;
    // While its window still doubles with each round trip, waiting for it does not last.
    const Duration patience =
        slot.view.ramping ? std::max(kSpillAfter, 2 * slot.view.smoothedRtt) : kSpillAfter;
    const bool stalled = now - slot.readyAt > std::max(kStalled, slot.view.smoothedRtt * 3 / 2);
    if (const FairQueue::Head* head = queue_.peekStale(other, patience, stalled, now)) return head;
  }
  return nullptr;
}

}  // namespace mqvpn::tunnel
