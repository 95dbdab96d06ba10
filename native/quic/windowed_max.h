#pragma once

#include <cstdint>

namespace mqvpn::quic {

/// The largest value of a window of time, in O(1): Kathleen Nichols' algorithm (draft-ietf-ccwg-bbr §5.5.5).
/// It keeps the best, and the best of what came after it, twice.
class WindowedMax {
 public:
  std::uint64_t best() const { return entries_[0].value; }

  void update(std::uint64_t value, std::uint64_t time, std::uint64_t window) {
    const Entry entry{value, time};
    if (value >= entries_[0].value || time - entries_[2].time > window) {
      entries_[0] = entries_[1] = entries_[2] = entry;
      return;
    }
    if (value >= entries_[1].value) {
      entries_[1] = entries_[2] = entry;
    } else if (value >= entries_[2].value) {
      entries_[2] = entry;
    }
    const std::uint64_t age = time - entries_[0].time;
    if (age > window) {
      entries_[0] = entries_[1];
      entries_[1] = entries_[2];
      entries_[2] = entry;
      if (time - entries_[0].time > window) {
        entries_[0] = entries_[1];
        entries_[1] = entries_[2];
      }
    } else if (entries_[1].time == entries_[0].time && age > window / 4) {
      // A quarter of the window passed without a second best: take one from the second quarter.
      entries_[1] = entries_[2] = entry;
    } else if (entries_[2].time == entries_[1].time && age > window / 2) {
      entries_[2] = entry;
    }
  }

 private:
  struct Entry {
    std::uint64_t value = 0;
    std::uint64_t time = 0;
  };
  Entry entries_[3];
};

}  // namespace mqvpn::quic
