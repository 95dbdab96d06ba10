#include "tunnel/shell_prefixes.h"

#include <algorithm>

#include "tunnel/shell_convert.h"

namespace mqvpn::tunnel {

namespace {

/// The last address of the prefix that starts at `start`.
connect_ip::IpAddress lastOf(connect_ip::IpAddress start, unsigned length) {
  for (unsigned bit = length; bit < start.bits(); ++bit)
    start.bytes[bit / 8] = static_cast<std::uint8_t>(start.bytes[bit / 8] | 0x80u >> (bit % 8));
  return start;
}

bool alignedTo(const connect_ip::IpAddress& start, unsigned length) {
  for (unsigned bit = length; bit < start.bits(); ++bit)
    if ((start.bytes[bit / 8] & 0x80u >> (bit % 8)) != 0) return false;
  return true;
}

/// The address behind it; false: there is none.
bool increment(connect_ip::IpAddress& address) {
  for (std::size_t i = address.size(); i-- > 0;)
    if (++address.bytes[i] != 0) return true;
  return false;
}

}  // namespace

std::vector<io::IpPrefix> toPrefixes(const connect_ip::IpRange& range) {
  std::vector<io::IpPrefix> prefixes;
  connect_ip::IpAddress start = range.start;
  while (start <= range.end) {
    // The largest block that starts here and ends within the range.
    unsigned length = start.bits();
    while (length > 0 && alignedTo(start, length - 1) && lastOf(start, length - 1) <= range.end) --length;
    prefixes.push_back({toIpAddress(start), static_cast<std::uint8_t>(length)});
    start = lastOf(start, length);
    if (!increment(start)) break;
  }
  return prefixes;
}

bool covers(const io::IpPrefix& outer, const io::IpPrefix& inner) {
  if (outer.address.family != inner.address.family || outer.length > inner.length) return false;
  for (unsigned bit = 0; bit < outer.length; ++bit) {
    const unsigned mask = 0x80u >> (bit % 8);
    if ((outer.address.bytes[bit / 8] & mask) != (inner.address.bytes[bit / 8] & mask)) return false;
  }
  return true;
}

io::IpPrefix hostPrefix(const io::IpAddress& address) {
  return {address, static_cast<std::uint8_t>(8 * address.size())};
}

std::vector<io::IpPrefix> intersection(std::span<const io::IpPrefix> some,
                                       std::span<const io::IpPrefix> others) {
  std::vector<io::IpPrefix> both;
  const auto add = [&](const io::IpPrefix& prefix) {
    if (std::find(both.begin(), both.end(), prefix) == both.end()) both.push_back(prefix);
  };
  for (const io::IpPrefix& one : some)
    for (const io::IpPrefix& other : others) {
      // Two prefixes are apart, or one is in the other.
      if (covers(one, other)) {
        add(other);
      } else if (covers(other, one)) {
        add(one);
      }
    }
  return both;
}

}  // namespace mqvpn::tunnel
