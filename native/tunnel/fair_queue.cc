#include "tunnel/fair_queue.h"

#include <algorithm>

#include "tunnel/ecn_mark.h"

namespace mqvpn::tunnel {

namespace {
/// As Linux: a flood pays for the search of the fattest flow once per so many packets.
constexpr unsigned kMostDropsAtOnce = 64;
/// So many flows are looked at for one that another path may take over.
constexpr unsigned kMostLooked = 32;

std::uint64_t remainingBytes(const Packet& packet) {
  const std::size_t left = packet.segmenter.count() - packet.index;
  // All have the size of the first but the last.
  return left == 0 ? 0 : (left - 1) * packet.size() + packet.segmenter.size(packet.segmenter.count() - 1);
}
}  // namespace

FairQueue::FlowIndex FairQueue::flowOf(std::uint32_t hash) {
  if (!buckets_) {
    buckets_ = std::make_unique<std::array<FlowIndex, kBuckets>>();
    buckets_->fill(kNone);
  }
  FlowIndex& index = (*buckets_)[hash % kBuckets];
  if (index == kNone) {
    index = static_cast<FlowIndex>(flows_.size());
    flows_.emplace_back();
  }
  return index;
}

void FairQueue::append(FlowIndex index, Where where) {
  LaneState& lane = lanes_[flows_[index].record.lane];
  List& list = where == Where::kNew ? lane.fresh : lane.old;
  flows_[index].next = kNone;
  flows_[index].where = where;
  if (list.empty()) {
    list.first = index;
  } else {
    flows_[list.last].next = index;
  }
  list.last = index;
  ++lane.flows;
}

FairQueue::FlowIndex FairQueue::removeFirst(LaneState& lane, List& list) {
  const FlowIndex index = list.first;
  list.first = flows_[index].next;
  if (list.empty()) list.last = kNone;
  flows_[index].where = Where::kIdle;
  --lane.flows;
  return index;
}

void FairQueue::move(FlowIndex index, Lane to) {
  Flow& flow = flows_[index];
  LaneState& lane = lanes_[flow.record.lane];
  const Where where = flow.where;
  if (lane.chosen == index) lane.chosen = kNone;
  if (where == Where::kIdle) {
    flow.record.lane = to;
    return;
  }
  List& list = where == Where::kNew ? lane.fresh : lane.old;
  FlowIndex before = kNone;
  for (FlowIndex at = list.first; at != index; at = flows_[at].next) before = at;
  if (before == kNone) {
    list.first = flow.next;
  } else {
    flows_[before].next = flow.next;
  }
  if (list.last == index) list.last = before;
  --lane.flows;
  flow.record.lane = to;
  append(index, where);
}

void FairQueue::enqueue(Packet* packet, quic::Time now, FlowKind kind) {
  const FlowIndex index = flowOf(packet->flowHash);
  Flow& flow = flows_[index];
  packet->enqueuedAt = now;
  packet->next = nullptr;
  if (flow.first == nullptr) {
    flow.first = packet;
  } else {
    flow.last->next = packet;
  }
  flow.last = packet;
  const std::uint64_t size = remainingBytes(*packet);
  const std::size_t segments = packet->segmenter.count() - packet->index;
  flow.bytes += size;
  bytes_ += size;
  packets_ += segments;
  counters_.enqueued += segments;
  // RFC 8290 §4.1: a flow that was not waiting joins the end of the list of new ones, with one quantum of
  // credit.
  if (flow.where == Where::kIdle) {
    flow.deficit = quantum_;
    FlowRecord& record = flow.record;
    if (now - record.servedAt > FlowRecord::kForget) record = FlowRecord{};
    // Those that share a bucket share the fate of the one that minds most.
    record.kind = std::max(record.kind, kind);
    record.lane = placer_ != nullptr ? placer_->place(record, now) : kSharedLane;
    append(index, Where::kNew);
  }
  while (bytes_ > limits_.bytes || packets_ > limits_.packets) dropFattest();
}

void FairQueue::advance(Flow& flow) {
  Packet* packet = flow.first;
  const std::uint64_t size = packet->size();
  flow.bytes -= size;
  bytes_ -= size;
  --packets_;
  ++packet->index;
  flow.markDue = false;
  if (!packet->empty()) return;
  flow.first = packet->next;
  if (flow.first == nullptr) flow.last = nullptr;
  pool_.release(packet);
}

// RFC 8289 inside one flow: true when its head may leave (head_ is set).
bool FairQueue::chooseFrom(FlowIndex index, quic::Time now) {
  Flow& flow = flows_[index];
  while (flow.first != nullptr) {
    Packet* packet = flow.first;
    head_ = {packet, packet->size(), flow.markDue};
    if (flow.markDue) return true;
    if (ramping_) flow.codel.onEmpty();
    if (ramping_ || !flow.codel.shouldDrop(now - packet->enqueuedAt, flow.bytes, quantum_, codelLimits_, now))
      return true;
    // RFC 8290 §4.1, RFC 3168 §5: who speaks ECN is told without a loss.
    if (isEcnCapable(packet->segmenter.front())) {
      head_.mark = flow.markDue = true;
      ++counters_.marks;
      return true;
    }
    ++counters_.codelDrops;
    advance(flow);
  }
  flow.codel.onEmpty();
  return false;
}

const FairQueue::Head* FairQueue::offer(FlowIndex index, Lane lane, bool inTurn, quic::Time now) {
  offeredFlow_ = index;
  offeredLane_ = lane;
  offeredInTurn_ = inTurn;
  offeredAt_ = now;
  return &head_;
}

const FairQueue::Head* FairQueue::peek(Lane laneNumber, quic::Time now) {
  LaneState& lane = lanes_[laneNumber];
  if (lane.chosen != kNone) {
    const Flow& flow = flows_[lane.chosen];
    head_ = {flow.first, flow.first->size(), flow.markDue};
    return offer(lane.chosen, laneNumber, true, now);
  }
  // RFC 8290 §4.2: new flows first; one that has used up its credit gets a quantum more and goes to the end
  // of the old ones.
  while (!lane.fresh.empty() || !lane.old.empty()) {
    const bool fromNew = !lane.fresh.empty();
    List& list = fromNew ? lane.fresh : lane.old;
    const FlowIndex index = list.first;
    Flow& flow = flows_[index];
    if (flow.deficit <= 0) {
      flow.deficit += quantum_;
      append(removeFirst(lane, list), Where::kOld);
      continue;
    }
    if (chooseFrom(index, now)) {
      lane.chosen = index;
      return offer(index, laneNumber, true, now);
    }
    // §4.2: an empty flow leaves the list; one from the new list passes through the old one first, if others
    // wait there: it could starve them otherwise, by being new again with each packet.
    removeFirst(lane, list);
    if (fromNew && !lane.old.empty()) append(index, Where::kOld);
  }
  return nullptr;
}

const FairQueue::Head* FairQueue::peekStale(Lane laneNumber, quic::Duration leastWait, bool tcpToo,
                                            quic::Time now) {
  LaneState& lane = lanes_[laneNumber];
  unsigned looked = 0;
  for (const List* list : {&lane.fresh, &lane.old}) {
    for (FlowIndex index = list->first; index != kNone && looked < kMostLooked;
         index = flows_[index].next, ++looked) {
      Flow& flow = flows_[index];
      if (flow.first == nullptr || now - flow.first->enqueuedAt < leastWait) continue;
      if (flow.record.kind == FlowKind::kTcp && !tcpToo) continue;
      if (lane.chosen == index) lane.chosen = kNone;
      // CoDel may have dropped what was stale.
      if (chooseFrom(index, now) && now - flow.first->enqueuedAt >= leastWait)
        return offer(index, laneNumber, false, now);
    }
  }
  return nullptr;
}

const FairQueue::Head* FairQueue::peekSmall(Lane laneNumber, quic::Time now) {
  LaneState& lane = lanes_[laneNumber];
  for (const List* list : {&lane.fresh, &lane.old}) {
    for (FlowIndex index = list->first; index != kNone; index = flows_[index].next) {
      const Flow& flow = flows_[index];
      if (flow.first == nullptr || flow.bytes > Twins::kFlowBytes || now < flow.record.twin.largeUntil)
        continue;
      if (lane.chosen == index) lane.chosen = kNone;
      if (chooseFrom(index, now)) return offer(index, laneNumber, false, now);
    }
  }
  return nullptr;
}

void FairQueue::pop() {
  Flow& flow = flows_[offeredFlow_];
  flow.record.servedAt = offeredAt_;
  flow.record.served += head_.size;
  noteBacklog(flow, offeredAt_ - head_.packet->enqueuedAt, offeredAt_);
  // What another path takes out of turn is a gift.
  if (offeredInTurn_) flow.deficit -= static_cast<std::int64_t>(head_.size);
  ++counters_.dequeued;
  advance(flow);
  if (LaneState& lane = lanes_[offeredLane_]; lane.chosen == offeredFlow_) lane.chosen = kNone;
  offeredFlow_ = kNone;
}

void FairQueue::dropFattest() {
  const auto fattest = std::max_element(flows_.begin(), flows_.end(),
                                        [](const Flow& a, const Flow& b) { return a.bytes < b.bytes; });
  if (fattest == flows_.end() || fattest->first == nullptr) return;
  LaneState& lane = lanes_[fattest->record.lane];
  if (lane.chosen == static_cast<FlowIndex>(fattest - flows_.begin())) lane.chosen = kNone;
  const std::uint64_t half = fattest->bytes / 2;
  for (unsigned i = 0; i < kMostDropsAtOnce && fattest->first != nullptr && fattest->bytes > half; ++i) {
    ++counters_.overflow;
    advance(*fattest);
  }
}

void FairQueue::clear() {
  for (Flow& flow : flows_) {
    while (flow.first != nullptr) {
      Packet* packet = flow.first;
      flow.first = packet->next;
      pool_.release(packet);
    }
    flow = Flow{};
  }
  lanes_ = {};
  bytes_ = packets_ = 0;
  offeredFlow_ = kNone;
}

void FairQueue::shrink() {
  if (!empty()) return;
  lanes_ = {};
  offeredFlow_ = kNone;
  buckets_.reset();
  std::vector<Flow>().swap(flows_);
}

std::size_t FairQueue::memoryBytes() const {
  return sizeof(*this) + (buckets_ ? sizeof(*buckets_) : 0) + flows_.capacity() * sizeof(Flow);
}

}  // namespace mqvpn::tunnel
