#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "quic/time.h"

namespace mqvpn::tunnel {

/// What a flow sent of late, for Twins.
struct TwinRecord {
  quic::Time windowAt = 0;
  std::uint32_t bytes = 0;
  /// Until then it is a large one; until then it leaves once.
  quic::Time largeUntil = 0, onceUntil = 0;
};

/// Decides which packets leave by two paths at once: those of flows that send little, such as calls, games,
/// terminals, questions to a name server, and the first packets of every connection. Whichever arrives first
/// counts. When a path dies without a word, news of that takes a round trip; what left twice is there
/// already. Costs at most a thirty-second part of what is sent, and 32 kB/s.
class Twins {
 public:
  /// 320 kbit/s: a call in high quality, or a game with 128 updates a second.
  static constexpr std::uint32_t kFlowBytes = 4000;
  static constexpr quic::Duration kWindow = 100 * quic::kMillisecond;
  /// A flow that sent more, or for which the budget did not suffice, leaves once for so long: twins of some
  /// of its packets would only overtake the others.
  static constexpr quic::Duration kPause = quic::kSecond;
  static constexpr std::uint64_t kPart = 32;
  static constexpr std::uint64_t kBytesPerSecond = 32'000;
  static constexpr std::uint64_t kMostCredit = 32'000;

  /// Of each packet, when it leaves. True: its flow sends little.
  bool isSmall(TwinRecord& flow, std::size_t bytes, quic::Time now);
  /// Of a packet of a flow that sends little. True: it is to leave by another path as well.
  bool take(TwinRecord& flow, std::span<const std::uint8_t> packet, quic::Time now);

 private:
  double credit_ = kMostCredit;
  quic::Time earnedAt_ = 0;
};

}  // namespace mqvpn::tunnel
