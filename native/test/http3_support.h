#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http3/connection.h"
#include "quic/application.h"

namespace mqvpn::http3::test {

using ByteVector = std::vector<std::uint8_t>;

/// "00 04 11": spaces do not count.
inline ByteVector hex(std::string_view text) {
  ByteVector out;
  unsigned value = 0;
  int digits = 0;
  for (const char c : text) {
    if (c == ' ') continue;
    value = value * 16 + static_cast<unsigned>(c >= 'a' ? c - 'a' + 10 : c - '0');
    if (++digits % 2 == 0) {
      out.push_back(static_cast<std::uint8_t>(value));
      value = 0;
    }
  }
  return out;
}

inline ByteVector operator+(ByteVector a, const ByteVector& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

inline ByteVector frame(std::uint64_t type, const ByteVector& payload) {
  std::uint8_t header[16];
  const std::size_t size = writeFrameHeader(header, type, payload.size());
  return ByteVector(header, header + size) + payload;
}

inline ByteVector headersFrame(const Headers& headers, std::uint64_t streamId = 0) {
  QpackEncoder encoder;
  ByteVector section;
  encoder.encode(streamId, headers, section);
  return frame(0x01, section);
}

inline Headers connectIpRequest() {
  return {{":method", "CONNECT"},
          {":protocol", "connect-ip"},
          {":scheme", "https"},
          {":authority", "vpn.example:443"},
          {":path", "/.well-known/masque/ip/*/*/"},
          {"capsule-protocol", "?1"}};
}

/// Streams without packets: what is written can be looked at or carried to another one; what the peer does is
/// injected.
class FakeTransport final : public quic::Transport {
 public:
  struct Stream {
    ByteVector written;
    bool finWritten = false;
    std::optional<std::uint64_t> reset;
    std::optional<std::uint64_t> stop;
    /// Room for writeStream(); what carry() took is room again.
    bool shortWrite = false;
    ByteVector in;
    bool finIn = false;
    bool finRead = false;
    bool resetIn = false;
    std::optional<std::uint64_t> stopIn;
    // What carry() has passed on.
    std::size_t carried = 0;
    bool finCarried = false;
    bool resetCarried = false;
    bool stopCarried = false;
    bool closed = false;
  };

  explicit FakeTransport(bool server) : server_(server) {}

  quic::StreamEvents* events = nullptr;
  std::map<std::uint64_t, Stream> streams;
  /// Bytes per stream that wait for carry().
  std::size_t room = 1 << 20;
  std::uint64_t maxDatagram = 65535;
  std::uint64_t bidiLimit = 100;
  std::uint64_t uniLimit = 100;
  std::optional<std::pair<std::uint64_t, std::string>> closed;

  std::uint64_t closeCode() const { return closed ? closed->first : 0; }

  // --- quic::Transport
  bool isServer() const override { return server_; }
  std::optional<std::uint64_t> openStream(bool bidirectional) override {
    std::uint64_t& count = bidirectional ? bidiOpened_ : uniOpened_;
    if (count >= (bidirectional ? bidiLimit : uniLimit)) return std::nullopt;
    const std::uint64_t id = count++ * 4 + (bidirectional ? 0U : 2U) + (server_ ? 1U : 0U);
    streams[id];
    return id;
  }
  std::size_t writeStream(std::uint64_t id, quic::Bytes data, bool fin) override {
    Stream& stream = streams[id];
    if (stream.reset || stream.finWritten) return 0;
    const std::size_t waiting = stream.written.size() - stream.carried;
    const std::size_t take = std::min(data.size(), room > waiting ? room - waiting : 0);
    stream.written.insert(stream.written.end(), data.begin(),
                          data.begin() + static_cast<std::ptrdiff_t>(take));
    if (take < data.size()) stream.shortWrite = true;
    if (fin && take == data.size()) stream.finWritten = true;
    return take;
  }
  std::size_t readStream(std::uint64_t id, std::span<std::uint8_t> out, bool& fin) override {
    fin = false;
    Stream& stream = streams[id];
    if (stream.resetIn || stream.finRead) return 0;
    const std::size_t take = std::min(out.size(), stream.in.size());
    std::copy_n(stream.in.begin(), take, out.begin());
    stream.in.erase(stream.in.begin(), stream.in.begin() + static_cast<std::ptrdiff_t>(take));
    fin = stream.finIn && stream.in.empty();
    stream.finRead = fin;
    return take;
  }
  void resetStream(std::uint64_t id, std::uint64_t errorCode) override {
    if (!streams[id].reset) streams[id].reset = errorCode;
  }
  void stopSending(std::uint64_t id, std::uint64_t errorCode) override {
    if (!streams[id].stop) streams[id].stop = errorCode;
  }
  std::uint64_t peerMaxDatagramFrameSize() const override { return maxDatagram; }
  void closeApplication(std::uint64_t errorCode, std::string_view reason) override {
    if (!closed) closed.emplace(errorCode, reason);
  }

  // --- the peer
  void inject(std::uint64_t id, const ByteVector& bytes, bool fin = false) {
    open(id);
    Stream& stream = streams[id];
    stream.in.insert(stream.in.end(), bytes.begin(), bytes.end());
    stream.finIn = stream.finIn || fin;
    if (!stream.resetIn) events->onStreamReadable(id);
  }
  void injectReset(std::uint64_t id, std::uint64_t errorCode) {
    open(id);
    streams[id].resetIn = true;
    events->onStreamReset(id, errorCode);
  }
  void injectStop(std::uint64_t id, std::uint64_t errorCode) {
    open(id);
    streams[id].stopIn = errorCode;
    events->onStopSending(id, errorCode);
  }
  void closeFinished() {
    for (auto& [id, stream] : streams) {
      const bool mine = (id & 1) == (server_ ? 1U : 0U);
      const bool bidirectional = (id & 2) == 0;
      const bool sendDone = (!mine && !bidirectional) || stream.finCarried || stream.resetCarried;
      const bool receiveDone = (mine && !bidirectional) || stream.finRead || stream.resetIn;
      if (stream.closed || !sendDone || !receiveDone) continue;
      stream.closed = true;
      events->onStreamClosed(id);
    }
  }

  /// Brings to `to` at most `most` bytes of every stream. Whether something moved.
  bool carry(FakeTransport& to, std::size_t most) {
    bool moved = false;
    std::vector<std::uint64_t> ids;
    for (const auto& [id, stream] : streams) ids.push_back(id);
    for (const std::uint64_t id : ids) moved = carryOne(to, id, most) || moved;
    return moved;
  }

 private:
  void open(std::uint64_t id) {
    const bool peers = (id & 1) == (server_ ? 0U : 1U);
    if (!peers || streams.contains(id)) return;
    for (std::uint64_t lower = id & 3; lower <= id; lower += 4) {
      if (streams.contains(lower)) continue;
      streams[lower];
      events->onStreamOpened(lower);
    }
  }

  bool carryOne(FakeTransport& to, std::uint64_t id, std::size_t most) {
    Stream& stream = streams[id];
    bool moved = false;
    if (stream.stop && !stream.stopCarried) {
      stream.stopCarried = moved = true;
      to.injectStop(id, *stream.stop);
    }
    if (stream.reset && !stream.resetCarried) {
      stream.resetCarried = true;
      to.injectReset(id, *stream.reset);
      return true;
    }
    if (stream.reset) return moved;
    const std::size_t take = std::min(most, stream.written.size() - stream.carried);
    const bool fin = stream.finWritten && stream.carried + take == stream.written.size();
    if (take == 0 && (!fin || stream.finCarried)) return moved;
    const auto from = stream.written.begin() + static_cast<std::ptrdiff_t>(stream.carried);
    const ByteVector bytes(from, from + static_cast<std::ptrdiff_t>(take));
    stream.carried += take;
    stream.finCarried = fin;
    to.inject(id, bytes, fin);
    if (stream.shortWrite) {
      stream.shortWrite = false;
      events->onStreamWritable(id);
    }
    return true;
  }

  bool server_;
  std::uint64_t bidiOpened_ = 0;
  std::uint64_t uniOpened_ = 0;
};

/// Writes down what HTTP/3 says.
class Recorder : public Events {
 public:
  struct Request {
    Headers headers;
    unsigned status = 0;
    std::vector<unsigned> interim;
    ByteVector data;
    bool finished = false;
    bool closed = false;
    std::optional<std::uint64_t> failed;
    bool failedLocally = false;
    int writable = 0;
  };
  std::map<std::uint64_t, Request> requests;
  std::optional<Settings> settings;
  std::vector<std::uint64_t> goaways;

  void onSettings(const Settings& peer) override { settings = peer; }
  void onRequest(std::uint64_t id, const Headers& headers) override { requests[id].headers = headers; }
  void onResponse(std::uint64_t id, unsigned status, const Headers& headers) override {
    requests[id].status = status;
    requests[id].headers = headers;
  }
  void onInterimResponse(std::uint64_t id, unsigned status) override {
    requests[id].interim.push_back(status);
  }
  void onData(std::uint64_t id, std::span<std::uint8_t> bytes) override {
    requests[id].data.insert(requests[id].data.end(), bytes.begin(), bytes.end());
    // As the contract allows.
    std::fill(bytes.data() - 16, bytes.data() + bytes.size(), std::uint8_t{0xee});
  }
  void onFinished(std::uint64_t id) override { requests[id].finished = true; }
  void onRequestFailed(std::uint64_t id, std::uint64_t code, bool local, std::string_view) override {
    requests[id].failed = code;
    requests[id].failedLocally = local;
  }
  void onWritable(std::uint64_t id) override { ++requests[id].writable; }
  void onStreamClosed(std::uint64_t id) override { requests[id].closed = true; }
  void onGoaway(std::uint64_t id) override { goaways.push_back(id); }
};

/// One end whose peer is the test.
struct Lone {
  FakeTransport transport;
  Recorder events;
  Connection http;
  explicit Lone(bool server, const ConnectionConfig& config = {})
      : transport(server), http(transport, events, config) {
    transport.events = &http;
    http.start();
  }
  /// The peer's control stream, with its type and an empty SETTINGS frame.
  std::uint64_t control() const { return transport.isServer() ? 2 : 3; }
  void settings(const ByteVector& payload = {}) {
    transport.inject(control(), hex("00") + frame(0x04, payload));
  }
};

/// A client and a server.
struct Joined {
  FakeTransport client{false};
  FakeTransport server{true};
  Events& clientEvents;
  Events& serverEvents;
  Connection clientHttp;
  Connection serverHttp;
  Joined(Events& clientSide, Events& serverSide, const ConnectionConfig& clientConfig = {},
         const ConnectionConfig& serverConfig = {})
      : clientEvents(clientSide),
        serverEvents(serverSide),
        clientHttp(client, clientSide, clientConfig),
        serverHttp(server, serverSide, serverConfig) {
    client.events = &clientHttp;
    server.events = &serverHttp;
  }
  void start() {
    clientHttp.start();
    serverHttp.start();
    pump();
  }
  /// Until nothing moves any more; streams advance by at most `most` bytes at a time.
  void pump(std::size_t most = 1 << 20) {
    for (bool moved = true; moved;) {
      moved = server.carry(client, most);
      moved = client.carry(server, most) || moved;
      client.closeFinished();
      server.closeFinished();
    }
  }
};

}  // namespace mqvpn::http3::test
