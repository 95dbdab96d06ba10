#include "tunnel/fair_queue.h"

#include <algorithm>

#include "tunnel/ecn_mark.h"

namespace mqvpn::tunnel {

namespace {
/// As Linux: a flood pays for the search of the fattest flow once per so many packets.
constexpr unsigned kMostDropsAtOnce = 64;

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

void FairQueue::append(List& list, FlowIndex index, Where where) {
  flows_[index].next = kNone;
  flows_[index].where = where;
  if (list.empty()) {
    list.first = index;
  } else {
    flows_[list.last].next = index;
  }
  list.last = index;
}

FairQueue::FlowIndex FairQueue::removeFirst(List& list) {
  const FlowIndex index = list.first;
  list.first = flows_[index].next;
  if (list.empty()) list.last = kNone;
  flows_[index].where = Where::kIdle;
  return index;
}

void FairQueue::enqueue(Packet* packet, quic::Time now) {
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
    append(new_, index, Where::kNew);
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
    head_ = {packet, packet->size(), false};
    if (ramping_) flow.codel.onEmpty();
    if (ramping_ || !flow.codel.shouldDrop(now - packet->enqueuedAt, flow.bytes, quantum_, codelLimits_, now))
      return true;
    // RFC 8290 §4.1, RFC 3168 §5: who speaks ECN is told without a loss.
    if (isEcnCapable(packet->segmenter.front())) {
      head_.mark = true;
      ++counters_.marks;
      return true;
    }
    ++counters_.codelDrops;
    advance(flow);
  }
  flow.codel.onEmpty();
  return false;
}

const FairQueue::Head* FairQueue::peek(quic::Time now) {
  if (chosen_ != kNone) return &head_;
  // RFC 8290 §4.2: new flows first; one that has used up its credit gets a quantum more and goes to the end
  // of the old ones.
  while (!new_.empty() || !old_.empty()) {
    const bool fromNew = !new_.empty();
    List& list = fromNew ? new_ : old_;
    const FlowIndex index = list.first;
    Flow& flow = flows_[index];
    if (flow.deficit <= 0) {
      flow.deficit += quantum_;
      append(old_, removeFirst(list), Where::kOld);
      continue;
    }
    if (chooseFrom(index, now)) {
      chosen_ = index;
      return &head_;
    }
    // §4.2: an empty flow leaves the list; one from the new list passes through the old one first, if others
    // wait there: it could starve them otherwise, by being new again with each packet.
    removeFirst(list);
    if (fromNew && !old_.empty()) append(old_, index, Where::kOld);
  }
  return nullptr;
}

void FairQueue::pop() {
  Flow& flow = flows_[chosen_];
  flow.deficit -= static_cast<std::int64_t>(head_.size);
  ++counters_.dequeued;
  advance(flow);
  chosen_ = kNone;
}

void FairQueue::dropFattest() {
  const auto fattest = std::max_element(flows_.begin(), flows_.end(),
                                        [](const Flow& a, const Flow& b) { return a.bytes < b.bytes; });
  if (fattest == flows_.end() || fattest->first == nullptr) return;
  if (chosen_ == static_cast<FlowIndex>(fattest - flows_.begin())) chosen_ = kNone;
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
  new_ = old_ = {};
  bytes_ = packets_ = 0;
  chosen_ = kNone;
}

void FairQueue::shrink() {
  if (!empty()) return;
  new_ = old_ = {};
  chosen_ = kNone;
  buckets_.reset();
  std::vector<Flow>().swap(flows_);
}

std::size_t FairQueue::memoryBytes() const {
  return sizeof(*this) + (buckets_ ? sizeof(*buckets_) : 0) + flows_.capacity() * sizeof(Flow);
}

}  // namespace mqvpn::tunnel
