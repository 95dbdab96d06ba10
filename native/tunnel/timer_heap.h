#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "quic/time.h"

namespace mqvpn::tunnel {

/// What may wait in a TimerHeap: derive from it.
struct TimerNode {
  static constexpr std::size_t kNotQueued = SIZE_MAX;
  quic::Time deadline = quic::kNever;
  std::size_t place = kNotQueued;
};

/// Deadlines of many things, each with at most one: O(log n) to set or clear one, O(1) to see the earliest.
/// So of ten thousand clients only those are touched that have something to do.
template <typename Item>
class TimerHeap {
 public:
  quic::Time earliest() const { return heap_.empty() ? quic::kNever : heap_.front()->deadline; }
  bool empty() const { return heap_.empty(); }

  /// kNever: none.
  void set(Item& item, quic::Time deadline) {
    if (deadline == quic::kNever) return clear(item);
    if (item.place == TimerNode::kNotQueued) {
      item.place = heap_.size();
      heap_.push_back(&item);
      item.deadline = deadline;
      up(item.place);
      return;
    }
    const bool earlier = deadline < item.deadline;
    item.deadline = deadline;
    earlier ? up(item.place) : down(item.place);
  }
  void clear(Item& item) {
    if (item.place == TimerNode::kNotQueued) return;
    const std::size_t place = item.place;
    item.place = TimerNode::kNotQueued;
    item.deadline = quic::kNever;
    Item* last = heap_.back();
    heap_.pop_back();
    if (last == &item) return;
    put(place, last);
    up(place);
    down(last->place);
  }
  /// The earliest, taken out, if it is due; else null.
  Item* popDue(quic::Time now) {
    if (heap_.empty() || heap_.front()->deadline > now) return nullptr;
    Item* item = heap_.front();
    clear(*item);
    return item;
  }

 private:
  void put(std::size_t place, Item* item) {
    heap_[place] = item;
    item->place = place;
  }
  void up(std::size_t place) {
    Item* item = heap_[place];
    while (place > 0) {
      const std::size_t parent = (place - 1) / 2;
      if (heap_[parent]->deadline <= item->deadline) break;
      put(place, heap_[parent]);
      place = parent;
    }
    put(place, item);
  }
  void down(std::size_t place) {
    Item* item = heap_[place];
    for (;;) {
      std::size_t child = place * 2 + 1;
      if (child >= heap_.size()) break;
      if (child + 1 < heap_.size() && heap_[child + 1]->deadline < heap_[child]->deadline) ++child;
      if (item->deadline <= heap_[child]->deadline) break;
      put(place, heap_[child]);
      place = child;
    }
    put(place, item);
  }

  std::vector<Item*> heap_;
};

}  // namespace mqvpn::tunnel
