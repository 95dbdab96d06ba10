#include <doctest/doctest.h>

#include "connect_ip_session_support.h"

using namespace mqvpn::connect_ip;
using namespace mqvpn::connect_ip::test;
using mqvpn::http3::code;
using mqvpn::http3::ErrorCode;

TEST_CASE("a tunnel comes up between both ends, however the bytes arrive") {
  for (const std::size_t most : {std::size_t{1}, std::size_t{5}, std::size_t{1} << 20}) {
    Tunnel tunnel;
    tunnel.start(most);
    CHECK(tunnel.client.established);
    CHECK(tunnel.served().established);
    CHECK(tunnel.client.addresses ==
          std::vector<std::vector<Prefix>>{{prefix("10.0.0.2"), prefix("fd00::2")}});
    CHECK(tunnel.client.routes == std::vector<std::vector<IpRange>>{{IpRange::all(4), IpRange::all(6)}});
    CHECK(tunnel.client.denied.empty());
    CHECK(tunnel.joined.clientHttp.peerTakesDatagrams());
    CHECK(tunnel.joined.serverHttp.peerTakesDatagrams());
  }
}

TEST_CASE("packets cross in datagrams") {
  Tunnel tunnel;
  tunnel.start();
  ByteVector inner = packet("10.0.0.2", "192.0.2.1");
  ByteVector quic(tunnel.client.session->packetPrefix().begin(), tunnel.client.session->packetPrefix().end());
  quic.insert(quic.end(), inner.begin(), inner.end());
  const auto datagram = tunnel.joined.serverHttp.onDatagram(quic);
  REQUIRE(datagram);
  CHECK(datagram->streamId == tunnel.served().session->streamId());
  const auto unwrapped = tunnel.served().session->unwrap(datagram->payload);
  CHECK(ByteVector(unwrapped.begin(), unwrapped.end()) == inner);
}

TEST_CASE("packets cross in capsules, both ways") {
  Tunnel tunnel;
  tunnel.joined.server.maxDatagram = 0;
  tunnel.start();
  CHECK(tunnel.joined.serverHttp.peerRefusesDatagrams());
  const ByteVector up = packet("10.0.0.2", "192.0.2.1", ByteVector(1300));
  const ByteVector down = packet("192.0.2.1", "10.0.0.2", ByteVector(60000));
  CHECK(tunnel.client.session->sendDatagramCapsule(up));
  CHECK(tunnel.served().session->sendDatagramCapsule(down));
  tunnel.joined.pump(777);
  CHECK(tunnel.served().packets == std::vector<ByteVector>{up});
  CHECK(tunnel.client.packets == std::vector<ByteVector>{down});
}

TEST_CASE("refusals are told apart by the client") {
  const auto refusalOf = [](const ClientConfig& config, Refusal admission = Refusal::kNone) {
    Tunnel tunnel(config);
    tunnel.server.grant.refusal = admission;
    tunnel.start();
    CHECK_FALSE(tunnel.client.established);
    CHECK_FALSE(tunnel.client.ended);
    CHECK_FALSE(tunnel.joined.client.closed);
    CHECK_FALSE(tunnel.joined.server.closed);
    // Nothing is left of the request.
    CHECK(tunnel.joined.client.streams.at(0).closed);
    CHECK(tunnel.joined.server.streams.at(0).closed);
    return tunnel.client.refused.value_or(Refusal::kNone);
  };
  ClientConfig wrongKey = clientConfig();
  wrongKey.key = "wrong";
  CHECK(refusalOf(wrongKey) == Refusal::kWrongKey);
  ClientConfig noKey = clientConfig();
  noKey.key.clear();
  CHECK(refusalOf(noKey) == Refusal::kMissingKey);
  CHECK(refusalOf(clientConfig(), Refusal::kFull) == Refusal::kFull);
  CHECK(refusalOf(clientConfig(), Refusal::kGoingAway) == Refusal::kGoingAway);
  ClientConfig elsewhere = clientConfig();
  elsewhere.uriTemplate = "/somewhere/{target}/{ipproto}/";
  CHECK(refusalOf(elsewhere) == Refusal::kNotFound);
  ClientConfig byName = clientConfig();
  byName.scope.kind = Scope::Kind::kHostname;
  byName.scope.hostname = "host.example";
  CHECK(refusalOf(byName) == Refusal::kUnsupportedTarget);
}

