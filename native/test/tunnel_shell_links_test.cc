#include <doctest/doctest.h>

#include <map>
#include <string>

#include "tunnel/shell_links.h"

// What the kernel says about links, and what follows; the kernel is a table here.

using namespace mqvpn;
using namespace mqvpn::tunnel;

namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

io::IpAddress address(const char* text) { return *io::parseIpAddress(text); }

/// A link on which everything is well.
LinkFacts wellOf(std::uint32_t index, const char* source = "192.0.2.7") {
  LinkFacts facts;
  facts.link.emplace();
  facts.link->index = index;
  facts.link->mtu = 1500;
  facts.link->up = facts.link->carrier = true;
  io::AddressInfo own;
  own.index = index;
  own.address = {address(source), 24};
  facts.addresses.push_back(own);
  facts.route.emplace();
  facts.route->device = index;
  facts.route->source = address(source);
  return facts;
}

struct Kernel {
  std::map<std::string, LinkFacts> links;
  unsigned looks = 0;

  ShellLinks watch(std::vector<std::string> devices) {
    return ShellLinks(std::move(devices), {4}, [this](const std::string& device, std::uint8_t) {
      ++looks;
      const auto found = links.find(device);
      return found == links.end() ? LinkFacts{} : found->second;
    });
  }
};

std::string causeOf(const LinkFacts& facts) { return judgeLink(facts, 4, "eth0").cause; }

}  // namespace

TEST_CASE(
    "a link is usable with a carrier, an address of the server's family and a route; else it is said why "
    "not") {
  CHECK(judgeLink(wellOf(3), 4, "eth0").usable);
  CHECK(judgeLink(wellOf(3), 4, "eth0").mtu == 1500);
  LinkFacts facts;
  CHECK(causeOf(facts) == "there is no interface of this name");
  facts = wellOf(3);
  facts.link->up = facts.link->carrier = false;
  CHECK(causeOf(facts) == "the interface is switched off (ip link set eth0 up)");
  facts.link->up = true;
  CHECK(causeOf(facts) == "no carrier");
  facts = wellOf(3);
  facts.addresses.clear();
  CHECK(causeOf(facts) == "no IPv4 address");
  CHECK(judgeLink(facts, 6, "eth0").cause == "no IPv6 address");
  facts = wellOf(3);
  facts.addresses[0].tentative = true;
  CHECK(causeOf(facts) == "no IPv4 address");
  facts.addresses[0].tentative = false;
  facts.addresses[0].scope = 253;
  CHECK(causeOf(facts) == "no IPv4 address");
  facts = wellOf(3);
  facts.route.reset();
  CHECK(causeOf(facts) == "no route to the server over it");
}

TEST_CASE("the least MTU of link and route counts") {
  LinkFacts facts = wellOf(3);
  facts.route->mtu = 1400;
  CHECK(judgeLink(facts, 4, "eth0").mtu == 1400);
  facts.route->mtu = 9000;
  CHECK(judgeLink(facts, 4, "eth0").mtu == 1500);
}

TEST_CASE("each change is told once, and the first look tells all") {
  Kernel kernel;
  kernel.links["eth0"] = wellOf(2);
  ShellLinks links = kernel.watch({"eth0", "wlan0"});
  auto changes = links.update(kSecond);
  REQUIRE(changes.size() == 2);
  CHECK(changes[0].verdict.usable);
  CHECK(!changes[1].verdict.usable);
  CHECK(links.update(kSecond).empty());
  kernel.links["eth0"].link->carrier = false;
  changes = links.update(kSecond);
  REQUIRE(changes.size() == 1);
  CHECK(changes[0].slot == 0);
  CHECK(changes[0].verdict.cause == "no carrier");
  kernel.links["eth0"] = wellOf(2, "192.0.2.8");
  changes = links.update(kSecond);
  REQUIRE(changes.size() == 1);
  CHECK(changes[0].verdict.usable);
  CHECK(!changes[0].replaced);
  // Another address on the same link.
  kernel.links["eth0"] = wellOf(2, "192.0.2.9");
  CHECK(links.update(kSecond).size() == 1);
}

TEST_CASE("a device that was away and came back is another one") {
  Kernel kernel;
  kernel.links["wwan0"] = wellOf(5);
  ShellLinks links = kernel.watch({"wwan0"});
  CHECK(!links.update(kSecond).at(0).replaced);
  kernel.links.clear();
  CHECK(!links.update(kSecond).at(0).verdict.usable);
  kernel.links["wwan0"] = wellOf(9);
  const auto changes = links.update(kSecond);
  REQUIRE(changes.size() == 1);
  CHECK(changes[0].replaced);
  CHECK(changes[0].verdict.usable);
}

