#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "quic/buffer.h"

namespace mqvpn::quic {

/// RFC 9000 §5.1: 0 to 20 bytes in version 1.
class ConnectionId {
 public:
  static constexpr std::size_t kMaxSize = 20;

  ConnectionId() = default;
  /// At most kMaxSize bytes; the rest is ignored.
  explicit ConnectionId(Bytes bytes) : size_(static_cast<std::uint8_t>(std::min(bytes.size(), kMaxSize))) {
    if (size_ > 0) std::memcpy(bytes_.data(), bytes.data(), size_);
  }

  Bytes bytes() const { return {bytes_.data(), size_}; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  bool operator==(const ConnectionId&) const = default;
  auto operator<=>(const ConnectionId&) const = default;
  /// Lower case, without separators.
  std::string hex() const;

 private:
  // Unused bytes stay 0, so that comparison needs no length.
  std::array<std::uint8_t, kMaxSize> bytes_{};
  std::uint8_t size_ = 0;
};

using StatelessResetToken = std::array<std::uint8_t, 16>;

}  // namespace mqvpn::quic
