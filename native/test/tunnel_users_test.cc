#include <doctest/doctest.h>

#include <stdexcept>

#include "tunnel/user_table.h"
#include "tunnel_sim.h"

using namespace mqvpn;
using namespace mqvpn::tunnel;
using namespace mqvpn::tunnel::test;
using connect_ip::Verdict;

namespace {

constexpr std::uint32_t kLan = 0xc0a80709;  // 192.168.7.9

std::unique_ptr<connect_ip::AddressPool> pool() {
  std::string error;
  return connect_ip::AddressPool::create(connect_ip::parsePrefix("10.0.0.0/24"),
                                         connect_ip::parsePrefix("fd00::/112"), error);
}

User user(const std::string& name, const char* address = nullptr, std::vector<const char*> networks = {}) {
  User one(name, std::string_view("key of " + name));
  if (address != nullptr) {
    const auto parsed = connect_ip::parseAddress(address);
    (parsed->version == 4 ? one.address4 : one.address6) = parsed;
  }
  for (const char* network : networks) one.networks.push_back(*connect_ip::parsePrefix(network));
  return one;
}

std::string refusal(const std::vector<User>& users) {
  try {
    UserTable table(users, *pool());
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

std::size_t behind(const UserTable& table, const char* address) {
  const auto parsed = connect_ip::parseAddress(address);
  return table.behind(parsed->version, parsed->bytes.data());
}

std::vector<std::string> assigned(const Client& client) {
  std::vector<std::string> texts;
  for (const auto& prefix : client.event<ConnectedEvent>()->addresses)
    texts.push_back(connect_ip::toString(prefix));
  return texts;
}

std::uint64_t dropsOf(Sim& sim, Verdict verdict) {
  std::uint64_t sum = 0;
  for (const ConnectionStatus& one : sim.server->vpn.status(sim.now()).connections)
    sum += one.tunnel.fromPeer.of(verdict);
  return sum;
}

/// Whether a packet from the client under that source to the internet is echoed to it.
bool echoes(Sim& sim, Client& client, std::uint32_t source) {
  const std::size_t before = client.received.size();
  client.send(udp4({.source = source, .destination = kInternet, .from = 999, .to = 7}, 100));
  return sim.runUntil([&] { return client.received.size() > before && client.received.back()[9] == 17; },
                      500 * kMillisecond);
}

}  // namespace

TEST_CASE("a user is found by the key or by its hash, and by nothing else") {
  const User anna("anna", "wonder");
  const User ben("ben", hashOf("land"));
  const UserTable table({anna, ben}, *pool());
  CHECK(table.authorize("wonder") == 0);
  CHECK(table.authorize("land") == 1);
  for (const char* wrong : {"", "wonde", "wonderland", "Land"})
    CHECK(table.authorize(wrong) == UserTable::kNobody);
  CHECK(UserTable({User("empty", hashOf(""))}, *pool()).authorize("") == UserTable::kNobody);
  CHECK(table.find("ben") == 1);
  CHECK(table.find("eve") == UserTable::kNobody);
}

TEST_CASE("users that contradict each other are refused with their names") {
  CHECK(refusal({user("a"), user("a")}) == "there are two users called a");
  CHECK(refusal({User("a", "same"), User("b", hashOf("same"))}) ==
        "a and b have the same key, so nobody could tell them apart");
  CHECK(refusal({user("a", "10.0.1.5")}) == "the address 10.0.1.5 of a is not in the pool for clients");
  CHECK(refusal({user("a", "10.0.0.255")}) == "the address 10.0.0.255 of a is not in the pool for clients");
  CHECK(refusal({user("a", "fd00::1")}) == "the address fd00::1 of a is the server's own");
  // Offset 5 in either family is the same client.
  CHECK(refusal({user("a", "10.0.0.5"), user("b", "fd00::5")}) == "a and b have the same address");
  User both = user("a", "10.0.0.5");
  both.address6 = connect_ip::parseAddress("fd00::5");
  CHECK(refusal({both}) == "");
  both.address6 = connect_ip::parseAddress("fd00::6");
  CHECK(refusal({both}).find("different host numbers") != std::string::npos);
  CHECK(refusal({user("a", nullptr, {"192.168.0.0/16"}), user("b", nullptr, {"192.168.7.0/24"})}) ==
        "the networks of a and b overlap at 192.168.7.0");
  CHECK(refusal({user("a", nullptr, {"192.168.7.0/24"}), user("b", nullptr, {"192.168.7.0/24"})}).size() > 0);
  CHECK(refusal({user("a", nullptr, {"0.0.0.0/0"})}).find("overlaps the pool for clients") !=
        std::string::npos);
  CHECK(refusal({user("a", nullptr, {"10.0.0.128/25"})}).find("overlaps the pool") != std::string::npos);
  CHECK(refusal({user("a", nullptr, {"192.168.7.1/24"})}).find("bits set beyond") != std::string::npos);
  std::vector<const char*> many(UserTable::kMostNetworks + 1, "192.168.7.0/24");
  CHECK(refusal({user("a", nullptr, many)}).find("more than 15 networks") != std::string::npos);
}

TEST_CASE("the user behind whom an address is, at every border of its networks") {
  const UserTable table({user("a", nullptr, {"192.168.0.0/16", "192.168.7.0/24", "2001:db8:1::/48"}),
                         user("b", nullptr, {"192.169.0.0/24", "172.16.0.1/32"})},
                        *pool());
  for (const char* of : {"192.168.0.0", "192.168.7.0", "192.168.8.0", "192.168.255.255",
                         "2001:db8:1::", "2001:db8:1:ffff:ffff:ffff:ffff:ffff"})
    CHECK(behind(table, of) == 0);
  for (const char* of : {"192.169.0.0", "192.169.0.255", "172.16.0.1"}) CHECK(behind(table, of) == 1);
  for (const char* of : {"192.167.255.255", "192.169.1.0", "172.16.0.0", "172.16.0.2", "0.0.0.0",
                         "255.255.255.255", "2001:db8:0:ffff::", "2001:db8:2::", "::"})
    CHECK(behind(table, of) == UserTable::kNobody);
}

TEST_CASE("a user has its own address, which nobody else gets, and the newest connection has it") {
  Sim sim;
  sim.server->vpn.setUsers({User("anyone", "secret"), user("a", "10.0.0.2"), user("b", "fd00::9")},
                           sim.now());
  Client& other = sim.connect("secret");
  CHECK(assigned(other) == std::vector<std::string>{"10.0.0.3/32", "fd00::3/128"});
  CHECK(assigned(sim.connect("key of b")) == std::vector<std::string>{"10.0.0.9/32", "fd00::9/128"});
  Client& first = sim.connect("key of a");
  CHECK(assigned(first) == std::vector<std::string>{"10.0.0.2/32", "fd00::2/128"});
  Client& second = sim.connect("key of a");
  CHECK(assigned(second) == assigned(first));
  CHECK(sim.ping(second, kInternet));
  REQUIRE(sim.runUntil([&] { return first.event<ClosedEvent>() != nullptr; }, kSecond));
  const auto* gone = sim.server->event<ClientDisconnectedEvent>();
  REQUIRE(gone);
  CHECK(gone->user == "a");
  CHECK(gone->cause == "replaced");
  CHECK(sim.ping(second, kInternet));
  CHECK(sim.ping(other, kInternet));
}

TEST_CASE("an address becomes another user's while somebody has it") {
  Sim sim;
  Client& holder = sim.connect("secret");
  REQUIRE(assigned(holder)[0] == "10.0.0.2/32");
  CHECK(sim.server->vpn.setUsers({User("(global)", "secret"), user("a", "10.0.0.2")}, sim.now()) == 0);
  CHECK(sim.ping(holder, kInternet));
  Client& owner = sim.connect("key of a");
  CHECK(assigned(owner)[0] == "10.0.0.2/32");
  REQUIRE(sim.runUntil([&] { return holder.event<ClosedEvent>() != nullptr; }, kSecond));
  CHECK(assigned(sim.connect("secret"))[0] == "10.0.0.3/32");
  CHECK(sim.ping(owner, kInternet));
}

TEST_CASE("a network behind a client passes, and follows what the users are told to have") {
  Sim sim;
  const User lan = user("a", nullptr, {"192.168.7.0/24"});
  sim.server->vpn.setUsers({User("(global)", "secret"), lan}, sim.now());
  Client& client = sim.connect("key of a");
  Client& other = sim.connect("secret");
  CHECK(assigned(client) == std::vector<std::string>{"10.0.0.2/32", "192.168.7.0/24", "fd00::2/128"});
  CHECK(echoes(sim, client, kLan));
  CHECK(echoes(sim, client, client.inner()));
  CHECK_FALSE(echoes(sim, client, kLan + 256));
  CHECK_FALSE(echoes(sim, other, kLan));

  // A second connection of the same user takes the network over, and gives it back.
  Client& second = sim.connect("key of a");
  CHECK(echoes(sim, second, kLan));
  second.vpn.close("enough", sim.now());
  second.flush();
  REQUIRE(sim.runUntil([&] { return sim.server->vpn.tunnels() == 2; }, kSecond));
  CHECK(echoes(sim, client, kLan));

  // Without a reconnection: the network is another one.
  CHECK(sim.server->vpn.setUsers({User("(global)", "secret"), user("a", nullptr, {"192.168.8.0/24"})},
                                 sim.now()) == 0);
  sim.server->flush();
  REQUIRE(sim.runUntil([&] { return client.count<ReconfiguredEvent>() > 0; }, kSecond));
  CHECK_FALSE(echoes(sim, client, kLan));
  CHECK(echoes(sim, client, kLan + 256));
  CHECK(client.event<ClosedEvent>() == nullptr);
}

TEST_CASE("what is for a network behind a client that is not connected is told to be unreachable") {
  Sim sim;
  sim.server->vpn.setUsers({user("a", nullptr, {"192.168.7.0/24"})}, sim.now());
  sim.server->send(udp4({.source = kInternet, .destination = kLan}, 100));
  REQUIRE(sim.server->received.size() == 1);
  CHECK(sim.server->received[0][9] == 1);
  CHECK(sim.server->vpn.status(sim.now()).unknownDestination == 1);
}

TEST_CASE("users that are removed, or get another key, are cut; the others notice nothing") {
  Sim sim;
  sim.server->vpn.setUsers({user("a"), user("b"), user("c")}, sim.now());
  Client& a = sim.connect("key of a");
  Client& b = sim.connect("key of b");
  Client& c = sim.connect("key of c");
  CHECK(sim.server->vpn.setUsers({user("a"), User("b", "another key")}, sim.now()) == 2);
  sim.server->flush();
  REQUIRE(sim.runUntil([&] { return b.event<ClosedEvent>() && c.event<ClosedEvent>(); }, kSecond));
  CHECK(sim.ping(a, kInternet));
  CHECK(a.event<ClosedEvent>() == nullptr);
  CHECK(sim.server->vpn.tunnels() == 1);
  Client& again = sim.addClient("key of c");
  again.start();
  REQUIRE(sim.runUntil([&] { return again.event<ClosedEvent>() != nullptr; }, kSecond));
  CHECK(again.event<ClosedEvent>()->refusal == connect_ip::Refusal::kWrongKey);
  CHECK(sim.ping(sim.connect("another key"), kInternet));
}

TEST_CASE("users that contradict each other change nothing") {
  Sim sim;
  sim.server->vpn.setUsers({user("a", "10.0.0.7")}, sim.now());
  Client& a = sim.connect("key of a");
  CHECK_THROWS_AS(sim.server->vpn.setUsers({user("b", "10.0.0.7"), user("c", "10.0.0.7")}, sim.now()),
                  std::invalid_argument);
  CHECK(sim.ping(a, kInternet));
  CHECK(sim.server->vpn.users() == std::vector<User>{user("a", "10.0.0.7")});
}

TEST_CASE("clients that may not reach each other: what is for another one is dropped, counted and answered") {
  SimOptions options;
  options.clientToClient = false;
  Sim sim(options);
  sim.server->vpn.setUsers({User("(global)", "secret"), user("a", nullptr, {"192.168.7.0/24"})}, sim.now());
  Client& one = sim.connect("secret");
  Client& two = sim.connect("key of a");
  for (const std::uint32_t destination : {two.inner(), kLan, kServerInner + 99}) {
    const std::size_t before = one.received.size();
    one.send(udp4({.source = one.inner(), .destination = destination}, 100));
    REQUIRE(sim.runUntil([&] { return one.received.size() > before; }, kSecond));
    // RFC 1812 §5.2.7.1: communication administratively prohibited.
    CHECK(one.received.back()[20] == 3);
    CHECK(one.received.back()[21] == 13);
  }
  CHECK(two.received.empty());
  CHECK(dropsOf(sim, Verdict::kClientToClient) == 3);
  CHECK(sim.ping(one, kServerInner));
  CHECK(sim.ping(one, kInternet));
  CHECK(echoes(sim, two, kLan));
}
