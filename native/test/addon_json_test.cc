#include "addon/json.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

using namespace mqvpn;
using namespace mqvpn::addon;
using namespace mqvpn::tunnel;
using nlohmann::json;

namespace {
json of(const Event& event) { return json::parse(eventJson(event, "mqvpn7")); }
}  // namespace

TEST_CASE("events carry the fields that JavaScript expects") {
  ListeningEvent listening;
  listening.address = *quic::parseSocketAddress("[::1]:4433");
  listening.pin = "ab";
  CHECK(of(listening) == json{{"type", "listening"}, {"address", "::1"}, {"port", 4433}, {"pin", "ab"}});

  ConnectedEvent connected;
  connected.addresses = {*connect_ip::parsePrefix("10.0.0.2/32")};
  connected.routes = {connect_ip::IpRange::all(4)};
  connected.network = {*connect_ip::parsePrefix("10.0.0.1/24")};
  connected.mtu = 1400;
  connected.handshakeTime = 1'500'000;
  const json value = of(connected);
  CHECK(value["addresses"] == json{"10.0.0.2/32"});
  CHECK(value["routes"] == json{"0.0.0.0/0"});
  CHECK(value["serverAddresses"] == json{"10.0.0.1"});
  CHECK(value["tun"] == "mqvpn7");
  CHECK(value["handshakeMs"] == 1.5);

  ClosedEvent closed;
  closed.cause = "refused";
  closed.refusal = connect_ip::Refusal::kWrongKey;
  CHECK(of(closed)["refusal"] == "wrong-key");
  closed.refusal = connect_ip::Refusal::kNone;
  CHECK_FALSE(of(closed).contains("refusal"));

  CHECK(of(PathEvent{0, "", "active", "x"})["device"].is_null());
  CHECK(of(StateEvent{StateEvent::State::kHandshakeDone})["state"] == "handshake-done");
}

TEST_CASE("what a peer said is no danger to the text") {
  const json value = of(ClientDisconnectedEvent{1, "a", {}, "peer", "bad \xff \" \n bytes", 1});
  CHECK(value["reason"].get<std::string>().find("\" \n bytes") != std::string::npos);
}

TEST_CASE("tickets are not told to JavaScript") {
  CHECK(eventJson(TicketEvent{{1}, {2}}, "x").empty());
  CHECK(eventJson(AddressTokenEvent{{1}}, "x").empty());
}

TEST_CASE("the status adds up what was dropped, by reason") {
  ShellStatus shell;
  shell.tunName = "mqvpn7";
  ConnectionStatus one;
  one.id = 3;
  one.state = "connected";
  one.tunnel.fromTun.count(connect_ip::Verdict::kSource);
  one.tunnel.fromPeer.count(connect_ip::Verdict::kSource);
  one.tunnel.fromPeer.count(connect_ip::Verdict::kForward);
  one.queue.overflow = 5;
  one.quic.paths.emplace_back();
  one.quic.paths[0].deliveryRate = 1000;
  one.quic.paths[0].smoothedRtt = 2'500'000;
  shell.engine.connections.push_back(one);
  shell.socket.push_back({"0.0.0.0:1", "eth0", true, true, 0});
  const json value = json::parse(statusJson(shell));
  CHECK(value["role"] == "client");
  CHECK(value["tun"]["name"] == "mqvpn7");
  const json& connection = value["connections"][0];
  CHECK(connection["drops"] ==
        json{{connect_ip::verdictName(connect_ip::Verdict::kSource), 2}, {"queue", 5}});
  CHECK(connection["paths"][0]["deliveryRateBps"] == 8000);
  CHECK(connection["paths"][0]["rttMs"] == 2.5);
  CHECK(connection["paths"][0]["device"] == "eth0");
  CHECK(connection["paths"][0]["state"] == "opening");
}
