#include "connect_ip/address_pool.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace mqvpn::connect_ip {

namespace {

constexpr std::uint32_t kServerOffset = 1;
constexpr std::uint32_t kFirstClient = 2;

/// Clients that fit beside network, server and (IPv4) broadcast address.
std::uint32_t capacityOf(const Prefix& subnet) {
  const unsigned hostBits = subnet.address.bits() - subnet.length;
  const unsigned reserved = subnet.address.version == 4 ? 3 : 2;
  // Offsets have 32 bits; half of that is beyond every server.
  if (hostBits >= 32) return std::numeric_limits<std::uint32_t>::max() / 2;
  return static_cast<std::uint32_t>((std::uint64_t{1} << hostBits) - reserved);
}

bool checkSubnet(const Prefix& subnet, std::uint8_t version, std::string& error) {
  const unsigned shortest = version == 4 ? 8 : 64;
  const unsigned longest = version == 4 ? 30 : 126;
  if (subnet.address.version != version) {
    error = toString(subnet) + " is not an IPv" + std::to_string(version) + " subnet";
  } else if (subnet.length < shortest || subnet.length > longest) {
    error = toString(subnet) + ": the prefix length must be " + std::to_string(shortest) + " to " +
            std::to_string(longest);
  } else if (!subnet.hostBitsZero()) {
    error = toString(subnet) + " has bits set beyond its prefix; meant is " + toString(subnet.masked());
  } else {
    return true;
  }
  return false;
}

/// The subnet's address at `offset`. Host bits are zero before, so nothing carries.
IpAddress addressAt(const Prefix& subnet, std::uint32_t offset) {
  IpAddress address = subnet.address;
  const std::size_t end = address.size();
  for (std::size_t i = 0; i < 4; ++i)
    address.bytes[end - 1 - i] |= static_cast<std::uint8_t>(offset >> (8 * i));
  return address;
}

}  // namespace

std::unique_ptr<AddressPool> AddressPool::create(const std::optional<Prefix>& v4,
                                                 const std::optional<Prefix>& v6, std::string& error) {
  if (!v4 && !v6) {
    error = "no subnet";
    return nullptr;
  }
  if (v4 && !checkSubnet(*v4, 4, error)) return nullptr;
  if (v6 && !checkSubnet(*v6, 6, error)) return nullptr;
  std::unique_ptr<AddressPool> pool(new AddressPool());
  pool->v4_ = v4;
  pool->v6_ = v6;
  pool->base4_ = v4 ? v4->address.v4Value() : 0;
  pool->capacity_ = v4 ? capacityOf(*v4) : capacityOf(*v6);
  if (v4 && v6) pool->capacity_ = std::min(pool->capacity_, capacityOf(*v6));
  return pool;
}

std::optional<Prefix> AddressPool::server4() const {
  if (!v4_) return std::nullopt;
  return Prefix{addressAt(*v4_, kServerOffset), v4_->length};
}

std::optional<Prefix> AddressPool::server6() const {
  if (!v6_) return std::nullopt;
  return Prefix{addressAt(*v6_, kServerOffset), v6_->length};
}

AddressPool::Lease AddressPool::leaseAt(std::uint32_t offset) const {
  Lease lease;
  lease.offset = offset;
  if (v4_) lease.v4 = addressAt(*v4_, offset);
  if (v6_) lease.v6 = addressAt(*v6_, offset);
  return lease;
}

std::uint32_t AddressPool::takeRemembered(std::list<Free>::iterator which) {
  const std::uint32_t offset = which->offset;
  former_.erase(which->key);
  remembered_.erase(which);
  return offset;
}

