#include "tunnel/scheduler.h"

#include "tunnel/settings.h"

namespace mqvpn::tunnel {

std::unique_ptr<Scheduler> makeScheduler(SchedulerKind kind) {
  switch (kind) {
    case SchedulerKind::kMinRtt:
    case SchedulerKind::kWlb:
      break;
  }
  return std::make_unique<SinglePath>();
}

}  // namespace mqvpn::tunnel
