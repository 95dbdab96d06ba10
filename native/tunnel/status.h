#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connect_ip/address.h"
#include "quic/connection.h"
#include "quic/endpoint.h"
#include "tunnel/fair_queue.h"
#include "tunnel/tunnel.h"

namespace mqvpn::tunnel {

/// One link that a client is to use, whether it is in use or not.
struct PathSlotStatus {
  std::string device;
  bool backup = false;
  /// "down": the link is (no carrier, no address, no route), "connecting": the handshake is tried over it,
  /// "opening": it is being validated, "waiting": it was refused or gave no answer, and is tried again later,
  /// "active", "standby": a backup that is not needed, "silent": it stopped to answer and is probed.
  std::string_view state;
  /// Why it is not active, for a person; else empty.
  std::string cause;
  /// How long it has been so.
  quic::Duration since = 0;
  /// Of the connection's path that it carries, if there is one: an id in ConnectionStats::paths.
  std::optional<std::uint32_t> pathId;
};

/// One connection, as plain data that can cross threads.
struct ConnectionStatus {
  std::uint64_t id = 0;
  std::string user;
  quic::SocketAddress remote;
  /// "connecting", "handshake-done", "connected", "closed".
  std::string_view state;
  std::vector<connect_ip::Prefix> addresses;
  quic::Duration uptime = 0;
  std::size_t mtu = 0;
  std::uint64_t queueBytes = 0, queuePackets = 0;
  std::size_t memoryBytes = 0;
  TunnelCounters tunnel;
  FairQueue::Counters queue;
  quic::ConnectionStats quic;
  /// A client's, by slot.
  std::vector<PathSlotStatus> slots;
};

struct EngineStatus {
  quic::Duration uptime = 0;
  std::vector<ConnectionStatus> connections;
  quic::Endpoint::Stats endpoint;
  /// Packets from the TUN device that no connection was found for, that were malformed, or for which no
  /// memory was free.
  std::uint64_t unknownDestination = 0, malformed = 0, noBuffer = 0;
};

ConnectionStatus describe(const Tunnel& tunnel, const quic::Connection* connection);

}  // namespace mqvpn::tunnel
