// A client that speaks QUIC and HTTP/3 and does not keep to the rules behind them.
#include <doctest/doctest.h>

#include <cstring>
#include <deque>

#include "connect_ip/client_session.h"
#include "tls_support.h"
#include "tunnel/http_host.h"
#include "tunnel_sim.h"

using namespace mqvpn;
using namespace mqvpn::tunnel;
using namespace mqvpn::tunnel::test;
using connect_ip::Verdict;

namespace {

/// Sends what it is told, unchecked, straight to a server's engine: no links, no time.
class Rogue final : public HttpHost, public quic::EndpointEvents, public quic::DatagramSource {
 public:
  Rogue(Sim& sim, std::string key)
      : sim_(sim), key_(std::move(key)), tls_(tls::test::clientConfig()), http3_(*this), ip_(*this) {
    quic::EndpointSettings settings;
    const std::array<std::uint8_t, 32> secret{1};
    endpoint_ = std::make_unique<quic::Endpoint>(settings, nullptr, secret, sim.random, *this);
    quic::ClientStart start;
    start.tls = &tls_;
    start.serverName = "vpn.example";
    start.network.remote = sim.server->address();
    connection_ = &endpoint_->connect(std::move(start), *this, nullptr, sim.now());
    connection_->setDatagramSource(this);
    from_ = sim.server->address();
    from_.ip[3] = 200;
    exchange();
  }
  ~Rogue() override {
    session.reset();
    http_.reset();
  }

  void send(const Bytes& packet, std::uint8_t context = 0) {
    Bytes datagram{static_cast<std::uint8_t>(session->streamId() / 4), context};
    datagram.insert(datagram.end(), packet.begin(), packet.end());
    sendRaw(datagram);
  }
  void sendRaw(const Bytes& datagram) {
    waiting_.push_back(datagram);
    exchange();
  }
  /// Until neither has anything to say.
  void exchange() {
    Bytes memory(quic::SendBatch::kMostBytes);
    quic::SendBatch batch;
    batch.buffer = memory;
    std::uint64_t owner = 0;
    for (int round = 0; round < 50; ++round) {
      bool moved = false;
      while (connection_->produce(batch, sim_.now())) {
        moved = true;
        deliver(batch, [&](Bytes& one) {
          quic::NetworkPath path;
          path.remote = from_;
          sim_.server->engine().receive(one, path, batch.ecn, sim_.now());
        });
      }
      while (sim_.server->engine().produce(batch, owner, sim_.now())) {
        moved = true;
        deliver(batch, [&](Bytes& one) {
          quic::NetworkPath path;
          path.remote = sim_.server->address();
          connection_->receive(one, path, batch.ecn, sim_.now());
        });
      }
      if (!moved) break;
    }
    // Sets the timer of the server.
    sim_.server->flush();
  }

  std::unique_ptr<connect_ip::ClientSession> session;
  std::vector<Bytes> received;
  bool established = false;
  std::optional<quic::CloseInfo> closed;
  connect_ip::Refusal refusal = connect_ip::Refusal::kNone;
  http3::Connection& http() { return *http_; }

  // --- quic
  void onReady(bool) override {
    if (http_) return;
    http_ = std::make_unique<http3::Connection>(*connection_, http3_, http3::ConnectionConfig{});
    http_->start();
    request();
  }
  void request() {
    connect_ip::ClientConfig config;
    config.authority = "vpn.example";
    config.key = key_;
    session = std::make_unique<connect_ip::ClientSession>(*http_, ip_, config);
    session->start();
  }
  void onHandshakeComplete() override {}
  void onDatagram(std::span<std::uint8_t> payload, const quic::PacketId&, Time) override {
    if (const auto datagram = http_->onDatagram(payload)) {
      const auto packet = session->unwrap(datagram->payload);
      received.emplace_back(packet.begin(), packet.end());
    }
  }
  void onMaxDatagramPayload(std::size_t) override {}
  void onClosed(const quic::CloseInfo& info) override { closed = info; }
  quic::ConnectionEvents& onConnection(const quic::NetworkPath&) override { return *this; }
  void onConnectionMade(quic::Connection&, quic::ConnectionEvents&) override {}
  void onConnectionGone(quic::Connection&, quic::ConnectionEvents&) override {}
  bool hasDatagram() const override { return !waiting_.empty(); }
  std::size_t nextSize(std::uint32_t, std::size_t most, Time) override {
    return waiting_.empty() || waiting_.front().size() > most ? 0 : waiting_.front().size();
  }
  void write(std::uint8_t* out, const quic::PacketId&, std::uint64_t&) override {
    std::copy(waiting_.front().begin(), waiting_.front().end(), out);
    waiting_.pop_front();
  }

 private:
  struct Http3 final : http3::Events {
    explicit Http3(Rogue& owner) : rogue(owner) {}
    void onRequest(std::uint64_t, const http3::Headers&) override {}
    void onResponse(std::uint64_t, unsigned status, const http3::Headers& headers) override {
      rogue.session->onResponse(status, headers);
    }
    void onData(std::uint64_t, std::span<std::uint8_t> bytes) override { rogue.session->onData(bytes); }
    void onFinished(std::uint64_t) override { rogue.session->onFinished(); }
    void onRequestFailed(std::uint64_t, std::uint64_t code, bool local, std::string_view reason) override {
      rogue.session->onRequestFailed(code, local, reason);
    }
    Rogue& rogue;
  };
  struct Ip final : connect_ip::ClientEvents {
    explicit Ip(Rogue& owner) : rogue(owner) {}
    void onEstablished(const http3::Headers&) override { rogue.established = true; }
    void onRefused(connect_ip::Refusal refusal, unsigned, std::string_view) override {
      rogue.refusal = refusal;
    }
    void onAddresses(std::span<const connect_ip::Prefix>) override {}
    void onRoutes(std::span<const connect_ip::IpRange>) override {}
    void onAddressDenied(std::uint8_t) override {}
    void onPacket(std::span<std::uint8_t>) override {}
    void onEnded(std::uint64_t, bool, std::string_view) override {}
    Rogue& rogue;
  };

