#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "connect_ip/address_pool.h"
#include "tunnel/user.h"

namespace mqvpn::tunnel {

/// The users of a server, whose keys, addresses and networks do not contradict each other.
class UserTable {
 public:
  static constexpr std::size_t kNobody = static_cast<std::size_t>(-1);
  /// Per user and family: Checks has room for 16, and the address of the tunnel is one of them.
  static constexpr std::size_t kMostNetworks = 15;

  /// Throws std::invalid_argument that names the users and what they contradict each other in.
  UserTable(std::vector<User> users, const connect_ip::AddressPool& pool);

  const std::vector<User>& all() const { return users_; }
  /// Index of the user whose key it is, or kNobody.
  std::size_t authorize(std::string_view key) const;
  std::size_t find(std::string_view name) const;
  /// Of the fixed address in the pool; 0: it has none.
  std::uint32_t offset(std::size_t user) const { return offsets_[user]; }
  /// The user behind whom this address is, or kNobody. O(log n) of all networks: two users never share one,
  /// so that the first match is the longest.
  std::size_t behind(std::uint8_t version, const std::uint8_t* address) const;

 private:
  struct Range {
    connect_ip::IpAddress first, last;
    std::size_t user;
  };

  void addAddress(std::size_t user, const connect_ip::AddressPool& pool);
  void addNetworks(std::size_t user, const connect_ip::AddressPool& pool);
  void separate(std::vector<Range>& ranges) const;

  std::vector<User> users_;
  std::unordered_map<std::string, std::size_t> byName_;
  std::vector<std::uint32_t> offsets_;
  /// Sorted, and disjoint.
  std::vector<Range> ranges4_, ranges6_;
};

}  // namespace mqvpn::tunnel
