#include <doctest/doctest.h>

#include "quic_streams_support.h"

using namespace mqvpn::quic;
using namespace mqvpn::quic::test;

namespace {

TransportParameters peerLimits() {
  TransportParameters peer;
  peer.initialMaxData = 1000;
  peer.initialMaxStreamDataBidiLocal = 300;
  peer.initialMaxStreamDataBidiRemote = 400;
  peer.initialMaxStreamDataUni = 500;
  peer.initialMaxStreamsBidi = 2;
  peer.initialMaxStreamsUni = 1;
  return peer;
}

struct Client : TestStreams {
  explicit Client(const TransportParameters& peer = peerLimits(), const StreamLimits& limits = {})
      : TestStreams(false, limits) {
    streams.setPeerLimits(peer);
  }
};

}  // namespace

TEST_CASE("streams are opened in order up to the peer's limit, then one STREAMS_BLOCKED goes out") {
  Client client;
  CHECK(client.streams.open(true) == 0);
  CHECK(client.streams.open(true) == 4);
  CHECK_FALSE(client.streams.hasFrames());
  CHECK_FALSE(client.streams.open(true));
  CHECK_FALSE(client.streams.open(true));
  CHECK(client.packet() == Words{"STREAMS_BLOCKED_BIDI 2"});
  CHECK_FALSE(client.streams.open(true));
  CHECK(client.packet() == Words{});
  CHECK(client.streams.open(false) == 2);
  CHECK_FALSE(client.streams.open(false));
  CHECK(client.packet() == Words{"STREAMS_BLOCKED_UNI 1"});
  client.loseAll();
  CHECK(client.packet() == Words{"STREAMS_BLOCKED_UNI 1"});

  CHECK_FALSE(client.streams.onMaxStreams({true, 1}));
  CHECK(client.events.take() == Words{});
  CHECK_FALSE(client.streams.onMaxStreams({true, 3}));
  CHECK(client.events.take() == Words{"available 1"});
  CHECK(client.streams.open(true) == 8);
  CHECK_FALSE(client.streams.onMaxStreams({true, 4}));
  CHECK(client.events.take() == Words{});
}

TEST_CASE("a STREAMS_BLOCKED that is lost is not repeated once the limit has grown") {
  Client client;
  client.streams.open(false);
  client.streams.open(false);
  CHECK(client.packet() == Words{"STREAMS_BLOCKED_UNI 1"});
  CHECK_FALSE(client.streams.onMaxStreams({false, 2}));
  client.loseAll();
  CHECK(client.packet() == Words{});
}

TEST_CASE("each kind of stream has its own initial limit") {
  Client client(TestStreams::wideLimits());
  CHECK_FALSE(client.data(1, 0, 1));
  Client limited;
  CHECK_FALSE(limited.data(1, 0, 1));
  const auto bidi = limited.streams.open(true);
  const auto uni = limited.streams.open(false);
  REQUIRE((bidi && uni));
  // "Local" are the streams that the peer initiates.
  limited.write(1, 1000);
  CHECK(limited.packet() == Words{"STREAM 1 @0 +300"});
  limited.write(*bidi, 1000);
  CHECK(limited.packet() == Words{"STREAM_DATA_BLOCKED 1 300", "STREAM 0 @0 +400"});
  limited.write(*uni, 300);
  CHECK(limited.packet() == Words{"STREAM_DATA_BLOCKED 0 400", "STREAM 2 @0 +300"});
}

TEST_CASE("a stream stops at its limit, says so once per limit, and goes on when that is raised") {
  Client client;
  REQUIRE(client.streams.open(true) == 0);
  CHECK(client.write(0, 600, true) == 600);
  CHECK(client.packet() == Words{"STREAM 0 @0 +400"});
  CHECK(client.packet() == Words{"STREAM_DATA_BLOCKED 0 400"});
  CHECK_FALSE(client.streams.hasFrames());
  client.loseAll();
  CHECK(client.packet() == Words{"STREAM_DATA_BLOCKED 0 400"});
  CHECK_FALSE(client.streams.onMaxStreamData({0, 399}));
  CHECK_FALSE(client.streams.onMaxStreamData({0, 400}));
  CHECK_FALSE(client.streams.hasFrames());
  CHECK_FALSE(client.streams.onMaxStreamData({0, 450}));
  client.loseAll();
  CHECK(client.packet() == Words{"STREAM 0 @400 +50"});
  CHECK(client.packet() == Words{"STREAM_DATA_BLOCKED 0 450"});
  CHECK_FALSE(client.streams.onMaxStreamData({0, 1000}));
  CHECK(client.packet() == Words{"STREAM 0 @450 +150 FIN"});
  CHECK_FALSE(client.streams.hasFrames());
}

