#pragma once

namespace mqvpn::probe {

// Asks for real-time priority (SCHED_RR) and the finest timers, so that a busy machine's scheduling is not
// measured as the network's delay. Goes on without when it is not permitted.
void requestRealtime();

// Whether requestRealtime got its priority.
bool hasRealtime();

// The end of the parent (of its thread that started us) becomes a SIGTERM.
void dieWithParent();

}  // namespace mqvpn::probe
