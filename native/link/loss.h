#pragma once

#include <cstdint>

#include "link/random.h"

namespace mqvpn::link {

struct LossSpec {
  enum class Kind : std::uint8_t { kNone, kRandom, kGilbert };
  Kind kind = Kind::kNone;
  /// kRandom
  double probability = 0;
  /// kGilbert: chances, per packet, to change state; chances of loss in each state.
  double toBad = 0;
  double toGood = 0;
  double lossGood = 0;
  double lossBad = 0;

  bool operator==(const LossSpec&) const = default;
};

/// Decides which frames are lost: independently of each other, or in bursts (Gilbert-Elliott: two states,
/// each with its own chance of loss; the mean stay in the bad one is 1 / toGood packets).
class Loss {
 public:
  explicit Loss(std::uint64_t seed) : random_(seed) {}

  void configure(const LossSpec& spec) {
    // New chances leave the state as it is; a new model begins in the good one.
    if (spec.kind != spec_.kind) bad_ = false;
    spec_ = spec;
  }

  /// Whether the next frame is lost.
  bool next() {
    switch (spec_.kind) {
      case LossSpec::Kind::kNone:
        return false;
      case LossSpec::Kind::kRandom:
        return random_.chance(spec_.probability);
      case LossSpec::Kind::kGilbert:
        break;
    }
    const bool lost = random_.chance(bad_ ? spec_.lossBad : spec_.lossGood);
    if (random_.chance(bad_ ? spec_.toGood : spec_.toBad)) bad_ = !bad_;
    return lost;
  }

 private:
  LossSpec spec_;
  Random random_;
  bool bad_ = false;
};

}  // namespace mqvpn::link
