#pragma once

#include <cstdint>
#include <vector>

#include "link/frame.h"
#include "link/time.h"

namespace mqvpn::link {

/// Frames on their way, out in the order in which they are due. It owns none of them.
///
/// Nearly all come in order of their due times: those are a list. One that is due before the last of the list
/// goes to a heap, which grows to the most that ever overtook at once and then allocates no more.
class DelayLine {
 public:
  void push(Frame* frame, Time due);
  /// When the next frame is due; kNever when there is none.
  Time nextDue() const {
    const Time inOrder = ordered_.empty() ? kNever : ordered_.front()->at;
    const Time overtaking = heap_.empty() ? kNever : heap_.front().due;
    return inOrder < overtaking ? inOrder : overtaking;
  }
  /// The next frame, or null.
  Frame* pop();
  std::uint64_t packets() const { return packets_; }

 private:
  struct Entry {
    Time due;
    std::uint64_t number;
    Frame* frame;
    // The heap's front is its "largest": the one due first, and of equals the one that came first.
    bool operator<(const Entry& other) const {
      return due != other.due ? due > other.due : number > other.number;
    }
  };

  FrameList ordered_;
  std::vector<Entry> heap_;
  std::uint64_t pushed_ = 0;
  std::uint64_t packets_ = 0;
};

}  // namespace mqvpn::link
