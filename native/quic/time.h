#pragma once

#include <cstdint>

namespace mqvpn::quic {

/// ns of a monotonic clock that the caller reads.
using Time = std::uint64_t;
/// ns.
using Duration = std::uint64_t;

constexpr Time kNever = UINT64_MAX;
constexpr Duration kMicrosecond = 1'000;
constexpr Duration kMillisecond = 1'000'000;
constexpr Duration kSecond = 1'000'000'000;

}  // namespace mqvpn::quic
