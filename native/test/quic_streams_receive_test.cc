#include <doctest/doctest.h>

#include <map>

#include "quic_streams_support.h"

using namespace mqvpn::quic;
using namespace mqvpn::quic::test;

namespace {

StreamLimits smallLimits() {
  StreamLimits limits;
  limits.connectionWindow = 1000;
  limits.streamWindow = 400;
  limits.maxBidi = 4;
  limits.maxUni = 2;
  return limits;
}

constexpr std::uint64_t kClientBidi = 0, kServerBidi = 1, kClientUni = 2, kServerUni = 3;

}  // namespace

TEST_CASE("our limits go into the transport parameters") {
  TransportParameters own;
  TestStreams(true, smallLimits()).streams.describe(own);
  CHECK(own.initialMaxData == 1000);
  CHECK(own.initialMaxStreamDataBidiLocal == 400);
  CHECK(own.initialMaxStreamDataBidiRemote == 400);
  CHECK(own.initialMaxStreamDataUni == 400);
  CHECK(own.initialMaxStreamsBidi == 4);
  CHECK(own.initialMaxStreamsUni == 2);
}

TEST_CASE("frames for the part that a unidirectional stream lacks are STREAM_STATE_ERROR") {
  const auto code = [](auto&& act) {
    TestStreams server(true);
    server.streams.setPeerLimits(TestStreams::wideLimits());
    REQUIRE(server.streams.open(false) == kServerUni);
    return act(server.streams).code;
  };
  using S = Streams;
  constexpr auto kState = TransportError::kStreamStateError;
  constexpr auto kNone = TransportError::kNoError;
  // Send-only.
  CHECK(code([](S& s) { return s.onStream({kServerUni, 0, false, {}}); }) == kState);
  CHECK(code([](S& s) { return s.onResetStream({kServerUni, 0, 0}); }) == kState);
  CHECK(code([](S& s) { return s.onStreamDataBlocked({kServerUni, 0}); }) == kState);
  CHECK(code([](S& s) { return s.onStopSending({kServerUni, 0}); }) == kNone);
  CHECK(code([](S& s) { return s.onMaxStreamData({kServerUni, 0}); }) == kNone);
  // Receive-only.
  CHECK(code([](S& s) { return s.onStopSending({kClientUni, 0}); }) == kState);
  CHECK(code([](S& s) { return s.onMaxStreamData({kClientUni, 0}); }) == kState);
  CHECK(code([](S& s) { return s.onStream({kClientUni, 0, false, {}}); }) == kNone);
  CHECK(code([](S& s) { return s.onResetStream({kClientUni, 0, 0}); }) == kNone);
  CHECK(code([](S& s) { return s.onStreamDataBlocked({kClientUni, 0}); }) == kNone);
}

TEST_CASE("frames for a stream of ours that is not yet created are STREAM_STATE_ERROR") {
  const auto code = [](auto&& act) {
    TestStreams server(true);
    server.streams.setPeerLimits(TestStreams::wideLimits());
    REQUIRE(server.streams.open(true) == kServerBidi);
    return act(server.streams).code;
  };
  using S = Streams;
  for (const std::uint64_t id : {kServerBidi, kServerBidi + 4}) {
    const auto wanted = id == kServerBidi ? TransportError::kNoError : TransportError::kStreamStateError;
    CHECK(code([&](S& s) { return s.onStream({id, 0, false, {}}); }) == wanted);
    CHECK(code([&](S& s) { return s.onResetStream({id, 0, 0}); }) == wanted);
    CHECK(code([&](S& s) { return s.onStopSending({id, 0}); }) == wanted);
    CHECK(code([&](S& s) { return s.onMaxStreamData({id, 0}); }) == wanted);
    CHECK(code([&](S& s) { return s.onStreamDataBlocked({id, 0}); }) == wanted);
  }
}

