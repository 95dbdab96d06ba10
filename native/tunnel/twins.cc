#include "tunnel/twins.h"

#include <algorithm>

namespace mqvpn::tunnel {

namespace {

/// A TCP acknowledgement without data. The next one says the same and more, and a download has thousands.
bool isBareAck(std::span<const std::uint8_t> packet) {
  constexpr std::uint8_t kTcp = 6, kFinSynRst = 0x07;
  if (packet.empty()) return false;
  const bool v4 = packet[0] >> 4 == 4;
  const std::size_t at = v4 ? std::size_t{4} * (packet[0] & 0x0f) : 40;
  if (packet.size() < at + 20 || packet[v4 ? 9 : 6] != kTcp) return false;
  const std::size_t header = std::size_t{4} * (packet[at + 12] >> 4);
  return (packet[at + 13] & kFinSynRst) == 0 && packet.size() <= at + header;
}

}  // namespace

bool Twins::isSmall(TwinRecord& flow, std::size_t bytes, quic::Time now) {
  credit_ += static_cast<double>(bytes) / kPart +
             static_cast<double>(kBytesPerSecond) * static_cast<double>(now - earnedAt_) / 1e9;
  credit_ = std::min(credit_, static_cast<double>(kMostCredit));
  earnedAt_ = now;
  if (now - flow.windowAt >= kWindow) {
    flow.windowAt = now;
    flow.bytes = 0;
  }
  flow.bytes += static_cast<std::uint32_t>(bytes);
  if (flow.bytes > kFlowBytes) {
    flow.bytes = kFlowBytes;
    flow.largeUntil = now + kPause;
  }
  return now >= flow.largeUntil;
}

bool Twins::take(TwinRecord& flow, std::span<const std::uint8_t> packet, quic::Time now) {
  if (now < flow.onceUntil || isBareAck(packet)) return false;
  const auto size = static_cast<double>(packet.size());
  if (credit_ < size) {
    flow.onceUntil = now + kPause;
    return false;
  }
  credit_ -= size;
  return true;
}

}  // namespace mqvpn::tunnel
