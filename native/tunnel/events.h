#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "connect_ip/address.h"
#include "connect_ip/refusal.h"
#include "quic/address.h"
#include "quic/time.h"

namespace mqvpn::tunnel {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarn, kError };

/// Never about single packets.
struct LogEvent {
  LogLevel level = LogLevel::kInfo;
  std::string message;
};

// --- server

struct ListeningEvent {
  quic::SocketAddress address;
  /// Hex SHA-256 of the certificate.
  std::string pin;
};
struct ClientConnectedEvent {
  std::uint64_t id = 0;
  std::string user;
  quic::SocketAddress remote;
  std::vector<connect_ip::Prefix> addresses;
  bool resumed = false;
};
struct ClientRefusedEvent {
  quic::SocketAddress remote;
  connect_ip::Refusal reason = connect_ip::Refusal::kNone;
};
struct ClientDisconnectedEvent {
  std::uint64_t id = 0;
  std::string user;
  quic::SocketAddress remote;
  /// As ClosedEvent's.
  std::string cause;
  std::string reason;
  double seconds = 0;
};

// --- client

struct StateEvent {
  enum class State : std::uint8_t { kConnecting, kHandshakeDone, kConnected, kClosed };
  State state = State::kConnecting;
};
/// Addresses and routes are known: the device can be set up.
struct ConnectedEvent {
  std::vector<connect_ip::Prefix> addresses;
  std::vector<connect_ip::IpRange> routes;
  /// The server's inner addresses with the length of their subnets; empty: it is not one of ours.
  std::vector<connect_ip::Prefix> network;
  std::uint32_t mtu = 0;
  bool resumed = false;
  bool earlyData = false;
  quic::Duration handshakeTime = 0;
  quic::Duration totalTime = 0;
};
/// The server changed what it had assigned or advertised.
struct ReconfiguredEvent {
  std::vector<connect_ip::Prefix> addresses;
  std::vector<connect_ip::IpRange> routes;
};
struct MtuEvent {
  std::uint32_t mtu = 0;
};
/// A link of the client changed its state.
struct PathEvent {
  /// Index in ClientSettings::paths.
  std::uint32_t slot = 0;
  std::string device;
  /// As PathSlotStatus's.
  std::string state;
  /// Why, and what happens next, for a person. May be empty.
  std::string cause;
};
struct ClosedEvent {
  /// "local", "peer", "idle", "handshake-timeout", "no-link", "stateless-reset", "version", "tls", "refused",
  /// "protocol".
  std::string cause;
  connect_ip::Refusal refusal = connect_ip::Refusal::kNone;
  std::uint64_t code = 0;
  /// For a person: what was wrong and what to do.
  std::string message;
  /// Trying again can help without anybody changing anything.
  bool retryable = false;
};
/// To be kept for the next connection, readable by its owner alone.
struct TicketEvent {
  std::vector<std::uint8_t> ticket;
  std::vector<std::uint8_t> httpSettings;
};
struct AddressTokenEvent {
  std::vector<std::uint8_t> token;
};

using Event = std::variant<LogEvent, ListeningEvent, ClientConnectedEvent, ClientRefusedEvent,
                           ClientDisconnectedEvent, StateEvent, ConnectedEvent, ReconfiguredEvent, MtuEvent,
                           PathEvent, ClosedEvent, TicketEvent, AddressTokenEvent>;

class EventSink {
 public:
  virtual ~EventSink() = default;
  /// From inside the engine's members; the engine must not be called back.
  virtual void onEvent(Event event) = 0;
};

}  // namespace mqvpn::tunnel