TEST_CASE("a wrong protocol is told apart by the client") {
  Tunnel tunnel;
  tunnel.joined.clientHttp.start();
  tunnel.joined.serverHttp.start();
  mqvpn::http3::Headers headers = mqvpn::http3::test::connectIpRequest();
  headers[1].second = "connect-udp";
  tunnel.joined.clientHttp.sendRequest(headers);
  // A session that waits for the answer to its own request, on the next stream, is not touched by this one's.
  tunnel.client.session->start();
  tunnel.joined.server.carry(tunnel.joined.client, 1 << 20);
  tunnel.joined.client.carry(tunnel.joined.server, 1 << 20);
  CHECK(tunnel.server.sessions.at(0)->refused == Refusal::kWrongProtocol);
  CHECK(tunnel.server.sessions.at(4)->established);
  CHECK(ByteVector(tunnel.client.session->packetPrefix().begin(),
                   tunnel.client.session->packetPrefix().end()) == ByteVector{1, 0});
}

TEST_CASE("a server without Extended CONNECT refuses by its SETTINGS") {
  mqvpn::http3::test::FakeTransport transport(false);
  ClientSide side;
  mqvpn::http3::Connection http(transport, side, {});
  transport.events = &http;
  http.start();
  side.session = std::make_unique<ClientSession>(http, side, clientConfig());
  REQUIRE(side.session->start());
  transport.inject(3, {0x00, 0x04, 0x00});
  CHECK(side.refused == Refusal::kNoExtendedConnect);
}

TEST_CASE("GOAWAY before the request is seen says that another server, or later, is better") {
  Tunnel tunnel;
  tunnel.joined.clientHttp.start();
  tunnel.joined.serverHttp.start();
  tunnel.joined.pump();
  tunnel.joined.serverHttp.shutdown();
  tunnel.client.session->start();
  tunnel.joined.pump();
  CHECK(tunnel.client.refused == Refusal::kGoingAway);
  CHECK(tunnel.server.sessions.empty());
}

TEST_CASE("GOAWAY leaves a tunnel alone, and the end of the tunnel is told") {
  Tunnel tunnel;
  tunnel.start();
  tunnel.joined.serverHttp.shutdown();
  tunnel.joined.pump();
  CHECK_FALSE(tunnel.client.ended);
  CHECK(tunnel.joined.clientHttp.goingAway());
  CHECK(tunnel.client.session->sendDatagramCapsule(packet("10.0.0.2", "192.0.2.1")));
  tunnel.joined.pump();
  CHECK(tunnel.served().packets.size() == 1);
  tunnel.served().session->finish();
  tunnel.joined.pump();
  CHECK(tunnel.client.ended == std::pair(code(ErrorCode::kNoError), false));
  CHECK_FALSE(tunnel.served().ended);
  CHECK(tunnel.joined.client.streams.at(0).closed);
  CHECK(tunnel.joined.server.streams.at(0).closed);
}

TEST_CASE("a client that leaves ends the tunnel at the server") {
  Tunnel tunnel;
  tunnel.start();
  tunnel.client.session->finish();
  tunnel.joined.pump();
  CHECK(tunnel.served().ended == std::pair(code(ErrorCode::kNoError), false));
  CHECK_FALSE(tunnel.client.ended);
  CHECK(tunnel.joined.server.streams.at(0).closed);
  CHECK_FALSE(tunnel.client.session->sendDatagramCapsule(packet("10.0.0.2", "192.0.2.1")));
}

TEST_CASE("a reset by either end is told to the other") {
  Tunnel up;
  up.start();
  up.joined.clientHttp.reset(0, ErrorCode::kConnectError);
  up.joined.pump();
  CHECK(up.served().ended == std::pair(code(ErrorCode::kConnectError), false));
  Tunnel down;
  down.start();
  down.joined.serverHttp.reset(0, ErrorCode::kInternalError);
  down.joined.pump();
  CHECK(down.client.ended == std::pair(code(ErrorCode::kInternalError), false));
}

TEST_CASE("new addresses of the server reach the client as the full list") {
  Tunnel tunnel;
  tunnel.start();
  CHECK(tunnel.served().session->assign(std::vector<Prefix>{prefix("10.0.0.3"), prefix("fd00::3")}));
  tunnel.joined.pump();
  CHECK(tunnel.client.addresses.back() == std::vector<Prefix>{prefix("10.0.0.3"), prefix("fd00::3")});
  CHECK(tunnel.served().session->assign({}));
  tunnel.joined.pump();
  CHECK(tunnel.client.addresses.back().empty());
}

TEST_CASE("a client that wants IPv6 of a server without is told so") {
  Tunnel tunnel;
  tunnel.server.grant.addresses = {prefix("10.0.0.2")};
  tunnel.server.grant.routes = {IpRange::all(4)};
  tunnel.start();
  CHECK(tunnel.client.addresses == std::vector<std::vector<Prefix>>{{prefix("10.0.0.2")}});
  CHECK(tunnel.client.denied == std::vector<std::uint8_t>{6});
}
