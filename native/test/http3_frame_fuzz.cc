// A whole HTTP/3 connection whose peer does anything: bytes on any stream in any pieces, FIN, RESET_STREAM,
// STOP_SENDING, datagrams; and a user that answers, sends and gives up requests meanwhile.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "http3_support.h"

using namespace mqvpn::http3;
using namespace mqvpn::http3::test;

namespace {

/// Answers every request by its stream ID.
struct User final : Recorder {
  Connection* http = nullptr;
  void onRequest(std::uint64_t id, const Headers& headers) override {
    Recorder::onRequest(id, headers);
    if (checkRequest(headers)) std::abort();
    if (id % 16 == 0) http->sendResponse(id, {{":status", "200"}, {"capsule-protocol", "?1"}});
    if (id % 16 == 4) http->sendResponse(id, {{":status", "404"}}, true);
    if (id % 16 == 4) http->ignoreRest(id);
    if (id % 16 == 8) http->reset(id, ErrorCode::kRequestRejected);
  }
  void onData(std::uint64_t id, std::span<std::uint8_t> bytes) override {
    if (requests[id].finished || requests[id].failed) std::abort();
    if (bytes.empty()) std::abort();
    if (bytes[0] == 0xfe) http->reset(id, ErrorCode::kRequestCancelled);
    if (bytes[0] == 0xfd) http->close(ErrorCode::kNoError, "");
    http->sendData(id, bytes);
    Recorder::onData(id, bytes);
  }
  void onFinished(std::uint64_t id) override {
    Recorder::onFinished(id);
    http->finish(id);
  }
  void onRequestFailed(std::uint64_t id, std::uint64_t error, bool local, std::string_view reason) override {
    if (requests[id].failed) std::abort();
    Recorder::onRequestFailed(id, error, local, reason);
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const bool server = (data[0] & 1) != 0;
  FakeTransport transport(server);
  User user;
  Connection http(transport, user, {.waitForSettings = (data[0] & 2) != 0, .sendBuffer = 4096});
  transport.events = &http;
  user.http = &http;
  transport.room = (data[0] & 4) != 0 ? 10 : 10000;
  http.start((data[0] & 8) != 0 ? hex("0801 3301") : ByteVector());
  if (!server) http.sendRequest(connectIpRequest());
  std::size_t at = 1;
  while (at + 2 <= size) {
    const std::uint8_t what = data[at++];
    const std::size_t said = data[at++];
    const std::size_t length = std::min(said, size - at);
    const ByteVector bytes(data + at, data + at + length);
    at += length;
    // Low bits: which stream of the peer, or the first requests.
    const std::uint64_t own = server ? 1 : 0;
    const std::uint64_t number = what >> 4 & 3;
    const std::uint64_t id = (what & 1) != 0 ? number * 4 + 2 + (1 - own) : number * 4;
    switch (what >> 1 & 7) {
      case 0:
      case 1:
        transport.inject(id, bytes);
        break;
      case 2:
        transport.inject(id, bytes, true);
        break;
      case 3:
        transport.injectReset(id, length);
        break;
      case 4:
        transport.injectStop(number * 4 + (what & 1) * 2 + own, length);
        break;
      case 5: {
        ByteVector copy = bytes;
        http.onDatagram(copy);
        break;
      }
      case 6:
        // Room again.
        for (auto& [streamId, stream] : transport.streams) {
          stream.carried = stream.written.size();
          stream.finCarried = stream.finWritten;
          stream.resetCarried = stream.reset.has_value();
          http.onStreamWritable(streamId);
        }
        transport.closeFinished();
        break;
      default:
        if (length % 2 == 0) http.shutdown();
        if (!server) http.sendRequest(connectIpRequest());
        break;
    }
  }
  // Every error that closes a connection is one of the standard's.
  if (transport.closed && std::string_view(errorName(transport.closeCode())) == "unknown") std::abort();
  return 0;
}
