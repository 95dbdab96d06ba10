#pragma once

#include <cstdint>
#include <memory>

#include "link/time.h"
#include "link/trace.h"

namespace mqvpn::link {

/// The transmitter: one frame at a time, for as long as the rate or the trace says. Its clock is virtual: a
/// frame that waited starts exactly when the one before it ended, however late the process woke up.
class Serialiser {
 public:
  /// Bits per second; 0: as fast as you like. A frame in service keeps the bits that it still has to send.
  void setRate(std::uint64_t bitsPerSecond, Time now);
  /// Replays `trace` from `now` on.
  void setTrace(std::shared_ptr<const Trace> trace, Time now);

  /// `waited`: the frame was there when the one before it ended at `start`, so it carries on where that one
  /// stopped.
  void start(std::uint32_t bytes, Time start, bool waited);
  void stop() { finish_ = kNever; }
  /// When the frame in service is out; kNever when there is none.
  Time finish() const { return finish_; }

 private:
  std::uint64_t bitsLeft(Time now) const;
  void begin(std::uint64_t bits, Time start, bool waited);
  void ride(std::uint64_t bytes, Time start, bool waited);

  std::uint64_t rate_ = 0;
  // Fraction of a nanosecond (in 1/rate_) by which the last finish was rounded down; carried on while frames
  // wait, so that the long-run rate is exact.
  std::uint64_t remainder_ = 0;

  std::shared_ptr<const Trace> trace_;
  Time origin_ = 0;
  // The opportunity that the frame in service ends in, and how much of it is used by then.
  std::uint64_t opportunity_ = 0;
  std::uint64_t used_ = Trace::kOpportunityBytes;

  Time finish_ = kNever;
};

}  // namespace mqvpn::link
