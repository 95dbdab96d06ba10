#pragma once

#include <cstdint>

namespace mqvpn::io {

/// Nanoseconds of CLOCK_MONOTONIC: the clock of Node's process.hrtime.bigint(), one for all namespaces.
std::uint64_t monotonicNs();

/// Sleeps until the absolute time `ns`; a signal may end it early.
void sleepUntilNs(std::uint64_t ns);

}  // namespace mqvpn::io
