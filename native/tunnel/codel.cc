#include "tunnel/codel.h"

#include <cmath>

namespace mqvpn::tunnel {

namespace {
using quic::Duration;
using quic::Time;

// RFC 8289 §5.6: "This is the control law that governs the servo. It has this form because of the sqrt(p)
// dependence of TCP throughput on drop probability."
Time controlLaw(Time from, std::uint32_t count, Duration interval) {
  return from + static_cast<Duration>(static_cast<double>(interval) / std::sqrt(static_cast<double>(count)));
}
}  // namespace

bool Codel::aboveTarget(Duration waited, std::uint64_t backlog, std::uint64_t mtu, const Limits& limits,
                        Time now) {
  // RFC 8289 §5.6: "To span a large range of bandwidths, CoDel runs two different AQMs in parallel. One is
  // based on sojourn time […]. The other is based on backlog and takes effect when the time to send an
  // MTU-sized packet is >= TARGET."
  if (waited < limits.target || backlog <= mtu) {
    firstAbove_ = 0;
    return false;
  }
  if (firstAbove_ == 0) {
    // §5.6: "just went above from below. if still above at first_above_time, will say it's ok to drop."
    firstAbove_ = now + limits.interval;
    return false;
  }
  return now >= firstAbove_;
}

bool Codel::shouldDrop(Duration waited, std::uint64_t backlog, std::uint64_t mtu, const Limits& limits,
                       Time now) {
  const bool above = aboveTarget(waited, backlog, mtu, limits, now);
  if (dropping_) {
    // §5.5: "sojourn time below TARGET - leave drop state"
    if (!above) {
      dropping_ = false;
      return false;
    }
    // §5.5: "Time for the next drop. […] A large backlog might result in drop rates so high that the next
    // drop should happen now": the caller asks again about the next head.
    if (now < dropNext_) return false;
    ++count_;
    dropNext_ = controlLaw(dropNext_, count_, limits.interval);
    return true;
  }
  if (!above) return false;
  // §5.5: "If min went above TARGET close to when it last went below, assume that the drop rate that
  // controlled the queue on the last cycle is a good starting point to control it now."
  dropping_ = true;
  const std::uint32_t delta = count_ - lastCount_;
  const auto since = static_cast<std::int64_t>(now - dropNext_);
  count_ = delta > 1 && since < 16 * static_cast<std::int64_t>(limits.interval) ? delta : 1;
  dropNext_ = controlLaw(now, count_, limits.interval);
  lastCount_ = count_;
  return true;
}

}  // namespace mqvpn::tunnel
