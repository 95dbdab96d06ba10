#pragma once

#include <span>
#include <vector>

#include "connect_ip/address.h"
#include "io/netlink_types.h"

namespace mqvpn::tunnel {

/// Ranges as prefixes: what a routing table takes. `range` of any protocol counts as whole.
std::vector<io::IpPrefix> toPrefixes(const connect_ip::IpRange& range);
/// Everything in `inner` is in `outer`.
bool covers(const io::IpPrefix& outer, const io::IpPrefix& inner);
io::IpPrefix hostPrefix(const io::IpAddress& address);
/// What is in both.
std::vector<io::IpPrefix> intersection(std::span<const io::IpPrefix> some,
                                       std::span<const io::IpPrefix> others);

}  // namespace mqvpn::tunnel
