#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "quic/time.h"
#include "tunnel/codel.h"
#include "tunnel/flow_hash.h"
#include "tunnel/packet_pool.h"
#include "tunnel/twins.h"

namespace mqvpn::tunnel {

struct FairQueueLimits {
  /// 4 MiB are 7 ms at 5 Gbit/s. CoDel keeps the queue far shorter where the link is slower.
  std::uint64_t bytes = 4 << 20;
  std::uint64_t packets = 4096;
};

/// Where a flow waits: in the lane that all paths take from, or in that of one path.
using Lane = std::uint8_t;
constexpr Lane kSharedLane = 0;
constexpr Lane kMostLanes = 9;

/// What is remembered of a flow from one packet to the next.
struct FlowRecord {
  /// One not heard of for so long begins anew.
  static constexpr quic::Duration kForget = 10 * quic::kSecond;
  /// Packets that wait longer, behind others of their flow, wait for the path.
  static constexpr quic::Duration kBacklogWait = quic::kMillisecond;

  FlowKind kind = FlowKind::kOther;
  Lane lane = kSharedLane;
  /// Set by the scheduler: counts as one that takes what it can get.
  bool heavy = false;
  /// When it began, or began again after a pause, and what had left by then; set by the scheduler.
  quic::Time startedAt = 0;
  std::uint64_t servedBefore = 0;
  /// When a packet left last; when one left, or was found, that had waited.
  quic::Time servedAt = 0;
  quic::Time backloggedAt = 0;
  quic::Time movedAt = 0;
  /// Bytes that left.
  std::uint64_t served = 0;
  /// The scheduler's measure of it: bytes per second, and what had left at `measuredAt`.
  std::uint64_t rate = 0;
  quic::Time measuredAt = 0;
  std::uint64_t measured = 0;
  TwinRecord twin;
};

/// Says where a flow waits.
class FlowPlacer {
 public:
  virtual ~FlowPlacer() = default;
  /// A flow that waited nowhere has a packet.
  virtual Lane place(FlowRecord& flow, quic::Time now) = 0;
};

/// The one place where inner packets wait: FQ-CoDel (RFC 8290). Flows take turns, a flow that sends little
/// goes first, and a flow whose packets wait too long for too long is told so by a drop or an ECN mark. A
/// super-packet is one entry; its segments leave, are counted, and are dropped one by one. With several
/// paths, flows take turns within their lane.
class FairQueue {
 public:
  /// RFC 8290 §5.2.2: its default.
  static constexpr std::size_t kBuckets = 1024;
  using FlowIndex = std::uint16_t;

  struct Counters {
    /// Segments.
    std::uint64_t enqueued = 0, dequeued = 0;
    /// Dropped because the queue was full; by CoDel; marked by CoDel.
    std::uint64_t overflow = 0, codelDrops = 0, marks = 0;
  };
  /// The segment that leaves next.
  struct Head {
    Packet* packet = nullptr;
    std::size_t size = 0;
    /// To be marked with CE when it leaves.
    bool mark = false;
  };

  explicit FairQueue(PacketPool& pool, FairQueueLimits limits = {}) : pool_(pool), limits_(limits) {}
  ~FairQueue() { clear(); }
  FairQueue(const FairQueue&) = delete;
  FairQueue& operator=(const FairQueue&) = delete;

  /// What each flow may send per turn, and what CoDel takes for a short queue: the MTU (RFC 8290 §5.2.3, RFC
  /// 8289 §5.3).
  void setQuantum(std::uint32_t bytes) { quantum_ = bytes; }
  /// While the window that drains the queue still doubles every round trip, waiting is no sign of a standing
  /// queue. A drop then would end the slow start of the TCP connection inside when it has sent its first few
  /// packets; only the limits hold.
  void setRamping(bool ramping) { ramping_ = ramping; }
  /// The round trip of the path that drains the queue; see Codel::limitsFor().
  void setRoundTrip(quic::Duration rtt) { codelLimits_ = Codel::limitsFor(rtt); }

  /// Null: all wait in the shared lane.
  void setPlacer(FlowPlacer* placer) { placer_ = placer; }

  /// Takes a packet whose `segmenter` and `flowHash` are set. When the limits are exceeded, the fattest flow
  /// loses packets.
  void enqueue(Packet* packet, quic::Time now, FlowKind kind = FlowKind::kOther);
  /// Null: empty. The answer stands until pop(), dropFattest() or a move of its flow; to get it, CoDel may
  /// drop what has waited too long.
  const Head* peek(quic::Time now) { return peek(kSharedLane, now); }
  const Head* peek(Lane lane, quic::Time now);
  /// Out of turn: the head of the first flow of a lane that has waited for `leastWait`; TCP only if `tcpToo`.
  const Head* peekStale(Lane lane, quic::Duration leastWait, bool tcpToo, quic::Time now);
  /// Out of turn: the head of a flow of a lane that sends little (see Twins).
  const Head* peekSmall(Lane lane, quic::Time now);
  /// What was told last.
  const Head& head() const { return head_; }
  /// What was told last is of a flow that sends little (RFC 8290 §4.2: it was new, and has credit left).
  bool offersSparse() const { return offeredFlow_ != kNone && flows_[offeredFlow_].where == Where::kNew; }
  /// The flow of what was told last; null: it was dropped meanwhile.
  FlowRecord* offeredRecord() { return offeredFlow_ != kNone ? &flows_[offeredFlow_].record : nullptr; }
  /// Takes away what was told last. The packet is freed with its last segment.
  void pop();
  /// Frees memory for others: the flow with the longest backlog loses up to half of it, from its head (RFC
  /// 8290 §4.1).
  void dropFattest();

