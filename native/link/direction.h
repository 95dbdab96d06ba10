#pragma once

#include <cstdint>
#include <string_view>

#include "link/codel.h"
#include "link/counters.h"
#include "link/delay_line.h"
#include "link/frame_pool.h"
#include "link/loss.h"
#include "link/queue.h"
#include "link/random.h"
#include "link/serialiser.h"
#include "link/spec.h"
#include "link/time.h"

namespace mqvpn::link {

/// One direction of a path. Frames and the time go in; frames and the next deadline come out.
///
///   offer ─ down? blackhole? mtu? ─ queue (limit, AQM) ─ serialiser ─ loss ─ duplicate ─ delay line ─ next
///
/// What happened between two calls happens in the later one, at the time at which it was due: a late call
/// changes when frames come out, never which, in what order, or how much later the following ones are due.
class Direction {
 public:
  Direction(FramePool& pool, const Spec& spec, std::uint64_t seed, std::string_view path,
            std::string_view direction, Time now);
  Direction(const Direction&) = delete;
  Direction& operator=(const Direction&) = delete;
  ~Direction();

  const Spec& spec() const { return spec_; }
  /// Applies to the frame in service as well: see Serialiser. Frames in the delay line keep their due time.
  void configure(const Spec& spec, Time now);

  /// A link that goes down loses all that it holds, as a cable that is cut does.
  void setDown(bool down, Time now);

  /// Takes the frame. `now` never goes back.
  void offer(Frame* frame, Time now);
  /// The next frame that is due by `now`, or null. It is the caller's, who returns it to the pool.
  Frame* next(Time now);
  /// When next() can return something at the earliest, or kNever.
  Time deadline() const;

  /// How long the caller may let frames wait before offer() and after their due time without a difference
  /// that counts: a small part of what this direction itself makes them wait.
  Time tolerance() const;

  /// The frame that next() returned could not be delivered.
  void undelivered(const Frame* frame, bool farSideIsDown);
  void countPoolDrop() { ++counters_.inPackets, ++counters_.dropPool; }
  void countOversizeDrop() { ++counters_.inPackets, ++counters_.dropOversize; }

  Counters counters(Time now);
  void resetHighWater();

 private:
  void advance(Time now);
  void apply(const Spec& spec, Time now);
  void serve(Frame* frame, Time start, bool waited);
  void depart(Frame* frame, Time at);
  void enterDelayLine(Frame* frame, Time at);
  void drop(Frame* frame, std::uint64_t& counter);

  FramePool& pool_;
  Spec spec_;
  bool down_ = false;
  Queue queue_;
  Codel codel_;
  Serialiser serialiser_;
  Frame* inService_ = nullptr;
  Loss loss_;
  Random duplicateRandom_;
  Random reorderRandom_;
  Random jitterRandom_;
  DelayLine delayLine_;
  /// The latest due time given to any frame so far.
  Time latestDue_ = 0;
  /// The least time from the end of service to the far end that the spec allows.
  Time leastDelay_ = 0;
  Counters counters_;
};

}  // namespace mqvpn::link
