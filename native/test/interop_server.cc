#include "interop_server.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <fstream>
#include <map>
#include <memory>
#include <vector>

#include "http3/connection.h"
#include "interop_body.h"
#include "interop_network.h"
#include "interop_say.h"
#include "io/clock.h"
#include "quic/endpoint.h"
#include "quic/random.h"
#include "tunnel/http_host.h"

namespace mqvpn::test {
namespace {

volatile std::sig_atomic_t stopped = 0;

/// How long a turn sleeps at most, so that a signal is seen.
constexpr quic::Duration kTurn = 100 * quic::kMillisecond;

/// Answers the requests of one connection.
class Replies final : public http3::Events {
 public:
  Replies(quic::Connection& connection, std::uint64_t defaultBody)
      : connection_(connection), defaultBody_(defaultBody) {}
  void use(http3::Connection& http) { http_ = &http; }

  void onSettings(const http3::Settings& peer) override {
    say("settings", {{"h3Datagram", peer.h3Datagram}, {"extendedConnect", peer.enableConnectProtocol}});
  }
  void onRequest(std::uint64_t id, const http3::Headers& headers) override {
    const std::string* path = http3::findHeader(headers, ":path");
    std::uint64_t size = defaultBody_;
    if (path != nullptr) std::from_chars(path->data() + 1, path->data() + path->size(), size);
    const std::string& method = *http3::findHeader(headers, ":method");
    say("request", {{"stream", id},
                    {"method", method},
                    {"path", path != nullptr ? *path : ""},
                    {"handshakeComplete", connection_.handshakeComplete()}});
    Body& body = bodies_[id];
    body.size = size;
    body.isEcho = method == "POST";
    if (!body.isEcho) respond(id, body);
  }
  void onResponse(std::uint64_t, unsigned, const http3::Headers&) override {}
  void onData(std::uint64_t id, std::span<std::uint8_t> bytes) override {
    std::vector<std::uint8_t>& echo = bodies_[id].echo;
    echo.insert(echo.end(), bytes.begin(), bytes.end());
  }
  void onFinished(std::uint64_t id) override {
    const auto found = bodies_.find(id);
    if (found == bodies_.end() || !found->second.isEcho) return;
    found->second.size = found->second.echo.size();
    say("received", {{"stream", id}, {"bytes", found->second.size}});
    respond(id, found->second);
  }
  void onRequestFailed(std::uint64_t id, std::uint64_t code, bool local, std::string_view reason) override {
    bodies_.erase(id);
    say("request-failed", {{"stream", id}, {"code", code}, {"local", local}, {"reason", reason}});
  }
  void onWritable(std::uint64_t id) override { pump(id); }

  /// Bytes of bodies that were written.
  std::uint64_t written() const { return written_; }

 private:
  struct Body {
    std::uint64_t sent = 0;
    std::uint64_t size = 0;
    /// POST: the response is what the request carried.
    bool isEcho = false;
    std::vector<std::uint8_t> echo;
  };

  void respond(std::uint64_t id, const Body& body) {
    http_->sendResponse(id, {{":status", "200"},
                             {"content-type", "application/octet-stream"},
                             {"content-length", std::to_string(body.size)}});
    pump(id);
  }

  void pump(std::uint64_t id) {
    const auto found = bodies_.find(id);
    if (found == bodies_.end()) return;
    Body& body = found->second;
    std::array<std::uint8_t, 16 * 1024> chunk;
    while (body.sent < body.size) {
      const std::size_t size = std::min<std::uint64_t>(chunk.size(), body.size - body.sent);
      fillBody(std::span(chunk).first(size), body.sent);
      const quic::Bytes next =
          body.isEcho ? quic::Bytes(body.echo).subspan(body.sent, size) : quic::Bytes(chunk).first(size);
      if (!http_->sendData(id, next)) return;
      body.sent += size;
      written_ += size;
    }
    http_->finish(id);
    bodies_.erase(found);
  }

  quic::Connection& connection_;
  const std::uint64_t defaultBody_;
  http3::Connection* http_ = nullptr;
  std::map<std::uint64_t, Body> bodies_;
  std::uint64_t written_ = 0;
};

/// One client.
class Visitor final : public tunnel::HttpHost {
 public:
  void attach(quic::Connection& connection, std::uint64_t defaultBody) {
    connection_ = &connection;
    replies_ = std::make_unique<Replies>(connection, defaultBody);
    http_ = std::make_unique<http3::Connection>(connection, *replies_, http3::ConnectionConfig());
    replies_->use(*http_);
  }

