#include <doctest/doctest.h>

#include "connect_ip_session_support.h"

using namespace mqvpn::connect_ip;
using namespace mqvpn::connect_ip::test;
using mqvpn::http3::code;
using mqvpn::http3::ErrorCode;
using mqvpn::http3::Headers;
using mqvpn::http3::test::connectIpRequest;
using mqvpn::http3::test::frame;
using mqvpn::http3::test::headersFrame;
using mqvpn::http3::test::hex;
using mqvpn::http3::test::operator+;

namespace {

const ByteVector kAssign4 = hex("01 07 00 04 0a080002 20");
const ByteVector kAssign6 = hex("01 13 00 06 fd000000000000000000000000000002 70");
const ByteVector kRoutes4 = hex("03 0a 04 00000000 ffffffff 00");
const ByteVector kRoutes6 =
    hex("03 22 06 00000000000000000000000000000000 ffffffffffffffffffffffffffffffff 00");

ClientConfig strict() {
  ClientConfig config = clientConfig();
  config.compat = Compat::kStrict;
  return config;
}

}  // namespace

TEST_CASE("client: the request, and right behind it the request for addresses") {
  LoneClient client;
  Headers expected = connectIpRequest();
  expected.emplace_back("authorization", "Bearer secret");
  CHECK(client.transport.streams.at(0).written ==
        headersFrame(expected) +
            frame(0, hex("02 1a 01 04 00000000 20 02 06 00000000000000000000000000000000 80")));
  CHECK(ByteVector(client.side.session->packetPrefix().begin(), client.side.session->packetPrefix().end()) ==
        hex("0000"));
  CHECK_FALSE(client.side.session->start());
}

TEST_CASE("client: a preference, an extension, one family, no key") {
  ClientConfig config = clientConfig();
  config.key.clear();
  config.wantV6 = false;
  config.preferred4 = ip("10.0.0.7");
  config.preferred6 = ip("fd00::7");
  config.extraHeaders = {{"mqvpn-extension", "1"}};
  LoneClient client(config);
  Headers expected = connectIpRequest();
  expected.emplace_back("mqvpn-extension", "1");
  CHECK(client.transport.streams.at(0).written ==
        headersFrame(expected) + frame(0, hex("02 07 01 04 0a000007 20")));
  // RFC 9484 §4.7.2: another request has another ID.
  client.accept();
  const std::size_t before = client.transport.streams.at(0).written.size();
  CHECK(client.side.session->requestAddresses());
  const ByteVector& written = client.transport.streams.at(0).written;
  CHECK(ByteVector(written.begin() + static_cast<std::ptrdiff_t>(before), written.end()) ==
        frame(0, hex("02 07 02 04 0a000007 20")));
}

TEST_CASE("client: capsules of a deployed server, one per family and with host bits") {
  LoneClient client;
  client.accept();
  CHECK(client.side.established);
  client.data(kAssign4);
  client.data(kRoutes4);
  client.data(kAssign6 + kRoutes6);
  CHECK(client.side.addresses ==
        std::vector<std::vector<Prefix>>{{prefix("10.8.0.2")}, {prefix("10.8.0.2"), prefix("fd00::2")}});
  CHECK(client.side.routes ==
        std::vector<std::vector<IpRange>>{{IpRange::all(4)}, {IpRange::all(4), IpRange::all(6)}});
  // Said once more, or as the answer to the request: nothing new.
  client.data(kAssign4 + hex("01 07 01 04 0a080002 20") + kAssign6 + kRoutes6);
  CHECK(client.side.addresses.size() == 2);
  CHECK(client.side.routes.size() == 2);
  // An empty list withdraws all.
  client.data(hex("0100 0300"));
  CHECK(client.side.addresses.back().empty());
  CHECK(client.side.routes.back().empty());
}

TEST_CASE("client: the same bytes, split at every place") {
  const ByteVector stream = kAssign4 + hex("4b75 03 aabbcc") + kRoutes4 + kAssign6 + kRoutes6;
  for (std::size_t split = 0; split <= stream.size(); ++split) {
    LoneClient client;
    client.accept();
    const auto middle = stream.begin() + static_cast<std::ptrdiff_t>(split);
    client.data(ByteVector(stream.begin(), middle));
    client.data(ByteVector(middle, stream.end()));
    REQUIRE(client.side.session->addresses().size() == 2);
    REQUIRE(client.side.session->routes().size() == 2);
    CHECK(client.side.session->counters().unknownCapsules == 1);
    CHECK(client.side.session->counters().capsules == 4);
  }
}

