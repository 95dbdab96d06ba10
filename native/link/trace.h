#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "link/time.h"

namespace mqvpn::link {

/// A recorded link: moments at which it could deliver one full frame each, repeated for ever (the format of
/// mahimahi's mm-link: one time stamp in ms per line, never falling; the last one is also the period).
class Trace {
 public:
  /// Bytes that one opportunity carries. mahimahi says 1504: a 1500-byte IP packet and 4 bytes of its own TUN
  /// header. A frame here carries the same IP packet behind 14 bytes of Ethernet header.
  static constexpr std::uint32_t kOpportunityBytes = 1514;

  /// The trace, or what is wrong with the text.
  static std::variant<std::shared_ptr<const Trace>, std::string> parse(std::string_view text);

  std::size_t size() const { return offsets_.size(); }
  Time period() const { return offsets_.back(); }

  /// When opportunity `number` comes, counted from the start of the replay; numbers run on through every
  /// repetition.
  Time timeOf(std::uint64_t number) const {
    return number / offsets_.size() * period() + offsets_[number % offsets_.size()];
  }
  /// The first opportunity later than `time`.
  std::uint64_t firstAfter(Time time) const;

 private:
  explicit Trace(std::vector<Time> offsets) : offsets_(std::move(offsets)) {}

  std::vector<Time> offsets_;
};

}  // namespace mqvpn::link
