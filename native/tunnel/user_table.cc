#include "tunnel/user_table.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <stdexcept>
#include <utility>

#include "tls/mac.h"
#include "tls/verification.h"

namespace mqvpn::tunnel {

namespace {

using connect_ip::AddressPool;
using connect_ip::IpAddress;
using connect_ip::Prefix;

[[noreturn]] void refuse(const std::string& what) { throw std::invalid_argument(what); }

bool overlap(const Prefix& a, const Prefix& b) { return a.contains(b.first()) || b.contains(a.first()); }

}  // namespace

KeyHash hashOf(std::string_view key) {
  return tls::fingerprint({reinterpret_cast<const std::uint8_t*>(key.data()), key.size()});
}

UserTable::UserTable(std::vector<User> users, const AddressPool& pool)
    : users_(std::move(users)), offsets_(users_.size(), 0) {
  std::map<KeyHash, std::size_t> byKey;
  for (std::size_t i = 0; i < users_.size(); ++i) {
    const User& user = users_[i];
    if (!byName_.emplace(user.name, i).second) refuse("there are two users called " + user.name);
    const auto [same, isNew] = byKey.emplace(user.keyHash, i);
    if (!isNew)
      refuse(users_[same->second].name + " and " + user.name +
             " have the same key, so nobody could tell them apart");
    addAddress(i, pool);
    addNetworks(i, pool);
  }
  separate(ranges4_);
  separate(ranges6_);
}

void UserTable::addAddress(std::size_t user, const AddressPool& pool) {
  const std::string& name = users_[user].name;
  std::uint32_t& offset = offsets_[user];
  for (const auto& address : {users_[user].address4, users_[user].address6}) {
    if (!address) continue;
    const std::string text = "the address " + connect_ip::toString(*address) + " of " + name;
    const std::uint32_t found = pool.offsetOf(*address);
    if (found == 0) refuse(text + " is not in the pool for clients");
    if (found == 1) refuse(text + " is the server's own");
    if (offset != 0 && found != offset)
      refuse(text + " and its IPv4 address have different host numbers; a client has the same one in both");
    offset = found;
  }
  if (offset == 0) return;
  for (std::size_t other = 0; other < user; ++other)
    if (offsets_[other] == offset) refuse(users_[other].name + " and " + name + " have the same address");
}

void UserTable::addNetworks(std::size_t user, const AddressPool& pool) {
  std::size_t count4 = 0, count6 = 0;
  for (const Prefix& network : users_[user].networks) {
    const std::string text = "the network " + connect_ip::toString(network) + " of " + users_[user].name;
    if (!network.hostBitsZero()) refuse(text + " has bits set beyond its prefix");
    for (const auto& own : {pool.server4(), pool.server6()})
      if (own && own->address.version == network.address.version && overlap(own->masked(), network))
        refuse(text + " overlaps the pool for clients, " + connect_ip::toString(own->masked()));
    const bool is4 = network.address.version == 4;
    if (++(is4 ? count4 : count6) > kMostNetworks)
      refuse(users_[user].name + " has more than " + std::to_string(kMostNetworks) + " networks of a family");
    (is4 ? ranges4_ : ranges6_).push_back({network.first(), network.last(), user});
  }
}

/// Sorts them, merges those of one user that lie in each other, and refuses what two users share.
void UserTable::separate(std::vector<Range>& ranges) const {
  std::sort(ranges.begin(), ranges.end(), [](const Range& a, const Range& b) {
    return a.first != b.first ? a.first < b.first : a.last > b.last;
  });
  std::vector<Range> apart;
  for (const Range& range : ranges) {
    if (apart.empty() || apart.back().last < range.first) {
      apart.push_back(range);
    } else if (apart.back().user != range.user) {
      refuse("the networks of " + users_[apart.back().user].name + " and " + users_[range.user].name +
             " overlap at " + connect_ip::toString(range.first));
    }
    // Prefixes either lie in each other or are apart: this one lies in the one before, of the same user.
  }
  ranges = std::move(apart);
}

std::size_t UserTable::authorize(std::string_view key) const {
  const KeyHash hash = hashOf(key);
  // All are compared, each in the same time, so that nothing shows who matched.
  std::size_t matched = kNobody;
  for (std::size_t i = 0; i < users_.size(); ++i)
    if (tls::constantTimeEquals(users_[i].keyHash, hash)) matched = i;
  return key.empty() ? kNobody : matched;
}

std::size_t UserTable::find(std::string_view name) const {
  const auto found = byName_.find(std::string(name));
  return found == byName_.end() ? kNobody : found->second;
}

std::size_t UserTable::behind(std::uint8_t version, const std::uint8_t* address) const {
  const std::vector<Range>& ranges = version == 4 ? ranges4_ : ranges6_;
  if (ranges.empty()) return kNobody;
  const std::size_t size = version == 4 ? 4 : 16;
  const auto after = std::upper_bound(ranges.begin(), ranges.end(), address,
                                      [size](const std::uint8_t* wanted, const Range& range) {
                                        return std::memcmp(wanted, range.first.bytes.data(), size) < 0;
                                      });
  if (after == ranges.begin()) return kNobody;
  const Range& range = *std::prev(after);
  return std::memcmp(address, range.last.bytes.data(), size) <= 0 ? range.user : kNobody;
}

}  // namespace mqvpn::tunnel
