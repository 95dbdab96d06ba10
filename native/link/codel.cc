#include "link/codel.h"

#include <cmath>

namespace mqvpn::link {

namespace {
// RFC 8289 §5.3: "MAXPACKET … maximum packet size in bytes (should use interface MTU)".
constexpr std::uint64_t kMaxPacket = 1514;

// Times since something that may also lie ahead.
std::int64_t since(Time now, Time then) { return static_cast<std::int64_t>(now - then); }
}  // namespace

// RFC 8289 §5.6: "CoDel acts as a closed-loop servo system that gradually increases the frequency of dropping
// until the queue is controlled (sojourn time goes below TARGET). This is the control law that governs the
// servo. It has this form because of the sqrt(p) dependence of TCP throughput on drop probability."
Time Codel::controlLaw(Time from, std::uint32_t count) const {
  return from + static_cast<Time>(static_cast<double>(interval_) / std::sqrt(static_cast<double>(count)));
}

// RFC 8289 §5.6: "Next is a helper routine the does the actual packet dequeue and tracks whether the sojourn
// time is above or below TARGET and, if above, if it has remained above continuously for at least INTERVAL
// amount of time."
Codel::Head Codel::take(Queue& queue, Time now) {
  Frame* frame = queue.pop();
  if (frame == nullptr) {
    // §5.6: "queue is empty - we can't be above TARGET"
    firstAboveTime_ = 0;
    return {nullptr, false};
  }
  // §5.6: "To span a large range of bandwidths, CoDel runs two different AQMs in parallel. One is based on
  // sojourn time and takes effect when the time to send an MTU-sized packet is less than TARGET. The 1st term
  // of the "if" below does this. The other is based on backlog and takes effect when the time to send an
  // MTU-sized packet is >= TARGET. […] The 2nd term of the "if" does this."
  if (now - frame->at < target_ || queue.bytes() <= kMaxPacket) {
    firstAboveTime_ = 0;
    return {frame, false};
  }
  if (firstAboveTime_ == 0) {
    // §5.6: "just went above from below. if still above at first_above_time, will say it's ok to drop."
    firstAboveTime_ = now + interval_;
    return {frame, false};
  }
  return {frame, now >= firstAboveTime_};
}

Frame* Codel::dequeue(Queue& queue, Time now, FrameList& dropped) {
  Head head = take(queue, now);
  if (dropping_) {
    // RFC 8289 §5.5: "sojourn time below TARGET - leave drop state"
    if (!head.okToDrop) dropping_ = false;
    // §5.5: "Time for the next drop. Drop current packet and dequeue next. If the dequeue doesn't take us out
    // of dropping state, schedule the next drop. A large backlog might result in drop rates so high that the
    // next drop should happen now, hence the 'while' loop."
    while (dropping_ && now >= dropNext_) {
      dropped.pushBack(head.frame);
      ++count_;
      head = take(queue, now);
      if (!head.okToDrop) {
        dropping_ = false;
      } else {
        dropNext_ = controlLaw(dropNext_, count_);
      }
    }
  } else if (head.okToDrop) {
    // §5.5: "If we get here, we're not in drop state. The 'ok_to_drop' return from dodequeue means that the
    // sojourn time has been above 'TARGET' for 'INTERVAL', so enter drop state."
    dropped.pushBack(head.frame);
    head = take(queue, now);
    dropping_ = true;
    // §5.5: "If min went above TARGET close to when it last went below, assume that the drop rate that
    // controlled the queue on the last cycle is a good starting point to control it now. ('drop_next' will be
    // at most 'INTERVAL' later than the time of the last drop, so 'now - drop_next' is a good approximation
    // of the time from the last drop until now.)"
    const std::uint32_t delta = count_ - lastCount_;
    count_ = delta > 1 && since(now, dropNext_) < 16 * static_cast<std::int64_t>(interval_) ? delta : 1;
    dropNext_ = controlLaw(now, count_);
    lastCount_ = count_;
  }
  return head.frame;
}

}  // namespace mqvpn::link
