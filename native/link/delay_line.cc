#include "link/delay_line.h"

#include <algorithm>

namespace mqvpn::link {

void DelayLine::push(Frame* frame, Time due) {
  frame->at = due;
  ++packets_;
  if (ordered_.empty() || ordered_.back()->at <= due) {
    ordered_.pushBack(frame);
    return;
  }
  heap_.push_back({due, pushed_++, frame});
  std::push_heap(heap_.begin(), heap_.end());
}

Frame* DelayLine::pop() {
  if (packets_ == 0) return nullptr;
  --packets_;
  // Of two that are due at the same time the overtaking one came later.
  if (!ordered_.empty() && (heap_.empty() || ordered_.front()->at <= heap_.front().due)) {
    return ordered_.popFront();
  }
  std::pop_heap(heap_.begin(), heap_.end());
  Frame* frame = heap_.back().frame;
  heap_.pop_back();
  return frame;
}

}  // namespace mqvpn::link
