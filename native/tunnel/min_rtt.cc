#include "tunnel/min_rtt.h"

namespace mqvpn::tunnel {

bool yieldsToFaster(std::span<const quic::PathView> paths, std::size_t path, quic::Time now) {
  if (path >= paths.size()) return false;
  // One that was not measured yet may take anything.
  const auto rttOf = [](const quic::PathView& view) {
    return view.smoothedRtt == 0 ? quic::kNever : view.smoothedRtt;
  };
  for (const quic::PathView& other : paths)
    if (other.readyAt <= now && rttOf(other) < rttOf(paths[path])) return true;
  return false;
}

}  // namespace mqvpn::tunnel
