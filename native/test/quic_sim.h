#pragma once

// Two endpoints over simulated links, in virtual time, from a seed.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "quic/connection.h"
#include "quic/endpoint.h"
#include "tls/session.h"

namespace mqvpn::quic::test {

/// One direction of a link. Sizes are UDP payloads.
struct LinkModel {
  double bitsPerSecond = 100e6;
  Duration delay = 10 * kMillisecond;
  Duration jitter = 0;
  double loss = 0;
  double duplicate = 0;
  double reorder = 0;
  double corrupt = 0;
  std::size_t queueBytes = 256 * 1024;
  /// Larger datagrams vanish.
  std::size_t mtu = 65535;
  /// Everything vanishes from … to.
  Time deadFrom = kNever;
  Time deadUntil = kNever;
};

class SeededRandom final : public RandomSource {
 public:
  explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}
  void fill(std::span<std::uint8_t> out) override {
    for (std::uint8_t& byte : out) byte = static_cast<std::uint8_t>(engine_());
  }
  double uniform() { return std::uniform_real_distribution<double>(0, 1)(engine_); }
  bool chance(double probability) { return probability > 0 && uniform() < probability; }

 private:
  std::mt19937_64 engine_;
};

/// Watches every packet: no number twice in a space, which is what keeps nonces unique.
class NonceWatch final : public Tracer {
 public:
  void onPacketSent(const Packet& packet, Time) override;
  void onPacketReceived(const Packet& packet, Time) override;
  void onPacketDropped(std::size_t, std::string_view, Time) override {}
  void onMetrics(std::uint32_t, const PathSender&, Time) override {}
  void onKeyUpdated(std::uint64_t, bool, Time) override {}
  void onPathUpdated(std::uint32_t, std::string_view, Time) override {}
  void onClosed(const CloseInfo&, Time) override {}

  std::uint64_t violations = 0;
  bool sawHandshakePacket = false;
  /// May change the frames of a packet before it is sealed: garbage that is authentic.
  std::function<void(const Packet& packet, std::span<std::uint8_t> payload)> tamper;

 private:
  std::map<std::pair<int, std::uint32_t>, std::uint64_t> next_;
};

/// Streams that carry a pattern, datagrams that carry numbers; everything that arrives is checked.
class App final : public ConnectionEvents, public DatagramSource {
 public:
  explicit App(bool echo) : echo_(echo) {}

  // what to do
  std::uint64_t streamsToOpen = 0;
  std::uint64_t bytesPerStream = 0;
  std::uint64_t datagramsToSend = 0;
  std::size_t datagramSize = 1000;

  // what happened
  Connection* connection = nullptr;
  bool ready = false, readyEarly = false, complete = false, earlyRejected = false;
  std::optional<CloseInfo> closed;
  std::uint64_t streamsFinished = 0;
  std::uint64_t bytesReceived = 0;
  std::uint64_t wrongBytes = 0;
  std::uint64_t datagramsReceived = 0, datagramsDuplicated = 0, datagramsWrong = 0, datagramsLost = 0,
                datagramsAcked = 0;
  std::size_t maxDatagram = 0;
  std::vector<std::uint8_t> ticket;
  std::vector<std::uint8_t> token;
  Time readyAt = 0, completeAt = 0, firstByteAt = 0;
  std::uint64_t queued = 0;
  const Time* clock = nullptr;

  void onReady(bool early) override;
  void onEarlyDataRejected() override { earlyRejected = true; }
  void onHandshakeComplete() override {
    complete = true;
    completeAt = *clock;
  }
  void onDatagram(std::span<std::uint8_t> payload, const PacketId& origin, Time) override;
  /// Which packets brought the first thousand.
  std::vector<PacketId> origins;
  void onDatagramAcked(std::uint64_t) override { ++datagramsAcked; }
  void onDatagramLost(std::uint64_t) override { ++datagramsLost; }
  void onMaxDatagramPayload(std::size_t bytes) override { maxDatagram = bytes; }
  void onClosed(const CloseInfo& info) override { closed = info; }
  void onResumptionTicket(Bytes bytes) override { ticket.assign(bytes.begin(), bytes.end()); }
  void onAddressToken(Bytes bytes) override { token.assign(bytes.begin(), bytes.end()); }
  void onStreamOpened(std::uint64_t) override {}
  void onStreamReadable(std::uint64_t id) override;
  void onStreamWritable(std::uint64_t id) override { pump(id); }
  void onStreamReset(std::uint64_t, std::uint64_t) override { ++resets; }
  void onStopSending(std::uint64_t, std::uint64_t) override {}
  void onStreamClosed(std::uint64_t) override {}
  void onStreamsAvailable(bool) override { openMore(); }

  bool hasDatagram() const override { return datagramsSent < datagramsToSend && ready; }
  std::size_t nextSize(std::uint32_t, std::size_t most, Time) override;
  void onDatagramStranded(std::uint64_t tag) override { stranded.push_back(tag); }
  std::vector<std::uint64_t> stranded;
  void write(std::uint8_t* out, const PacketId&, std::uint64_t& tag) override;

