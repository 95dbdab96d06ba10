#include "link/serialiser.h"

#include <algorithm>
#include <utility>

namespace mqvpn::link {

namespace {
using Wide = unsigned __int128;
}

void Serialiser::setRate(std::uint64_t bitsPerSecond, Time now) {
  if (trace_ == nullptr && rate_ == bitsPerSecond) return;
  const bool serving = finish_ != kNever;
  const std::uint64_t bits = serving ? bitsLeft(now) : 0;
  trace_ = nullptr;
  rate_ = bitsPerSecond;
  remainder_ = 0;
  if (serving) begin(bits, now, false);
}

void Serialiser::setTrace(std::shared_ptr<const Trace> trace, Time now) {
  if (trace_ == trace) return;
  const bool serving = finish_ != kNever;
  const std::uint64_t bits = serving ? bitsLeft(now) : 0;
  trace_ = std::move(trace);
  origin_ = now;
  opportunity_ = 0;
  used_ = Trace::kOpportunityBytes;
  if (serving) begin(bits, now, false);
}

void Serialiser::start(std::uint32_t bytes, Time start, bool waited) {
  begin(std::uint64_t{bytes} * 8, start, waited);
}

void Serialiser::begin(std::uint64_t bits, Time start, bool waited) {
  if (trace_ != nullptr) return ride((bits + 7) / 8, start, waited);
  if (rate_ == 0) {
    finish_ = start;
    return;
  }
  if (!waited) remainder_ = 0;
  const std::uint64_t work = bits * kSecond + remainder_;
  finish_ = start + work / rate_;
  remainder_ = work % rate_;
}

void Serialiser::ride(std::uint64_t bytes, Time start, bool waited) {
  // What an opportunity has left serves frames that were waiting when it came; nobody else.
  if (!waited) {
    opportunity_ = trace_->firstAfter(start - origin_);
    used_ = 0;
  }
  const std::uint64_t left = Trace::kOpportunityBytes - used_;
  if (bytes <= left) {
    used_ += bytes;
  } else {
    const std::uint64_t more = (bytes - left - 1) / Trace::kOpportunityBytes + 1;
    opportunity_ += more;
    used_ = bytes - left - (more - 1) * Trace::kOpportunityBytes;
  }
  finish_ = origin_ + trace_->timeOf(opportunity_);
}

std::uint64_t Serialiser::bitsLeft(Time now) const {
  if (finish_ <= now) return 0;
  if (trace_ == nullptr) return static_cast<std::uint64_t>(Wide{finish_ - now} * rate_ / kSecond);
  std::uint64_t bytes = used_;
  for (std::uint64_t n = opportunity_; n > 0 && origin_ + trace_->timeOf(n - 1) > now; --n) {
    bytes += Trace::kOpportunityBytes;
  }
  return bytes * 8;
}

}  // namespace mqvpn::link