TEST_CASE("client, strict: each capsule is the full list, and host bits are an error") {
  LoneClient client(strict());
  client.accept();
  client.data(kAssign4 + kRoutes4);
  client.data(hex("01 13 00 06 fd000000000000000000000000000002 80") + kRoutes6);
  CHECK(client.side.addresses.back() == std::vector<Prefix>{prefix("fd00::2")});
  CHECK(client.side.routes.back() == std::vector<IpRange>{IpRange::all(6)});
  client.data(kAssign6);
  CHECK(client.side.ended == std::pair(code(ErrorCode::kMessageError), true));
  CHECK(client.transport.streams.at(0).reset == code(ErrorCode::kMessageError));
}

TEST_CASE("client: an address that the server denies is told") {
  LoneClient client;
  client.accept();
  client.data(hex("01 1a 01 04 0a080002 20 02 06 00000000000000000000000000000000 80"));
  CHECK(client.side.addresses == std::vector<std::vector<Prefix>>{{prefix("10.8.0.2")}});
  CHECK(client.side.denied == std::vector<std::uint8_t>{6});
  client.data(hex("01 07 03 04 00000000 20"));
  CHECK(client.side.denied == std::vector<std::uint8_t>{6, 4});
  CHECK(client.side.session->addresses().size() == 1);
}

TEST_CASE("client: a server that asks for an address is told that there is none") {
  LoneClient client;
  client.accept();
  const std::size_t before = client.transport.streams.at(0).written.size();
  client.data(hex("02 07 09 04 0a000001 20"));
  const ByteVector& written = client.transport.streams.at(0).written;
  CHECK(ByteVector(written.begin() + static_cast<std::ptrdiff_t>(before), written.end()) ==
        frame(0, hex("01 07 09 04 00000000 20")));
}

TEST_CASE("client: malformed capsules end the tunnel") {
  for (const char* bad : {"01 07 00 05 0a080002 20", "01 06 00 04 0a080002", "03 0a 04 ffffffff 00000000 00",
                          "02 00", "02 07 00 04 00000000 20"}) {
    LoneClient client;
    client.accept();
    client.data(hex(bad));
    CHECK(client.side.ended == std::pair(code(ErrorCode::kMessageError), true));
    CHECK(client.side.session->over());
    // The rest is not looked at.
    client.data(kAssign4);
    CHECK(client.side.addresses.empty());
    CHECK_FALSE(client.transport.closed);
  }
}

TEST_CASE("client: a stream that ends inside a capsule is an error, between capsules an end") {
  LoneClient cut;
  cut.accept();
  cut.data(hex("01 07 00"), true);
  CHECK(cut.side.ended == std::pair(code(ErrorCode::kMessageError), true));
  LoneClient whole;
  whole.accept();
  whole.data(kAssign4, true);
  CHECK(whole.side.ended == std::pair(code(ErrorCode::kNoError), false));
  CHECK(whole.transport.streams.at(0).finWritten);
}

TEST_CASE("client: answers that are no tunnel") {
  const auto refusedBy = [](const Headers& response) {
    LoneClient client;
    client.respond(response);
    CHECK_FALSE(client.side.established);
    CHECK_FALSE(client.side.ended);
    CHECK(client.side.session->over());
    CHECK(client.transport.streams.at(0).reset.has_value());
    return client.side.refused;
  };
  CHECK(refusedBy({{":status", "403"}}) == Refusal::kWrongKey);
  CHECK(refusedBy({{":status", "302"}}) == Refusal::kOther);
  // RFC 9297 §3.2.
  CHECK(refusedBy({{":status", "204"}}) == Refusal::kOther);
  // Malformed.
  CHECK(refusedBy({{":status", "200"}, {":status", "200"}}) == Refusal::kReset);
  // The field is a SHOULD.
  LoneClient bare;
  bare.respond({{":status", "200"}});
  CHECK(bare.side.established);
}

TEST_CASE("client: a reset before the answer, and after") {
  LoneClient before;
  before.transport.injectReset(0, code(ErrorCode::kFrameError));
  CHECK(before.side.refused == Refusal::kReset);
  CHECK_FALSE(before.side.ended);
  LoneClient after;
  after.accept();
  after.transport.injectReset(0, code(ErrorCode::kConnectError));
  CHECK_FALSE(after.side.refused);
  CHECK(after.side.ended == std::pair(code(ErrorCode::kConnectError), false));
}

