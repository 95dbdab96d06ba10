#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "quic/time.h"
#include "tunnel/codel.h"
#include "tunnel/packet_pool.h"

namespace mqvpn::tunnel {

struct FairQueueLimits {
  /// 4 MiB are 7 ms at 5 Gbit/s. CoDel keeps the queue far shorter where the link is slower.
  std::uint64_t bytes = 4 << 20;
  std::uint64_t packets = 4096;
};

/// The one place where inner packets wait: FQ-CoDel (RFC 8290). Flows take turns, a flow that sends little
/// goes first, and a flow whose packets wait too long for too long is told so by a drop or an ECN mark. A
/// super-packet is one entry; its segments leave, are counted, and are dropped one by one.
class FairQueue {
 public:
  /// RFC 8290 §5.2.2: its default.
  static constexpr std::size_t kBuckets = 1024;

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

  /// Takes a packet whose `segmenter` and `flowHash` are set. When the limits are exceeded, the fattest flow
  /// loses packets.
  void enqueue(Packet* packet, quic::Time now);
  /// Null: empty. The answer stands until pop() or dropFattest(); to get it, CoDel may drop what has waited
  /// too long.
  const Head* peek(quic::Time now);
  /// What peek() told.
  const Head& head() const { return head_; }
  /// Takes away what peek() told. The packet is freed with its last segment.
  void pop();
  /// Frees memory for others: the flow with the longest backlog loses up to half of it, from its head (RFC
  /// 8290 §4.1).
  void dropFattest();

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
  using FlowIndex = std::uint16_t;
  static constexpr FlowIndex kNone = 0xffff;
  enum class Where : std::uint8_t { kIdle, kNew, kOld };
  struct Flow {
    Packet* first = nullptr;
    Packet* last = nullptr;
    std::uint64_t bytes = 0;
    std::int64_t deficit = 0;
    Codel codel;
    FlowIndex next = kNone;
    Where where = Where::kIdle;
  };
  struct List {
    FlowIndex first = kNone;
    FlowIndex last = kNone;
    bool empty() const { return first == kNone; }
  };

  FlowIndex flowOf(std::uint32_t hash);
  void append(List& list, FlowIndex index, Where where);
  FlowIndex removeFirst(List& list);
  /// Takes one segment from the head of the flow.
  void advance(Flow& flow);
  bool chooseFrom(FlowIndex index, quic::Time now);

  PacketPool& pool_;
  FairQueueLimits limits_;
  std::uint32_t quantum_ = 1500;
  std::uint64_t bytes_ = 0;
  std::uint64_t packets_ = 0;
  /// Made with the first packet of a bucket, so that a session of a few flows stays small.
  std::unique_ptr<std::array<FlowIndex, kBuckets>> buckets_;
  std::vector<Flow> flows_;
  List new_, old_;
  FlowIndex chosen_ = kNone;
  Head head_;
  bool ramping_ = false;
  Codel::Limits codelLimits_;
  Counters counters_;
};

}  // namespace mqvpn::tunnel
