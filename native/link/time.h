#pragma once

#include <cstdint>
#include <limits>

namespace mqvpn::link {

/// Nanoseconds on a clock that the caller chooses: CLOCK_MONOTONIC in the program, virtual in tests.
using Time = std::uint64_t;

constexpr Time kNever = std::numeric_limits<Time>::max();
constexpr Time kMicrosecond = 1'000;
constexpr Time kMillisecond = 1'000'000;
constexpr Time kSecond = 1'000'000'000;

}  // namespace mqvpn::link
