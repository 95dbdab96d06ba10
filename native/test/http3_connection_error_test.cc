#include <doctest/doctest.h>

#include "http3_support.h"

using namespace mqvpn::http3;
using namespace mqvpn::http3::test;

namespace {

const Headers kGet{{":method", "GET"}, {":scheme", "https"}, {":authority", "a"}, {":path", "/"}};
const Headers kOk{{":status", "200"}};

/// What a server, or a client that has sent a request, closes the connection with when the peer's control
/// stream says this.
ErrorCode onControl(bool server, const ByteVector& bytes) {
  Lone end(server, {.waitForSettings = false});
  if (!server) end.http.sendRequest(connectIpRequest());
  end.transport.inject(end.control(), hex("00") + bytes);
  return static_cast<ErrorCode>(end.transport.closeCode());
}

ErrorCode onControlAfterSettings(bool server, const ByteVector& bytes) {
  return onControl(server, frame(4, {}) + bytes);
}

struct Outcome {
  ErrorCode connection;
  ErrorCode request;
};

/// The same for a request stream; `request` is the error of the stream.
Outcome onRequestStream(bool server, const ByteVector& bytes, bool fin = false) {
  Lone end(server, {.waitForSettings = false});
  if (!server) end.http.sendRequest(connectIpRequest());
  end.transport.inject(0, bytes, fin);
  const auto& seen = end.events.requests[0];
  if (seen.failed) {
    CHECK(seen.failedLocally);
    CHECK(end.transport.streams.at(0).reset == seen.failed);
  }
  return {static_cast<ErrorCode>(end.transport.closeCode()), static_cast<ErrorCode>(seen.failed.value_or(0))};
}

constexpr auto kNone = static_cast<ErrorCode>(0);

}  // namespace

TEST_CASE("the control stream: SETTINGS first, and once") {
  for (const bool server : {false, true}) {
    CHECK(onControl(server, frame(7, hex("00"))) == ErrorCode::kMissingSettings);
    CHECK(onControl(server, frame(0x21, {})) == ErrorCode::kMissingSettings);
    CHECK(onControl(server, frame(0, {})) == ErrorCode::kMissingSettings);
    CHECK(onControlAfterSettings(server, {}) == kNone);
    CHECK(onControlAfterSettings(server, frame(4, {})) == ErrorCode::kFrameUnexpected);
    CHECK(onControl(server, frame(4, hex("0201"))) == ErrorCode::kSettingsError);
    CHECK(onControl(server, frame(4, hex("3302"))) == ErrorCode::kSettingsError);
    CHECK(onControl(server, frame(4, hex("33"))) == ErrorCode::kFrameError);
  }
}

TEST_CASE("the control stream: frames that do not belong there") {
  for (const bool server : {false, true}) {
    for (const std::uint64_t type : {0x00, 0x01, 0x05, 0x02, 0x06, 0x08, 0x09})
      CHECK(onControlAfterSettings(server, frame(type, hex("00"))) == ErrorCode::kFrameUnexpected);
    CHECK(onControlAfterSettings(server, frame(3, hex("00"))) == ErrorCode::kIdError);
    CHECK(onControlAfterSettings(server, frame(3, {})) == ErrorCode::kFrameError);
    std::uint8_t header[16];
    const std::size_t size = writeFrameHeader(header, 7, 100000);
    CHECK(onControlAfterSettings(server, ByteVector(header, header + size)) == ErrorCode::kExcessiveLoad);
  }
  CHECK(onControlAfterSettings(false, frame(0x0d, hex("00"))) == ErrorCode::kFrameUnexpected);
  CHECK(onControlAfterSettings(true, frame(0x0d, hex("00"))) == kNone);
  CHECK(onControlAfterSettings(true, frame(0x0d, hex("05")) + frame(0x0d, hex("05"))) == kNone);
  CHECK(onControlAfterSettings(true, frame(0x0d, hex("05")) + frame(0x0d, hex("04"))) == ErrorCode::kIdError);
  CHECK(onControlAfterSettings(true, frame(0x0d, hex("0500"))) == ErrorCode::kFrameError);
}

