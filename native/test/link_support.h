#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include "link/direction.h"
#include "link/frame_pool.h"
#include "link/time.h"
#include "link/trace.h"

namespace mqvpn::link::test {

constexpr std::uint32_t kFull = 1514;

/// A pool in memory of its own.
class TestPool {
 public:
  explicit TestPool(std::size_t slots = 4096, std::size_t maxFrame = 2048)
      : memory_(std::make_unique_for_overwrite<std::byte[]>(slots * FramePool::strideFor(maxFrame))),
        pool({memory_.get(), slots * FramePool::strideFor(maxFrame)}, maxFrame) {}

 private:
  // Not cleared: memory that no frame needs is never touched.
  std::unique_ptr<std::byte[]> memory_;

 public:
  FramePool pool;

  /// A frame that carries a number.
  Frame* frame(std::uint32_t length, std::uint64_t number = 0) {
    Frame* made = pool.take();
    if (made == nullptr) throw std::runtime_error("the test's frame pool is too small");
    made->length = length;
    std::memset(made->vnetHeader(), 0, kVnetHeaderBytes + length);
    if (length >= 32) std::memcpy(made->ethernet() + 20, &number, sizeof(number));
    return made;
  }
};

inline std::uint64_t numberOf(Frame* frame) {
  std::uint64_t number = 0;
  if (frame->length >= 32) std::memcpy(&number, frame->ethernet() + 20, sizeof(number));
  return number;
}

struct Arrival {
  std::uint64_t number;
  /// When it was due, whenever it was fetched.
  Time due;
  std::uint32_t length;
  bool operator==(const Arrival&) const = default;
};

/// One direction in virtual time, and what came out of it.
class Wire {
 public:
  explicit Wire(const Spec& spec, std::uint64_t seed = 1, const char* path = "a", std::size_t slots = 65536)
      : pool(slots), direction(pool.pool, spec, seed, path, "up", 0) {}

  void offer(Time now, std::uint32_t length = kFull) { direction.offer(pool.frame(length, offered++), now); }
  void fetch(Time now) {
    while (Frame* frame = direction.next(now)) {
      out.push_back({numberOf(frame), frame->at, frame->length});
      pool.pool.give(frame);
    }
  }
  /// Fetches all that can still come.
  Time drain(Time now) {
    for (Time deadline; (deadline = direction.deadline()) != kNever;) {
      now = std::max(now, deadline);
      fetch(now);
    }
    return now;
  }

  TestPool pool;
  Direction direction;
  std::vector<Arrival> out;
  std::uint64_t offered = 0;
};

inline std::shared_ptr<const Trace> traceOf(const std::string& text) {
  return std::get<std::shared_ptr<const Trace>>(Trace::parse(text));
}

inline Spec rateSpec(std::uint64_t rate) {
  Spec spec;
  spec.rate = rate;
  return spec;
}

}  // namespace mqvpn::link::test
