#pragma once

#include <cstdint>
#include <ctime>

#include "io/clock.h"

namespace mqvpn::probe {

// Signed, because the probe subtracts times in both orders.
inline int64_t monotonicNs() { return static_cast<int64_t>(io::monotonicNs()); }

inline int64_t realtimeNs() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace mqvpn::probe
