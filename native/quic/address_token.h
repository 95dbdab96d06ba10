#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "quic/address.h"
#include "quic/buffer.h"
#include "quic/connection_id.h"
#include "quic/time.h"

namespace mqvpn::quic {

/// Makes and checks the tokens that prove an address (RFC 9000 §8.1): authenticated by HMAC-SHA-256, and
/// bound to the address.
class AddressTokens {
 public:
  explicit AddressTokens(std::span<const std::uint8_t> secret);

  /// For a Retry packet: also to the port, for a few seconds, with the connection IDs of RFC 9000 §7.3.
  std::vector<std::uint8_t> retryToken(const SocketAddress& client, const ConnectionId& originalDestination,
                                       const ConnectionId& retrySource, Time now) const;
  /// For a NEW_TOKEN frame: any port, for days.
  std::vector<std::uint8_t> newToken(const SocketAddress& client, Time now) const;

  struct Checked {
    bool isRetry = false;
    ConnectionId originalDestination;
    ConnectionId retrySource;
  };
  /// Nothing: not ours, of another address, or expired. `isRetry` (out): it claims to be of a Retry, so that
  /// a wrong one is INVALID_TOKEN (§8.1.3).
  std::optional<Checked> check(Bytes token, const SocketAddress& client, Time now, bool& isRetry) const;

 private:
  std::vector<std::uint8_t> sealed(std::vector<std::uint8_t> body) const;
  std::array<std::uint8_t, 32> key_;
};

}  // namespace mqvpn::quic