  template <typename Give>
  void deliver(const quic::SendBatch& batch, Give&& give) {
    for (std::size_t at = 0; at < batch.used; at += batch.segmentSize) {
      const auto bytes = batch.bytes().subspan(at, std::min(batch.segmentSize, batch.used - at));
      Bytes one(bytes.begin(), bytes.end());
      give(one);
    }
  }

  Sim& sim_;
  std::string key_;
  tls::ClientContext tls_;
  Http3 http3_;
  Ip ip_;
  quic::SocketAddress from_;
  std::deque<Bytes> waiting_;
  std::unique_ptr<quic::Endpoint> endpoint_;
  quic::Connection* connection_ = nullptr;
};

ConnectionStatus statusOf(Sim& sim) {
  const EngineStatus status = sim.server->vpn.status(sim.now());
  REQUIRE(status.connections.size() == 1);
  return status.connections.front();
}

constexpr std::uint32_t kOwn = kServerInner + 1;

}  // namespace

TEST_CASE("a server drops and counts what a client sends under a foreign source, and tells nobody") {
  Sim sim;
  Rogue rogue(sim, "secret");
  REQUIRE(rogue.established);
  rogue.send(udp4({.source = kOwn, .destination = kInternet}, 100, 1));
  REQUIRE(sim.server->received.size() == 1);
  for (const std::uint32_t source : {kServerInner, kOwn + 1, kInternet, 0u, 0x7f000001u}) {
    rogue.send(udp4({.source = source, .destination = kInternet}, 100));
    CHECK(sim.server->received.size() == 1);
  }
  const ConnectionStatus status = statusOf(sim);
  CHECK(status.tunnel.fromPeer.of(Verdict::kSource) + status.tunnel.fromPeer.of(Verdict::kMartian) == 5);
  CHECK(status.tunnel.fromPeer.of(Verdict::kForward) == 1);
  CHECK(rogue.received.empty());
}

TEST_CASE("link-local, multicast and loopback destinations of a client go nowhere") {
  Sim sim;
  Rogue rogue(sim, "secret");
  for (const std::uint32_t destination : {0xe0000001u, 0xa9fe0001u, 0x7f000001u, 0xffffffffu})
    rogue.send(udp4({.source = kOwn, .destination = destination}, 100));
  CHECK(sim.server->received.empty());
  CHECK(statusOf(sim).tunnel.fromPeer.dropped() == 4);
}

TEST_CASE("garbage in datagrams is counted, and the tunnel lives") {
  Sim sim;
  Rogue rogue(sim, "secret");
  SimRandom random(5);
  for (int i = 0; i < 300; ++i) {
    Bytes packet(1 + random.below(200));
    random.fill(packet);
    rogue.send(packet);
  }
  Bytes cut = udp4({.source = kOwn, .destination = kInternet}, 100);
  cut.resize(50);
  rogue.send(cut);
  rogue.send({});
  rogue.send(udp4({.source = kOwn, .destination = kInternet}, 100), 5);
  const ConnectionStatus status = statusOf(sim);
  CHECK(status.tunnel.fromPeer.of(Verdict::kMalformed) > 250);
  CHECK(status.state == "connected");
  const std::size_t before = sim.server->received.size();
  rogue.send(udp4({.source = kOwn, .destination = kInternet}, 100));
  CHECK(sim.server->received.size() == before + 1);
}

TEST_CASE("a datagram that is no HTTP datagram ends the connection with H3_DATAGRAM_ERROR") {
  Sim sim;
  Rogue rogue(sim, "secret");
  rogue.sendRaw({0x40});
  REQUIRE(rogue.closed);
  CHECK(rogue.closed->errorCode == http3::code(http3::ErrorCode::kDatagramError));
  REQUIRE(sim.server->event<ClientDisconnectedEvent>());
  CHECK(sim.server->event<ClientDisconnectedEvent>()->cause == "local");
}

TEST_CASE("a second tunnel in one connection is refused, and the first one lives") {
  Sim sim;
  Rogue rogue(sim, "secret");
  const auto first = std::move(rogue.session);
  rogue.established = false;
  rogue.request();
  rogue.exchange();
  CHECK_FALSE(rogue.established);
  CHECK(rogue.refusal == connect_ip::Refusal::kFull);
  CHECK(statusOf(sim).state == "connected");
  CHECK(sim.server->vpn.tunnels() == 1);
}

TEST_CASE("who guesses keys is put out after three, and his refusals are told") {
  Sim sim;
  Rogue rogue(sim, "guess");
  std::vector<std::unique_ptr<connect_ip::ClientSession>> old;
  for (int i = 0; i < 5 && !rogue.closed; ++i) {
    old.push_back(std::move(rogue.session));
    rogue.request();
    rogue.exchange();
  }
  CHECK(rogue.refusal == connect_ip::Refusal::kWrongKey);
  CHECK(rogue.closed);
  CHECK(sim.server->count<ClientRefusedEvent>() == 3);
}

TEST_CASE("a connection that asks for nothing is closed") {
  Sim sim;
  Rogue rogue(sim, "guess");
  REQUIRE(rogue.refusal == connect_ip::Refusal::kWrongKey);
  sim.run(10 * kSecond);
  CHECK(sim.server->vpn.connections() == 0);
}