TEST_CASE("GOAWAY names a request stream, one ID, and never goes up") {
  CHECK(onControlAfterSettings(false, frame(7, hex("04"))) == kNone);
  CHECK(onControlAfterSettings(false, frame(7, hex("04")) + frame(7, hex("00"))) == kNone);
  CHECK(onControlAfterSettings(false, frame(7, hex("04")) + frame(7, hex("08"))) == ErrorCode::kIdError);
  for (const char* wrong : {"01", "02", "03", "05"})
    CHECK(onControlAfterSettings(false, frame(7, hex(wrong))) == ErrorCode::kIdError);
  CHECK(onControlAfterSettings(true, frame(7, hex("01")) + frame(7, hex("02"))) == ErrorCode::kIdError);
  CHECK(onControlAfterSettings(false, frame(7, {})) == ErrorCode::kFrameError);
  CHECK(onControlAfterSettings(false, frame(7, hex("0400"))) == ErrorCode::kFrameError);
}

TEST_CASE("critical streams: one of each kind, and never closed") {
  for (const bool server : {false, true}) {
    const std::uint64_t first = server ? 2 : 3;
    for (const char* type : {"00", "02", "03"}) {
      Lone twice(server);
      twice.transport.inject(first, hex(type));
      twice.transport.inject(first + 4, hex(type));
      CHECK(twice.transport.closeCode() == code(ErrorCode::kStreamCreationError));
      Lone ended(server);
      ended.transport.inject(first, hex(type), true);
      CHECK(ended.transport.closeCode() == code(ErrorCode::kClosedCriticalStream));
      Lone reset(server);
      reset.transport.inject(first, hex(type));
      reset.transport.injectReset(first, 0x100);
      CHECK(reset.transport.closeCode() == code(ErrorCode::kClosedCriticalStream));
    }
    for (const std::uint64_t own : {0, 4, 8}) {
      Lone stopped(server);
      stopped.transport.injectStop((server ? 3U : 2U) + own, 0x100);
      CHECK(stopped.transport.closeCode() == code(ErrorCode::kClosedCriticalStream));
    }
  }
}

TEST_CASE("there is no push") {
  Lone server(true);
  server.transport.inject(2, hex("01"));
  CHECK(server.transport.closeCode() == code(ErrorCode::kStreamCreationError));
  Lone client(false);
  client.transport.inject(3, hex("01"));
  CHECK(client.transport.closeCode() == code(ErrorCode::kIdError));
  CHECK(onRequestStream(true, headersFrame(kGet) + frame(5, hex("00"))).connection ==
        ErrorCode::kFrameUnexpected);
  CHECK(onRequestStream(false, frame(5, hex("00"))).connection == ErrorCode::kIdError);
}

TEST_CASE("the server opens no bidirectional stream") {
  Lone client(false);
  client.transport.inject(1, hex("00"));
  CHECK(client.transport.closeCode() == code(ErrorCode::kStreamCreationError));
}

TEST_CASE("QPACK streams with instructions that cannot be") {
  Lone server(true);
  server.transport.inject(2, hex("02 3fe17f"));
  CHECK(server.transport.closeCode() == code(ErrorCode::kQpackEncoderStreamError));
  Lone other(true);
  other.transport.inject(2, hex("03 80"));
  CHECK(other.transport.closeCode() == code(ErrorCode::kQpackDecoderStreamError));
  CHECK(onRequestStream(true, frame(1, hex("0381 10 11"))).connection ==
        ErrorCode::kQpackDecompressionFailed);
}

