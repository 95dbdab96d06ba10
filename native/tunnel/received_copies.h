#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <unordered_map>

#include "quic/application.h"
#include "quic/time.h"

namespace mqvpn::tunnel {

/// Which datagrams of the peer are stood in for by copies that came over another path: should the packet that
/// carries one arrive after all, its content is already known. A packet may carry several, of which not all
/// were copied, so they are told apart by what is in them.
class ReceivedCopies {
 public:
  /// A packet that has not arrived so long after its copy will not. Forgotten between once and twice that.
  static constexpr quic::Duration kRemembered = 2 * quic::kSecond;
  /// More than are in flight on any path; a peer that sends copies for ever gains nothing.
  static constexpr std::size_t kMost = 65'536;

  void add(const quic::PacketId& original, std::span<const std::uint8_t> content, quic::Time now) {
    tidy(now);
    if (size() < kMost) known_.emplace(keyOf(original), hashOf(content));
  }
  /// True once per copy.
  bool covers(const quic::PacketId& packet, std::span<const std::uint8_t> content, quic::Time now) {
    if (size() == 0) return false;
    tidy(now);
    return take(known_, packet, content) || take(before_, packet, content);
  }
  std::size_t size() const { return known_.size() + before_.size(); }
  void clear() {
    Copies().swap(known_);
    Copies().swap(before_);
  }

 private:
  /// Packets, and hashes of what was copied of them.
  using Copies = std::unordered_multimap<std::uint64_t, std::size_t>;

  // Packet numbers of one connection stay far below 2⁴⁰, and the IDs of paths that live below 2²⁴ of each
  // other.
  static std::uint64_t keyOf(const quic::PacketId& packet) {
    return std::uint64_t{packet.path} << 40 ^ packet.number;
  }
  static std::size_t hashOf(std::span<const std::uint8_t> content) {
    return std::hash<std::string_view>()({reinterpret_cast<const char*>(content.data()), content.size()});
  }
  static bool take(Copies& copies, const quic::PacketId& packet, std::span<const std::uint8_t> content) {
    auto [one, end] = copies.equal_range(keyOf(packet));
    if (one == end) return false;
    const std::size_t hash = hashOf(content);
    for (; one != end; ++one) {
      if (one->second != hash) continue;
      copies.erase(one);
      return true;
    }
    return false;
  }
  void tidy(quic::Time now) {
    if (now - since_ < kRemembered) return;
    const bool old = now - since_ >= 2 * kRemembered;
    before_.clear();
    if (!old) before_.swap(known_);
    known_.clear();
    since_ = now;
  }

  /// Those of now, from `since_` on, and those of the time before.
  Copies known_, before_;
  quic::Time since_ = 0;
};

}  // namespace mqvpn::tunnel
