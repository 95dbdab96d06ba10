#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "quic/connection.h"
#include "tunnel/events.h"
#include "tunnel/settings.h"
#include "tunnel/status.h"

namespace mqvpn::tunnel {

/// The links of a client and the connection's paths over them. A link that is up gets a path as soon as the
/// connection allows; one that goes down loses it at once, and the peer is told over another one. What fails
/// is tried again, less and less often.
class ClientPaths {
 public:
  /// A path that gave no answer, or that the peer gave up, is tried again after so long, then twice as long,
  /// …
  static constexpr quic::Duration kFirstRetry = 500 * quic::kMillisecond;
  static constexpr quic::Duration kMostRetry = 30 * quic::kSecond;
  /// One that worked for so long has no past.
  static constexpr quic::Duration kStableAfter = 30 * quic::kSecond;

  /// `events` outlives this.
  ClientPaths(const std::vector<ClientPath>& configured, EventSink& events);

  void up(std::uint32_t slot, const quic::NetworkPath& network, std::uint32_t maxUdpPayload, quic::Time now);
  void down(std::uint32_t slot, std::string_view cause, quic::Time now);
  bool isUp(std::uint32_t slot) const { return slots_[slot].up; }
  std::uint32_t count() const { return static_cast<std::uint32_t>(slots_.size()); }
  const quic::NetworkPath& network(std::uint32_t slot) const { return slots_[slot].network; }
  std::uint32_t maxUdpPayload(std::uint32_t slot) const { return slots_[slot].maxUdpPayload; }
  /// The next link to try the handshake over, in the order of preference: up, and not marked. Marks it.
  std::optional<std::uint32_t> takeCandidate(quic::Time now);
  bool hasCandidate() const;
  /// The handshake over this link is over without a connection.
  void onAttemptOver(std::uint32_t slot, std::string_view cause, quic::Time now);

  /// The handshake is complete, over this link: it is path 0.
  void attach(quic::Connection& connection, std::uint32_t slot, quic::Time now);
  void detach() { connection_ = nullptr; }
  /// quic::ConnectionEvents.
  void onPathChanged(std::uint32_t pathId, quic::ConnectionEvents::PathChange change, std::uint64_t code,
                     quic::Time now);
  void onPathsAvailable() { blocked_ = false; }
  /// Opens what can be opened. After every call into the connection.
  void service(quic::Time now);
  /// When service() has something to do without another event, or kNever.
  quic::Time deadline() const;

  std::vector<PathSlotStatus> status(quic::Time now) const;
  /// Why none is up: "eth0: no carrier; wlan0: no address".
  std::string whyNoneIsUp() const;

 private:
  enum class State : std::uint8_t { kDown, kConnecting, kOpening, kWaiting, kActive, kStandby, kSilent };
  struct Slot {
    ClientPath config;
    bool up = false;
    /// The handshake is, or was, tried over it.
    bool tried = false;
    quic::NetworkPath network;
    std::uint32_t maxUdpPayload = 0;
    std::optional<std::uint32_t> pathId;
    State state = State::kDown;
    std::string cause;
    quic::Time since = 0;
    unsigned failures = 0;
    quic::Time retryAt = quic::kNever;
  };

  Slot* slotOfPath(std::uint32_t pathId);
  void set(Slot& slot, State state, std::string cause, quic::Time now);
  void open(Slot& slot, quic::Time now);
  void fail(Slot& slot, std::string cause, quic::Time now);
  State working(const Slot& slot) const { return slot.config.backup ? State::kStandby : State::kActive; }
  void moveOrphan(Slot& to, quic::Time now);

  std::vector<Slot> slots_;
  EventSink& events_;
  quic::Connection* connection_ = nullptr;
  /// The connection's only path, whose link went away: it continues over the next one that is up.
  std::optional<std::uint32_t> orphan_;
  /// No path ID is free; onPathsAvailable() will tell.
  bool blocked_ = false;
};

}  // namespace mqvpn::tunnel