  void onPathChanged(std::uint32_t id, PathChange change, std::uint64_t) override {
    changes.emplace_back(id, change);
    if (onChange) onChange(id, change);
  }
  std::function<void(std::uint32_t, PathChange)> onChange;
  void onPathsAvailable() override { ++pathsAvailable; }
  std::vector<std::pair<std::uint32_t, PathChange>> changes;
  std::uint64_t pathsAvailable = 0;

  std::uint64_t resets = 0;
  std::uint64_t datagramsSent = 0;

  static std::uint8_t pattern(std::uint64_t id, std::uint64_t offset) {
    return static_cast<std::uint8_t>((id * 131 + offset * 7 + (offset >> 8)) & 0xff);
  }

 private:
  struct Out {
    std::uint64_t written = 0;
    std::uint64_t total = 0;
    bool finished = false;
  };
  void openMore();
  void pump(std::uint64_t id);

  bool echo_;
  std::uint64_t opened_ = 0;
  std::map<std::uint64_t, Out> out_;
  std::map<std::uint64_t, std::uint64_t> in_;
  std::set<std::uint64_t> seen_;
};

/// Another link, for another path: reached by the client through socket 1, 2, …
struct ExtraLink {
  LinkModel up, down;
  SocketAddress clientAddress;
  Time busyUntil[2] = {0, 0};
};

struct SimOptions {
  std::uint64_t seed = 1;
  LinkModel up, down;
  ConnectionSettings client, server;
  RetryPolicy retry = RetryPolicy::kOff;
  std::vector<std::uint8_t> ticket, token;
  std::string serverName = "vpn.example";
};

class Sim final : public EndpointEvents {
 public:
  Sim(const SimOptions& options, tls::ServerContext& serverTls, const tls::ClientContext& clientTls);
  ~Sim() override;

  /// Creates the client's connection.
  void connect();
  /// Runs until the condition, or until virtual time `until`. True: the condition came.
  bool run(Time until, const std::function<bool()>& condition = {});

  Time now = 1000 * kSecond;
  App client{false};
  App server{true};
  /// Sees every datagram when it is sent, lost or not.
  std::function<void(bool toServer, Bytes datagram, const NetworkPath& path)> onSend;
  /// Applied to each connection that the server accepts, before its first event.
  std::function<void(App&)> onServerApp;
  SimOptions options;
  NonceWatch clientWatch;
  NonceWatch serverWatch;
  std::unique_ptr<Endpoint> clientEnd;
  std::unique_ptr<Endpoint> serverEnd;
  /// What the client's address looks like to the server: a NAT that rebinds changes it.
  SocketAddress clientAddress;
  SocketAddress serverAddress;
  std::vector<ExtraLink> extra;
  /// Adds a link with an address of its own; the socket's number.
  std::uint32_t addLink(const LinkModel& up, const LinkModel& down);
  NetworkPath through(std::uint32_t socket) const {
    NetworkPath network;
    network.socket = socket;
    network.remote = serverAddress;
    return network;
  }
  std::uint64_t events = 0;
  /// Bytes that the server sent, and got, before it had a packet that proves the client's address.
  std::uint64_t amplificationViolations = 0;
  bool serverGone = false;

  Connection* clientConnection() { return client.connection; }
  Connection* serverConnection() { return server.connection; }
  void dropServer();

 private:
  struct Arrival {
    Time at;
    std::uint64_t order;
    bool toServer;
    std::vector<std::uint8_t> bytes;
    NetworkPath path;
    Ecn ecn;
    bool operator>(const Arrival& other) const {
      return at != other.at ? at > other.at : order > other.order;
    }
  };
  ConnectionEvents& onConnection(const NetworkPath& network) override;
  void onConnectionMade(Connection& connection, ConnectionEvents& events) override;
  void onConnectionGone(Connection& connection, ConnectionEvents& events) override;
  std::unique_ptr<Tracer> makeTracer(const ConnectionId&) override;

  void flush(bool fromServer);
  void offer(bool toServer, Bytes datagram, Ecn ecn, const NetworkPath& path);
  void service();

  SeededRandom random_;
  SeededRandom clientRandom_;
  SeededRandom serverRandom_;
  const tls::ClientContext& clientTls_;
  tls::ServerContext& serverTls_;
  std::priority_queue<Arrival, std::vector<Arrival>, std::greater<>> arrivals_;
  std::uint64_t order_ = 0;
  Time busyUntil_[2] = {0, 0};
  std::vector<std::uint8_t> buffer_;
  std::uint64_t serverSent_ = 0, serverGot_ = 0;
};

/// One certificate for all simulations of a process.
tls::ServerContext& simServerTls();
const tls::ClientContext& simClientTls();

}  // namespace mqvpn::quic::test
