#include "tunnel/shell_policy_routes.h"

#include <algorithm>
#include <optional>

#include "io_net_support.h"

// In a network namespace of its own (io_net_test_main.cc):
//
//   lan  192.0.2.1/24, default via 192.0.2.254        the host's own network
//   tun                                               the tunnel

using namespace mqvpn;
using namespace mqvpn::tunnel;
using io::test::ip;
using io::test::prefix;

namespace {

struct Host {
  std::optional<io::Tun> lan = io::test::tunOrSkip({.name = "lan%d"});
  std::optional<io::Tun> tun = io::test::tunOrSkip({.name = "tun%d"});
  io::Netlink netlink;

  explicit operator bool() const { return lan && tun; }
  void setUp() {
    for (const auto* device : {&*lan, &*tun}) netlink.setUp(device->name(), true);
    netlink.addAddress(lan->name(), prefix("192.0.2.1/24"));
    netlink.addAddress(lan->name(), prefix("2001:db8:2::1/64"));
    add("0.0.0.0/0", "192.0.2.254");
    add("::/0", "2001:db8:2::fe");
  }
  void add(const char* destination, const char* gateway) {
    io::Route route;
    route.destination = prefix(destination);
    route.gateway = ip(gateway);
    route.device = lan->index();
    netlink.replaceRoute(route);
  }
  std::uint32_t deviceTo(const char* address) {
    const auto route = netlink.route(ip(address));
    return route ? route->device : 0;
  }
  std::size_t ownRules() {
    std::size_t count = 0;
    for (const std::uint8_t family : {std::uint8_t{4}, std::uint8_t{6}})
      for (const io::Rule& rule : netlink.rules(family)) count += rule.protocol == PolicyRoutes::kProtocol;
    return count;
  }
};

std::vector<io::IpPrefix> list(std::initializer_list<const char*> texts) {
  std::vector<io::IpPrefix> prefixes;
  for (const char* text : texts) prefixes.push_back(prefix(text));
  return prefixes;
}

std::vector<io::IpAddress> servers(const char* text) { return {ip(text)}; }

}  // namespace

TEST_SUITE_BEGIN("network");

TEST_CASE("everything goes through the tunnel but what is near, excluded, or the server") {
  Host host;
  if (!host) return;
  host.setUp();
  const std::uint32_t lan = host.lan->index(), tun = host.tun->index();
  const auto before4 = host.netlink.routes(4), before6 = host.netlink.routes(6);
  PolicyRoutes routes(host.netlink, tun);
  routes.set(list({"0.0.0.0/0", "::/0", "192.0.2.128/25"}), servers("198.51.100.1"),
             list({"203.0.113.0/24"}));
  CHECK(host.deviceTo("8.8.8.8") == tun);
  CHECK(host.deviceTo("2001:4860::8888") == tun);
  CHECK(host.deviceTo("198.51.100.1") == lan);
  CHECK(host.deviceTo("203.0.113.9") == lan);
  // A network nearby stays so, unless it was asked for by name.
  CHECK(host.deviceTo("192.0.2.7") == lan);
  CHECK(host.deviceTo("192.0.2.200") == tun);
  CHECK(host.deviceTo("2001:db8:2::7") == lan);
  CHECK(host.netlink.routes(4) == before4);
  CHECK(host.netlink.routes(6) == before6);

  // The way to the server is lost: it does not lead into the tunnel.
  io::Route own;
  own.destination = prefix("0.0.0.0/0");
  own.gateway = ip("192.0.2.254");
  own.device = lan;
  CHECK(host.netlink.removeRoute(own));
  CHECK_FALSE(host.netlink.route(ip("198.51.100.1")));
  CHECK(host.deviceTo("8.8.8.8") == tun);
  host.add("0.0.0.0/0", "192.0.2.253");
  CHECK(host.deviceTo("198.51.100.1") == lan);

  // Exchanged: nothing of before is left.
  routes.set(list({"10.0.0.0/8"}), servers("198.51.100.2"), {});
  CHECK(host.deviceTo("8.8.8.8") == lan);
  CHECK(host.deviceTo("10.1.1.1") == tun);
  CHECK(host.deviceTo("2001:4860::8888") == lan);
  CHECK(host.ownRules() == 4);
  routes.set(list({"10.0.0.0/8"}), servers("198.51.100.2"), {});
  CHECK(host.ownRules() == 4);
  routes.remove();
  CHECK(host.ownRules() == 0);
  CHECK(host.deviceTo("10.1.1.1") == lan);
  CHECK(PolicyRoutes::recover(host.netlink) == 0);
}

TEST_CASE("what a tunnel that was killed has left is removed, what a living one has is not") {
  Host host;
  if (!host) return;
  host.setUp();
  PolicyRoutes living(host.netlink, host.tun->index());
  living.set(list({"10.0.0.0/8"}), servers("198.51.100.1"), {});
  auto dead = io::test::tunOrSkip({.name = "dead%d"});
  REQUIRE(dead);
  host.netlink.setUp(dead->name(), true);
  PolicyRoutes left(host.netlink, dead->index());
  left.set(list({"0.0.0.0/0", "::/0"}), servers("198.51.100.2"), list({"203.0.113.0/24"}));
  CHECK(host.ownRules() == 4 + 5 + 3);
  // Somebody else's, with a number of ours.
  io::Rule foreign;
  foreign.priority = 20'001;
  foreign.table = 4242;
  host.netlink.addRule(foreign);
  CHECK(PolicyRoutes::recover(host.netlink) == 0);
  dead.reset();
  // The rules, and the route to the server, which hangs on no device.
  CHECK(PolicyRoutes::recover(host.netlink) == 5 + 3 + 1);
  CHECK(host.ownRules() == 4);
  CHECK(host.deviceTo("10.1.1.1") == host.tun->index());
  CHECK(host.netlink.removeRule(foreign));
  left.remove();
  living.remove();
}