TEST_CASE("a stream beyond the limit is STREAM_LIMIT_ERROR, whatever frame names it") {
  const auto code = [](auto&& act) {
    TestStreams server(true, smallLimits());
    return act(server.streams).code;
  };
  using S = Streams;
  for (const std::uint64_t id : {std::uint64_t{12}, std::uint64_t{16}, kVarintMax - 3}) {
    const auto wanted = id == 12 ? TransportError::kNoError : TransportError::kStreamLimitError;
    CHECK(code([&](S& s) { return s.onStream({id, 0, false, {}}); }) == wanted);
    CHECK(code([&](S& s) { return s.onResetStream({id, 0, 0}); }) == wanted);
    CHECK(code([&](S& s) { return s.onStopSending({id, 0}); }) == wanted);
    CHECK(code([&](S& s) { return s.onMaxStreamData({id, 0}); }) == wanted);
    CHECK(code([&](S& s) { return s.onStreamDataBlocked({id, 0}); }) == wanted);
  }
  CHECK(code([](S& s) {
          return s.onStream({kClientUni + 8, 0, false, {}});
        }) == TransportError::kStreamLimitError);
}

TEST_CASE("any frame for a stream of the peer opens it and all lower ones of its type, in order") {
  TestStreams server(true, smallLimits());
  CHECK_FALSE(server.streams.onStopSending({8, 7}));
  CHECK(server.events.take() == Words{"opened 0", "opened 4", "opened 8", "stop 8 7"});
  CHECK_FALSE(server.streams.onStreamDataBlocked({kClientUni + 4, 0}));
  CHECK(server.events.take() == Words{"opened 2", "opened 6"});
  CHECK_FALSE(server.streams.onMaxStreamData({12, 5}));
  CHECK(server.events.take() == Words{"opened 12"});
  CHECK(server.streams.openCount() == 6);
}

TEST_CASE("MAX_STREAMS and STREAMS_BLOCKED above 2^60 are FRAME_ENCODING_ERROR") {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 60;
  for (const bool bidirectional : {true, false}) {
    TestStreams server(true);
    CHECK_FALSE(server.streams.onMaxStreams({bidirectional, kMost}));
    CHECK_FALSE(server.streams.onStreamsBlocked({bidirectional, kMost}));
    CHECK(server.streams.onMaxStreams({bidirectional, kMost + 1}).code ==
          TransportError::kFrameEncodingError);
    CHECK(server.streams.onStreamsBlocked({bidirectional, kMost + 1}).code ==
          TransportError::kFrameEncodingError);
  }
}

TEST_CASE("data comes in order, each byte once, and FIN once") {
  TestStreams server(true, smallLimits());
  CHECK_FALSE(server.data(0, 100, 50, true));
  CHECK(server.events.take() == Words{"opened 0"});
  CHECK(server.read(0, 500) == "0");
  CHECK_FALSE(server.data(0, 0, 60));
  CHECK(server.events.take() == Words{"readable 0"});
  CHECK_FALSE(server.data(0, 20, 20));
  CHECK(server.events.take() == Words{});
  CHECK(server.read(0, 40) == "40");
  CHECK_FALSE(server.data(0, 50, 50));
  CHECK(server.events.take() == Words{"readable 0"});
  CHECK(server.read(0, 110) == "110 FIN");
  CHECK(server.read(0, 110) == "0");
}

TEST_CASE("a stream may end without data, or by a FIN that comes last and alone") {
  TestStreams server(true);
  CHECK_FALSE(server.data(kClientUni, 0, 0, true));
  CHECK(server.events.take() == Words{"opened 2", "readable 2"});
  CHECK(server.read(kClientUni, 10) == "0 FIN");
  CHECK_FALSE(server.data(kClientUni + 4, 0, 10));
  CHECK(server.read(kClientUni + 4, 10) == "10");
  server.events.take();
  CHECK_FALSE(server.data(kClientUni + 4, 10, 0, true));
  CHECK(server.events.take() == Words{"readable 6"});
  CHECK(server.read(kClientUni + 4, 0) == "0 FIN");
}

