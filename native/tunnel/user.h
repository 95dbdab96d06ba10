#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "connect_ip/address.h"

namespace mqvpn::tunnel {

/// SHA-256 of a key. Keys are 32 random bytes (`mqvpn genkey`): nobody finds one by trying, so that neither a
/// salt nor a slow hash adds anything, as they do for passwords.
using KeyHash = std::array<std::uint8_t, 32>;
KeyHash hashOf(std::string_view key);

/// Somebody who may connect. The key itself is not kept.
struct User {
  User() = default;
  User(std::string userName, std::string_view key) : name(std::move(userName)), keyHash(hashOf(key)) {}
  User(std::string userName, const KeyHash& hash) : name(std::move(userName)), keyHash(hash) {}

  std::string name;
  KeyHash keyHash{};
  /// Always the same one, for one connection at a time; none: whichever is free.
  std::optional<connect_ip::IpAddress> address4, address6;
  /// Networks behind this client: it may send from them, and packets for them go to it.
  std::vector<connect_ip::Prefix> networks;

  bool operator==(const User&) const = default;
};

}  // namespace mqvpn::tunnel
