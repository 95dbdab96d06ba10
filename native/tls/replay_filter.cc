#include "tls/replay_filter.h"

#include <algorithm>
#include <utility>

namespace mqvpn::tls {

bool ReplayFilter::add(std::int64_t now, std::span<const std::uint8_t> binder) {
  std::array<std::uint8_t, 16> key{};
  if (binder.size() < key.size()) return false;
  std::copy(binder.end() - static_cast<std::ptrdiff_t>(key.size()), binder.end(), key.begin());

  const std::scoped_lock lock(mutex_);
  if (now - started_ >= kMemory) {
    previous_ = std::exchange(current_, {});
    started_ = now;
  }
  if (previous_.contains(key) || current_.size() + previous_.size() >= capacity_) return false;
  return current_.insert(key).second;
}

}  // namespace mqvpn::tls
