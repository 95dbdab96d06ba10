// Timers: loss detection, probes, idle, keep-alive, the end of closing (RFC 9002 §6, RFC 9000 §10).
#include <algorithm>

#include "quic/connection.h"

namespace mqvpn::quic {
namespace {

/// RFC 9002 §6.2.1: the back-off doubles; beyond this the exponent is of no use to anybody.
constexpr unsigned kMostBackOff = 10;
/// RFC 9002 §6.2.1 has the PTO double without end. On a link that was away for ten seconds the next probe
/// would then be due in ten more, with all that the user wants waiting for it. A probe each second harms
/// nobody: a keep-alive or a person who types sends as much.
constexpr Duration kMostPto = kSecond;

Duration backedOff(Duration pto, unsigned count) { return pto << std::min(count, kMostBackOff); }

}  // namespace

Duration Connection::maxAckDelay() const { return peer_.maxAckDelay * kMillisecond; }

Duration Connection::ptoOf(const Path& path) const { return path.sender.rtt().pto(maxAckDelay()); }

Duration Connection::largestPto() const {
  Duration pto = 0;
  for (const auto& path : paths_) pto = std::max(pto, ptoOf(*path));
  return pto;
}

Duration Connection::idleTimeout() const {
  // RFC 9000 §10.1: "Each endpoint advertises a max_idle_timeout, but the effective value at an endpoint is
  // computed as the minimum of the two advertised values", where 0 means none.
  const Duration own = settings_.idleTimeout;
  const Duration peer = peerKnown_ ? peer_.maxIdleTimeout * kMillisecond : 0;
  Duration idle = own == 0 ? peer : peer == 0 ? own : std::min(own, peer);
  if (idle == 0) return 0;
  // "To avoid excessively small idle timeout periods, endpoints MUST increase the idle timeout period to be
  // at least three times the current Probe Timeout (PTO)."
  return std::max(idle, 3 * largestPto());
}

void Connection::restartIdleTimer(bool received) {
  // RFC 9000 §10.1: "An endpoint restarts its idle timer when a packet from its peer is received and
  // processed successfully. An endpoint also restarts its idle timer when sending an ack-eliciting packet if
  // no other ack-eliciting packets have been sent since last receiving and processing a packet."
  if (!received && elicitedSinceReceive_) return;
  elicitedSinceReceive_ = !received;
  const Duration idle = idleTimeout();
  idleDeadline_ = idle == 0 ? kNever : now_ + idle;
  if (settings_.keepAlive > 0) keepAliveAt_ = now_ + settings_.keepAlive;
}

Connection::Pto Connection::nextPto() const {
  Pto best;
  const Path& first = *paths_.front();
  // RFC 9002 §A.8: nothing is armed while the server may not send.
  const bool blocked = first.amplification.room() < first.mtu.current();
  const Rtt& rtt = first.sender.rtt();
  bool anyInFlight = false;
  for (std::size_t i = 0; i < handshake_.size(); ++i) {
    const Space& space = handshake_[i];
    if (space.discarded || !space.sent.ackElicitingInFlight()) continue;
    anyInFlight = true;
    if (blocked) continue;
    const Time at = space.sent.lastAckElicitingSentAt() + backedOff(rtt.pto(0), first.sender.ptoCount());
    if (at < best.at)
      best = {at, i == 0 ? tls::Level::kInitial : tls::Level::kHandshake, paths_.front().get()};
  }
  for (const auto& path : paths_) {
    // A path that is being validated has a timer of its own.
    if (!path->sent.ackElicitingInFlight() || path->probingOnly || path->silentSince != kNever) continue;
    // RFC 9002 §6.2.1: "An endpoint MUST NOT set its PTO timer for the Application Data packet number space
    // until the handshake is confirmed." A rejected or lost 0-RTT packet is then found by the Handshake
    // level's probes.
    if (!handshakeConfirmed_ || path->amplification.room() < path->mtu.current()) continue;
    const Duration pto = ptoOf(*path);
    const Time at = path->sent.lastAckElicitingSentAt() +
                    std::min(backedOff(pto, path->sender.ptoCount()), std::max(pto, kMostPto));
    if (at < best.at) best = {at, tls::Level::kApplication, path.get()};
  }
  // RFC 9002 §6.2.2.1: "the client MUST set the PTO timer if the client has not received an acknowledgment
  // for any of its Handshake packets and the handshake is not confirmed [...], even if there are no packets
  // in flight." 0-RTT packets in flight, whose PTO is not armed, do not replace it.
  if (!anyInFlight && !isServer_ && !peerCompletedValidation_ && !handshakeConfirmed_ && best.at == kNever) {
    const bool haveHandshake = handshake_[1].send != nullptr;
    best = {lastProbeBase_ + backedOff(rtt.pto(0), first.sender.ptoCount()),
            haveHandshake ? tls::Level::kHandshake : tls::Level::kInitial, paths_.front().get()};
  }
  return best;
}

bool Connection::wantsToSend(const Path& path) const {
  if (hasPathFrames(path)) return true;
  return (!path.refused && hasDatagram() && mayCarryDatagrams(path)) ||
         (mayCarry(path) && hasConnectionFrames());
}

Time Connection::deadline() const {
  if (state_ == State::kFinished) return kNever;
  if (state_ != State::kOpen) return closeDeadline_;
  Time at = std::min({idleDeadline_, keepAliveAt_, handshakeDeadline_, discardEarlyAt_});
  for (const Space& space : handshake_) {
    if (!space.discarded) {
      at = std::min(at, space.sent.lossDeadline());
      if (space.send && paths_.front()->amplification.room() >= kMinInitialSize)
        at = std::min(at, space.received.ackDeadline());
    }
  }
  at = std::min(at, nextPto().at);
  for (const auto& path : paths_) {
    at = std::min(at, path->sent.lossDeadline());
    if (path->challenge) at = std::min({at, path->challenge->nextAt, path->challenge->abandonAt});
    // What may not be sent yet must not wake anybody: a datagram or an acknowledgement of the peer will.
    if (!keys_.canSend() || !path->remoteIds.any() || path->amplification.room() < path->mtu.current())
      continue;
    at = std::min({at, silenceDeadline(*path), path->silenceProbeAt});
    if (path->silentSince == kNever) at = std::min(at, path->received.ackDeadline());
    if (mayCarry(*path)) {
      for (const auto& closing : closing_) at = std::min(at, closing->received.ackDeadline());
      if (path->silentSince == kNever)
        for (const auto& silent : paths_)
          if (silent->silentSince != kNever) at = std::min(at, silent->received.ackDeadline());
    }
    const std::uint64_t room = path->sender.windowRoom();
    if (handshakeComplete_ && path->amplification.validated && !path->probingOnly) {
      const Time probeAt = path->mtu.deadline();
      const std::uint32_t size = probeAt == kNever ? 0 : path->mtu.probeDue(std::max(probeAt, now_));
      if (size > 0 && room >= size) at = std::min(at, probeAt);
    }
    // A path that waits for pacing alone.
    if (room >= path->mtu.current() && wantsToSend(*path))
      at = std::min(at, path->sender.pacingDeadline(now_));
  }
  for (const auto& path : closing_) at = std::min(at, path->forgetAt);
  return at;
}

void Connection::onTimeout(Time now) {
  now_ = now;
  if (state_ == State::kFinished) return;
  if (state_ != State::kOpen) {
    if (now >= closeDeadline_) state_ = State::kFinished;
    return;
  }
  // RFC 9000 §10.1: "the connection is silently closed".
  if (now >= idleDeadline_) {
    finish(
        {CloseInfo::Cause::kIdleTimeout, false, 0, "nothing was heard from the peer for the idle time-out"});
    return;
  }
  if (now >= handshakeDeadline_) {
    finish({CloseInfo::Cause::kHandshakeTimeout, false, 0,
            heardFromPeer_ ? "the handshake did not complete in time" : "no answer from the peer"});
    return;
  }
  if (now >= discardEarlyAt_) {
    early_.reset();
    discardEarlyAt_ = kNever;
  }
  if (now >= keepAliveAt_) {
    // As RFC 9000 §10.1.2 advises, a PING keeps the connection, and NATs on the way, from timing out.
    keepAliveAt_ = now + settings_.keepAlive;
    ping();
  }
  // A path whose validation failed leaves the list.
  for (std::size_t i = paths_.size(); i-- > 0;) {
    // The application may have given up others when it was told of one.
    if (i >= paths_.size()) continue;
    Path& path = *paths_[i];
    if (path.challenge && now >= std::min(path.challenge->nextAt, path.challenge->abandonAt))
      onChallengeTimer(path);
    if (isClosing()) return;
  }
  forgetPaths();
  onSilenceTimers();
  onLossTimers();
}

void Connection::onLossTimers() {
  bool found = false;
  for (Space& space : handshake_)
    if (!space.discarded && now_ >= space.sent.lossDeadline())
      found |= space.sent.detectLost(now_, primary().sender, *this);
  for (const auto& path : paths_) {
    if (now_ < path->sent.lossDeadline()) continue;
    found |= path->sent.detectLost(now_, path->sender, *this, settings_.ecn ? &path->ecn : nullptr);
    checkBlackHole(*path);
  }
  if (found) return;
  const Pto pto = nextPto();
  if (now_ >= pto.at) onPto(pto);
}

void Connection::onPto(const Pto& pto) {
  Path& path = *pto.path;
  path.sender.setPtoCount(path.sender.ptoCount() + 1);
  lastProbeBase_ = now_;
  if (pto.level == tls::Level::kApplication) {
    // RFC 9002 §6.2.4: "When a PTO timer expires, a sender MUST send at least one ack-eliciting packet in the
    // packet number space as a probe [...] A sender [...] MAY send up to two full-sized datagrams". "[...]
    // SHOULD carry new data [...] or retransmit".
    path.probes = 2;
    path.pingDue = true;
    repeatInFlight(path.sent);
    return;
  }
  // Both levels may have lost the flight; one datagram carries both.
  for (std::size_t i = 0; i < handshake_.size(); ++i) {
    Space& space = handshake_[i];
    if (space.discarded || !space.send) continue;
    if (!space.sent.ackElicitingInFlight() &&
        pto.level != (i == 0 ? tls::Level::kInitial : tls::Level::kHandshake))
      continue;
    space.probes = 1;
    repeatInFlight(space.sent);
  }
}

void Connection::repeatInFlight(SentPackets& sent) {
  // What is repeated is small: the crypto and control frames of a handshake, or a request. Datagrams are not
  // repeated.
  std::vector<SentFrame> frames;
  sent.forEachFrameInFlight([&](const SentFrame& frame) {
    const bool worthIt =
        frame.kind != SentFrame::Kind::kDatagram && frame.kind != SentFrame::Kind::kMtuProbe &&
        frame.kind != SentFrame::Kind::kPing && frame.kind != SentFrame::Kind::kAck &&
        frame.kind != SentFrame::Kind::kPathChallenge && frame.kind != SentFrame::Kind::kPathResponse;
    if (worthIt && frames.size() < 16) frames.push_back(frame);
  });
  for (const SentFrame& frame : frames) onFrameLost(frame);
}

}  // namespace mqvpn::quic
