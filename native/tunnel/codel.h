#pragma once

#include <cstdint>

#include "quic/time.h"

namespace mqvpn::tunnel {

/// CoDel (RFC 8289) for a queue that keeps its packets itself: it is told of the head and says what to do
/// with it. So one state of 32 bytes serves each flow of a FairQueue.
class Codel {
 public:
  /// RFC 8289 §4.3, §4.4: "a TARGET of 5 ms", "INTERVAL … 100 ms", for round trips up to 100 ms.
  static constexpr quic::Duration kTarget = 5 * quic::kMillisecond;
  static constexpr quic::Duration kInterval = 100 * quic::kMillisecond;
  struct Limits {
    quic::Duration target = kTarget;
    quic::Duration interval = kInterval;
  };
  /// For flows whose round trip takes at least `rtt`. RFC 8289 §4.4: the interval should be "larger than an
  /// RTT" of most connections, since a drop shows one round trip later. The target is half a round trip, at
  /// most 50 ms: a single loss-based flow needs about that much queue to keep a link busy across its
  /// back-off, and sparse flows do not wait behind it, each flow having a queue of its own.
  static constexpr Limits limitsFor(quic::Duration rtt) {
    constexpr quic::Duration kMostTarget = 50 * quic::kMillisecond;
    const quic::Duration half = rtt / 2;
    const quic::Duration target = half < kTarget ? kTarget : half > kMostTarget ? kMostTarget : half;
    const quic::Duration interval = 2 * rtt + target;
    return {target, interval < kInterval ? kInterval : interval};
  }

  /// `waited`: how long the head has been in the queue. `backlog`: bytes behind it and in it. `mtu`: a queue
  /// of no more is never too long. True: the head is to be dropped, or marked where its sender speaks ECN.
  /// After a drop ask about the next head; after a mark send it.
  bool shouldDrop(quic::Duration waited, std::uint64_t backlog, std::uint64_t mtu, const Limits& limits,
                  quic::Time now);
  /// The queue ran empty.
  void onEmpty() {
    firstAbove_ = 0;
    dropping_ = false;
  }

 private:
  bool aboveTarget(quic::Duration waited, std::uint64_t backlog, std::uint64_t mtu, const Limits& limits,
                   quic::Time now);

  /// Time at which the wait will have been above target for a whole interval; 0: it is below.
  quic::Time firstAbove_ = 0;
  quic::Time dropNext_ = 0;
  std::uint32_t count_ = 0;
  std::uint32_t lastCount_ = 0;
  bool dropping_ = false;
};

}  // namespace mqvpn::tunnel
