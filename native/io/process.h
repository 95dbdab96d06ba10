#pragma once

namespace mqvpn::io {

/// Asks the kernel to end this process with SIGTERM when the thread that started it ends.
void dieWithParent();

/// Makes timers of this thread precise (they are up to 50 µs late by default).
void preciseTimers();

/// Lowest real-time priority and memory that is not paged out. False when the system does not permit it.
bool becomeRealtime();

}  // namespace mqvpn::io
