#pragma once

// A server and many clients, joined by simulated links, in virtual time, from a seed. Behind the server's TUN
// device stands a kernel that routes between clients, and the internet, which echoes.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <queue>
#include <random>
#include <string>
#include <vector>

#include "tls/session.h"
#include "tunnel/client_engine.h"
#include "tunnel/server_client.h"
#include "tunnel/server_engine.h"
#include "tunnel/timer_heap.h"
#include "tunnel_packets.h"

namespace mqvpn::tunnel::test {

using quic::Duration;
using quic::kMicrosecond;
using quic::kMillisecond;
using quic::kNever;
using quic::kSecond;
using quic::Time;

class SimRandom final : public quic::RandomSource {
 public:
  explicit SimRandom(std::uint64_t seed) : engine_(seed) {}
  void fill(std::span<std::uint8_t> out) override {
    for (std::uint8_t& byte : out) byte = static_cast<std::uint8_t>(engine_());
  }
  double uniform() { return std::uniform_real_distribution<double>(0, 1)(engine_); }

 private:
  std::mt19937_64 engine_;
};

/// One direction. Sizes are UDP payloads.
struct Link {
  double bitsPerSecond = 100e6;
  Duration delay = 10 * kMillisecond;
  double loss = 0;
  std::size_t queueBytes = 256 << 10;
  std::size_t mtu = 1472;
  bool dead = false;
  Time freeAt = 0;
};

class Sim;

/// One host with a TUN device and an engine.
class Host : public TunSink, public EventSink, public TimerNode {
 public:
  Host(Sim& sim, quic::SocketAddress address) : sim_(sim), address_(address) {}

  /// A packet that the kernel routes into the TUN device.
  void send(const Bytes& packet);
  /// A super-packet.
  void send(const VnetHeader& header, const Bytes& packet);
  /// Sends what the engine has, and sets the timer.
  void flush();

  void write(std::span<const std::uint8_t> packet, ChecksumState checksum) override;
  void onEvent(Event event) override { events.push_back(std::move(event)); }

  template <typename Kind>
  const Kind* event() const {
    for (const Event& one : events)
      if (const Kind* found = std::get_if<Kind>(&one)) return found;
    return nullptr;
  }
  template <typename Kind>
  std::size_t count() const {
    std::size_t n = 0;
    for (const Event& one : events) n += std::holds_alternative<Kind>(one);
    return n;
  }

  std::vector<Event> events;
  /// Packets that reached the kernel, newest last; what `onPacket` takes is not kept.
  std::vector<Bytes> received;
  std::function<bool(std::span<const std::uint8_t> packet)> onPacket;
  virtual Engine& engine() = 0;
  const quic::SocketAddress& address() const { return address_; }
  /// The host, or the NAT in front of it, gets another address.
  void moveTo(quic::SocketAddress address);

 protected:
  friend class Sim;
  Sim& sim_;
  quic::SocketAddress address_;
};

/// A client's link beyond its first.
struct ClientLink {
  Link up, down;
  quic::SocketAddress address;
};

class Client final : public Host {
 public:
  Client(Sim& sim, quic::SocketAddress address, ClientSettings settings, const tls::ClientContext& tls);
  Engine& engine() override { return vpn; }
  /// Begins with all links that are not set as down.
  void start();
  /// One more link, before start(); its slot and socket. ClientSettings::paths has as many.
  std::uint32_t addLink(const Link& up, const Link& down);
  /// What the operating system says of a link. (Whether packets pass is another matter.)
  void linkUp(std::uint32_t slot);
  void linkDown(std::uint32_t slot, std::string_view cause = "no carrier");
  Link& upOf(std::uint32_t slot) { return slot == 0 ? up : extra[slot - 1].up; }
  Link& downOf(std::uint32_t slot) { return slot == 0 ? down : extra[slot - 1].down; }
  /// Its inner IPv4 address.
  std::uint32_t inner() const;

  Link up, down;
  std::vector<ClientLink> extra;
  std::vector<bool> isDown;
  ClientEngine vpn;
};

class Server final : public Host {
 public:
  Server(Sim& sim, quic::SocketAddress address, ServerSettings settings, tls::ServerContext& tls);
  Engine& engine() override { return vpn; }

  ServerEngine vpn;
};

struct SimOptions {
  std::uint64_t seed = 1;
  std::string subnet4 = "10.0.0.0/24";
  std::string subnet6 = "fd00::/112";
  std::uint32_t maxClients = 64;
  quic::RetryPolicy retry = quic::RetryPolicy::kOff;
  PoolSizes pool{4096, 64};
  quic::CongestionAlgorithm congestion = quic::CongestionAlgorithm::kCubic;
  std::uint64_t serverDatagramFrameSize = 65535;
  Duration idleTimeout = 120 * kSecond;
  /// Of the server.
  quic::MultipathVersion multipath = quic::MultipathVersion::kDraft21;
  /// Of both ends.
  bool twins = true;
  bool clientToClient = true;
};

class Sim {
 public:
  explicit Sim(const SimOptions& options = {});
  ~Sim();

  Client& addClient(const std::string& key = "secret",
                    const std::function<void(ClientSettings&)>& change = {});
  /// Makes a client with its start and waits until it is connected. Fails the test when it is not.
  Client& connect(const std::string& key = "secret", const std::function<void(ClientSettings&)>& change = {});
  Time now() const { return now_; }
  void run(Duration time);
  /// False: it did not come true within that time.
  bool runUntil(const std::function<bool()>& condition, Duration within);
  /// Calls `what` at that time.
  void at(Time time, std::function<void()> what);
  /// A ping of the client to an inner or outer address; the time of the answer, nothing: none came.
  std::optional<Duration> ping(Client& client, std::uint32_t destination, std::size_t size = 64,
                               Duration within = 2 * kSecond);

  SimRandom random;
  std::unique_ptr<Server> server;
  std::vector<std::unique_ptr<Client>> clients;
  std::uint64_t steps = 0;

 private:
  friend class Host;
  struct Arrival {
    Time at;
    std::uint64_t order;
    Host* to;
    quic::NetworkPath network;
    quic::Ecn ecn;
    Bytes bytes;
    std::function<void()> action;
    bool operator<(const Arrival& other) const {
      return at != other.at ? at > other.at : order > other.order;
    }
  };

  void transmit(Host& from, const quic::SendBatch& batch);
  void routeAtServer(std::span<const std::uint8_t> packet);

  SimOptions options_;
  Time now_ = kSecond;
  std::uint64_t order_ = 0;
  std::priority_queue<Arrival> queue_;
  TimerHeap<Host> timers_;
  std::unique_ptr<tls::ServerContext> serverTls_;
  std::unique_ptr<tls::ClientContext> clientTls_;
  Bytes batchBuffer_;
};

constexpr std::uint32_t kServerInner = 0x0a000001;  // 10.0.0.1
constexpr std::uint32_t kInternet = 0xcb007109;     // 203.0.113.9

}  // namespace mqvpn::tunnel::test
