#pragma once

#include <string>
#include <string_view>

#include "link/counters.h"
#include "link/time.h"

namespace mqvpn::link {

/// The lines that go to the harness, without their end (native/README.md).
std::string okReply(std::string_view id);
std::string refusal(std::string_view id, std::string_view reason);
std::string readyEvent(bool realtime, std::uint64_t seed);

/// Writes the counters of every path as the value of "paths".
class StatsLine {
 public:
  /// The answer to the request `id`, or with an empty one an event.
  StatsLine(std::string_view id, Time now);
  void add(std::string_view path, const Counters& up, const Counters& down);
  std::string finish();

 private:
  std::string text_;
  bool first_ = true;
};

}  // namespace mqvpn::link