TEST_CASE("all streams stop at the connection's limit; a FIN alone still goes out") {
  TransportParameters peer = peerLimits();
  peer.initialMaxData = 500;
  Client client(peer);
  client.streams.open(true);
  client.streams.open(true);
  client.write(0, 400);
  client.write(4, 400);
  CHECK(client.packet() == Words{"STREAM 0 @0 +400", "STREAM 4 @0 +100"});
  CHECK(client.packet() == Words{"DATA_BLOCKED 500"});
  client.loseAll();
  CHECK(client.packet() == Words{"DATA_BLOCKED 500"});
  CHECK_FALSE(client.streams.hasFrames());
  client.write(0, 0, true);
  CHECK(client.packet() == Words{"STREAM 0 @400 +0 FIN"});
  CHECK_FALSE(client.streams.onMaxData({499}));
  CHECK_FALSE(client.streams.hasFrames());
  CHECK_FALSE(client.streams.onMaxData({600}));
  CHECK(client.packet() == Words{"STREAM 4 @100 +100"});
  CHECK(client.packet() == Words{"DATA_BLOCKED 600"});
  CHECK_FALSE(client.streams.onMaxData({10'000}));
  CHECK(client.packet() == Words{"STREAM 4 @200 +200"});
}

TEST_CASE("lost data goes first and needs no credit; what was acknowledged meanwhile is not sent again") {
  TransportParameters peer = peerLimits();
  peer.initialMaxData = 300;
  Client client(peer);
  client.streams.open(true);
  client.streams.open(true);
  client.write(0, 300, true);
  CHECK(client.packet(104) == Words{"STREAM 0 @0 +99"});
  const SentFrame first = client.sent[0];
  CHECK(client.packet(105) == Words{"STREAM 0 @99 +99"});
  const SentFrame second = client.sent[0];
  CHECK(client.packet(1200) == Words{"STREAM 0 @198 +102 FIN"});
  client.write(4, 10);
  CHECK(client.packet() == Words{"DATA_BLOCKED 300"});
  client.streams.onFrameLost(first);
  client.streams.onFrameLost(second);
  client.streams.onFrameAcked(first);
  CHECK(client.packet() == Words{"STREAM 0 @99 +99"});
  CHECK_FALSE(client.streams.onMaxData({1000}));
  client.streams.onFrameLost(second);
  CHECK(client.packet(1200) == Words{"STREAM 0 @99 +99", "STREAM 4 @0 +10"});
}

TEST_CASE("a FIN is sent again until acknowledged, with or without data") {
  Client client;
  client.streams.open(false);
  client.write(2, 10, true);
  CHECK(client.packet() == Words{"STREAM 2 @0 +10 FIN"});
  client.loseAll();
  CHECK(client.packet() == Words{"STREAM 2 @0 +10 FIN"});
  const SentFrame frame = client.sent[0];
  client.loseAll();
  // The data turn out to have arrived, but in a packet without the FIN.
  client.streams.onFrameAcked({SentFrame::Kind::kStream, false, 10, 0, 2, 0});
  CHECK(client.packet() == Words{"STREAM 2 @10 +0 FIN"});
  CHECK(client.events.take() == Words{});
  client.ackAll();
  CHECK(client.events.take() == Words{"closed 2"});
  client.streams.onFrameLost(frame);
  CHECK_FALSE(client.streams.hasFrames());
  CHECK(client.streams.openCount() == 0);
}

TEST_CASE("a bidirectional stream closes when both parts are done") {
  Client client;
  client.streams.open(true);
  client.write(0, 10, true);
  client.packet();
  client.ackAll();
  CHECK(client.events.take() == Words{});
  CHECK_FALSE(client.data(0, 0, 5, true));
  CHECK(client.events.take() == Words{"readable 0"});
  CHECK(client.read(0, 5) == "5 FIN");
  // Reported from the next on…().
  CHECK(client.events.take() == Words{});
  CHECK(client.streams.openCount() == 0);
  CHECK_FALSE(client.streams.onMaxData({0}));
  CHECK(client.events.take() == Words{"closed 0"});
  CHECK(client.write(0, 5) == 0);
  CHECK(client.streams.writableBytes(0) == 0);
}

TEST_CASE("streams take turns, one packet each") {
  Client client(TestStreams::wideLimits());
  for (int i = 0; i < 3; ++i) client.streams.open(true);
  for (const std::uint64_t id : {0, 4, 8}) client.write(id, 250);
  CHECK(client.packet(105) == Words{"STREAM 0 @0 +100"});
  CHECK(client.packet(105) == Words{"STREAM 4 @0 +100"});
  CHECK(client.packet(105) == Words{"STREAM 8 @0 +100"});
  CHECK(client.packet(106) == Words{"STREAM 0 @100 +100"});
  CHECK(client.packet(1200) == Words{"STREAM 4 @100 +150", "STREAM 8 @100 +150", "STREAM 0 @200 +50"});
}

TEST_CASE("streams take turns also with lost data, and when the connection's credit comes in drops") {
  TransportParameters peer = TestStreams::wideLimits();
  peer.initialMaxData = 400;
  Client client(peer);
  for (int i = 0; i < 2; ++i) client.streams.open(true);
  for (const std::uint64_t id : {0, 4}) client.write(id, 200);
  client.packet();
  client.loseAll();
  CHECK(client.packet(105) == Words{"STREAM 0 @0 +100"});
  CHECK(client.packet(105) == Words{"STREAM 4 @0 +100"});
  CHECK(client.packet(106) == Words{"STREAM 0 @100 +100"});
  CHECK(client.packet(106) == Words{"STREAM 4 @100 +100"});

  for (const std::uint64_t id : {0, 4}) client.write(id, 200);
  CHECK(client.packet() == Words{"DATA_BLOCKED 400"});
  CHECK_FALSE(client.streams.onMaxData({500}));
  CHECK(client.packet() == Words{"STREAM 0 @200 +100"});
  CHECK_FALSE(client.streams.onMaxData({600}));
  CHECK(client.packet() == Words{"STREAM 4 @200 +100"});
  CHECK_FALSE(client.streams.onMaxData({700}));
  CHECK(client.packet() == Words{"STREAM 0 @300 +100"});
}

TEST_CASE("RESET_STREAM has the final size, does not change when sent again, and ends transmission") {
  Client client;
  client.streams.open(false);
  client.write(2, 300);
  CHECK(client.packet(105) == Words{"STREAM 2 @0 +100"});
  const SentFrame data = client.sent[0];
  client.streams.reset(2, 77);
  client.streams.reset(2, 78);
  CHECK(client.write(2, 10) == 0);
  CHECK(client.packet() == Words{"RESET_STREAM 2 77 100"});
  client.streams.onFrameLost(data);
  CHECK_FALSE(client.streams.hasFrames());
  client.loseAll();
  CHECK(client.packet() == Words{"RESET_STREAM 2 77 100"});
  CHECK(client.streams.memoryBytes() < 3000);
  client.ackAll();
  CHECK(client.events.take() == Words{"closed 2"});
}

TEST_CASE("a reset may be the first thing that the peer hears of a stream, and is void after delivery") {
  Client client;
  client.streams.open(true);
  client.streams.reset(0, 1);
  CHECK(client.packet() == Words{"RESET_STREAM 0 1 0"});
  client.streams.open(true);
  client.write(4, 10, true);
  client.packet();
  client.ackAll();
  client.streams.reset(4, 1);
  CHECK_FALSE(client.streams.hasFrames());
}

TEST_CASE("STOP_SENDING is answered with RESET_STREAM and its error code, once") {
  Client client;
  client.streams.open(true);
  client.write(0, 10, true);
  CHECK(client.packet() == Words{"STREAM 0 @0 +10 FIN"});
  CHECK_FALSE(client.streams.onStopSending({0, 55}));
  CHECK(client.events.take() == Words{"stop 0 55"});
  CHECK(client.packet() == Words{"RESET_STREAM 0 55 10"});
  CHECK_FALSE(client.streams.onStopSending({0, 56}));
  CHECK(client.events.take() == Words{});
  CHECK_FALSE(client.streams.hasFrames());
}

TEST_CASE("STOP_SENDING after everything was delivered changes nothing") {
  Client client;
  client.streams.open(true);
  client.write(0, 10, true);
  client.packet();
  client.ackAll();
  CHECK_FALSE(client.streams.onStopSending({0, 55}));
  CHECK(client.events.take() == Words{});
  CHECK_FALSE(client.streams.hasFrames());
}

TEST_CASE("write() takes what fits the buffer, and onStreamWritable() tells when half is free") {
  StreamLimits limits;
  limits.sendBuffer = 100;
  Client client(peerLimits(), limits);
  client.streams.open(true);
  CHECK(client.streams.writableBytes(0) == 100);
  CHECK(client.write(0, 150, true) == 100);
  CHECK(client.streams.writableBytes(0) == 0);
  CHECK(client.packet(44) == Words{"STREAM 0 @0 +40"});
  client.ackAll();
  CHECK(client.events.take() == Words{});
  CHECK(client.streams.writableBytes(0) == 40);
  CHECK(client.packet(24) == Words{"STREAM 0 @40 +20"});
  client.ackAll();
  CHECK(client.events.take() == Words{"writable 0"});
  // The FIN did not count, because not all was taken.
  CHECK(client.write(0, 50, true) == 50);
  CHECK(client.packet() == Words{"STREAM 0 @60 +90 FIN"});
  client.ackAll();
  CHECK(client.events.take() == Words{});
  CHECK(client.write(0, 1) == 0);
}

TEST_CASE("nothing is written beyond the packet or beyond the list of sent frames") {
  Client client;
  client.streams.open(true);
  client.streams.open(true);
  client.write(0, 10);
  client.write(4, 10);
  for (std::size_t size = 0; size < 5; ++size) CHECK(client.packet(size).empty());
  std::vector<std::uint8_t> bytes(1200);
  Writer out(bytes);
  std::array<SentFrame, 1> one;
  CHECK(client.streams.writeFrames(out, {}, 0, 0) == 0);
  CHECK(client.streams.writeFrames(out, one, 0, 0) == 1);
  CHECK(client.streams.writeFrames(out, one, 0, 0) == 1);
  CHECK_FALSE(client.streams.hasFrames());
}

TEST_CASE("limits that were remembered grow with those of the handshake, and never shrink") {
  Client client;
  client.streams.open(false);
  CHECK_FALSE(client.streams.open(false));
  client.write(2, 800);
  CHECK(client.packet() == Words{"STREAMS_BLOCKED_UNI 1", "STREAM 2 @0 +500"});
  TransportParameters peer = peerLimits();
  peer.initialMaxData = 10;
  peer.initialMaxStreamDataUni = 600;
  peer.initialMaxStreamsUni = 3;
  client.streams.setPeerLimits(peer);
  CHECK(client.packet() == Words{"STREAM 2 @500 +100"});
  CHECK_FALSE(client.streams.onMaxData({0}));
  CHECK(client.events.take() == Words{"available 0"});
}

TEST_CASE("after a rejection everything is sent again under limits that may be lower") {
  Client client(TestStreams::wideLimits());
  for (int i = 0; i < 3; ++i) client.streams.open(true);
  client.write(0, 500);
  client.write(4, 100, true);
  client.write(8, 100);
  client.packet(2000);
  client.streams.reset(8, 5);
  CHECK(client.packet() == Words{"RESET_STREAM 8 5 100"});
  client.streams.restart();
  client.streams.setPeerLimits(peerLimits());
  CHECK(client.packet() == Words{"STREAM 0 @0 +400", "STREAM 4 @0 +100 FIN"});
  CHECK(client.packet() == Words{"STREAM_DATA_BLOCKED 0 400"});
  // The third stream is beyond the new limit of two; nothing of it counts as sent.
  CHECK_FALSE(client.streams.hasFrames());
  CHECK_FALSE(client.streams.onMaxStreams({true, 3}));
  CHECK(client.packet() == Words{"RESET_STREAM 8 5 0"});
  CHECK_FALSE(client.streams.onMaxStreamData({0, 10'000}));
  client.write(0, 2000);
  CHECK(client.packet(2000) == Words{"STREAM 0 @400 +500"});
  CHECK(client.packet() == Words{"DATA_BLOCKED 1000"});
}

TEST_CASE("after a rejection a FIN without data is sent again, and old fates mean nothing") {
  Client client(TestStreams::wideLimits());
  client.streams.open(false);
  client.streams.open(false);
  client.write(2, 0, true);
  client.write(6, 10, true);
  client.packet();
  const auto before = client.sent;
  client.streams.restart();
  client.streams.setPeerLimits(TestStreams::wideLimits());
  for (const SentFrame& frame : before) {
    client.streams.onFrameLost(frame);
    client.streams.onFrameAcked(frame);
  }
  CHECK(client.streams.openCount() == 2);
  CHECK(client.packet() == Words{"STREAM 2 @0 +0 FIN", "STREAM 6 @0 +10 FIN"});
  client.ackAll();
  CHECK(client.events.take() == Words{"closed 2", "closed 6"});
}
