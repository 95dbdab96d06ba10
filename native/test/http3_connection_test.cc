#include <doctest/doctest.h>

#include "http3_support.h"

using namespace mqvpn::http3;
using namespace mqvpn::http3::test;

namespace {

struct Pair {
  Recorder clientSide;
  Recorder serverSide;
  Joined joined;
  explicit Pair(const ConnectionConfig& client = {}, const ConnectionConfig& server = {})
      : joined(clientSide, serverSide, client, server) {}
  Connection& client() { return joined.clientHttp; }
  Connection& server() { return joined.serverHttp; }
};

const Headers kOk{{":status", "200"}, {"capsule-protocol", "?1"}};

ByteVector bytes(std::size_t size) {
  ByteVector out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>(i * 7 + i / 256);
  return out;
}

}  // namespace

TEST_CASE("the control stream comes first, and begins with SETTINGS") {
  Lone server(true);
  const ByteVector& control = server.transport.streams.at(3).written;
  REQUIRE(control.size() > 3);
  CHECK(control[0] == 0x00);
  CHECK(control[1] == 0x04);
  Settings settings;
  REQUIRE(control.size() == 3U + control[2]);
  CHECK_FALSE(decodeSettings(ByteVector(control.begin() + 3, control.end()), settings));
  CHECK(settings ==
        Settings{.maxFieldSectionSize = 32768, .enableConnectProtocol = true, .h3Datagram = true});
  CHECK(server.transport.streams.at(7).written == hex("02"));
  CHECK(server.transport.streams.at(11).written == hex("03"));
  // Once more is harmless.
  server.http.start();
  CHECK(server.transport.streams.size() == 3);
}

TEST_CASE("streams that could not be opened are opened when the peer allows it") {
  FakeTransport transport(false);
  Recorder events;
  Connection http(transport, events, {});
  transport.events = &http;
  transport.uniLimit = 0;
  http.start();
  CHECK(transport.streams.empty());
  transport.uniLimit = 2;
  http.onStreamsAvailable(false);
  CHECK(transport.streams.size() == 2);
  transport.uniLimit = 3;
  http.onStreamsAvailable(false);
  CHECK(transport.streams.size() == 3);
}

TEST_CASE("a tunnel: request, response, data both ways, and its end") {
  for (const std::size_t most : {std::size_t{1}, std::size_t{3}, std::size_t{1} << 20}) {
    Pair pair;
    pair.joined.start();
    const auto id = pair.client().sendRequest(connectIpRequest());
    REQUIRE(id == 0);
    pair.joined.pump(most);
    CHECK(pair.serverSide.requests[0].headers == connectIpRequest());
    CHECK(pair.server().sendResponse(0, {{":status", "103"}}));
    CHECK(pair.server().sendResponse(0, kOk));
    CHECK(pair.server().sendData(0, bytes(1000)));
    pair.joined.pump(most);
    CHECK(pair.clientSide.requests[0].interim == std::vector<unsigned>{103});
    CHECK(pair.clientSide.requests[0].status == 200);
    CHECK(pair.clientSide.requests[0].headers == kOk);
    CHECK(pair.clientSide.requests[0].data == bytes(1000));
    CHECK(pair.client().sendData(0, bytes(500)));
    pair.client().finish(0);
    CHECK_FALSE(pair.client().sendData(0, bytes(1)));
    pair.joined.pump(most);
    CHECK(pair.serverSide.requests[0].data == bytes(500));
    CHECK(pair.serverSide.requests[0].finished);
    CHECK(pair.server().isOpen(0));
    pair.server().finish(0);
    pair.joined.pump(most);
    CHECK(pair.clientSide.requests[0].finished);
    CHECK(pair.clientSide.requests[0].closed);
    CHECK(pair.serverSide.requests[0].closed);
    CHECK_FALSE(pair.client().isOpen(0));
    CHECK_FALSE(pair.joined.client.closed);
    CHECK_FALSE(pair.joined.server.closed);
  }
}