  /// Flows wait in this lane (they may have lost their packets since).
  bool waits(Lane lane) const { return !lanes_[lane].fresh.empty() || !lanes_[lane].old.empty(); }
  /// Flows wait there that go first.
  bool waitsNew(Lane lane) const { return !lanes_[lane].fresh.empty(); }
  /// How many.
  std::size_t flowsIn(Lane lane) const { return lanes_[lane].flows; }
  std::uint32_t quantum() const { return quantum_; }

  /// All flows of which something is known: `visit(index, record, bytes that wait)`.
  template <typename Visit>
  void forEachFlow(quic::Time now, Visit&& visit) {
    for (FlowIndex index = 0; index < flows_.size(); ++index) {
      Flow& flow = flows_[index];
      if (flow.first != nullptr) noteBacklog(flow, now - flow.first->enqueuedAt, now);
      visit(index, flow.record, flow.bytes);
    }
  }
  /// Moves a flow with all that waits of it.
  void move(FlowIndex index, Lane to);
  /// Moves all flows that wait in a lane, in their order, each to where `placeOf(record)` says.
  template <typename PlaceOf>
  void moveAll(Lane from, PlaceOf&& placeOf) {
    LaneState taken = lanes_[from];
    lanes_[from] = LaneState{};
    if (offeredLane_ == from) offeredFlow_ = kNone;
    for (List* list : {&taken.fresh, &taken.old}) {
      while (!list->empty()) {
        const FlowIndex index = list->first;
        list->first = flows_[index].next;
        const Where where = flows_[index].where;
        flows_[index].record.lane = placeOf(flows_[index].record);
        append(index, where);
      }
    }
  }

  bool empty() const { return packets_ == 0; }
  std::uint64_t bytes() const { return bytes_; }
  /// Segments.
  std::uint64_t packets() const { return packets_; }
  const Counters& counters() const { return counters_; }
  void clear();
  /// Gives back the memory for flows; of an empty queue only. An idle client then costs nothing.
  void shrink();
  std::size_t memoryBytes() const;

 private:
  static constexpr FlowIndex kNone = 0xffff;
  enum class Where : std::uint8_t { kIdle, kNew, kOld };
  struct Flow {
    Packet* first = nullptr;
    Packet* last = nullptr;
    std::uint64_t bytes = 0;
    std::int64_t deficit = 0;
    Codel codel;
    FlowRecord record;
    FlowIndex next = kNone;
    Where where = Where::kIdle;
    /// CoDel has said so of the head.
    bool markDue = false;
  };
  struct List {
    FlowIndex first = kNone;
    FlowIndex last = kNone;
    bool empty() const { return first == kNone; }
  };
  struct LaneState {
    List fresh, old;
    /// Whose turn it is, once that was asked.
    FlowIndex chosen = kNone;
    std::uint16_t flows = 0;
  };

  FlowIndex flowOf(std::uint32_t hash);
  /// To the end of that list of its lane.
  void append(FlowIndex index, Where where);
  FlowIndex removeFirst(LaneState& lane, List& list);
  /// Takes one segment from the head of the flow.
  void advance(Flow& flow);
  bool chooseFrom(FlowIndex index, quic::Time now);
  const Head* offer(FlowIndex index, Lane lane, bool inTurn, quic::Time now);
  void noteBacklog(Flow& flow, quic::Duration waited, quic::Time now) {
    if (waited > FlowRecord::kBacklogWait && flow.bytes >= 2 * std::uint64_t{quantum_})
      flow.record.backloggedAt = now;
  }

  PacketPool& pool_;
  FairQueueLimits limits_;
  std::uint32_t quantum_ = 1500;
  std::uint64_t bytes_ = 0;
  std::uint64_t packets_ = 0;
  /// Made with the first packet of a bucket, so that a session of a few flows stays small.
  std::unique_ptr<std::array<FlowIndex, kBuckets>> buckets_;
  std::vector<Flow> flows_;
  std::array<LaneState, kMostLanes> lanes_;
  FlowPlacer* placer_ = nullptr;
  // What was told last.
  Head head_;
  FlowIndex offeredFlow_ = kNone;
  Lane offeredLane_ = kSharedLane;
  bool offeredInTurn_ = true;
  quic::Time offeredAt_ = 0;
  bool ramping_ = false;
  Codel::Limits codelLimits_;
  Counters counters_;
};

}  // namespace mqvpn::tunnel
