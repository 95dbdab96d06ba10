#include <linux/if.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "io/netlink.h"
#include "io/netlink_message.h"
#include "io/netlink_monitor.h"
#include "io/netlink_parse.h"
#include "io_net_support.h"

using namespace mqvpn::io;
using namespace mqvpn::io::test;

namespace {

/// A device to play with.
struct Device {
  std::optional<Tun> tun = tunOrSkip({.name = "play%d"});
  std::string name = tun ? tun->name() : "";
  std::uint32_t index = tun ? tun->index() : 0;
  Netlink netlink;

  explicit operator bool() const { return tun.has_value(); }
  bool has(const AddressInfo& wanted) {
    const auto all = netlink.addresses(index);
    return std::find(all.begin(), all.end(), wanted) != all.end();
  }
  bool has(const Route& wanted, std::uint32_t table = 254) {
    const auto all = netlink.routes(wanted.destination.address.family, table);
    return std::find(all.begin(), all.end(), wanted) != all.end();
  }
};

template <typename Event, typename Wanted>
bool sees(NetlinkMonitor& monitor, Wanted wanted) {
  while (awaits(monitor.fd())) {
    std::vector<NetlinkEvent> events;
    monitor.read(events);
    for (const NetlinkEvent& event : events) {
      const auto* one = std::get_if<Event>(&event);
      if (one != nullptr && wanted(*one)) return true;
    }
  }
  return false;
}

Route routeTo(const char* destination, std::uint32_t device) {
  Route route;
  route.destination = prefix(destination);
  route.device = device;
  return route;
}

}  // namespace

TEST_CASE("a message that is cut anywhere is read without going beyond its end") {
  for (std::uint32_t size = 0; size < 200; ++size) {
    for (const std::uint16_t type : {RTM_NEWLINK, RTM_NEWADDR, RTM_NEWROUTE}) {
      NetlinkMessage message(type, 0);
      if (type == RTM_NEWLINK) message.header<ifinfomsg>()->ifi_index = 3;
      if (type == RTM_NEWADDR) message.header<ifaddrmsg>()->ifa_family = AF_INET6;
      if (type == RTM_NEWROUTE) message.header<rtmsg>()->rtm_family = AF_INET;
      message.text(IFLA_IFNAME, "device");
      message.address(IFA_ADDRESS, ip("2001:db8::1"));
      message.nestedNumber(RTA_METRICS, RTAX_MTU, 1400);
      const std::uint32_t full = message.get()->nlmsg_len;
      if (size > full) continue;
      CAPTURE(size);
      const auto* start = reinterpret_cast<const char*>(message.get());
      std::vector<char> copy(start, start + size);
      if (size >= sizeof(nlmsghdr)) reinterpret_cast<nlmsghdr*>(copy.data())->nlmsg_len = size;
      std::vector<NetlinkEvent> events;
      parseEvents(copy, events);
      CHECK(events.size() <= 1);
      if (size == full) CHECK(events.size() == 1);
      if (size < sizeof(nlmsghdr)) CHECK(events.empty());
    }
  }
}

TEST_SUITE_BEGIN("network");

TEST_CASE("a device that is not there is an error that names it") {
  Netlink netlink;
  std::string text;
  CHECK(errorOf([&] { netlink.setUp("nosuch0", true); }, &text).value() == ENODEV);
  CHECK(text.find("nosuch0") != std::string::npos);
  CHECK(errorOf([&] { netlink.link("a-name-of-16-chars"); }).value() == ENODEV);
  CHECK(errorOf([&] { netlink.link(9999u); }).value() == ENODEV);
  CHECK(netlink.link("lo").loopback);
  CHECK(netlink.link(netlink.index("lo")).name == "lo");
}

TEST_CASE("up, down and MTU are what was set") {
  Device device;
  if (!device) return;
  Netlink& netlink = device.netlink;
  CHECK_FALSE(netlink.link(device.name).up);
  netlink.setUp(device.name, true);
  netlink.setMtu(device.name, 1379);
  const LinkInfo link = netlink.link(device.name);
  CHECK(link.usable());
  CHECK(link.mtu == 1379);
  CHECK(link.index == device.index);
  const auto links = netlink.links();
  CHECK(std::count(links.begin(), links.end(), link) == 1);
  netlink.setUp(device.name, false);
  CHECK_FALSE(netlink.link(device.name).up);

  std::string text;
  CHECK(errorOf([&] { netlink.setMtu(device.name, 10); }, &text).value() == EINVAL);
  CHECK(text.find(device.name) != std::string::npos);
  // The kernel's own words.
  CHECK(text.find("mtu") != std::string::npos);
}