TEST_CASE("an Extended CONNECT waits for the server's SETTINGS, with all that follows it") {
  Lone client(false);
  REQUIRE(client.http.sendRequest(connectIpRequest()) == 0);
  CHECK(client.http.sendData(0, bytes(10)));
  CHECK(client.transport.streams.at(0).written.empty());
  SUBCASE("they offer it") {
    client.settings(hex("0801 3301"));
    CHECK(client.transport.streams.at(0).written == headersFrame(connectIpRequest()) + frame(0, bytes(10)));
    CHECK(client.http.peerTakesDatagrams());
  }
  SUBCASE("they do not offer it") {
    client.settings();
    CHECK(client.events.requests[0].failedLocally);
    CHECK(client.transport.streams.at(0).written.empty());
    CHECK(client.transport.streams.at(0).reset == code(ErrorCode::kRequestCancelled));
    CHECK_FALSE(client.http.sendRequest(connectIpRequest()));
    CHECK(client.http.peerRefusesDatagrams());
  }
}

TEST_CASE("an Extended CONNECT does not wait when told so, or when the settings are remembered") {
  Lone eager(false, {.waitForSettings = false});
  REQUIRE(eager.http.sendRequest(connectIpRequest()) == 0);
  CHECK(eager.transport.streams.at(0).written == headersFrame(connectIpRequest()));

  FakeTransport transport(false);
  Recorder events;
  Connection resumed(transport, events, {});
  transport.events = &resumed;
  resumed.start(hex("0801 3301"));
  CHECK(resumed.peerTakesDatagrams());
  CHECK_FALSE(resumed.peerRefusesDatagrams());
  REQUIRE(resumed.sendRequest(connectIpRequest()) == 0);
  CHECK(transport.streams.at(0).written == headersFrame(connectIpRequest()));
  SUBCASE("the server keeps its word") {
    transport.inject(3, hex("00") + frame(4, hex("0801 3301")));
    CHECK_FALSE(transport.closed);
    CHECK(resumed.encodedPeerSettings() == hex("0801 3301"));
  }
  SUBCASE("the server takes it back") {
    transport.inject(3, hex("00") + frame(4, hex("0801")));
    CHECK(transport.closeCode() == code(ErrorCode::kSettingsError));
  }
  SUBCASE("the server refused 0-RTT, and is free") {
    resumed.onEarlyDataRejected();
    transport.inject(3, hex("00") + frame(4, hex("0801")));
    CHECK_FALSE(transport.closed);
    CHECK(resumed.peerRefusesDatagrams());
  }
}

TEST_CASE("datagrams may be sent when the peer takes both the setting and the frames") {
  Lone server(true);
  CHECK_FALSE(server.http.peerTakesDatagrams());
  CHECK_FALSE(server.http.peerRefusesDatagrams());
  server.settings(hex("3301"));
  CHECK(server.http.peerTakesDatagrams());
  server.transport.maxDatagram = 0;
  CHECK_FALSE(server.http.peerTakesDatagrams());
  CHECK(server.http.peerRefusesDatagrams());
}

TEST_CASE("data that QUIC does not take waits, up to a bound, and whole frames only") {
  Pair pair({.sendBuffer = 5000}, {});
  pair.joined.start();
  REQUIRE(pair.client().sendRequest(connectIpRequest()) == 0);
  pair.joined.pump();
  REQUIRE(pair.server().sendResponse(0, kOk));
  pair.joined.pump();
  pair.joined.client.room = 1000;
  std::size_t accepted = 0;
  while (pair.client().sendData(0, bytes(700))) ++accepted;
  // 1000 bytes in QUIC, 5000 here.
  CHECK(accepted == 8);
  CHECK(pair.client().bufferedBytes(0) == 8 * 703 - 1000);
  pair.joined.pump(100);
  CHECK(pair.client().bufferedBytes(0) == 0);
  CHECK(pair.clientSide.requests[0].writable == 1);
  CHECK(pair.serverSide.requests[0].data.size() == 8 * 700);
  for (std::size_t i = 0; i < 8; ++i) {
    const auto at = pair.serverSide.requests[0].data.begin() + static_cast<std::ptrdiff_t>(700 * i);
    CHECK(ByteVector(at, at + 700) == bytes(700));
  }
  CHECK(pair.client().sendData(0, bytes(700)));
}