TEST_CASE("more than the stream's limit is FLOW_CONTROL_ERROR, also by a final size") {
  using T = TransportError;
  CHECK(TestStreams(true, smallLimits()).data(0, 399, 1).code == T::kNoError);
  CHECK(TestStreams(true, smallLimits()).data(0, 400, 0, true).code == T::kNoError);
  CHECK(TestStreams(true, smallLimits()).data(0, 399, 2).code == T::kFlowControlError);
  CHECK(TestStreams(true, smallLimits()).data(0, 401, 0).code == T::kFlowControlError);
  CHECK(TestStreams(true, smallLimits()).streams.onResetStream({0, 0, 400}).code == T::kNoError);
  CHECK(TestStreams(true, smallLimits()).streams.onResetStream({0, 0, 401}).code == T::kFlowControlError);
  CHECK(TestStreams(true, smallLimits()).data(0, kVarintMax, 10).code == T::kFlowControlError);
}

TEST_CASE("the sum of the highest offsets above the connection's limit is FLOW_CONTROL_ERROR") {
  const auto full = [] {
    auto server = std::make_unique<TestStreams>(true, smallLimits());
    REQUIRE_FALSE(server->data(0, 399, 1));
    REQUIRE_FALSE(server->data(4, 399, 1));
    // What is below the highest offset counts already.
    REQUIRE_FALSE(server->data(4, 0, 100));
    REQUIRE_FALSE(server->data(8, 0, 150));
    return server;
  };
  CHECK_FALSE(full()->data(8, 150, 50));
  CHECK(full()->data(8, 150, 51).code == TransportError::kFlowControlError);
  CHECK_FALSE(full()->streams.onResetStream({8, 0, 200}));
  CHECK(full()->streams.onResetStream({8, 0, 201}).code == TransportError::kFlowControlError);
}

TEST_CASE("a final size that changes, or lies below what came, is FINAL_SIZE_ERROR") {
  using T = TransportError;
  const auto known = [] {
    auto server = std::make_unique<TestStreams>(true, smallLimits());
    REQUIRE_FALSE(server->data(0, 50, 50, true));
    return server;
  };
  CHECK(known()->data(0, 50, 50, true).code == T::kNoError);
  CHECK(known()->data(0, 0, 50).code == T::kNoError);
  CHECK(known()->data(0, 100, 0).code == T::kNoError);
  CHECK(known()->data(0, 100, 1).code == T::kFinalSizeError);
  CHECK(known()->data(0, 100, 1, true).code == T::kFinalSizeError);
  CHECK(known()->data(0, 50, 49, true).code == T::kFinalSizeError);
  CHECK(known()->streams.onResetStream({0, 0, 100}).code == T::kNoError);
  CHECK(known()->streams.onResetStream({0, 0, 99}).code == T::kFinalSizeError);
  CHECK(known()->streams.onResetStream({0, 0, 101}).code == T::kFinalSizeError);

  const auto unknown = [] {
    auto server = std::make_unique<TestStreams>(true, smallLimits());
    REQUIRE_FALSE(server->data(0, 50, 50));
    return server;
  };
  CHECK(unknown()->data(0, 0, 99, true).code == T::kFinalSizeError);
  CHECK(unknown()->streams.onResetStream({0, 0, 99}).code == T::kFinalSizeError);
  CHECK(unknown()->streams.onResetStream({0, 0, 100}).code == T::kNoError);

  // After a reset as well, while the stream's other direction keeps it known.
  auto reset = unknown();
  CHECK_FALSE(reset->streams.onResetStream({0, 0, 120}));
  CHECK(reset->data(0, 119, 1).code == T::kNoError);
  CHECK(reset->data(0, 120, 1).code == T::kFinalSizeError);
  CHECK(reset->streams.onResetStream({0, 0, 121}).code == T::kFinalSizeError);
}

