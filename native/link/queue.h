#pragma once

#include <cstdint>

#include "link/frame.h"
#include "link/time.h"

namespace mqvpn::link {

struct QueueLimit {
  enum class Unit : std::uint8_t { kPackets, kBytes };
  Unit unit = Unit::kPackets;
  std::uint64_t amount = 1000;

  bool operator==(const QueueLimit&) const = default;
};

/// Frames that wait for the serialiser, oldest first. It owns none of them.
class Queue {
 public:
  void setLimit(QueueLimit limit) { limit_ = limit; }
  std::uint64_t packets() const { return packets_; }
  std::uint64_t bytes() const { return bytes_; }
  bool empty() const { return packets_ == 0; }

  bool fits(const Frame* frame) const {
    return limit_.unit == QueueLimit::Unit::kPackets ? packets_ + 1 <= limit_.amount
                                                     : bytes_ + frame->length <= limit_.amount;
  }

  bool overLimit() const {
    return (limit_.unit == QueueLimit::Unit::kPackets ? packets_ : bytes_) > limit_.amount;
  }

  void push(Frame* frame, Time now) {
    frame->at = now;
    frames_.pushBack(frame);
    ++packets_;
    bytes_ += frame->length;
  }

  /// The oldest frame, or null.
  Frame* pop() { return empty() ? nullptr : removed(frames_.popFront()); }
  /// The newest frame, or null.
  Frame* popNewest() { return empty() ? nullptr : removed(frames_.popBack()); }

 private:
  Frame* removed(Frame* frame) {
    --packets_;
    bytes_ -= frame->length;
    return frame;
  }

  QueueLimit limit_;
  FrameList frames_;
  std::uint64_t packets_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace mqvpn::link