TEST_CASE("FIN waits behind what waits") {
  Pair pair;
  pair.joined.start();
  pair.joined.client.room = 10;
  REQUIRE(pair.client().sendRequest(connectIpRequest()) == 0);
  REQUIRE(pair.client().sendData(0, bytes(3000)));
  pair.client().finish(0);
  pair.joined.pump(7);
  CHECK(pair.serverSide.requests[0].data == bytes(3000));
  CHECK(pair.serverSide.requests[0].finished);
}

TEST_CASE("parts of a DATA frame are joined") {
  Lone client(false, {.waitForSettings = false});
  REQUIRE(client.http.sendRequest(connectIpRequest()) == 0);
  const ByteVector a = hex("0102");
  const ByteVector b = hex("030405");
  const std::array<mqvpn::quic::Bytes, 2> parts{a, b};
  CHECK(client.http.sendData(0, parts));
  CHECK(client.transport.streams.at(0).written ==
        headersFrame(connectIpRequest()) + frame(0, hex("0102030405")));
}

TEST_CASE("a server says nothing before the request, and one final response only") {
  Lone server(true);
  server.transport.inject(0, {});
  CHECK_FALSE(server.http.sendResponse(0, kOk));
  CHECK_FALSE(server.http.sendData(0, bytes(1)));
  server.transport.inject(0, headersFrame(connectIpRequest()));
  CHECK_FALSE(server.http.sendData(0, bytes(1)));
  CHECK(server.http.sendResponse(0, {{":status", "103"}}));
  CHECK_FALSE(server.http.sendData(0, bytes(1)));
  CHECK(server.http.sendResponse(0, kOk));
  CHECK_FALSE(server.http.sendResponse(0, kOk));
  CHECK(server.http.sendData(0, bytes(1)));
}

TEST_CASE("a complete response before the end of the request is kept by the client") {
  Pair pair;
  pair.joined.start();
  REQUIRE(pair.client().sendRequest(connectIpRequest()) == 0);
  pair.joined.pump();
  REQUIRE(pair.server().sendResponse(0, {{":status", "503"}}, true));
  pair.server().ignoreRest(0);
  pair.joined.pump();
  CHECK(pair.clientSide.requests[0].status == 503);
  CHECK(pair.clientSide.requests[0].finished);
  CHECK_FALSE(pair.clientSide.requests[0].failed);
  CHECK_FALSE(pair.serverSide.requests[0].failed);
  CHECK(pair.clientSide.requests[0].closed);
  CHECK(pair.serverSide.requests[0].closed);
}

TEST_CASE("what comes behind a request that was answered already means nothing, also in the same breath") {
  struct Refuser : Recorder {
    Connection* http = nullptr;
    void onRequest(std::uint64_t id, const Headers& headers) override {
      Recorder::onRequest(id, headers);
      http->sendResponse(id, {{":status", "404"}}, true);
      http->ignoreRest(id);
    }
  };
  FakeTransport transport(true);
  Refuser events;
  Connection http(transport, events, {});
  transport.events = &http;
  events.http = &http;
  http.start();
  transport.inject(0, headersFrame(connectIpRequest()) + frame(0, bytes(10)) + frame(4, {}), true);
  CHECK_FALSE(transport.closed);
  CHECK(events.requests[0].data.empty());
  CHECK_FALSE(events.requests[0].finished);
  CHECK_FALSE(events.requests[0].failed);
  CHECK(transport.streams.at(0).finWritten);
  CHECK_FALSE(transport.streams.at(0).reset);
  transport.streams[0].finCarried = true;
  transport.closeFinished();
  CHECK(events.requests[0].closed);
}