TEST_CASE("MAX_STREAM_DATA and MAX_DATA go out when half a window was read, and again when lost") {
  TestStreams server(true, smallLimits());
  CHECK_FALSE(server.data(0, 0, 400));
  CHECK(server.read(0, 199) == "199");
  CHECK_FALSE(server.streams.hasFrames());
  CHECK(server.read(0, 1) == "1");
  CHECK(server.streams.hasFrames());
  CHECK(server.packet() == Words{"MAX_STREAM_DATA 0 600"});
  CHECK_FALSE(server.streams.hasFrames());
  CHECK_FALSE(server.data(0, 400, 200));
  CHECK(server.read(0, 50) == "50");
  server.loseAll();
  CHECK(server.packet() == Words{"MAX_STREAM_DATA 0 650"});
  const auto older = server.sent;
  CHECK(server.read(0, 300) == "300");
  CHECK(server.packet() == Words{"MAX_DATA 1550", "MAX_STREAM_DATA 0 950"});
  server.streams.onFrameLost(older[0]);
  CHECK_FALSE(server.streams.hasFrames());
  server.loseAll();
  CHECK(server.packet() == Words{"MAX_DATA 1550", "MAX_STREAM_DATA 0 950"});
  server.ackAll();
  CHECK_FALSE(server.streams.hasFrames());
}

TEST_CASE("no MAX_STREAM_DATA once the final size is known") {
  TestStreams server(true, smallLimits());
  CHECK_FALSE(server.data(0, 0, 300));
  CHECK(server.read(0, 250) == "250");
  CHECK(server.packet() == Words{"MAX_STREAM_DATA 0 650"});
  CHECK_FALSE(server.data(0, 300, 0, true));
  server.loseAll();
  CHECK(server.packet() == Words{});
}

TEST_CASE("windows grow by the RTT, up to 16 times") {
  TestStreams server(true, smallLimits());
  std::uint64_t offset = 0;
  std::uint64_t now = 0;
  std::uint64_t limit = 400;
  for (int i = 0; i < 200; ++i) {
    REQUIRE_FALSE(server.data(0, offset, 200));
    offset += 200;
    REQUIRE(server.read(0, 200) == "200");
    now += 1 * kMs;
    server.packet(1200, 20 * kMs, now);
    for (const SentFrame& frame : server.sent)
      if (frame.kind == SentFrame::Kind::kMaxStreamData) limit = frame.offset;
  }
  CHECK(limit > offset + 16 * 400 / 2);
  CHECK(limit <= offset + 16 * 400);
}

TEST_CASE("a reset discards data, tells the application once, and gives the credit back") {
  TestStreams server(true, smallLimits());
  CHECK_FALSE(server.data(0, 0, 100));
  server.events.take();
  CHECK_FALSE(server.streams.onResetStream({0, 17, 400}));
  CHECK(server.events.take() == Words{"reset 0 17"});
  CHECK(server.read(0, 100) == "0");
  CHECK_FALSE(server.streams.onResetStream({0, 17, 400}));
  CHECK_FALSE(server.data(0, 100, 50));
  CHECK(server.events.take() == Words{});
  CHECK_FALSE(server.streams.onResetStream({4, 18, 100}));
  // 500 of 1000 consumed without a read.
  CHECK(server.packet() == Words{"MAX_DATA 1500"});
}

TEST_CASE("a reset after all data has come does not take the data away") {
  TestStreams server(true, smallLimits());
  CHECK_FALSE(server.data(0, 0, 100, true));
  CHECK_FALSE(server.streams.onResetStream({0, 17, 100}));
  CHECK(server.events.take() == Words{"opened 0", "readable 0"});
  CHECK(server.read(0, 100) == "100 FIN");
}

TEST_CASE("after STOP_SENDING data counts and is discarded; RESET_STREAM ends it without an event") {
  TestStreams server(true, smallLimits());
  CHECK_FALSE(server.data(kClientUni, 0, 100));
  server.events.take();
  server.streams.stopSending(kClientUni, 9);
  server.streams.stopSending(kClientUni, 10);
  CHECK(server.packet() == Words{"STOP_SENDING 2 9"});
  CHECK_FALSE(server.data(kClientUni, 100, 300));
  CHECK(server.streams.memoryBytes() < 3000);
  CHECK(server.read(kClientUni, 100) == "0");
  CHECK(server.data(kClientUni, 400, 1).code == TransportError::kFlowControlError);
  server.loseAll();
  CHECK(server.packet() == Words{"STOP_SENDING 2 9"});
  CHECK_FALSE(server.streams.onResetStream({kClientUni, 9, 400}));
  CHECK(server.events.take() == Words{"closed 2"});
  server.loseAll();
  CHECK(server.packet() == Words{"MAX_STREAMS_UNI 3"});
  CHECK(server.streams.openCount() == 0);
}

