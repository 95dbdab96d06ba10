#include "probe/realtime.h"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace mqvpn::probe {
namespace {

// The lowest real-time priority: above every VPN, below anything that the kernel or an administrator made
// urgent.
constexpr int kPriority = 1;

bool granted = false;

}  // namespace

void requestRealtime() {
  sched_param parameters{};
  parameters.sched_priority = kPriority;
  granted = sched_setscheduler(0, SCHED_RR, &parameters) == 0;
  // Without real-time priority the kernel may delay a timer by its slack, 50 µs by default.
  prctl(PR_SET_TIMERSLACK, 1UL);
}

bool hasRealtime() { return granted; }

void dieWithParent() {
  const pid_t parent = getppid();
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  // It may have ended before the call above.
  if (getppid() != parent) raise(SIGTERM);
}

}  // namespace mqvpn::probe
