#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "io/netlink_types.h"

struct nlmsghdr;

namespace mqvpn::io {

/// What one RTM_NEW… or RTM_DEL… message says, which lies there with its padding. Nothing: another kind of
/// message, or a malformed one.
std::optional<LinkInfo> parseLink(const nlmsghdr* message);
std::optional<AddressInfo> parseAddress(const nlmsghdr* message);
std::optional<Route> parseRoute(const nlmsghdr* message);
std::optional<Rule> parseRule(const nlmsghdr* message);

/// Adds the events in a buffer of whole netlink messages to `events`.
void parseEvents(std::span<const char> buffer, std::vector<NetlinkEvent>& events);

}  // namespace mqvpn::io
