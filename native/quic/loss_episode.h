#pragma once

#include <cstdint>

#include "quic/time.h"

namespace mqvpn::quic {

/// One recovery period (RFC 9002 §7.3.2), and whether all its losses turned out to be none.
class LossEpisode {
 public:
  /// A new one begins with a loss of something sent after the last began.
  bool isNew(Time lostSentAt) const { return !any_ || lostSentAt > began_; }
  /// Whether a packet sent then is one of the recovery period's, or older.
  bool covers(Time sentAt) const { return any_ && sentAt <= began_; }
  void begin(Time now) {
    any_ = true;
    began_ = now;
    lost_ = 0;
  }
  void addLost(std::uint64_t bytes) { lost_ += bytes; }
  /// True when this was the last of the episode's losses that was in doubt.
  bool removeSpurious(std::uint64_t bytes, Time sentAt) {
    if (!covers(sentAt) || lost_ == 0) return false;
    lost_ -= bytes < lost_ ? bytes : lost_;
    return lost_ == 0;
  }
  void forget() { lost_ = 0; }

 private:
  bool any_ = false;
  Time began_ = 0;
  /// Bytes lost in it that were not acknowledged since.
  std::uint64_t lost_ = 0;
};

}  // namespace mqvpn::quic