TEST_CASE("STOP_SENDING is needless when everything has come, and sent once when only the size is known") {
  TestStreams server(true, smallLimits());
  CHECK_FALSE(server.data(kClientUni, 0, 100, true));
  server.streams.stopSending(kClientUni, 9);
  CHECK(server.packet() == Words{"MAX_STREAMS_UNI 3"});
  CHECK_FALSE(server.data(kClientUni + 4, 50, 50, true));
  server.streams.stopSending(kClientUni + 4, 9);
  CHECK(server.packet() == Words{"STOP_SENDING 6 9"});
  server.loseAll();
  CHECK(server.packet() == Words{"MAX_STREAMS_UNI 4"});
  CHECK(server.streams.openCount() == 0);
}

TEST_CASE("closed streams are forgotten, their late frames ignored, and MAX_STREAMS raised") {
  TestStreams server(true, smallLimits());
  std::size_t before = 0;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const std::uint64_t id = kClientUni + 4 * i;
    REQUIRE_FALSE(server.data(id, 0, 100, true));
    REQUIRE(server.read(id, 100) == "100 FIN");
    REQUIRE(server.streams.openCount() == 0);
    // Late: nothing happens, whatever it says.
    REQUIRE_FALSE(server.data(id, 0, 200));
    REQUIRE_FALSE(server.streams.onResetStream({id, 0, 7}));
    Words wanted{"opened ", "readable ", "closed "};
    for (std::string& word : wanted) word += std::to_string(id);
    REQUIRE(server.events.take() == wanted);
    server.packet();
    if (i == 10) before = server.streams.memoryBytes();
  }
  CHECK(server.streams.memoryBytes() == before);
}

TEST_CASE("MAX_STREAMS follows the number of closed streams, lost ones are repeated, stale ones not") {
  TestStreams server(true, smallLimits());
  for (std::uint64_t id = 0; id < 16; id += 4) CHECK_FALSE(server.data(id, 0, 0, true));
  CHECK(server.data(16, 0, 0).code == TransportError::kStreamLimitError);
  const auto close = [&server](std::uint64_t id) {
    server.read(id, 1);
    server.streams.reset(id, 0);
    const auto frames = server.packet();
    server.ackAll();
    return frames;
  };
  CHECK(close(0) == Words{"RESET_STREAM 0 0 0"});
  CHECK(server.packet() == Words{"MAX_STREAMS_BIDI 5"});
  const auto first = server.sent;
  CHECK_FALSE(server.data(16, 0, 0));
  CHECK(server.data(20, 0, 0).code == TransportError::kStreamLimitError);
  CHECK(close(4) == Words{"RESET_STREAM 4 0 0"});
  CHECK(server.packet() == Words{"MAX_STREAMS_BIDI 6"});
  server.streams.onFrameLost(first[0]);
  CHECK(server.packet() == Words{});
  server.streams.onFrameLost({SentFrame::Kind::kMaxStreams, true, 0, 0, 0, 6});
  CHECK(server.packet() == Words{"MAX_STREAMS_BIDI 6"});
}

TEST_CASE("sparse bytes in many streams cost no more than the connection's window and a block for each") {
  StreamLimits limits;
  limits.connectionWindow = 1 << 20;
  limits.streamWindow = 64 << 10;
  TestStreams server(true, limits);
  // One byte in each 2 KiB, everywhere that the limits allow.
  for (std::uint64_t stream = 0; stream < 16; ++stream)
    for (std::uint64_t at = 2047; at < limits.streamWindow; at += 2048)
      REQUIRE_FALSE(server.data(stream * 4, at, 1));
  for (std::uint64_t stream = 16; stream < 128; ++stream)
    REQUIRE_FALSE(server.streams.onStopSending({stream * 4, 0}));
  CHECK(server.streams.memoryBytes() < limits.connectionWindow * 5 / 4 + 128 * 6 * 1024);
}