TEST_CASE("packets in DATAGRAM capsules, whole and in pieces; other contexts are counted") {
  const ByteVector inner = packet("192.0.2.1", "10.8.0.2");
  ByteVector capsule = hex("00") + ByteVector{static_cast<std::uint8_t>(inner.size() + 1), 0} + inner;
  LoneClient client;
  client.accept();
  client.data(capsule);
  for (const std::uint8_t byte : capsule) client.data({byte});
  CHECK(client.side.packets == std::vector<ByteVector>{inner, inner});
  client.data(hex("00 02 0445 00 01 40 00 00"));
  CHECK(client.side.packets.size() == 2);
  CHECK(client.side.session->counters().datagramCapsulesIn == 2);
  CHECK(client.side.session->counters().unknownContexts == 1);
  CHECK(client.side.session->counters().malformedDatagrams == 2);
  CHECK_FALSE(client.side.ended);
}

TEST_CASE("server: a full answer, IPv4 before IPv6, each capsule in a frame of its own") {
  LoneServer server;
  auto& one = server.request();
  CHECK(one.established);
  CHECK(one.scope == Scope());
  CHECK(one.authority == "vpn.example:443");
  CHECK(one.user == "ann");
  CHECK(server.transport.streams.at(0).written ==
        headersFrame({{":status", "200"}, {"capsule-protocol", "?1"}}) +
            frame(0, hex("01 1a 00 04 0a000002 20 00 06 fd000000000000000000000000000002 80")) +
            frame(0, hex("03 2c 04 00000000 ffffffff 00"
                         "06 00000000000000000000000000000000 ffffffffffffffffffffffffffffffff 00")));
}

TEST_CASE("server: every address that is asked for is answered, with its ID") {
  LoneServer server;
  server.request();
  const std::size_t before = server.transport.streams.at(0).written.size();
  server.data(hex("02 21 07 06 00000000000000000000000000000000 80 08 04 00000000 20 09 04 0a000009 20"));
  const ByteVector& written = server.transport.streams.at(0).written;
  CHECK(ByteVector(written.begin() + static_cast<std::ptrdiff_t>(before), written.end()) ==
        frame(0, hex("01 21 08 04 0a000002 20 07 06 fd000000000000000000000000000002 80 09 04 00000000 20")));
}

TEST_CASE("server: addresses and routes can change") {
  LoneServer server;
  auto& one = server.request();
  std::size_t before = server.transport.streams.at(0).written.size();
  CHECK(one.session->assign(std::vector<Prefix>{prefix("10.0.0.3")}));
  CHECK(one.session->advertise(
      std::vector<IpRange>{range("10.0.0.9", "10.0.0.9"), range("10.0.0.8", "10.0.0.8")}));
  const ByteVector& written = server.transport.streams.at(0).written;
  CHECK(ByteVector(written.begin() + static_cast<std::ptrdiff_t>(before), written.end()) ==
        frame(0, hex("01 07 00 04 0a000003 20")) + frame(0, hex("03 0a 04 0a000008 0a000009 00")));
}

TEST_CASE("server: requests that get no tunnel") {
  const auto refusalOf = [](const Headers& headers, std::string_view key = {}) {
    LoneServer server;
    server.side.key = key;
    auto& one = server.request(headers);
    CHECK_FALSE(one.established);
    CHECK(one.session->over());
    // A complete answer, and no interest in the rest.
    CHECK(server.transport.streams.at(0).written == headersFrame(refusalHeaders(one.refused.value())));
    CHECK(server.transport.streams.at(0).finWritten);
    CHECK(server.transport.streams.at(0).stop == code(ErrorCode::kNoError));
    return one.refused.value();
  };
  const auto with = [](std::string_view name, std::string value) {
    Headers headers = connectIpRequest();
    for (auto& field : headers)
      if (field.first == name) field.second = value;
    return headers;
  };
  const auto adding = [](std::string value) {
    Headers headers = connectIpRequest();
    headers.emplace_back("authorization", std::move(value));
    return headers;
  };
  CHECK(refusalOf(with(":protocol", "connect-udp")) == Refusal::kWrongProtocol);
  CHECK(refusalOf(with(":protocol", "mqvpn-tcp")) == Refusal::kWrongProtocol);
  CHECK(refusalOf(with(":path", "/")) == Refusal::kNotFound);
  CHECK(refusalOf(with(":path", "/.well-known/masque/ip/*/256/")) == Refusal::kBadRequest);
  CHECK(refusalOf(with(":path", "/.well-known/masque/ip/host.example/*/")) == Refusal::kUnsupportedTarget);
  CHECK(refusalOf({{":method", "CONNECT"}, {":authority", "a:1"}}) == Refusal::kBadRequest);
  CHECK(refusalOf({{":method", "GET"}, {":scheme", "https"}, {":authority", "a"}, {":path", "/"}}) ==
        Refusal::kNotFound);
  CHECK(refusalOf(connectIpRequest(), "secret") == Refusal::kMissingKey);
  CHECK(refusalOf(adding("Basic c2VjcmV0"), "secret") == Refusal::kMissingKey);
  CHECK(refusalOf(adding("Bearer secre"), "secret") == Refusal::kWrongKey);
  CHECK(refusalOf(adding("Bearer"), "secret") == Refusal::kMissingKey);
  Headers twice = adding("Bearer secret");
  twice.emplace_back("authorization", "Bearer other");
  CHECK(refusalOf(twice, "secret") == Refusal::kBadRequest);
}

