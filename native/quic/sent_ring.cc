#include "quic/sent_ring.h"

#include <algorithm>

namespace mqvpn::quic {

void SentRing::resize(std::size_t slots) {
  std::vector<Slot> moved(slots);
  for (std::uint64_t number = begin_; number < end_; ++number) moved[number & (slots - 1)] = at(number);
  slots_ = std::move(moved);
  mask_ = slots - 1;
}

bool SentRing::canForget(const Slot& slot, Time lostBefore) const {
  switch (slot.state) {
    case State::kOutstanding:
      return false;
    case State::kLostByCount:
    case State::kLostByTime:
      return slot.sentAt < lostBefore;
    default:
      return true;
  }
}

void SentRing::forget(Time lostBefore) {
  while (begin_ < end_ && canForget(at(begin_), lostBefore)) ++begin_;
}

SentRing::Slot& SentRing::append() {
  if (end_ - begin_ == slots_.size()) {
    // A large ring is not made larger for what only might still be acknowledged: lost packets, and packets
    // with nothing but ACKs, which a peer that only sends has no reason to acknowledge.
    if (slots_.size() >= kSmallRing && outstanding_ < slots_.size() / 2) forget(kNever);
    while (slots_.size() >= kSmallRing && end_ - begin_ == slots_.size() && oldest_ == begin_ &&
           !at(begin_).inFlight) {
      dropFrames(at(begin_));
      settle(begin_, State::kWrittenOff);
      forget(0);
    }
    if (end_ - begin_ == slots_.size()) resize(std::max(kLeastSlots, slots_.size() * 2));
  }
  return at(end_++);
}

void SentRing::skip() { append().state = State::kSkipped; }

void SentRing::add(const SentPacket& packet, std::span<const SentFrame> frames) {
  Slot& slot = append();
  const std::uint64_t number = end_ - 1;
  slot.sentAt = packet.sentAt;
  slot.deliveredAt = packet.deliveredAt;
  slot.firstSentAt = packet.firstSentAt;
  slot.delivered = packet.delivered;
  slot.lostBefore = static_cast<std::uint32_t>(packet.lostBefore);
  slot.txInFlight = static_cast<std::uint32_t>(std::min<std::uint64_t>(packet.txInFlight, UINT32_MAX));
  slot.bytes = packet.bytes;
  slot.epoch = packet.epoch;
  slot.state = State::kOutstanding;
  slot.ackEliciting = packet.ackEliciting;
  slot.inFlight = packet.inFlight;
  slot.isMtuProbe = packet.isMtuProbe;
  slot.ect0 = packet.ect0;
  slot.isAppLimited = packet.isAppLimited;

  slot.frameCount = static_cast<std::uint16_t>(std::min<std::size_t>(frames.size(), UINT16_MAX));
  slot.overflow = kNoNode;
  const std::size_t inlined = std::min(frames.size(), kInlineFrames);
  std::copy_n(frames.begin(), inlined, slot.frames);
  std::uint32_t last = kNoNode;
  for (std::size_t i = inlined; i < slot.frameCount; i += Node::kFrames) {
    const std::uint32_t node = takeNode();
    std::copy_n(frames.begin() + static_cast<std::ptrdiff_t>(i), std::min(Node::kFrames, frames.size() - i),
                nodes_[node].frames);
    (last == kNoNode ? slot.overflow : nodes_[last].next) = node;
    last = node;
  }

  slot.before = slot.next = static_cast<std::uint32_t>(number);
  if (newest_ == kNone) {
    oldest_ = number;
  } else {
    slot.before = static_cast<std::uint32_t>(newest_);
    at(newest_).next = static_cast<std::uint32_t>(number);
  }
  newest_ = number;
  ++outstanding_;
}

std::uint32_t SentRing::takeNode() {
  if (freeNode_ == kNoNode) {
    nodes_.emplace_back();
    return static_cast<std::uint32_t>(nodes_.size() - 1);
  }
  const std::uint32_t node = freeNode_;
  freeNode_ = nodes_[node].next;
  nodes_[node].next = kNoNode;
  return node;
}

void SentRing::dropFrames(Slot& slot) {
  while (slot.overflow != kNoNode) {
    const std::uint32_t node = slot.overflow;
    slot.overflow = nodes_[node].next;
    nodes_[node].next = freeNode_;
    freeNode_ = node;
  }
  slot.frameCount = 0;
}

void SentRing::settle(std::uint64_t number, State state) {
  Slot& slot = at(number);
  const auto widen = [this](std::uint32_t low) {
    return begin_ + (low - static_cast<std::uint32_t>(begin_));
  };
  const std::uint64_t before = number == oldest_ ? kNone : widen(slot.before);
  const std::uint64_t next = after(number);
  if (before == kNone) {
    oldest_ = next;
  } else {
    at(before).next = slot.next;
  }
  if (next == kNone) {
    newest_ = before;
  } else {
    at(next).before = slot.before;
  }
  slot.state = state;
  slot.before = 1;
  --outstanding_;
}

std::uint64_t SentRing::belowAcked(std::uint64_t end) {
  const std::uint64_t from = end;
  while (end > begin_ && at(end - 1).state == State::kAcked)
    end -= std::min<std::uint64_t>(at(end - 1).before, end - begin_);
  // Each of those that were passed now points past all of them: no number is passed twice in steps of one.
  for (std::uint64_t top = from; top > end;) {
    Slot& slot = at(top - 1);
    const std::uint64_t step = std::min<std::uint64_t>(slot.before, top - end);
    slot.before = static_cast<std::uint32_t>(top - end);
    top -= step;
  }
  return end;
}

void SentRing::shrink(Time now) {
  const std::size_t used = end_ - begin_;
  if (slots_.size() <= kLeastSlots || used > slots_.size() / 8) {
    shrinkAt_ = now + kShrinkAfter;
  } else if (now >= shrinkAt_) {
    resize(std::max(kLeastSlots, slots_.size() / 4));
    if (outstanding_ == 0) {
      std::vector<Node>().swap(nodes_);
      freeNode_ = kNoNode;
    }
    shrinkAt_ = now + kShrinkAfter;
  }
}

void SentRing::clear() {
  std::vector<Slot>().swap(slots_);
  std::vector<Node>().swap(nodes_);
  mask_ = 0;
  freeNode_ = kNoNode;
  begin_ = end_;
  oldest_ = newest_ = kNone;
  outstanding_ = 0;
}

}  // namespace mqvpn::quic
