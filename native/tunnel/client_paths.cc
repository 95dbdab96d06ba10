#include "tunnel/client_paths.h"

#include <algorithm>
#include <utility>

namespace mqvpn::tunnel {

using quic::ConnectionEvents;
using quic::TransportError;

namespace {

constexpr std::string_view kStateNames[] = {"down",   "connecting", "opening", "waiting",
                                            "active", "standby",    "silent"};

std::string inSeconds(quic::Duration time) {
  // Half seconds are all there is.
  std::string text = std::to_string(time / quic::kSecond);
  if (time % quic::kSecond != 0) text += ".5";
  return text + " s";
}

}  // namespace

ClientPaths::ClientPaths(const std::vector<ClientPath>& configured, EventSink& events) : events_(events) {
  for (const ClientPath& path : configured) {
    Slot& slot = slots_.emplace_back();
    slot.config = path;
    slot.cause = "not up yet";
  }
}

void ClientPaths::set(Slot& slot, State state, std::string cause, quic::Time now) {
  const bool news = slot.state != state || slot.cause != cause;
  if (slot.state != state) slot.since = now;
  slot.state = state;
  slot.cause = std::move(cause);
  if (!news) return;
  events_.onEvent(PathEvent{static_cast<std::uint32_t>(&slot - slots_.data()), slot.config.device,
                            std::string(kStateNames[static_cast<std::size_t>(state)]), slot.cause});
}

ClientPaths::Slot* ClientPaths::slotOfPath(std::uint32_t pathId) {
  const auto found =
      std::find_if(slots_.begin(), slots_.end(), [&](const Slot& slot) { return slot.pathId == pathId; });
  return found == slots_.end() ? nullptr : &*found;
}

// --- links

void ClientPaths::up(std::uint32_t index, const quic::NetworkPath& network, std::uint32_t maxUdpPayload,
                     quic::Time now) {
  Slot& slot = slots_[index];
  const bool wasUp = slot.up;
  slot.up = true;
  slot.network = network;
  slot.maxUdpPayload = maxUdpPayload;
  if (connection_ == nullptr) {
    if (!wasUp) slot.tried = false;
    if (!wasUp) set(slot, State::kWaiting, "", now);
    return;
  }
  if (slot.pathId) {
    // Its address changed: the path continues from the new one.
    connection_->setMaxUdpPayload(*slot.pathId, maxUdpPayload, now);
    connection_->migrate(*slot.pathId, network, now);
    return;
  }
  if (!wasUp) {
    slot.failures = 0;
    slot.retryAt = now;
    set(slot, State::kWaiting, "", now);
  }
  if (orphan_) moveOrphan(slot, now);
}

void ClientPaths::down(std::uint32_t index, std::string_view cause, quic::Time now) {
  Slot& slot = slots_[index];
  slot.up = false;
  slot.retryAt = quic::kNever;
  const std::optional<std::uint32_t> path = std::exchange(slot.pathId, std::nullopt);
  set(slot, State::kDown, std::string(cause), now);
  if (!path || connection_ == nullptr || connection_->isClosing()) return;
  // draft-ietf-quic-multipath-21 §3.4: over another path the peer learns at once that this one is gone.
  if (connection_->abandonPath(*path, TransportError::kPathUnstableOrPoor, now)) return;
  orphan_ = path;
  for (Slot& other : slots_)
    if (other.up && !other.pathId) return moveOrphan(other, now);
}

/// The connection's only path moves to another link, as a connection without multipath does (RFC 9000 §9):
/// data flows at once, and both ends validate the new address meanwhile.
void ClientPaths::moveOrphan(Slot& to, quic::Time now) {
  to.pathId = std::exchange(orphan_, std::nullopt);
  to.retryAt = quic::kNever;
  connection_->setMaxUdpPayload(*to.pathId, to.maxUdpPayload, now);
  connection_->migrate(*to.pathId, to.network, now);
  connection_->setBackup(*to.pathId, to.config.backup, now);
  set(to, working(to), "the connection moved here", now);
}

// --- the handshake

bool ClientPaths::hasCandidate() const {
  return std::any_of(slots_.begin(), slots_.end(), [](const Slot& slot) { return slot.up && !slot.tried; });
}

std::optional<std::uint32_t> ClientPaths::takeCandidate(quic::Time now) {
  // Backups last.
  for (const bool backup : {false, true})
    for (Slot& slot : slots_) {
      if (!slot.up || slot.tried || slot.config.backup != backup) continue;
      slot.tried = true;
      set(slot, State::kConnecting, "", now);
      return static_cast<std::uint32_t>(&slot - slots_.data());
    }
  return std::nullopt;
}

void ClientPaths::onAttemptOver(std::uint32_t index, std::string_view cause, quic::Time now) {
  Slot& slot = slots_[index];
  if (slot.up && connection_ == nullptr) set(slot, State::kWaiting, std::string(cause), now);
}

void ClientPaths::attach(quic::Connection& connection, std::uint32_t index, quic::Time now) {
  connection_ = &connection;
  blocked_ = false;
  for (Slot& slot : slots_) {
    slot.pathId.reset();
    if (&slot == &slots_[index]) continue;
    slot.retryAt = slot.up ? now : quic::kNever;
    if (slot.up) set(slot, State::kWaiting, "", now);
  }
  Slot& first = slots_[index];
  if (!first.up) {
    // It went down in this very moment.
    orphan_ = 0;
    for (Slot& other : slots_)
      if (other.up) return moveOrphan(other, now);
    return;
  }
  first.pathId = 0;
  if (first.config.backup) connection.setBackup(0, true, now);
  set(first, working(first), "", now);
}

// --- the connection's paths

void ClientPaths::onPathChanged(std::uint32_t pathId, ConnectionEvents::PathChange change, std::uint64_t code,
                                quic::Time now) {
  using Change = ConnectionEvents::PathChange;
  Slot* slot = slotOfPath(pathId);
  if (slot == nullptr) return;
  switch (change) {
    case Change::kOpened:
      break;
    case Change::kValidated:
      // Now there is a path that can tell that the old one is gone.
      if (orphan_ && connection_->abandonPath(*orphan_, TransportError::kPathUnstableOrPoor, now))
        orphan_.reset();
      [[fallthrough]];
    case Change::kRecovered:
      set(*slot, working(*slot), "", now);
      break;
    case Change::kSilent:
      set(*slot, State::kSilent, "nothing that is sent there is acknowledged; it is probed until it answers",
          now);
      break;
    case Change::kAbandoned:
      fail(*slot, "the server gave it up (" + std::to_string(code) + ")", now);
      break;
    case Change::kFailed:
      fail(*slot, "no answer over it", now);
      break;
  }
}

void ClientPaths::fail(Slot& slot, std::string cause, quic::Time now) {
  const bool wasStable =
      (slot.state == State::kActive || slot.state == State::kStandby) && now - slot.since >= kStableAfter;
  slot.failures = wasStable ? 0 : slot.failures;
  const quic::Duration wait = std::min(kFirstRetry << std::min(slot.failures, 10u), kMostRetry);
  ++slot.failures;
  slot.pathId.reset();
  slot.retryAt = now + wait;
  set(slot, State::kWaiting, std::move(cause) + "; next try in " + inSeconds(wait), now);
}

void ClientPaths::open(Slot& slot, quic::Time now) {
  const auto id = connection_->openPath(slot.network, now);
  if (!id) {
    blocked_ = true;
    return;
  }
  connection_->setMaxUdpPayload(*id, slot.maxUdpPayload, now);
  slot.pathId = *id;
  slot.retryAt = quic::kNever;
  if (slot.config.backup) connection_->setBackup(*id, true, now);
  if (slot.failures == 0) set(slot, State::kOpening, "", now);
}

void ClientPaths::service(quic::Time now) {
  if (connection_ == nullptr || blocked_ || !connection_->handshakeConfirmed() || connection_->isClosing())
    return;
  for (Slot& slot : slots_) {
    if (!slot.up || slot.pathId || slot.retryAt > now) continue;
    if (orphan_) {
      moveOrphan(slot, now);
      continue;
    }
    if (connection_->multipath() == quic::MultipathVersion::kNone) {
      slot.retryAt = quic::kNever;
      set(slot, State::kWaiting, "the server has no multipath: it is used when the other link fails", now);
      continue;
    }
    open(slot, now);
    if (blocked_) return;
  }
}

quic::Time ClientPaths::deadline() const {
  if (connection_ == nullptr || blocked_ || !connection_->handshakeConfirmed()) return quic::kNever;
  quic::Time at = quic::kNever;
  for (const Slot& slot : slots_)
    if (slot.up && !slot.pathId) at = std::min(at, slot.retryAt);
  return at;
}

// --- for people

std::vector<PathSlotStatus> ClientPaths::status(quic::Time now) const {
  std::vector<PathSlotStatus> all;
  for (const Slot& slot : slots_) {
    PathSlotStatus one;
    one.device = slot.config.device;
    one.backup = slot.config.backup;
    one.state = kStateNames[static_cast<std::size_t>(slot.state)];
    one.cause = slot.cause;
    one.since = slot.since == 0 ? 0 : now - slot.since;
    one.pathId = slot.pathId;
    all.push_back(std::move(one));
  }
  return all;
}

std::string ClientPaths::whyNoneIsUp() const {
  std::string why;
  for (const Slot& slot : slots_) {
    if (!why.empty()) why += "; ";
    why += (slot.config.device.empty() ? std::string("the network") : slot.config.device) + ": " + slot.cause;
  }
  return why;
}

}  // namespace mqvpn::tunnel