TEST_CASE("a request stream: frames in the wrong order or the wrong place") {
  CHECK(onRequestStream(true, frame(0, hex("00"))).connection == ErrorCode::kFrameUnexpected);
  CHECK(onRequestStream(false, frame(0, hex("00"))).connection == ErrorCode::kFrameUnexpected);
  CHECK(onRequestStream(false, headersFrame({{":status", "100"}}) + frame(0, {})).connection ==
        ErrorCode::kFrameUnexpected);
  for (const std::uint64_t type : {0x03, 0x04, 0x07, 0x0d, 0x02, 0x06, 0x08, 0x09})
    for (const bool server : {false, true})
      CHECK(onRequestStream(server, frame(type, hex("00"))).connection == ErrorCode::kFrameUnexpected);
  const ByteVector withTrailers = headersFrame(kGet) + headersFrame({{"x", "y"}});
  CHECK(onRequestStream(true, withTrailers).connection == kNone);
  CHECK(onRequestStream(true, withTrailers + headersFrame({{"x", "y"}})).connection ==
        ErrorCode::kFrameUnexpected);
  CHECK(onRequestStream(true, withTrailers + frame(0, {})).connection == ErrorCode::kFrameUnexpected);
  // RFC 9114 §4.4: after CONNECT, DATA only.
  CHECK(onRequestStream(true, headersFrame(connectIpRequest()) + headersFrame({{"x", "y"}})).connection ==
        ErrorCode::kFrameUnexpected);
  CHECK(onRequestStream(false, headersFrame(kOk) + headersFrame({{"x", "y"}})).connection ==
        ErrorCode::kFrameUnexpected);
  CHECK(onRequestStream(false, headersFrame({{":status", "404"}}) + headersFrame({{"x", "y"}})).connection ==
        kNone);
}

TEST_CASE("a request stream: malformed messages end the request only") {
  CHECK(onRequestStream(true, headersFrame({{":method", "GET"}})).request == ErrorCode::kMessageError);
  CHECK(onRequestStream(true, headersFrame({{":method", "GET"}})).connection == kNone);
  CHECK(onRequestStream(false, headersFrame({{":status", "20"}})).request == ErrorCode::kMessageError);
  CHECK(onRequestStream(false, headersFrame({{":status", "101"}})).request == ErrorCode::kMessageError);
  // A second response is no trailer section.
  CHECK(onRequestStream(false, headersFrame({{":status", "404"}}) + headersFrame(kOk)).request ==
        ErrorCode::kMessageError);
  CHECK(onRequestStream(true, headersFrame({{"x", std::string(40000, 'a')}})).request ==
        ErrorCode::kExcessiveLoad);
  CHECK(onRequestStream(true, headersFrame(Headers(1100, {"x", "y"}))).request == ErrorCode::kExcessiveLoad);
}

TEST_CASE("a request stream that ends too early") {
  CHECK(onRequestStream(true, {}, true).request == ErrorCode::kRequestIncomplete);
  CHECK(onRequestStream(true, frame(0x21, hex("00")), true).request == ErrorCode::kRequestIncomplete);
  CHECK(onRequestStream(false, {}, true).request == ErrorCode::kMessageError);
  CHECK(onRequestStream(false, headersFrame({{":status", "103"}}), true).request == ErrorCode::kMessageError);
  CHECK(onRequestStream(true, hex("01"), true).connection == ErrorCode::kFrameError);
  CHECK(onRequestStream(true, headersFrame(kGet) + hex("0005 01"), true).connection ==
        ErrorCode::kFrameError);
}

TEST_CASE("a request that was given up is read on without a word") {
  Lone server(true);
  server.transport.inject(0, headersFrame({{":method", "GET"}}));
  REQUIRE(server.events.requests[0].failed);
  CHECK(server.transport.streams.at(0).stop == code(ErrorCode::kMessageError));
  server.transport.inject(0, frame(4, {}) + frame(0, hex("00")), true);
  CHECK_FALSE(server.transport.closed);
  CHECK_FALSE(server.events.requests[0].finished);
}

TEST_CASE("error codes have names") {
  CHECK(std::string(errorName(0x106)) == "H3_FRAME_ERROR");
  CHECK(std::string(errorName(0x33)) == "H3_DATAGRAM_ERROR");
  CHECK(std::string(errorName(0x200)) == "QPACK_DECOMPRESSION_FAILED");
  CHECK(std::string(errorName(0x1234)) == "unknown");
}
