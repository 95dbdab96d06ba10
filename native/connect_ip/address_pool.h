#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "connect_ip/address.h"

namespace mqvpn::connect_ip {

/// The addresses that a server gives to its clients. The first host address of each subnet (offset 1) is the
/// server's; clients get offsets from 2 on, the same in IPv4 and IPv6 (fd00::a for 10.0.0.10). Memory grows
/// with the clients, not with the subnet.
class AddressPool {
 public:
  AddressPool(const AddressPool&) = delete;

  struct Lease {
    /// 2…capacity()+1; unique among the leases in use.
    std::uint32_t offset = 0;
    std::optional<IpAddress> v4;
    std::optional<IpAddress> v6;
  };

  /// At least one subnet: IPv4 /8…/30, IPv6 /64…/126, host bits zero. Null: it is not so, and `error` says
  /// what.
  static std::unique_ptr<AddressPool> create(const std::optional<Prefix>& v4, const std::optional<Prefix>& v6,
                                             std::string& error);

  /// The server's own addresses, with the length of the subnet.
  std::optional<Prefix> server4() const;
  std::optional<Prefix> server6() const;
  /// Clients at a time. With both families, the smaller one decides.
  std::uint32_t capacity() const { return capacity_; }
  std::uint32_t inUse() const { return static_cast<std::uint32_t>(leases_.size()); }

  /// `key` names the client ("" never): it gets its former address when that is free and not forgotten, else
  /// the offset `wanted` (0: none) if that is free and of nobody; O(1) without one. Nothing: full.
  std::optional<Lease> allocate(std::string_view key = {}, std::uint32_t wanted = 0);
  /// The offset that a client has now; 0: none.
  std::uint32_t heldBy(std::string_view key) const;
  /// Exchanges the offsets that allocate() never gives out; each is 2…capacity()+1. Leases of them stay.
  void reserve(std::unordered_set<std::uint32_t> offsets);
  /// A reserved offset. Nothing: it is in use, or not reserved.
  std::optional<Lease> allocateReserved(std::uint32_t offset);
  /// O(1). Of an offset that is not in use: nothing happens.
  void release(std::uint32_t offset);
  bool isUsed(std::uint32_t offset) const { return leases_.contains(offset); }

  /// O(1): the offset of an address inside a subnet, whether or not it is in use; 0: outside, network,
  /// broadcast.
  std::uint32_t offsetOf4(std::uint32_t address) const;
  /// 16 bytes.
  std::uint32_t offsetOf6(const std::uint8_t* address) const;
  std::uint32_t offsetOf(const IpAddress& address) const;

 private:
  struct Free {
    std::uint32_t offset;
    std::string key;
  };

  AddressPool() = default;
  Lease leaseAt(std::uint32_t offset) const;

  bool isTaken(std::uint32_t offset) const { return leases_.contains(offset) || reserved_.contains(offset); }
  /// Moves on to the next offset that may be given out.
  void skipTaken();
  std::uint32_t take(std::string_view key, std::uint32_t wanted);
  std::uint32_t takeRemembered(std::list<Free>::iterator which);

  /// Released offsets whose former owner is remembered; the one that is free the longest is forgotten first.
  static constexpr std::size_t kMaxRemembered = 4096;

  std::optional<Prefix> v4_;
  std::optional<Prefix> v6_;
  std::uint32_t base4_ = 0;
  std::uint32_t capacity_ = 0;
  /// The lowest offset that was never given out; those beyond are of nobody, or reserved.
  std::uint32_t next_ = 2;
  std::unordered_set<std::uint32_t> reserved_;
  /// Offset to key.
  std::unordered_map<std::uint32_t, std::string> leases_;
  /// The other way round, of those with a key; the last one of a client counts.
  std::unordered_map<std::string, std::uint32_t> held_;
  std::list<Free> remembered_;
  std::unordered_map<std::string, std::list<Free>::iterator> former_;
  /// Released, and of nobody; the longest free first.
  std::deque<std::uint32_t> unnamed_;
};

}  // namespace mqvpn::connect_ip