TEST_CASE("addresses of both families come and go") {
  Device device;
  if (!device) return;
  Netlink& netlink = device.netlink;
  netlink.setUp(device.name, true);
  for (const char* text : {"10.1.2.3/24", "fd00:1::3/112"}) {
    CAPTURE(text);
    const AddressInfo wanted{device.index, prefix(text), {}, RT_SCOPE_UNIVERSE, false, false};
    netlink.addAddress(device.name, prefix(text));
    netlink.addAddress(device.name, prefix(text));
    CHECK(device.has(wanted));
    CHECK(netlink.removeAddress(device.name, prefix(text)));
    CHECK_FALSE(device.has(wanted));
    CHECK_FALSE(netlink.removeAddress(device.name, prefix(text)));
  }
  const AddressInfo wanted{device.index, prefix("10.1.2.3/32"), ip("10.1.2.1"), RT_SCOPE_UNIVERSE, false,
                           false};
  netlink.addAddress(device.name, prefix("10.1.2.3/32"), ip("10.1.2.1"));
  CHECK(device.has(wanted));
  CHECK(netlink.removeAddress(device.name, prefix("10.1.2.3/32"), ip("10.1.2.1")));
}

TEST_CASE("routes are what was set, and the lookup follows them") {
  Device device;
  if (!device) return;
  Netlink& netlink = device.netlink;
  netlink.setUp(device.name, true);
  netlink.addAddress(device.name, prefix("10.1.0.1/24"));
  netlink.addAddress(device.name, prefix("fd00:1::1/64"));
  for (const bool ipv6 : {false, true}) {
    CAPTURE(ipv6);
    const IpAddress far = ip(ipv6 ? "2001:db8::77" : "198.51.100.7");
    CHECK_FALSE(netlink.route(far));
    Route route = routeTo(ipv6 ? "2001:db8::/32" : "198.51.100.0/24", device.index);
    route.gateway = ip(ipv6 ? "fd00:1::9" : "10.1.0.9");
    route.metric = 50;
    route.mtu = 1280;
    netlink.addRoute(route);
    CHECK(device.has(route));
    auto found = netlink.route(far);
    REQUIRE(found);
    CHECK(found->device == device.index);
    CHECK((found->gateway == route.gateway));
    CHECK((found->source == ip(ipv6 ? "fd00:1::1" : "10.1.0.1")));
    CHECK_FALSE(netlink.route(far, netlink.index("lo")));
    CHECK(netlink.route(far, device.index));

    std::string text;
    CHECK(errorOf([&] { netlink.addRoute(route); }, &text).value() == EEXIST);
    CHECK(text.find(toString(route.destination)) != std::string::npos);
    route.mtu = 1400;
    netlink.replaceRoute(route);
    CHECK(device.has(route));
    CHECK(netlink.removeRoute(route));
    CHECK_FALSE(netlink.removeRoute(route));
    CHECK_FALSE(netlink.route(far));
  }
}

TEST_CASE("the default route, a route without gateway and one that goes nowhere") {
  Device device;
  if (!device) return;
  Netlink& netlink = device.netlink;
  netlink.setUp(device.name, true);
  netlink.addAddress(device.name, prefix("10.1.0.1/24"));
  const Route standard = routeTo("0.0.0.0/0", device.index);
  netlink.replaceRoute(standard);
  CHECK(device.has(standard));
  CHECK(netlink.route(ip("198.51.100.7"))->device == device.index);

  for (const char* destination : {"198.51.100.0/24", "2001:db8:1::/48"}) {
    Route nowhere = routeTo(destination, 0);
    nowhere.type = Route::Type::kUnreachable;
    netlink.addRoute(nowhere);
    CHECK_FALSE(
        netlink.route(ip(nowhere.destination.address.family == 4 ? "198.51.100.7" : "2001:db8:1::7")));
    CHECK(netlink.removeRoute(nowhere));
  }
  CHECK(netlink.route(ip("198.51.100.7")));
  CHECK(netlink.removeRoute(standard));
}