TEST_CASE("a reset ends a request in both directions, on both sides, once") {
  Pair pair;
  pair.joined.start();
  REQUIRE(pair.client().sendRequest(connectIpRequest()) == 0);
  pair.joined.pump();
  REQUIRE(pair.server().sendResponse(0, kOk));
  pair.joined.pump();
  pair.client().reset(0, ErrorCode::kRequestCancelled);
  pair.joined.pump();
  CHECK(pair.serverSide.requests[0].failed == code(ErrorCode::kRequestCancelled));
  CHECK_FALSE(pair.serverSide.requests[0].failedLocally);
  CHECK_FALSE(pair.clientSide.requests[0].failed);
  CHECK(pair.clientSide.requests[0].closed);
  CHECK(pair.serverSide.requests[0].closed);
  // The connection lives on.
  CHECK(pair.client().sendRequest(connectIpRequest()) == 4);
  pair.joined.pump();
  CHECK(pair.serverSide.requests[4].headers == connectIpRequest());
}

TEST_CASE("GOAWAY of the server: what it has seen goes on, what comes later is rejected") {
  Pair pair;
  pair.joined.start();
  REQUIRE(pair.client().sendRequest(connectIpRequest()) == 0);
  pair.joined.pump();
  REQUIRE(pair.server().sendResponse(0, kOk));
  pair.server().shutdown();
  // In flight while the GOAWAY is.
  REQUIRE(pair.client().sendRequest(connectIpRequest()) == 4);
  pair.joined.client.carry(pair.joined.server, 1 << 20);
  CHECK_FALSE(pair.serverSide.requests.contains(4));
  CHECK(pair.joined.server.streams.at(4).reset == code(ErrorCode::kRequestRejected));
  pair.joined.pump();
  CHECK(pair.clientSide.goaways == std::vector<std::uint64_t>{4});
  CHECK(pair.clientSide.requests[4].failed == code(ErrorCode::kRequestRejected));
  CHECK_FALSE(pair.clientSide.requests[0].failed);
  CHECK(pair.client().goingAway());
  CHECK_FALSE(pair.client().sendRequest(connectIpRequest()));
  CHECK(pair.client().sendData(0, bytes(10)));
  pair.joined.pump();
  CHECK(pair.serverSide.requests[0].data == bytes(10));
  // A second one does not go up.
  pair.server().shutdown();
  pair.joined.pump();
  CHECK(pair.clientSide.goaways == std::vector<std::uint64_t>{4, 4});
  CHECK_FALSE(pair.joined.client.closed);
}

TEST_CASE("GOAWAY of the client is of no consequence") {
  Pair pair;
  pair.joined.start();
  pair.client().shutdown();
  pair.joined.pump();
  CHECK(pair.serverSide.goaways == std::vector<std::uint64_t>{0});
  CHECK_FALSE(pair.joined.server.closed);
}

TEST_CASE("the peer's limit for field sections is kept") {
  Lone client(false);
  client.settings(hex("06 4080 0801"));
  CHECK_FALSE(client.http.sendRequest(connectIpRequest()));
  Lone server(true);
  server.settings(hex("06 20"));
  server.transport.inject(0, headersFrame(connectIpRequest()));
  CHECK_FALSE(server.http.sendResponse(0, kOk));
}

TEST_CASE("frames and streams of unknown types are passed over") {
  Lone server(true);
  server.transport.inject(2, hex("00") + frame(4, {}) + frame(0x21, bytes(50)) + frame(0xf0700, bytes(3)));
  server.transport.inject(6, hex("21") + bytes(10));
  CHECK(server.transport.streams.at(6).stop == code(ErrorCode::kStreamCreationError));
  server.transport.inject(6, bytes(10));
  server.transport.inject(10, hex("40"));
  server.transport.injectReset(10, 0x100);
  server.transport.inject(14, {}, true);
  server.transport.inject(18, hex("21"), true);
  server.transport.inject(0, frame(0x21, bytes(5)) + headersFrame(connectIpRequest()) + frame(0x40, {}) +
                                 frame(0, hex("0102")) + frame(0x5f, bytes(9)) + frame(0, hex("03")));
  CHECK_FALSE(server.transport.closed);
  CHECK(server.events.requests[0].data == hex("010203"));
}

