#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "quic/rtt.h"
#include "quic/time.h"

namespace mqvpn::quic {

/// Finds out that a path no longer carries large packets, though it did (RFC 8899 §4.3). Evidence are losses
/// of packets above the base size, in a row that a small packet which arrived began, without a large packet
/// acknowledged or a small one lost since. Congestion makes such rows too, when a full queue still has room
/// for small packets, but lets a large one through every now and then: so the row must have kLeastLosses
/// losses and last kLeastPtos PTOs. A link that is down loses the small ones as well.
class BlackHole {
 public:
  static constexpr unsigned kLeastLosses = 6;
  static constexpr unsigned kLeastPtos = 3;
  /// RFC 9000 §14: every path carries this.
  static constexpr std::uint32_t kBase = 1200;

  void onAcked(std::uint32_t bytes, Time sentAt) {
    if (bytes <= kBase) {
      if (sentAt > acked_[0].sentAt) rowBegan_ = std::min(rowBegan_, sentAt);
    } else if (sentAt > acked_[0].sentAt || bytes > acked_[0].bytes) {
      onLargeAcked(bytes, sentAt);
    }
  }
  void onLost(std::uint32_t bytes, Time sentAt);
  /// True once per black hole.
  bool found(const Rtt& rtt, Duration maxAckDelay);
  void reset() { *this = BlackHole{}; }

 private:
  void onLargeAcked(std::uint32_t bytes, Time sentAt);

  struct Acked {
    std::uint32_t bytes = 0;
    Time sentAt = 0;
  };
  /// Acknowledged packets above kBase: the newest first, then older but larger ones.
  std::array<Acked, 4> acked_{};
  /// When the first small packet of the row was sent.
  Time rowBegan_ = kNever;
  unsigned losses_ = 0;
  std::uint32_t smallestLost_ = 0;
  Time lastLostSentAt_ = 0;
};

}  // namespace mqvpn::quic
