#include "io/netlink_parse.h"

#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

namespace mqvpn::io {

namespace {

constexpr std::size_t kMostAttributes = 64;
/// By type; what does not belong to the message is null. Attributes newer than the table are left out.
using Attributes = std::array<const nlattr*, kMostAttributes>;

int collect(const nlattr* attribute, void* into) {
  const std::uint16_t type = mnl_attr_get_type(attribute);
  if (type < kMostAttributes) (*static_cast<Attributes*>(into))[type] = attribute;
  return MNL_CB_OK;
}

/// Header of type `Header` and the attributes behind it. Null: the message is too short.
template <typename Header>
const Header* open(const nlmsghdr* message, Attributes& attributes) {
  attributes.fill(nullptr);
  if (mnl_nlmsg_get_payload_len(message) < sizeof(Header)) return nullptr;
  mnl_attr_parse(message, sizeof(Header), collect, &attributes);
  return static_cast<const Header*>(mnl_nlmsg_get_payload(message));
}

std::uint32_t number(const nlattr* attribute) {
  std::uint32_t value = 0;
  if (attribute != nullptr && mnl_attr_get_payload_len(attribute) >= sizeof(value))
    std::memcpy(&value, mnl_attr_get_payload(attribute), sizeof(value));
  return value;
}

std::string text(const nlattr* attribute) {
  if (attribute == nullptr) return {};
  const auto* start = static_cast<const char*>(mnl_attr_get_payload(attribute));
  return {start, strnlen(start, mnl_attr_get_payload_len(attribute))};
}

std::uint8_t familyOf(unsigned char family) {
  return family == AF_INET ? 4 : family == AF_INET6 ? 6 : std::uint8_t{0};
}

IpAddress addressOf(const nlattr* attribute, std::uint8_t family) {
  IpAddress address;
  const std::size_t size = family == 4 ? 4 : 16;
  if (attribute == nullptr || mnl_attr_get_payload_len(attribute) != size) return address;
  address.family = family;
  std::memcpy(address.bytes.data(), mnl_attr_get_payload(attribute), size);
  return address;
}

}  // namespace

std::optional<LinkInfo> parseLink(const nlmsghdr* message) {
  if (message->nlmsg_type != RTM_NEWLINK && message->nlmsg_type != RTM_DELLINK) return std::nullopt;
  Attributes attributes;
  const auto* header = open<ifinfomsg>(message, attributes);
  if (header == nullptr || header->ifi_index <= 0) return std::nullopt;
  LinkInfo link;
  link.index = static_cast<std::uint32_t>(header->ifi_index);
  link.name = text(attributes[IFLA_IFNAME]);
  link.mtu = number(attributes[IFLA_MTU]);
  link.up = (header->ifi_flags & IFF_UP) != 0;
  link.carrier = (header->ifi_flags & IFF_LOWER_UP) != 0;
  link.loopback = (header->ifi_flags & IFF_LOOPBACK) != 0;
  return link;
}

std::optional<AddressInfo> parseAddress(const nlmsghdr* message) {
  if (message->nlmsg_type != RTM_NEWADDR && message->nlmsg_type != RTM_DELADDR) return std::nullopt;
  Attributes attributes;
  const auto* header = open<ifaddrmsg>(message, attributes);
  if (header == nullptr || familyOf(header->ifa_family) == 0) return std::nullopt;
  const std::uint8_t family = familyOf(header->ifa_family);
  AddressInfo info;
  info.index = header->ifa_index;
  // Where there is a peer, IFA_ADDRESS is the peer's (linux/if_addr.h); elsewhere both are the same, or IPv6
  // has only IFA_ADDRESS.
  const IpAddress local = addressOf(attributes[IFA_LOCAL], family);
  const IpAddress address = addressOf(attributes[IFA_ADDRESS], family);
  info.address = {local.empty() ? address : local, header->ifa_prefixlen};
  if (info.address.address.empty()) return std::nullopt;
  if (!local.empty() && !address.empty() && local != address) info.peer = address;
  info.scope = header->ifa_scope;
  const std::uint32_t flags =
      attributes[IFA_FLAGS] != nullptr ? number(attributes[IFA_FLAGS]) : header->ifa_flags;
  info.tentative = (flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) != 0 && (flags & IFA_F_OPTIMISTIC) == 0;
  info.deprecated = (flags & IFA_F_DEPRECATED) != 0;
  return info;
}

std::optional<Route> parseRoute(const nlmsghdr* message) {
  if (message->nlmsg_type != RTM_NEWROUTE && message->nlmsg_type != RTM_DELROUTE) return std::nullopt;
  Attributes attributes;
  const auto* header = open<rtmsg>(message, attributes);
  if (header == nullptr || familyOf(header->rtm_family) == 0) return std::nullopt;
  const std::uint8_t family = familyOf(header->rtm_family);
  Route route;
  route.destination.address = addressOf(attributes[RTA_DST], family);
  route.destination.address.family = family;  // the default route has no RTA_DST
  route.destination.length = header->rtm_dst_len;
  route.device = number(attributes[RTA_OIF]);
  route.gateway = addressOf(attributes[RTA_GATEWAY], family);
  route.source = addressOf(attributes[RTA_PREFSRC], family);
  route.table = attributes[RTA_TABLE] != nullptr ? number(attributes[RTA_TABLE]) : header->rtm_table;
  route.metric = number(attributes[RTA_PRIORITY]);
  route.type = static_cast<Route::Type>(header->rtm_type);
  if (attributes[RTA_METRICS] != nullptr) {
    Attributes metrics;
    metrics.fill(nullptr);
    mnl_attr_parse_nested(attributes[RTA_METRICS], collect, &metrics);
    route.mtu = number(metrics[RTAX_MTU]);
  }
  return route;
}

std::optional<Rule> parseRule(const nlmsghdr* message) {
  if (message->nlmsg_type != RTM_NEWRULE && message->nlmsg_type != RTM_DELRULE) return std::nullopt;
  Attributes attributes;
  const auto* header = open<fib_rule_hdr>(message, attributes);
  if (header == nullptr || familyOf(header->family) == 0) return std::nullopt;
  Rule rule;
  rule.family = familyOf(header->family);
  rule.priority = number(attributes[FRA_PRIORITY]);
  rule.destination = {addressOf(attributes[FRA_DST], rule.family), header->dst_len};
  rule.mark = number(attributes[FRA_FWMARK]);
  if (attributes[FRA_FWMASK] != nullptr) rule.mask = number(attributes[FRA_FWMASK]);
  rule.invert = (header->flags & FIB_RULE_INVERT) != 0;
  rule.table = attributes[FRA_TABLE] != nullptr ? number(attributes[FRA_TABLE]) : header->table;
  // The kernel reports "none" as 2³² - 1.
  if (attributes[FRA_SUPPRESS_PREFIXLEN] != nullptr)
    rule.suppressPrefixLength = static_cast<int>(number(attributes[FRA_SUPPRESS_PREFIXLEN]));
  if (const nlattr* protocol = attributes[FRA_PROTOCOL];
      protocol != nullptr && mnl_attr_get_payload_len(protocol) >= 1)
    rule.protocol = mnl_attr_get_u8(protocol);
  return rule;
}

void parseEvents(std::span<const char> buffer, std::vector<NetlinkEvent>& events) {
  auto left = static_cast<int>(buffer.size());
  const auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data());
  for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
    // libmnl takes the padding for part of the message.
    if (MNL_ALIGN(message->nlmsg_len) > static_cast<unsigned>(left)) return;
    switch (message->nlmsg_type) {
      case RTM_NEWLINK:
      case RTM_DELLINK:
        if (const auto link = parseLink(message))
          events.push_back(LinkEvent{*link, message->nlmsg_type == RTM_DELLINK});
        break;
      case RTM_NEWADDR:
      case RTM_DELADDR:
        if (const auto address = parseAddress(message))
          events.push_back(AddressEvent{*address, message->nlmsg_type == RTM_DELADDR});
        break;
      case RTM_NEWROUTE:
      case RTM_DELROUTE:
        if (const auto route = parseRoute(message))
          events.push_back(RouteEvent{*route, message->nlmsg_type == RTM_DELROUTE});
        break;
      default:
        break;
    }
  }
}

}  // namespace mqvpn::io
