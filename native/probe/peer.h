// Which of the peer's addresses is its present one. Sans-I/O.
#pragma once

#include <cstdint>

namespace mqvpn::probe {

// The newest address is the source of the highest sequence number, not of the last arrival: a packet that was
// delayed on the old path must not turn the answers back to it. A peer that started again begins at 0, so
// after a silence any number counts as new.
class PeerOrder {
 public:
  static constexpr int64_t kSilenceNs = 1'000'000'000;

  // True when a packet with `seq`, arriving now, comes from where the peer is now.
  bool isNewest(uint64_t seq, int64_t nowNs) {
    const bool newest = !heard_ || seq > highest_ || nowNs - lastNs_ > kSilenceNs;
    if (newest) {
      highest_ = seq;
      lastNs_ = nowNs;
      heard_ = true;
    }
    return newest;
  }

 private:
  bool heard_ = false;
  uint64_t highest_ = 0;
  int64_t lastNs_ = 0;
};

}  // namespace mqvpn::probe
