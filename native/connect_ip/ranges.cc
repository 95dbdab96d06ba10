#include <algorithm>
#include <optional>

#include "connect_ip/capsules.h"

namespace mqvpn::connect_ip {

namespace {

bool sameList(const IpRange& a, const IpRange& b) {
  return a.start.version == b.start.version && a.protocol == b.protocol;
}

/// Joins what overlaps or touches; `ranges` are sorted.
void merge(std::vector<IpRange>& ranges) {
  std::vector<IpRange> merged;
  for (const IpRange& range : ranges) {
    if (!merged.empty() && sameList(merged.back(), range)) {
      IpAddress& end = merged.back().end;
      const std::optional<IpAddress> after = end.next();
      if (!after || range.start <= *after) {
        end = std::max(end, range.end);
        continue;
      }
    }
    merged.push_back(range);
  }
  ranges = std::move(merged);
}

/// Appends what of `range` is in none of `general` (one family, sorted, apart).
void subtract(IpRange range, std::span<const IpRange> general, std::vector<IpRange>& out) {
  for (const IpRange& hole : general) {
    if (hole.end < range.start) continue;
    if (hole.start > range.end) break;
    if (hole.start > range.start) out.push_back({range.start, *hole.start.previous(), range.protocol});
    const std::optional<IpAddress> after = hole.end.next();
    if (!after || *after > range.end) return;
    range.start = *after;
  }
  out.push_back(range);
}

}  // namespace

void orderRanges(std::vector<IpRange>& ranges) {
  std::erase_if(ranges, [](const IpRange& range) {
    return range.start.version != range.end.version || range.start > range.end;
  });
  std::sort(ranges.begin(), ranges.end(), [](const IpRange& a, const IpRange& b) {
    if (a.start.version != b.start.version) return a.start.version < b.start.version;
    if (a.protocol != b.protocol) return a.protocol < b.protocol;
    return a.start < b.start;
  });
  merge(ranges);
  // RFC 9484 §4.7.3: "Endpoints MUST NOT send a ROUTE_ADVERTISEMENT capsule with routes that overlap in such
  // a way": one for all protocols, and one for a single protocol.
  std::vector<IpRange> apart;
  std::span<const IpRange> general;
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    const IpRange& range = ranges[i];
    if (i == 0 || ranges[i - 1].start.version != range.start.version) general = {};
    if (range.protocol == 0) {
      general = general.empty() ? std::span<const IpRange>(&range, 1)
                                : std::span<const IpRange>(general.data(), general.size() + 1);
      apart.push_back(range);
    } else {
      subtract(range, general, apart);
    }
  }
  ranges = std::move(apart);
}

}  // namespace mqvpn::connect_ip
