#pragma once

#include "tunnel/scheduler.h"

namespace mqvpn::tunnel {

/// Whether `path` has to leave a packet that may go by any path to another one: one with a shorter round trip
/// that could send it now.
bool yieldsToFaster(std::span<const quic::PathView> paths, std::size_t path, quic::Time now);

/// Each packet leaves by the fastest path that can send at once. Uses all paths for one flow, whose packets
/// then overtake each other.
class MinRtt final : public Scheduler {
 public:
  explicit MinRtt(FairQueue& queue) : queue_(queue) {}
  void onPaths(std::span<const quic::PathView> paths, std::size_t pulling, quic::Time now) override {
    refuses_ = yieldsToFaster(paths, pulling, now);
  }
  const FairQueue::Head* next(std::uint32_t, quic::Time now) override {
    return refuses_ ? nullptr : queue_.peek(now);
  }
  void reset() override { refuses_ = false; }

 private:
  FairQueue& queue_;
  bool refuses_ = false;
};

}  // namespace mqvpn::tunnel
