#include "quic/mtu_discovery.h"

#include <algorithm>
#include <array>

namespace mqvpn::quic {

namespace {
/// UDP payloads of MTUs that are common: IPv6 and IPv4 over 1280, 1350, 1400, 1420 (WireGuard), 1450, 1480
/// (6in4), 1492 (PPPoE), 1500, 4000, 9000, 16 384.
constexpr std::array<std::uint32_t, 20> kCommon = {1232, 1252, 1302, 1322, 1352,  1372, 1392,
                                                   1402, 1422, 1432, 1444, 1452,  1464, 1472,
                                                   3952, 3972, 8952, 8972, 16336, 16356};
/// Pauses before a size is tried again, longer than a burst of losses.
constexpr Duration kRetryAfter = 100 * kMillisecond;
}  // namespace

MtuDiscovery::MtuDiscovery(std::uint32_t most, Time now)
    : most_(std::max(most, kBase)), ceiling_(most_), dueAt_(now) {
  search(now);
}

void MtuDiscovery::search(Time now) {
  ceiling_ = most_;
  losses_ = 0;
  outstanding_ = false;
  advance(now);
}

/// Chooses the next size, or rests.
void MtuDiscovery::advance(Time now) {
  losses_ = 0;
  outstanding_ = false;
  trying_ = nextSize();
  // RFC 8899 §5.2: "The PMTU_RAISE_TIMER is used to periodically resume the Search Phase". Nothing is left to
  // gain at most_.
  dueAt_ = trying_ != 0 ? now : current_ < most_ ? now + kRaiseInterval : kNever;
}

std::uint32_t MtuDiscovery::nextSize() const {
  if (ceiling_ <= current_) return 0;
  if (ceiling_ == most_) return most_;
  // The middle one of the common sizes that are left; else halve the range.
  const auto* const first = std::upper_bound(kCommon.begin(), kCommon.end(), current_);
  const auto* const last = std::upper_bound(first, kCommon.end(), ceiling_);
  if (first != last) return *(first + (last - first) / 2);
  if (ceiling_ - current_ < kResolution) return 0;
  // Most paths have one of the common sizes: one more step says so without a search of what lies above.
  if (current_ == kBase || std::binary_search(kCommon.begin(), kCommon.end(), current_))
    return current_ + kResolution;
  return current_ + (ceiling_ - current_ + 1) / 2;
}

std::uint32_t MtuDiscovery::probeDue(Time now) const {
  if (outstanding_ || now < dueAt_) return 0;
  // The rest is over: from the top again.
  return trying_ != 0 ? trying_ : current_ < most_ ? most_ : 0;
}

Time MtuDiscovery::deadline() const { return outstanding_ ? kNever : dueAt_; }

bool MtuDiscovery::searching() const { return trying_ != 0; }

void MtuDiscovery::onProbeSent(std::uint32_t size, Time now) {
  if (trying_ == 0) search(now);
  outstanding_ = size == trying_;
}

void MtuDiscovery::onProbeAcked(std::uint32_t size, Time now) {
  if (!outstanding_ || size != trying_) return;
  current_ = size;
  advance(now);
}

void MtuDiscovery::onProbeLost(std::uint32_t size, Time now) {
  if (!outstanding_ || size != trying_) return;
  outstanding_ = false;
  ++losses_;
  if (losses_ < kMaxProbes) {
    dueAt_ = now + kRetryAfter * losses_;
    return;
  }
  ceiling_ = size - 1;
  advance(now);
}

void MtuDiscovery::onTooBig(std::uint32_t size, Time now) {
  if (size <= kBase) return;
  if (size <= current_) current_ = kBase;
  ceiling_ = std::min(ceiling_, size - 1);
  advance(now);
}

void MtuDiscovery::onBlackHole(Time now) {
  current_ = kBase;
  search(now);
}

void MtuDiscovery::setMost(std::uint32_t most, Time now) {
  most = std::max(most, kBase);
  if (most == most_) return;
  most_ = most;
  current_ = std::min(current_, most);
  search(now);
}

void MtuDiscovery::restart(Time now) {
  current_ = kBase;
  search(now);
}

}  // namespace mqvpn::quic
