#pragma once

#include <cstdint>
#include <unordered_set>

#include "quic/application.h"
#include "quic/time.h"

namespace mqvpn::tunnel {

/// Which packets of the peer are stood in for by copies that came over another path: should such a packet
/// arrive after all, its content is already known. Costs nothing while no path dies.
class ReceivedCopies {
 public:
  /// A packet that has not arrived so long after its copy will not.
  static constexpr quic::Duration kRemembered = 2 * quic::kSecond;
  /// More than are in flight on any path; a peer that sends copies for ever gains nothing.
  static constexpr std::size_t kMost = 65'536;

  void add(const quic::PacketId& original, quic::Time now) {
    tidy(now);
    if (known_.size() < kMost) known_.insert(keyOf(original));
    newest_ = now;
  }
  bool covers(const quic::PacketId& packet, quic::Time now) {
    if (known_.empty()) return false;
    tidy(now);
    return known_.contains(keyOf(packet));
  }
  std::size_t size() const { return known_.size(); }
  void clear() { std::unordered_set<std::uint64_t>().swap(known_); }

 private:
  // Packet numbers of one connection stay far below 2⁴⁰, and the IDs of paths that live below 2²⁴ of each
  // other.
  static std::uint64_t keyOf(const quic::PacketId& packet) {
    return std::uint64_t{packet.path} << 40 ^ packet.number;
  }
  void tidy(quic::Time now) {
    if (!known_.empty() && now - newest_ > kRemembered) clear();
  }

  std::unordered_set<std::uint64_t> known_;
  quic::Time newest_ = 0;
};

}  // namespace mqvpn::tunnel