TEST_CASE("a device that comes back step by step is another one, once, when it can be used") {
  Kernel kernel;
  kernel.links["wwan0"] = wellOf(5);
  ShellLinks links = kernel.watch({"wwan0"});
  links.update(kSecond);
  kernel.links.clear();
  links.update(kSecond);
  LinkFacts coming = wellOf(9);
  coming.route.reset();
  coming.link->up = coming.link->carrier = false;
  kernel.links["wwan0"] = coming;
  CHECK(!links.update(kSecond).at(0).replaced);
  coming.link->up = coming.link->carrier = true;
  kernel.links["wwan0"] = coming;
  CHECK(!links.update(kSecond).at(0).replaced);
  kernel.links["wwan0"] = wellOf(9);
  CHECK(links.update(kSecond).at(0).replaced);
  // The same one again.
  kernel.links["wwan0"].link->carrier = false;
  links.update(kSecond);
  kernel.links["wwan0"].link->carrier = true;
  const auto changes = links.update(kSecond);
  REQUIRE(changes.size() == 1);
  CHECK(changes[0].verdict.usable);
  CHECK(!changes[0].replaced);
}

TEST_CASE("without a device the routes decide") {
  Kernel kernel;
  ShellLinks links = kernel.watch({""});
  auto changes = links.update(kSecond);
  REQUIRE(changes.size() == 1);
  CHECK(changes[0].verdict.cause == "no route to the server");
  CHECK(links.deadline() == 2 * kSecond);
  kernel.links[""] = wellOf(2);
  changes = links.update(2 * kSecond);
  CHECK(changes.at(0).verdict.usable);
  // The way leads over another device now: the path moves, the socket stays.
  kernel.links[""] = wellOf(3, "198.51.100.4");
  changes = links.update(2 * kSecond);
  CHECK(changes.at(0).verdict.usable);
  CHECK(!changes.at(0).replaced);
}

TEST_CASE("only what may come without an event is looked at again, once a second") {
  Kernel kernel;
  kernel.links["eth0"] = wellOf(2);
  ShellLinks links = kernel.watch({"eth0"});
  links.update(kSecond);
  CHECK(links.deadline() == UINT64_MAX);
  kernel.links["eth0"].route.reset();
  links.update(kSecond);
  CHECK(links.deadline() == 2 * kSecond);
  kernel.links["eth0"].link->carrier = false;
  links.update(2 * kSecond);
  CHECK(links.deadline() == UINT64_MAX);
}

TEST_CASE("a storm of failures causes ten looks a second, and one of events no wake-up of its own") {
  Kernel kernel;
  kernel.links["eth0"] = wellOf(2);
  ShellLinks links = kernel.watch({"eth0"});
  links.update(kSecond);
  kernel.looks = 0;
  for (std::uint64_t now = kSecond; now < 2 * kSecond; now += kSecond / 1000) {
    links.suspect(now);
    if (links.deadline() <= now) links.update(now);
  }
  CHECK(kernel.looks >= 9);
  CHECK(kernel.looks <= 11);
  CHECK(links.deadline() != 0);
}

TEST_CASE("a link takes the first family of the server that it has a way to, and changes when it must") {
  std::map<std::uint8_t, LinkFacts> facts{{4, wellOf(3)}, {6, wellOf(3, "2001:db8::7")}};
  ShellLinks links({"eth0"}, {4, 6}, [&](const std::string&, std::uint8_t family) { return facts[family]; });
  auto changes = links.update(kSecond);
  REQUIRE(changes.size() == 1);
  CHECK(changes[0].verdict.usable);
  CHECK(changes[0].verdict.family == 4);
  facts[4].route.reset();
  changes = links.update(2 * kSecond);
  REQUIRE(changes.size() == 1);
  CHECK(changes[0].verdict.usable);
  CHECK(changes[0].verdict.family == 6);
  CHECK(io::toString(changes[0].verdict.source) == "2001:db8::7");
  CHECK(links.update(3 * kSecond).empty());
  facts[6].route.reset();
  changes = links.update(4 * kSecond);
  REQUIRE(changes.size() == 1);
  CHECK_FALSE(changes[0].verdict.usable);
  CHECK(changes[0].verdict.cause == "no route to the server over it");
}
