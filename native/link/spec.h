#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "link/loss.h"
#include "link/queue.h"
#include "link/time.h"
#include "link/trace.h"

namespace mqvpn::link {

enum class Aqm : std::uint8_t { kDropTail, kCodel };

/// Everything that one direction of a path does to frames.
struct Spec {
  /// Bits per second over whole frames; 0: unlimited.
  std::uint64_t rate = 0;
  /// Decides instead of `rate` while there is one.
  std::shared_ptr<const Trace> trace;
  Time delay = 0;
  /// Standard deviation around `delay`.
  Time jitter = 0;
  bool jitterReorders = false;
  LossSpec loss;
  double reorder = 0;
  double duplicate = 0;
  QueueLimit queue;
  Aqm aqm = Aqm::kDropTail;
  Time codelTarget = 5 * kMillisecond;
  Time codelInterval = 100 * kMillisecond;
  /// IP packets larger than this vanish; 0: none do.
  std::uint32_t mtu = 0;
  bool blackhole = false;
};

/// What a request wants changed.
struct SpecPatch {
  std::optional<std::uint64_t> rate;
  /// A file that the outer shell reads; empty: no trace.
  std::optional<std::string> tracePath;
  /// Set by the shell once it has read the file.
  std::shared_ptr<const Trace> trace;
  std::optional<Time> delay;
  std::optional<Time> jitter;
  std::optional<bool> jitterReorders;
  std::optional<LossSpec> loss;
  std::optional<double> reorder;
  std::optional<double> duplicate;
  std::optional<QueueLimit> queue;
  std::optional<Aqm> aqm;
  std::optional<Time> codelTarget;
  std::optional<Time> codelInterval;
  std::optional<std::uint32_t> mtu;
  std::optional<bool> blackhole;

  Spec applied(Spec spec) const {
    if (rate) spec.rate = *rate;
    if (tracePath) spec.trace = trace;
    if (delay) spec.delay = *delay;
    if (jitter) spec.jitter = *jitter;
    if (jitterReorders) spec.jitterReorders = *jitterReorders;
    if (loss) spec.loss = *loss;
    if (reorder) spec.reorder = *reorder;
    if (duplicate) spec.duplicate = *duplicate;
    if (queue) spec.queue = *queue;
    if (aqm) spec.aqm = *aqm;
    if (codelTarget) spec.codelTarget = *codelTarget;
    if (codelInterval) spec.codelInterval = *codelInterval;
    if (mtu) spec.mtu = *mtu;
    if (blackhole) spec.blackhole = *blackhole;
    return spec;
  }
};

}  // namespace mqvpn::link
