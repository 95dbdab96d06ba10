#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace mqvpn::tunnel {

/// Cuts an IPv4 packet whose sender allows it into fragments (RFC 791 §3.2). The packet's checksums must be
/// complete.
class Fragmenter {
 public:
  /// `most`: bytes of a fragment, at least 28. Packets with options are not cut: count() is 0.
  Fragmenter(std::span<const std::uint8_t> packet, std::size_t most);

  std::size_t count() const { return count_; }
  /// Writes fragment `index` to `out`, which has `most` bytes; returns its size.
  std::size_t write(std::size_t index, std::uint8_t* out) const;

 private:
  static constexpr std::size_t kHeader = 20;

  std::span<const std::uint8_t> packet_;
  /// Payload bytes of each but the last; a multiple of 8.
  std::size_t step_;
  std::size_t count_ = 0;
};

}  // namespace mqvpn::tunnel