  void updateKeysAfter(std::uint64_t bytes) {
    if (!keysUpdated_ && replies_->written() >= bytes)
      keysUpdated_ = connection_->updateKeys(io::monotonicNs());
  }

  void onReady(bool) override { http_->start(); }
  void onHandshakeComplete() override {
    say("handshake", {{"resumed", connection_->resumed()},
                      {"earlyDataAccepted", connection_->earlyDataAccepted()},
                      {"remote", toString(connection_->network().remote)}});
  }
  void onDatagram(std::span<std::uint8_t>, const quic::PacketId&, quic::Time) override {}
  void onMaxDatagramPayload(std::size_t) override {}
  void onClosed(const quic::CloseInfo& info) override {
    nlohmann::json json = describe(info);
    json["stats"] = describe(connection_->stats());
    say("closed", json);
  }

 private:
  quic::Connection* connection_ = nullptr;
  std::unique_ptr<Replies> replies_;
  bool keysUpdated_ = false;
};

class Visitors final : public quic::EndpointEvents {
 public:
  explicit Visitors(std::uint64_t defaultBody) : defaultBody_(defaultBody) {}

  quic::ConnectionEvents& onConnection(const quic::NetworkPath& network) override {
    say("connection", {{"remote", toString(network.remote)}});
    auto made = std::make_unique<Visitor>();
    Visitor& visitor = *made;
    all_.emplace(&visitor, std::move(made));
    return visitor;
  }
  void onConnectionMade(quic::Connection& connection, quic::ConnectionEvents& events) override {
    static_cast<Visitor&>(events).attach(connection, defaultBody_);
  }
  void onConnectionGone(quic::Connection&, quic::ConnectionEvents& events) override { all_.erase(&events); }
  std::unique_ptr<quic::Tracer> makeTracer(const quic::ConnectionId&) override {
    return std::make_unique<SayingTracer>();
  }
  void updateKeysAfter(std::uint64_t bytes) {
    for (const auto& [events, visitor] : all_) visitor->updateKeysAfter(bytes);
  }

 private:
  const std::uint64_t defaultBody_;
  std::map<quic::ConnectionEvents*, std::unique_ptr<Visitor>> all_;
};

}  // namespace

int runInteropServer(const InteropOptions& options) {
  std::signal(SIGTERM, [](int) { stopped = 1; });
  std::signal(SIGINT, [](int) { stopped = 1; });
  std::ofstream keys;
  tls::ServerConfig config;
  config.certificateFile = options.certificate;
  config.keyFile = options.key;
  config.priority = options.priority;
  if (!options.keylog.empty()) {
    keys.open(options.keylog, std::ios::app);
    config.keyLog = [&keys](std::string_view line) { keys << line << std::endl; };
  }
  tls::ServerContext tls(config);

  quic::EndpointSettings settings;
  settings.connection.handshakeTimeout = options.handshakeTimeoutSeconds * quic::kSecond;
  settings.connection.congestion = options.congestion;
  settings.retry = options.retry ? quic::RetryPolicy::kAlways : quic::RetryPolicy::kWhenBusy;
  // Always the same: a server that was started again knows the connection IDs of the old one.
  constexpr std::array<std::uint8_t, 32> secret{1, 2, 3};
  Visitors visitors(options.body);
  quic::Endpoint endpoint(settings, &tls, secret, quic::systemRandom(), visitors);
  InteropNetwork network(!options.noOffload);
  const std::uint32_t socket = network.open(options.address);
  say("listening", {{"address", io::toString(network.local(socket))}});
  while (stopped == 0) {
    network.turn(endpoint, io::monotonicNs() + kTurn);
    if (options.keyUpdateAfter > 0) visitors.updateKeysAfter(options.keyUpdateAfter);
  }

  const quic::Endpoint::Stats& stats = endpoint.stats();
  say("stopped", {{"received", stats.received},
                  {"malformed", stats.malformed},
                  {"unknownId", stats.unknownId},
                  {"retries", stats.retries},
                  {"versionNegotiations", stats.versionNegotiations},
                  {"statelessResets", stats.statelessResets}});
  return 0;
}

}  // namespace mqvpn::test