TEST_CASE("server: the key, whatever the case of its scheme") {
  for (const char* scheme : {"Bearer ", "bearer ", "BEARER  "}) {
    LoneServer server;
    server.side.key = "secret";
    Headers headers = connectIpRequest();
    headers.emplace_back("authorization", std::string(scheme) + "secret");
    CHECK(server.request(headers).established);
  }
}

TEST_CASE("server: routes are limited to what the request asked for") {
  const auto routesFor = [](const char* path) {
    LoneServer server;
    Headers headers = connectIpRequest();
    for (auto& field : headers)
      if (field.first == ":path") field.second = path;
    auto& one = server.request(headers);
    return std::vector<IpRange>(one.session->routes().begin(), one.session->routes().end());
  };
  CHECK(routesFor("/.well-known/masque/ip/192.0.2.0%2F24/17/") ==
        std::vector<IpRange>{IpRange::of(prefix("192.0.2.0/24"), 17)});
  CHECK(routesFor("/.well-known/masque/ip/*/6/") ==
        std::vector<IpRange>{{IpRange::all(4).start, IpRange::all(4).end, 6},
                             {IpRange::all(6).start, IpRange::all(6).end, 6}});
  CHECK(routesFor("/.well-known/masque/ip/*/*/") == std::vector<IpRange>{IpRange::all(4), IpRange::all(6)});
}

TEST_CASE("server: malformed capsules end the tunnel, a client's own assignments are checked") {
  for (const char* bad :
       {"02 00", "02 07 00 04 00000000 20", "01 06 00 04 0a080002", "03 0a 04 ffffffff 00000000 00"}) {
    LoneServer server;
    auto& one = server.request();
    server.data(hex(bad));
    CHECK(one.ended == std::pair(code(ErrorCode::kMessageError), true));
  }
  LoneServer server;
  auto& one = server.request();
  server.data(kAssign4 + kRoutes4);
  CHECK_FALSE(one.ended);
}

TEST_CASE("server: endless requests for addresses by a client that reads nothing end the tunnel") {
  LoneServer server;
  server.transport.room = 1000;
  auto& one = server.request();
  std::uint64_t id = 1;
  for (int i = 0; i < 20000 && !one.ended; ++i) {
    ByteVector value(8);
    mqvpn::quic::Writer writer(value);
    writer.varint(id++, 8);
    ByteVector capsule;
    mqvpn::http3::appendCapsule(capsule, 2, value + hex("04 00000000 20"));
    server.data(capsule);
  }
  CHECK(one.ended == std::pair(code(ErrorCode::kExcessiveLoad), true));
}

TEST_CASE("a DATAGRAM capsule is sent only while QUIC takes it at once") {
  LoneServer server;
  auto& one = server.request();
  const ByteVector inner = packet("192.0.2.1", "10.0.0.2", ByteVector(1000));
  const std::size_t before = server.transport.streams.at(0).written.size();
  CHECK(one.session->sendDatagramCapsule(inner));
  const ByteVector& written = server.transport.streams.at(0).written;
  CHECK(ByteVector(written.begin() + static_cast<std::ptrdiff_t>(before), written.end()) ==
        frame(0, hex("00 43fd 00") + inner));
  server.transport.room = 3000;
  int sent = 0;
  while (one.session->sendDatagramCapsule(inner)) ++sent;
  CHECK(sent == 2);
  CHECK(one.session->counters().datagramCapsulesOut == 3);
  CHECK(one.session->counters().datagramCapsulesDropped == 1);
}

TEST_CASE("an HTTP Datagram's packet is unwrapped in place") {
  LoneServer server;
  auto& one = server.request();
  ByteVector payload = hex("00 45 00");
  CHECK(one.session->unwrap(payload).data() == payload.data() + 1);
  ByteVector longer = hex("4000 45");
  CHECK(one.session->unwrap(longer).size() == 1);
  ByteVector other = hex("02 45");
  CHECK(one.session->unwrap(other).empty());
  CHECK(one.session->unwrap({}).empty());
  CHECK(one.session->counters().unknownContexts == 1);
  CHECK(one.session->counters().malformedDatagrams == 1);
}