TEST_CASE("a rule sends packets with a mark to a table of their own") {
  Device device;
  if (!device) return;
  Netlink& netlink = device.netlink;
  netlink.setUp(device.name, true);
  netlink.addAddress(device.name, prefix("10.1.0.1/24"));
  netlink.addAddress(device.name, prefix("fd00:1::1/64"));
  for (const bool ipv6 : {false, true}) {
    const IpAddress far = ip(ipv6 ? "2001:db8::77" : "198.51.100.7");
    Route route = routeTo(ipv6 ? "::/0" : "0.0.0.0/0", device.index);
    route.table = 51820;
    if (ipv6) route.metric = 1024;  // what the kernel makes of none
    netlink.addRoute(route);
    CHECK(device.has(route, 51820));
    Rule rule;
    rule.family = ipv6 ? 6 : 4;
    rule.priority = 100;
    rule.mark = 0x6d71;
    rule.table = 51820;
    netlink.addRule(rule);
    CHECK_FALSE(netlink.route(far));
    const auto found = netlink.route(far, 0, 0x6d71);
    REQUIRE(found);
    CHECK(found->device == device.index);
    CHECK(errorOf([&] { netlink.addRule(rule); }).value() == EEXIST);
    CHECK(netlink.removeRule(rule));
    CHECK_FALSE(netlink.removeRule(rule));
    CHECK_FALSE(netlink.route(far, 0, 0x6d71));

    // All but the marked packets; the main table without its default route.
    rule.invert = true;
    rule.suppressPrefixLength = -1;
    netlink.addRule(rule);
    CHECK(netlink.route(far));
    CHECK_FALSE(netlink.route(far, 0, 0x6d71));
    CHECK(netlink.removeRule(rule));
    CHECK(netlink.removeRoute(route));
  }
}

TEST_CASE("the monitor sees a link go down and vanish, addresses and routes come and go") {
  Device device;
  if (!device) return;
  Netlink& netlink = device.netlink;
  NetlinkMonitor monitor;
  std::vector<NetlinkEvent> none;
  monitor.read(none);
  CHECK(none.empty());

  const auto here = [&](const LinkEvent& event) { return event.link.index == device.index; };
  netlink.setUp(device.name, true);
  CHECK(sees<LinkEvent>(monitor, [&](const LinkEvent& e) { return here(e) && e.link.usable(); }));
  netlink.addAddress(device.name, prefix("10.1.0.1/24"));
  const auto ours = [&](const AddressEvent& e) { return e.address.address == prefix("10.1.0.1/24"); };
  CHECK(sees<AddressEvent>(monitor, [&](const AddressEvent& e) { return ours(e) && !e.removed; }));
  Route route = routeTo("198.51.100.0/24", device.index);
  netlink.addRoute(route);
  CHECK(sees<RouteEvent>(monitor, [&](const RouteEvent& e) { return e.route == route && !e.removed; }));
  netlink.removeRoute(route);
  CHECK(sees<RouteEvent>(monitor, [&](const RouteEvent& e) { return e.route == route && e.removed; }));
  netlink.removeAddress(device.name, prefix("10.1.0.1/24"));
  CHECK(sees<AddressEvent>(monitor, [&](const AddressEvent& e) { return ours(e) && e.removed; }));
  netlink.setUp(device.name, false);
  CHECK(sees<LinkEvent>(monitor, [&](const LinkEvent& e) { return here(e) && !e.link.up && !e.removed; }));
  device.tun.reset();
  CHECK(sees<LinkEvent>(monitor, [&](const LinkEvent& e) { return here(e) && e.removed; }));
}

TEST_CASE("a monitor that was not read in time says that events are lost") {
  Device device;
  if (!device) return;
  NetlinkMonitor monitor;
  for (int i = 0; i < 4000; ++i) device.netlink.setUp(device.name, i % 2 == 0);
  CHECK(sees<EventsLost>(monitor, [](const EventsLost&) { return true; }));
  std::vector<NetlinkEvent> rest;
  monitor.read(rest);
  device.netlink.setUp(device.name, true);
  CHECK(sees<LinkEvent>(monitor,
                        [&](const LinkEvent& e) { return e.link.index == device.index && e.link.up; }));
}

TEST_SUITE_END();