/// 0: none is free.
std::uint32_t AddressPool::take(std::string_view key, std::uint32_t wanted) {
  if (const auto former = former_.find(std::string(key)); former != former_.end())
    return takeRemembered(former->second);
  if (wanted >= kFirstClient && wanted - kFirstClient < capacity_ && !isTaken(wanted)) {
    // Below next_ it is of nobody, or waits for its former owner.
    if (wanted >= next_ || std::erase(unnamed_, wanted) > 0) return wanted;
  }
  skipTaken();
  // New ones first, so that former owners find theirs free, and packets for the last owner do not reach the
  // next one. Only up to a bound: memory shall grow with the clients.
  const bool fresh = next_ - kFirstClient < capacity_;
  if (fresh && unnamed_.size() + remembered_.size() < kMaxRemembered) return next_++;
  if (!unnamed_.empty()) {
    const std::uint32_t offset = unnamed_.front();
    unnamed_.pop_front();
    return offset;
  }
  return remembered_.empty() ? 0 : takeRemembered(remembered_.begin());
}

void AddressPool::skipTaken() {
  while (next_ - kFirstClient < capacity_ && isTaken(next_)) ++next_;
}

void AddressPool::reserve(std::unordered_set<std::uint32_t> offsets) {
  const std::unordered_set<std::uint32_t> before = std::exchange(reserved_, std::move(offsets));
  const auto isReserved = [&](std::uint32_t offset) { return reserved_.contains(offset); };
  std::erase_if(unnamed_, isReserved);
  for (auto one = remembered_.begin(); one != remembered_.end();) {
    const auto following = std::next(one);
    if (isReserved(one->offset)) takeRemembered(one);
    one = following;
  }
  for (const std::uint32_t offset : before)
    if (offset < next_ && !isTaken(offset)) unnamed_.push_back(offset);
}

std::optional<AddressPool::Lease> AddressPool::allocateReserved(std::uint32_t offset) {
  if (!reserved_.contains(offset) || leases_.contains(offset)) return std::nullopt;
  leases_.emplace(offset, std::string());
  return leaseAt(offset);
}

std::uint32_t AddressPool::heldBy(std::string_view key) const {
  const auto held = held_.find(std::string(key));
  return held == held_.end() ? 0 : held->second;
}

std::optional<AddressPool::Lease> AddressPool::allocate(std::string_view key, std::uint32_t wanted) {
  const std::uint32_t offset = take(key, wanted);
  if (offset == 0) return std::nullopt;
  leases_.emplace(offset, key);
  if (!key.empty()) held_[std::string(key)] = offset;
  return leaseAt(offset);
}

void AddressPool::release(std::uint32_t offset) {
  const auto lease = leases_.find(offset);
  if (lease == leases_.end()) return;
  std::string key = std::move(lease->second);
  leases_.erase(lease);
  if (const auto held = held_.find(key); held != held_.end() && held->second == offset) held_.erase(held);
  // Those beyond next_ are found there.
  if (reserved_.contains(offset) || offset >= next_) return;
  if (key.empty()) {
    unnamed_.push_back(offset);
    return;
  }
  // One client may have had several: the last one counts.
  if (const auto former = former_.find(key); former != former_.end())
    unnamed_.push_back(takeRemembered(former->second));
  if (remembered_.size() == kMaxRemembered) unnamed_.push_back(takeRemembered(remembered_.begin()));
  remembered_.push_back({offset, key});
  former_.emplace(std::move(key), std::prev(remembered_.end()));
}

std::uint32_t AddressPool::offsetOf4(std::uint32_t address) const {
  if (!v4_ || address < base4_) return 0;
  const std::uint32_t offset = address - base4_;
  return offset <= capacity_ + 1 ? offset : 0;
}

std::uint32_t AddressPool::offsetOf6(const std::uint8_t* address) const {
  if (!v6_) return 0;
  std::uint32_t offset = 0;
  for (std::size_t i = 0; i < 16; ++i) {
    const auto host = static_cast<std::uint8_t>(address[i] ^ v6_->address.bytes[i]);
    if (i < 12 && host != 0) return 0;
    offset = offset << 8 | host;
  }
  return offset <= capacity_ + 1 ? offset : 0;
}

std::uint32_t AddressPool::offsetOf(const IpAddress& address) const {
  if (address.version == 4) return offsetOf4(address.v4Value());
  return address.version == 6 ? offsetOf6(address.bytes.data()) : 0;
}

}  // namespace mqvpn::connect_ip