TEST_CASE("a message with content-length is as long as it says") {
  const auto serve = [](const char* length, const ByteVector& content) {
    auto server = std::make_unique<Lone>(true);
    Headers headers{{":method", "POST"}, {":scheme", "https"}, {":authority", "a"}, {":path", "/"}};
    headers.emplace_back("content-length", length);
    server->transport.inject(0, headersFrame(headers) + frame(0, content), true);
    return server->events.requests[0];
  };
  CHECK(serve("3", bytes(3)).finished);
  CHECK(serve("3", bytes(2)).failed == code(ErrorCode::kMessageError));
  CHECK(serve("3", bytes(4)).failed == code(ErrorCode::kMessageError));
  CHECK(serve("x", bytes(1)).failed == code(ErrorCode::kMessageError));
  CHECK(serve("-1", bytes(1)).failed == code(ErrorCode::kMessageError));
  CHECK(serve("99999999999999999999999", bytes(1)).failed == code(ErrorCode::kMessageError));
}

TEST_CASE("trailers end a message") {
  Lone server(true);
  const Headers post{{":method", "POST"}, {":scheme", "https"}, {":authority", "a"}, {":path", "/"}};
  server.transport.inject(0, headersFrame(post) + frame(0, bytes(3)) + headersFrame({{"x", "y"}}), true);
  CHECK(server.events.requests[0].finished);
  CHECK_FALSE(server.transport.closed);
}

TEST_CASE("datagrams: for open requests, for those to come, and not for others") {
  Lone server(true, {.maxRequests = 10});
  ByteVector first = hex("00 00 45");
  // Before the request: the caller keeps it for a moment.
  CHECK(server.http.onDatagram(first)->streamId == 0);
  server.transport.inject(0, headersFrame(connectIpRequest()));
  CHECK(server.http.onDatagram(first)->payload.size() == 2);
  server.transport.inject(0, {}, true);
  // RFC 9297 §2.1: after the receive side is closed.
  CHECK_FALSE(server.http.onDatagram(first));
  server.http.sendResponse(0, {{":status", "404"}}, true);
  server.transport.streams[0].finCarried = true;
  server.transport.closeFinished();
  CHECK_FALSE(server.http.onDatagram(first));
  CHECK_FALSE(server.transport.closed);
  // One closed and ten open: 0 to 10.
  ByteVector last = hex("0a 00");
  CHECK(server.http.onDatagram(last)->streamId == 40);
  ByteVector beyond = hex("0b 00");
  CHECK_FALSE(server.http.onDatagram(beyond));
  CHECK(server.transport.closeCode() == code(ErrorCode::kIdError));
}

TEST_CASE("datagrams: a client drops those of requests that it did not send") {
  Lone client(false, {.waitForSettings = false});
  REQUIRE(client.http.sendRequest(connectIpRequest()) == 0);
  ByteVector own = hex("00 00");
  CHECK(client.http.onDatagram(own));
  ByteVector other = hex("01 00");
  CHECK_FALSE(client.http.onDatagram(other));
  CHECK_FALSE(client.transport.closed);
  ByteVector cut = hex("80");
  CHECK_FALSE(client.http.onDatagram(cut));
  CHECK(client.transport.closeCode() == code(ErrorCode::kDatagramError));
}

TEST_CASE("nothing is told after close()") {
  struct Closer : Recorder {
    Connection* http = nullptr;
    int calls = 0;
    void onData(std::uint64_t, std::span<std::uint8_t>) override {
      ++calls;
      http->close(ErrorCode::kNoError, "enough");
    }
  };
  FakeTransport transport(true);
  Closer events;
  Connection http(transport, events, {});
  transport.events = &http;
  events.http = &http;
  http.start();
  transport.inject(0, headersFrame(connectIpRequest()) + frame(0, bytes(1)) + frame(0, bytes(1)), true);
  CHECK(events.calls == 1);
  CHECK_FALSE(events.requests[0].finished);
  CHECK(transport.closeCode() == code(ErrorCode::kNoError));
  CHECK(http.closed());
  CHECK_FALSE(http.sendResponse(0, kOk));
  transport.inject(4, headersFrame(connectIpRequest()));
  CHECK_FALSE(events.requests.contains(4));
}
