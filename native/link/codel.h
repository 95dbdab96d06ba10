#pragma once

#include <cstdint>

#include "link/frame.h"
#include "link/queue.h"
#include "link/time.h"

namespace mqvpn::link {

/// CoDel (RFC 8289): drops at the head of the queue when frames have waited too long for too long. It never
/// marks: the sentences of the RFC about ECN are optional.
class Codel {
 public:
  /// RFC 8289 §4.3, §4.4: "a TARGET of 5 ms", "INTERVAL … 100 ms".
  void configure(Time target, Time interval) {
    target_ = target;
    interval_ = interval;
  }

  /// The next frame to send, or null; frames that CoDel drops on the way are added to `dropped`.
  Frame* dequeue(Queue& queue, Time now, FrameList& dropped);

 private:
  struct Head {
    Frame* frame;
    bool okToDrop;
  };
  Head take(Queue& queue, Time now);
  Time controlLaw(Time from, std::uint32_t count) const;

  Time target_ = 5 * kMillisecond;
  Time interval_ = 100 * kMillisecond;
  /// Time at which the sojourn time will have been above target for a whole interval; 0: it is below.
  Time firstAboveTime_ = 0;
  Time dropNext_ = 0;
  std::uint32_t count_ = 0;
  std::uint32_t lastCount_ = 0;
  bool dropping_ = false;
};

}  // namespace mqvpn::link
