#include "io/process.h"

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>

namespace mqvpn::io {

void dieWithParent() { prctl(PR_SET_PDEATHSIG, SIGTERM); }

void preciseTimers() { prctl(PR_SET_TIMERSLACK, 1UL); }

bool becomeRealtime() {
  // On fault: a frame pool that is sized for the worst case must not be made resident as a whole.
  const bool locked = mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0;
  sched_param priority{};
  priority.sched_priority = sched_get_priority_min(SCHED_RR);
  return sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &priority) == 0 && locked;
}

}  // namespace mqvpn::io
