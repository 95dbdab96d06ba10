#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <set>
#include <span>

namespace mqvpn::tls {

/// RFC 8446 §8.2, "Client Hello Recording": remembers the ClientHellos whose 0-RTT was accepted, by their PSK
/// binder, for as long as their ticket can be decrypted. When it is full it refuses (which costs a client one
/// round trip) instead of forgetting (which would let a replay pass). May be used by several threads.
class ReplayFilter {
 public:
  /// Seconds. GnuTLS changes the ticket key every three ticket lifetimes (6 h each), and a ticket of an
  /// earlier key is worth nothing; one hour more for clocks that are set.
  static constexpr std::int64_t kMemory = (3 * 6 + 1) * 3600;
  static constexpr std::size_t kCapacity = 65536;

  explicit ReplayFilter(std::size_t capacity = kCapacity) : capacity_(capacity) {}

  /// `now` in seconds of any clock that counts on. `binder` has 16 bytes or more; the last 16 are looked at.
  /// True: it is new, and now remembered.
  bool add(std::int64_t now, std::span<const std::uint8_t> binder);

 private:
  // A tree, not a hash table: whoever sends binders must not be able to choose its worst case.
  using Generation = std::set<std::array<std::uint8_t, 16>>;

  std::mutex mutex_;
  const std::size_t capacity_;
  /// Two generations: everything is remembered for kMemory at least and for twice that at most.
  Generation current_;
  Generation previous_;
  std::int64_t started_ = 0;
};

}  // namespace mqvpn::tls
