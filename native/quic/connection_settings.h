#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "quic/address.h"
#include "quic/congestion.h"
#include "quic/connection_id.h"
#include "quic/frames.h"
#include "quic/local_ids.h"
#include "quic/random.h"
#include "quic/streams.h"
#include "quic/time.h"
#include "quic/tracer.h"
#include "tls/session.h"

namespace mqvpn::quic {

/// What both roles choose; copied into each connection.
struct ConnectionSettings {
  StreamLimits streams;
  CongestionAlgorithm congestion = CongestionAlgorithm::kCubic;
  /// RFC 9002 §7.2 recommends 10.
  unsigned initialWindowPackets = 10;
  /// 0: none. The lower of both ends' counts (RFC 9000 §10.1).
  Duration idleTimeout = 120 * kSecond;
  /// A PING after so long without a packet from the peer; 0: none.
  Duration keepAlive = 0;
  Duration handshakeTimeout = 10 * kSecond;
  /// The largest UDP payload that local interfaces carry; discovery goes no further.
  std::uint32_t maxUdpPayload = 1472;
  bool discoverMtu = true;
  bool ecn = true;
  /// RFC 9221 §3; 0: no DATAGRAM frames.
  std::uint64_t maxDatagramFrameSize = 65535;
  std::uint64_t activeConnectionIdLimit = 4;
  /// Server: a session ticket is sent when the handshake is complete; else when sendTicket() is called, so
  /// that only clients that the application knows can offer 0-RTT and so fill the replay filter.
  bool autoTicket = true;
  /// Reserved transport parameters, versions, skipped packet numbers. Tests that count packets switch it off.
  bool grease = true;
  /// Offered to the peer (and accepted from it).
  MultipathVersion multipath = MultipathVersion::kNone;
  /// Beside draft 21: a peer that speaks draft 10 alone gets that.
  bool acceptDraft10 = false;
  std::uint32_t initialMaxPathId = 8;
};

struct ClientStart {
  const tls::ClientContext* tls = nullptr;
  std::string serverName;
  NetworkPath network;
  /// Of an earlier connection (ConnectionEvents); empty: none.
  std::vector<std::uint8_t> ticket;
  std::vector<std::uint8_t> token;
};

struct ServerStart {
  tls::ServerContext* tls = nullptr;
  NetworkPath network;
  /// Of the client's Initial packet: keys of the Initial level are made of it.
  ConnectionId destination;
  /// What the client calls itself.
  ConnectionId source;
  /// The first Destination Connection ID of all: before a Retry, if there was one.
  ConnectionId originalDestination;
  std::optional<ConnectionId> retrySource;
  /// By a token (RFC 9000 §8.1).
  bool addressIsValidated = false;
  /// For NEW_TOKEN once the handshake is done; empty: none.
  std::vector<std::uint8_t> newToken;
};

/// What a connection is given to live in. All of it outlives the connection.
struct ConnectionHost {
  IdRegistry& ids;
  RandomSource& random;
  Tracer* tracer = nullptr;
};

}  // namespace mqvpn::quic
