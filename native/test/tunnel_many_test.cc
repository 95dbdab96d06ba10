#include <doctest/doctest.h>

#include <set>

#include "tunnel_sim.h"

using namespace mqvpn;
using namespace mqvpn::tunnel;
using namespace mqvpn::tunnel::test;

namespace {

std::vector<Client*> connectMany(Sim& sim, std::size_t count) {
  std::vector<Client*> all;
  for (std::size_t i = 0; i < count; ++i) {
    Client& client = sim.addClient("secret", [](ClientSettings& settings) {
      settings.engine.pool = {32, 2};
    });
    all.push_back(&client);
    sim.at(sim.now() + i * kMillisecond, [&client] { client.start(); });
  }
  REQUIRE(sim.runUntil([&] { return sim.server->vpn.tunnels() == count; }, 30 * kSecond));
  sim.run(kSecond);
  return all;
}

}  // namespace

TEST_CASE("a thousand clients get distinct addresses, and each reaches the server through its own tunnel") {
  Sim sim({.subnet4 = "10.0.0.0/16", .maxClients = 1000});
  std::vector<Client*> clients = connectMany(sim, 1000);
  std::set<std::uint32_t> addresses;
  for (Client* client : clients) {
    REQUIRE(client->vpn.isConnected());
    CHECK(addresses.insert(client->inner()).second);
  }
  CHECK(addresses.size() == 1000);
  for (std::size_t i = 0; i < clients.size(); i += 37) CHECK(sim.ping(*clients[i], kServerInner));
  std::size_t memory = 0;
  for (const ConnectionStatus& status : sim.server->vpn.status(sim.now()).connections)
    memory += status.memoryBytes;
  MESSAGE("server memory per idle client, as counted by the engines: ", memory / clients.size(), " bytes");
}

TEST_CASE("a client that takes nothing stalls nobody, and memory stays bounded") {
  Sim sim({.pool = {256, 8}});
  Client& slow = sim.connect();
  Client& fast = sim.connect("wonder");
  sim.run(2 * kSecond);
  slow.up.dead = slow.down.dead = true;
  const Udp flood{.source = kInternet, .destination = slow.inner(), .from = 6000};
  for (int round = 0; round < 300; ++round) {
    for (int i = 0; i < 20; ++i) sim.server->send(udp4(flood, 1200));
    REQUIRE(sim.ping(fast, kInternet, 64, 30 * kMillisecond));
  }
  const EngineStatus status = sim.server->vpn.status(sim.now());
  CHECK(status.noBuffer == 0);
  std::uint64_t dropped = 0;
  for (const ConnectionStatus& one : status.connections) dropped += one.queue.overflow;
  CHECK(dropped > 4000);
}

TEST_CASE("clients that are gone leave nothing behind") {
  Sim sim({.maxClients = 50, .idleTimeout = 5 * kSecond});
  for (int round = 0; round < 3; ++round) {
    std::vector<Client*> clients = connectMany(sim, 40);
    for (std::size_t i = 0; i < clients.size(); ++i) {
      // Half of them vanish without a word.
      if (i % 2 == 0) {
        clients[i]->up.dead = true;
      } else {
        clients[i]->vpn.close("bye", sim.now());
        clients[i]->flush();
      }
    }
    REQUIRE(sim.runUntil([&] { return sim.server->vpn.connections() == 0; }, 60 * kSecond));
    CHECK(sim.server->vpn.tunnels() == 0);
  }
  CHECK(sim.server->count<ClientConnectedEvent>() == 120);
  CHECK(sim.server->count<ClientDisconnectedEvent>() == 120);
}
