#include "tunnel/scheduler.h"

#include "tunnel/min_rtt.h"
#include "tunnel/wlb.h"

namespace mqvpn::tunnel {

std::unique_ptr<Scheduler> makeScheduler(SchedulerKind kind, FairQueue& queue) {
  switch (kind) {
    case SchedulerKind::kMinRtt:
      return std::make_unique<MinRtt>(queue);
    case SchedulerKind::kWlb:
      break;
  }
  return std::make_unique<Wlb>(queue);
}

}  // namespace mqvpn::tunnel
