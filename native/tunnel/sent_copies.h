#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "quic/application.h"
#include "quic/time.h"

namespace mqvpn::tunnel {

/// The packets that left of late, so that those in flight on a path that died can leave again by another one.
/// Only while there is another one: with a single path nothing is kept. A ring that grows to what is in
/// flight.
class SentCopies {
 public:
  /// Older ones are not worth sending again: the connections inside have noticed by themselves (RFC 6298
  /// §2.4: their time-out is a second, in practice 200 ms at least).
  static constexpr quic::Duration kMostAge = 500 * quic::kMillisecond;
  static constexpr std::size_t kMostBytes = 4 << 20;

  struct Copy {
    std::span<const std::uint8_t> packet;
    quic::PacketId original;
  };

  /// Keeps a packet that leaves in `carrier`; the tag that names it from now on, never 0.
  /// `sparse`: of a flow that sends little (Twins). Such packets leave again before all others: a lost one is
  /// missed, and many of bulk would fill the path that is left.
  std::uint64_t add(std::span<const std::uint8_t> packet, const quic::PacketId& carrier, bool sparse,
                    quic::Time now);
  void onAcked(std::uint64_t tag);
  /// By a path that lives: that is the business of those who sent it. What is to leave again still does.
  void onLost(std::uint64_t tag);
  /// Its path died: it is to leave again, once.
  void onStranded(std::uint64_t tag);
  /// It is to leave by another path as well, now (see Twins).
  void twin(std::uint64_t tag) { onStranded(tag); }

  /// Some are to leave again.
  bool waiting() const { return stranded_ > 0; }
  bool sparseWaiting() const { return strandedSparse_ > 0; }
  /// The oldest that is to leave again, by another path than the one that it left by; nothing: none for this
  /// path. Forgets those that are too old. Valid until the next call.
  std::optional<Copy> next(std::uint32_t pathId, bool onlySparse, quic::Time now);
  /// What next() told has left.
  void pop();

  void clear();
  std::size_t memoryBytes() const { return bytes_.capacity() + entries_.capacity() * sizeof(Entry); }

 private:
  enum class State : std::uint8_t { kInFlight, kStranded, kDone };
  struct Entry {
    quic::PacketId carrier;
    quic::Time sentAt = 0;
    std::uint32_t at = 0;
    std::uint16_t size = 0;
    State state = State::kDone;
    bool sparse = false;
  };
  static constexpr std::size_t kLeastBytes = 64 << 10;

  Entry* find(std::uint64_t tag);
  Entry& entry(std::uint64_t tag) { return entries_[tag & (entries_.size() - 1)]; }
  void dropOldest();
  bool makeRoom(std::size_t size, quic::Time now);
  void grow(std::size_t bytes);
  void setDone(Entry& one);

  std::vector<std::uint8_t> bytes_;
  /// A power of two.
  std::vector<Entry> entries_;
  /// Tags: those from first_ to end_ are kept.
  std::uint64_t first_ = 1, end_ = 1;
  std::size_t writeAt_ = 0;
  std::size_t stranded_ = 0, strandedSparse_ = 0;
  /// Below, none is stranded.
  std::uint64_t scanFrom_ = 1;
  std::uint64_t offered_ = 0;
};

}  // namespace mqvpn::tunnel
