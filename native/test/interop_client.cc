#include "interop_client.h"

#include <array>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <vector>

#include "http3/connection.h"
#include "interop_network.h"
#include "interop_say.h"
#include "io/clock.h"
#include "quic/endpoint.h"
#include "quic/random.h"
#include "tunnel/http_host.h"

namespace mqvpn::test {
namespace {

/// How long a ticket and a token are waited for after the last response.
constexpr quic::Duration kTicketWait = 2 * quic::kSecond;

std::vector<std::uint8_t> readFile(const std::string& name) {
  std::ifstream in(name, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

void writeFile(const std::string& name, quic::Bytes bytes) {
  std::ofstream(name, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

/// The requests, and what came of them.
class Downloads final : public http3::Events {
 public:
  explicit Downloads(const InteropOptions& options) : options_(options) {}
  void use(http3::Connection& http) { http_ = &http; }

  /// Sends what the peer's limit of streams allows.
  void sendMore() {
    while (sent_ < options_.requests) {
      const auto id = http_->sendRequest({{":method", "GET"},
                                          {":scheme", "https"},
                                          {":authority", options_.name},
                                          {":path", options_.path},
                                          {"user-agent", "mqvpn-interop-peer"}});
      if (!id) return;
      One& one = all_[*id];
      if (!options_.out.empty())
        one.file.open(sent_ == 0 ? options_.out : options_.out + "." + std::to_string(sent_),
                      std::ios::binary);
      ++sent_;
      http_->finish(*id);
    }
  }
  std::uint64_t bytes() const { return bytes_; }
  bool done() const { return failed_ > 0 || finished_ == options_.requests; }
  bool good() const { return failed_ == 0 && finished_ == options_.requests; }

  void onSettings(const http3::Settings& peer) override {
    say("settings", {{"h3Datagram", peer.h3Datagram}, {"extendedConnect", peer.enableConnectProtocol}});
  }
  void onRequest(std::uint64_t, const http3::Headers&) override {}
  void onResponse(std::uint64_t id, unsigned status, const http3::Headers&) override {
    all_[id].status = status;
  }
  void onData(std::uint64_t id, std::span<std::uint8_t> bytes) override {
    One& one = all_[id];
    one.bytes += bytes.size();
    bytes_ += bytes.size();
    if (one.file.is_open())
      one.file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }
  void onFinished(std::uint64_t id) override {
    One& one = all_[id];
    one.file.close();
    ++finished_;
    say("response", {{"stream", id}, {"status", one.status}, {"bytes", one.bytes}});
  }
  void onRequestFailed(std::uint64_t id, std::uint64_t code, bool local, std::string_view reason) override {
    ++failed_;
    say("request-failed", {{"stream", id}, {"code", code}, {"local", local}, {"reason", reason}});
  }

 private:
  struct One {
    unsigned status = 0;
    std::uint64_t bytes = 0;
    std::ofstream file;
  };
  const InteropOptions& options_;
  http3::Connection* http_ = nullptr;
  std::map<std::uint64_t, One> all_;
  unsigned sent_ = 0, finished_ = 0, failed_ = 0;
  std::uint64_t bytes_ = 0;
};

class Client final : public tunnel::HttpHost, public quic::EndpointEvents {
 public:
  explicit Client(const InteropOptions& options)
      : options_(options), downloads_(options), network_(!options.noOffload) {}

  int run();

  // Events of the connection that come before its object is known are made up for by run().
  void onReady(bool early) override {
    say("ready", {{"early", early}});
    isReady_ = true;
    if (http_ != nullptr) begin();
  }
  void onEarlyDataRejected() override {
    say("early-data-rejected");
    http_->onEarlyDataRejected();
  }
  void onHandshakeComplete() override {
    say("handshake", {{"resumed", connection_->resumed()},
                      {"earlyDataAccepted", connection_->earlyDataAccepted()},
                      {"retry", connection_->peerParameters().retrySourceConnectionId.has_value()}});
  }
  void onDatagram(std::span<std::uint8_t>, const quic::PacketId&, quic::Time) override {}
  void onMaxDatagramPayload(std::size_t) override {}
  void onClosed(const quic::CloseInfo& info) override {
    nlohmann::json json = describe(info);
    json["stats"] = describe(connection_->stats());
    say("closed", json);
    closed_ = true;
  }
  void onResumptionTicket(quic::Bytes ticket) override {
    if (!options_.ticket.empty()) writeFile(options_.ticket, ticket);
    hasTicket_ = true;
  }
  void onAddressToken(quic::Bytes token) override {
    if (!options_.token.empty()) writeFile(options_.token, token);
    hasToken_ = true;
  }

  // quic::EndpointEvents: a client accepts nothing.
  quic::ConnectionEvents& onConnection(const quic::NetworkPath&) override { return *this; }
  void onConnectionMade(quic::Connection&, quic::ConnectionEvents&) override {}
  void onConnectionGone(quic::Connection&, quic::ConnectionEvents&) override { connection_ = nullptr; }

 private:
  void begin() {
    http_->start();
    downloads_.sendMore();
  }
  io::SockAddr anyPort() const;
  void disturb();
  bool wantsMore(quic::Time now);

  const InteropOptions& options_;
  Downloads downloads_;
  InteropNetwork network_;
  quic::Connection* connection_ = nullptr;
  bool isReady_ = false, closed_ = false, hasTicket_ = false, hasToken_ = false;
  bool keysUpdated_ = false, rebound_ = false, migrated_ = false;
  quic::Time ticketUntil_ = 0;
};

io::SockAddr Client::anyPort() const {
  static constexpr std::array<std::uint8_t, 16> kAny{};
  return options_.address.family() == 4 ? io::SockAddr::ipv4(kAny.data(), 0)
                                        : io::SockAddr::ipv6(kAny.data(), 0);
}

/// What was asked to happen in the middle.
void Client::disturb() {
  const std::uint64_t bytes = downloads_.bytes();
  if (options_.keyUpdateAfter > 0 && !keysUpdated_ && bytes >= options_.keyUpdateAfter)
    keysUpdated_ = connection_->updateKeys(io::monotonicNs());
  if (options_.rebindAfter > 0 && !rebound_ && bytes >= options_.rebindAfter) {
    network_.replace(0, anyPort());
    rebound_ = true;
    say("rebound", {{"local", io::toString(network_.local(0))}});
    // A receiver of a download may have nothing to send, and then nobody hears of the new address.
    connection_->ping();
  }
  if (options_.migrateAfter > 0 && !migrated_ && bytes >= options_.migrateAfter &&
      connection_->handshakeConfirmed()) {
    migrated_ = true;
    quic::NetworkPath to = connection_->network();
    to.socket = network_.open(anyPort());
    say("migrated", {{"local", io::toString(network_.local(to.socket))}});
    connection_->migrate(0, to, io::monotonicNs());
  }
}

/// Whether something is still to come.
bool Client::wantsMore(quic::Time now) {
  if (!downloads_.done()) return true;
  if (!downloads_.good()) return false;
  const bool waits = (!options_.ticket.empty() && !hasTicket_) || (!options_.token.empty() && !hasToken_);
  // Until the handshake is confirmed the server may not have our Finished (a 0-RTT response is quick).
  if (connection_->handshakeConfirmed() && !waits) return false;
  if (ticketUntil_ == 0) ticketUntil_ = now + kTicketWait;
  return now < ticketUntil_;
}

int Client::run() {
  std::ofstream keys;
  tls::ClientConfig config;
  config.verify =
      options_.insecure ? tls::ClientConfig::Verify::kInsecure : tls::ClientConfig::Verify::kCaFile;
  config.caFile = options_.authority;
  config.priority = options_.priority;
  if (!options_.keylog.empty()) {
    keys.open(options_.keylog, std::ios::app);
    config.keyLog = [&keys](std::string_view line) { keys << line << std::endl; };
  }
  const tls::ClientContext tls(config);

  quic::EndpointSettings settings;
  settings.connection.handshakeTimeout = options_.handshakeTimeoutSeconds * quic::kSecond;
  settings.connection.congestion = options_.congestion;
  constexpr std::array<std::uint8_t, 32> unused{};
  quic::Endpoint endpoint(settings, nullptr, unused, quic::systemRandom(), *this);
  network_.open(anyPort());
  quic::ClientStart start;
  start.tls = &tls;
  start.serverName = options_.name;
  start.network.remote = fromSockAddr(options_.address);
  if (!options_.ticket.empty()) start.ticket = readFile(options_.ticket);
  if (!options_.token.empty()) start.token = readFile(options_.token);
  const quic::Time begun = io::monotonicNs();
  connection_ = &endpoint.connect(std::move(start), *this, std::make_unique<SayingTracer>(), begun);
  http_ = std::make_unique<http3::Connection>(*connection_, downloads_, http3::ConnectionConfig());
  downloads_.use(*http_);
  if (isReady_) begin();

  const quic::Time until = begun + options_.timeoutSeconds * quic::kSecond;
  constexpr quic::Duration kTurn = 10 * quic::kMillisecond;
  while (!closed_ && io::monotonicNs() < until && wantsMore(io::monotonicNs())) {
    network_.turn(endpoint, io::monotonicNs() + kTurn);
    if (closed_) break;
    downloads_.sendMore();
    disturb();
  }
  const bool timedOut = !closed_ && !downloads_.done();
  if (!closed_) {
    http_->close(http3::ErrorCode::kNoError, timedOut ? "timed out" : "done");
    network_.flush(endpoint);
  }
  say("done", {{"good", downloads_.good()},
               {"bytes", downloads_.bytes()},
               {"ticket", hasTicket_},
               {"token", hasToken_},
               {"timedOut", timedOut},
               {"milliseconds", (io::monotonicNs() - begun) / quic::kMillisecond}});
  return downloads_.good() ? 0 : 1;
}

}  // namespace

int runInteropClient(const InteropOptions& options) { return Client(options).run(); }

}  // namespace mqvpn::test
