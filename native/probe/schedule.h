// When the next packet is due. Sans-I/O: `now` goes in.
#pragma once

#include <cstdint>

namespace mqvpn::probe {

// Due times are start + n × interval, so a late packet never makes the following ones later. When this
// process was kept from running for more than an interval, the missed slots are left out and counted: a burst
// sent to catch up would measure our own stall as the network's.
class Schedule {
 public:
  explicit Schedule(int64_t intervalNs) : intervalNs_(intervalNs) {}

  void start(int64_t nowNs) {
    started_ = true;
    dueNs_ = nowNs;
  }
  bool started() const { return started_; }
  int64_t dueNs() const { return dueNs_; }
  bool isDue(int64_t nowNs) const { return started_ && nowNs >= dueNs_; }

  // The packet of the present slot has been dealt with.
  void advance(int64_t nowNs) {
    dueNs_ += intervalNs_;
    if (nowNs < dueNs_ + intervalNs_) return;
    const int64_t missed = (nowNs - dueNs_) / intervalNs_;
    dueNs_ += missed * intervalNs_;
    skipped_ += static_cast<uint64_t>(missed);
  }
  uint64_t skipped() const { return skipped_; }

 private:
  int64_t intervalNs_;
  int64_t dueNs_ = 0;
  uint64_t skipped_ = 0;
  bool started_ = false;
};

}  // namespace mqvpn::probe
