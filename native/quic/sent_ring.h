#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "quic/sent_packet.h"
#include "quic/time.h"

namespace mqvpn::quic {

/// The packets of one packet number space that still matter, by number: outstanding, and settled ones above
/// the oldest of these. A list links the outstanding ones.
class SentRing {
 public:
  static constexpr std::uint64_t kNone = UINT64_MAX;

  enum class State : std::uint8_t {
    kSkipped,
    kOutstanding,
    kAcked,
    /// Lost, by either threshold, and remembered in case it is acknowledged late.
    kLostByCount,
    kLostByTime,
    /// Given up by loseAll(): its late acknowledgement is no spurious loss.
    kWrittenOff,
  };
  static constexpr std::uint32_t kNoNode = UINT32_MAX;
  static constexpr std::size_t kInlineFrames = 2;
  /// A cache line for the packet and one for its frames.
  struct Slot {
    Time sentAt = 0;
    Time deliveredAt = 0;
    Time firstSentAt = 0;
    std::uint64_t delivered = 0;
    // Modulo 2³², which is more than one flight.
    std::uint32_t lostBefore = 0;
    std::uint32_t txInFlight = 0;
    std::uint32_t bytes = 0;
    std::uint32_t epoch = 0;
    State state = State::kSkipped;
    bool ackEliciting : 1 = false;
    bool inFlight : 1 = false;
    bool isMtuProbe : 1 = false;
    bool ect0 : 1 = false;
    bool isAppLimited : 1 = false;
    std::uint16_t frameCount = 0;
    /// Index into nodes_.
    std::uint32_t overflow = kNoNode;
    /// kOutstanding: the neighbours in the list (modulo 2³²; its own number: none). kAcked: `before` is how
    /// many numbers, this one and downwards, are known to be acknowledged.
    std::uint32_t before = 0;
    std::uint32_t next = 0;
    SentFrame frames[kInlineFrames];
  };

  /// The next number to be used.
  std::uint64_t end() const { return end_; }
  /// Numbers below are forgotten.
  std::uint64_t begin() const { return begin_; }
  Slot& at(std::uint64_t number) { return slots_[number & mask_]; }
  const Slot& at(std::uint64_t number) const { return slots_[number & mask_]; }

  void skip();
  void add(const SentPacket& packet, std::span<const SentFrame> frames);

  /// The list of outstanding packets, ascending.
  std::uint64_t oldest() const { return oldest_; }
  std::uint64_t after(std::uint64_t number) const {
    return number == newest_ ? kNone : begin_ + (at(number).next - static_cast<std::uint32_t>(begin_));
  }
  std::size_t outstanding() const { return outstanding_; }
  /// Takes it off the list.
  void settle(std::uint64_t number, State state);
  /// After its frames were reported.
  void dropFrames(Slot& slot);

  /// The largest number below `end` that is not known to be acknowledged, plus one. at(end - 1) is
  /// acknowledged. Shortens the way for the next who asks.
  std::uint64_t belowAcked(std::uint64_t end);
  /// All of [low, high] is acknowledged now.
  void joinAcked(std::uint64_t low, std::uint64_t high) {
    at(high).before = static_cast<std::uint32_t>(high + 1 - low);
  }

  /// Forgets settled packets below the oldest outstanding one; lost ones only if sent before `lostBefore`.
  void forget(Time lostBefore);
  /// Gives memory back when it has been far too large for a while.
  void shrink(Time now);
  /// Forgets all and gives the memory back; numbers go on.
  void clear();

  template <typename Visit>
  void forEachFrame(const Slot& slot, Visit&& visit) const {
    std::size_t left = slot.frameCount;
    for (std::size_t i = 0; i < kInlineFrames && left > 0; ++i, --left) visit(slot.frames[i]);
    for (std::uint32_t node = slot.overflow; left > 0; node = nodes_[node].next)
      for (std::size_t i = 0; i < Node::kFrames && left > 0; ++i, --left) visit(nodes_[node].frames[i]);
  }
  std::size_t heapBytes() const {
    return slots_.capacity() * sizeof(Slot) + nodes_.capacity() * sizeof(Node);
  }

 private:
  static constexpr std::size_t kLeastSlots = 16;
  /// Rings of up to this many slots rather grow than forget early (32 KiB).
  static constexpr std::size_t kSmallRing = 256;
  static constexpr Duration kShrinkAfter = 5 * kSecond;

  /// More frames of a packet.
  struct Node {
    static constexpr std::size_t kFrames = 3;
    SentFrame frames[kFrames];
    std::uint32_t next = kNoNode;
  };

  Slot& append();
  void resize(std::size_t slots);
  bool canForget(const Slot& slot, Time lostBefore) const;
  std::uint32_t takeNode();

  std::vector<Slot> slots_;
  std::size_t mask_ = 0;
  std::uint64_t begin_ = 0;
  std::uint64_t end_ = 0;
  std::uint64_t oldest_ = kNone;
  std::uint64_t newest_ = kNone;
  std::size_t outstanding_ = 0;
  std::vector<Node> nodes_;
  std::uint32_t freeNode_ = kNoNode;
  Time shrinkAt_ = 0;
};

static_assert(sizeof(SentRing::Slot) == 128);

}  // namespace mqvpn::quic
