#include "quic/black_hole.h"

namespace mqvpn::quic {

void BlackHole::onLargeAcked(std::uint32_t bytes, Time sentAt) {
  // Newest first; older ones stay only if they are larger.
  std::array<Acked, 4> kept{};
  std::size_t count = 0;
  bool placed = false;
  for (const Acked& old : acked_) {
    if (!placed && sentAt >= old.sentAt) {
      kept[count++] = {bytes, sentAt};
      placed = true;
    }
    if (old.bytes > bytes || old.sentAt > sentAt)
      if (count < kept.size()) kept[count++] = old;
  }
  acked_ = kept;
  // A packet smaller than all that were lost proves nothing about these.
  if (losses_ > 0 && bytes < smallestLost_) return;
  if (rowBegan_ != kNever && sentAt >= rowBegan_) rowBegan_ = kNever;
  losses_ = 0;
}

void BlackHole::onLost(std::uint32_t bytes, Time sentAt) {
  if (bytes <= kBase) {
    rowBegan_ = kNever;
    losses_ = 0;
    return;
  }
  if (rowBegan_ == kNever || sentAt < rowBegan_) return;
  for (const Acked& acked : acked_)
    if (acked.bytes >= bytes && acked.sentAt >= sentAt) return;
  smallestLost_ = losses_ == 0 ? bytes : std::min(smallestLost_, bytes);
  ++losses_;
  lastLostSentAt_ = std::max(lastLostSentAt_, sentAt);
}

bool BlackHole::found(const Rtt& rtt, Duration maxAckDelay) {
  if (losses_ < kLeastLosses || lastLostSentAt_ < rowBegan_ + kLeastPtos * rtt.pto(maxAckDelay)) return false;
  reset();
  return true;
}

}  // namespace mqvpn::quic
