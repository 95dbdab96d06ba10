#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connect_ip/address.h"
#include "quic/connection_settings.h"
#include "quic/endpoint.h"
#include "tunnel/fair_queue.h"
#include "tunnel/packet_pool.h"
#include "tunnel/scheduler.h"
#include "tunnel/user.h"

namespace mqvpn::tunnel {

/// What a connection that carries a tunnel starts from. A client with one link leaves multipath out.
inline quic::ConnectionSettings tunnelConnection() {
  quic::ConnectionSettings settings;
  // What is inside begins with ten packets per flow and has its own congestion control, for which RFC 9484
  // §10.1.2 lets a tunnel even switch its own off. A tunnel that began with ten packets for all flows
  // together would delay each flow's slow start until its delay-based exit (HyStart) ends it too early: four
  // TCP flows over 80 Mbit/s and 60 ms reached 50 Mbit/s after a second, not 76.
  settings.initialWindowPackets = 128;
  settings.multipath = quic::MultipathVersion::kDraft21;
  return settings;
}

/// What client and server engines have in common.
struct EngineSettings {
  quic::ConnectionSettings connection = tunnelConnection();
  SchedulerKind scheduler = SchedulerKind::kWlb;
  /// See Twins.
  bool twins = true;
  /// The most that the tunnel's MTU may become; 0: whatever the path carries. Never below kLeastMtu.
  std::uint32_t mtu = 0;
  PoolSizes pool;
  FairQueueLimits queue;
  /// Null: no qlog. Made per connection; `id` is its original destination connection ID, empty on a client.
  std::function<std::unique_ptr<quic::Tracer>(const quic::ConnectionId& id)> makeTracer;
};

/// One link that the client may use.
struct ClientPath {
  /// For messages and statistics; empty: whatever the kernel's routes say.
  std::string device;
  /// Carries nothing while one that is no backup works.
  bool backup = false;
};

struct ClientSettings {
  EngineSettings engine;
  /// At least one, in the order of preference for the handshake. Their indexes are the slots that
  /// ClientEngine speaks of.
  std::vector<ClientPath> paths = {ClientPath{}};
  /// Certificate name and SNI.
  std::string serverName;
  /// "host:port".
  std::string authority;
  /// Of `authorization: Bearer`.
  std::string key;
  bool wantV6 = true;
  /// Of `mqvpn-client`: this client has the same one at every connection; empty: it says nothing.
  std::string clientId;
  /// The IPv4 address that it had last, which it would like to have again.
  std::optional<connect_ip::IpAddress> lastAddress;
  /// What an earlier connection left; empty: nothing.
  std::vector<std::uint8_t> ticket;
  std::vector<std::uint8_t> httpSettings;
  std::vector<std::uint8_t> addressToken;
};

struct ServerSettings {
  EngineSettings engine;
  quic::RetryPolicy retry = quic::RetryPolicy::kWhenBusy;
  std::optional<connect_ip::Prefix> subnet4;
  std::optional<connect_ip::Prefix> subnet6;
  std::vector<User> users;
  std::uint32_t maxClients = 64;
  /// Whether clients may reach each other and the networks behind each other.
  bool clientToClient = true;
};

}  // namespace mqvpn::tunnel
