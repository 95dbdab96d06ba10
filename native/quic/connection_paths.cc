// Connection IDs, the fate of frames, and network paths that change (RFC 9000 §5.1, §8.2, §9).
#include <algorithm>

#include "quic/connection.h"
#include "tls/mac.h"

namespace mqvpn::quic {
namespace {

/// RFC 9000 §8.2.1: a challenge is repeated at the pace of probes, this often before the path counts as
/// unreachable (§8.2.4).
constexpr unsigned kMostChallenges = 6;
/// A server leaves it to the client how long a path is worth a try.
constexpr Duration kServerPatience = 60 * kSecond;

}  // namespace

Path* Connection::findPath(std::uint32_t id) {
  for (const auto& path : paths_)
    if (path->id == id) return path.get();
  return nullptr;
}

Path* Connection::pathOfLocalId(const ConnectionId& id) {
  for (const auto* list : {&paths_, &closing_})
    for (const auto& path : *list)
      if (path->localIds.contains(id)) return path.get();
  return nullptr;
}

void Connection::issueIds(Path& path) {
  if (!handshakeConfirmed_ && !handshakeComplete_) return;
  const std::size_t wanted =
      std::min<std::size_t>(peer_.activeConnectionIdLimit, settings_.activeConnectionIdLimit);
  while (path.localIds.active() < wanted) {
    StatelessResetToken token;
    const ConnectionId id = host_.ids.issue(*this, token);
    path.localIds.add(id, token, true);
  }
}

void Connection::onPeerMoved(Path& path, const NetworkPath& network, const ConnectionId& destination) {
  // RFC 9000 §9.3.2 protects the validated address: if the new one proves unreachable, the old one is
  // returned to.
  if (path.amplification.validated) {
    path.validatedBefore = path.network;
    // RFC 9000 §9.3.3: "In response to an apparent migration, endpoints MUST validate the previously active
    // path using a PATH_CHALLENGE frame. This induces the sending of new packets on that path": they lead
    // back, if somebody only forwarded a copy of a packet. Their answer itself is of no interest.
    PathAnswer question{{}, path.network, kMinInitialSize, true};
    host_.random.fill(question.data);
    if (path.answers.size() < PathAnswer::kMost) path.answers.push_back(question);
  }
  // What is on its way to the old address is as good as lost.
  if (paths_.size() > 1) strandDatagrams(path);
  const bool onlyPort = network.remote.sameHost(path.network.remote);
  const bool back = path.validatedBefore && *path.validatedBefore == network && !path.amplification.validated;
  path.network = network;
  path.challenge.reset();
  if (back) {
    path.amplification = {true, 0, 0};
    path.validatedBefore.reset();
  } else {
    path.amplification = {};
    // The datagram that told of the move.
    path.amplification.received = datagramSize_;
    beginChallenge(path);
  }
  // RFC 9000 §9.5: "An endpoint MUST NOT reuse a connection ID when sending to more than one destination
  // address", but a peer that was moved by a NAT keeps using the same, and so may we.
  if (destination != path.usedByPeer) path.remoteIds.rotate();
  // RFC 9000 §9.4: "On confirming a peer's ownership of its new address, an endpoint MUST immediately reset
  // the congestion controller and round-trip time estimator for the new path [...] unless the only change in
  // the peer's address is its port number."
  if (!onlyPort) {
    path.sender.restart(now_);
    path.mtu.restart(now_);
    path.ecn = {};
    updateMaxDatagramPayload();
  }
  if (host_.tracer) host_.tracer->onPathUpdated(path.id, "moved", now_);
}

void Connection::migrate(std::uint32_t pathId, const NetworkPath& network, Time now) {
  now_ = now;
  Path* path = findPath(pathId);
  // RFC 9000 §9: "An endpoint MUST NOT initiate connection migration before the handshake is confirmed".
  if (path == nullptr || isServer_) return;
  if (!handshakeConfirmed_) {
    path->network = network;
    return;
  }
  const bool onlyPort = network.socket == path->network.socket &&
                        network.local.sameHost(path->network.local) &&
                        network.remote.sameHost(path->network.remote);
  path->network = network;
  path->remoteIds.rotate();
  if (!onlyPort) {
    path->sender.restart(now);
    path->mtu.restart(now);
    path->ecn = {};
    updateMaxDatagramPayload();
  }
  // RFC 9000 §8.2: the client proves that the server is reachable from here; it does not wait for the proof.
  beginChallenge(*path);
  if (host_.tracer) host_.tracer->onPathUpdated(path->id, "migrated", now);
}

void Connection::beginChallenge(Path& path) {
  path.challenge.emplace();
  path.challenge->nextAt = now_ + ptoOf(path);
  // RFC 9000 §8.2.4: "a value of three times the larger of the current PTO or the PTO for the new path (using
  // kInitialRtt [...]) is RECOMMENDED."
  path.challenge->abandonAt = now_ + 3 * std::max(ptoOf(path), 3 * Rtt::kInitial);
  if (isServer_ && path.probingOnly) path.challenge->abandonAt = now_ + kServerPatience;
}

void Connection::onPathResponse(const PathData& data) {
  for (const auto& path : paths_) {
    if (!path->challenge) continue;
    const auto& sent = path->challenge->sent;
    const auto found = std::find_if(sent.begin(), sent.end(), [&](const Challenge::Sent& one) {
      return tls::constantTimeEquals(one.data, data);
    });
    if (found == sent.end()) continue;
    // RFC 9000 §8.2.3: "Path validation succeeds when a PATH_RESPONSE frame is received that contains the
    // data that was sent in a previous PATH_CHALLENGE frame. A PATH_RESPONSE frame received on any network
    // path validates the path on which the PATH_CHALLENGE was sent."
    path->amplification.validated = true;
    if (!found->expanded) {
      // §8.2.1: "To ensure that the path MTU is large enough, the endpoint MUST perform a second path
      // validation by sending a PATH_CHALLENGE frame in a datagram of at least 1200 bytes."
      beginChallenge(*path);
      return;
    }
    path->challenge.reset();
    path->validatedBefore.reset();
    path->sender.setPtoCount(0);
    if (host_.tracer) host_.tracer->onPathUpdated(path->id, "validated", now_);
    if (path->probingOnly) {
      path->probingOnly = false;
      updateMaxDatagramPayload();
      events_.onPathChanged(path->id, ConnectionEvents::PathChange::kValidated, 0);
    }
    return;
  }
}

void Connection::onChallengeTimer(Path& path) {
  Challenge& challenge = *path.challenge;
  if (now_ < challenge.abandonAt && challenge.attempts < kMostChallenges) {
    challenge.due = true;
    ++challenge.attempts;
    challenge.nextAt = now_ + (ptoOf(path) << challenge.attempts);
    return;
  }
  if (now_ < challenge.abandonAt) {
    challenge.nextAt = kNever;
    return;
  }
  if (path.probingOnly && paths_.size() == 1) {
    // There is no other path to go on with: rather than to give up, ask until the connection times out.
    beginChallenge(path);
    return;
  }
  path.challenge.reset();
  if (path.probingOnly) {
    // draft-ietf-quic-multipath-21 §3.1: "If validation fails, [...] the endpoint MUST explicitly close the
    // path".
    const std::uint32_t id = path.id;
    // §4.2.1, NO_CID_AVAILABLE_FOR_PATH: they did not come.
    retirePath(path,
               static_cast<std::uint64_t>(path.remoteIds.any() ? TransportError::kPathUnstableOrPoor
                                                               : TransportError::kNoCidAvailableForPath));
    if (!isClosing()) events_.onPathChanged(id, ConnectionEvents::PathChange::kFailed, 0);
    return;
  }
  if (isServer_ && path.validatedBefore) {
    // RFC 9000 §9.3.2: "If validation of the peer's address fails [...] an endpoint MUST revert to using the
    // last validated peer address".
    path.network = *path.validatedBefore;
    path.amplification = {true, 0, 0};
    path.validatedBefore.reset();
    path.pingDue = true;
    if (host_.tracer) host_.tracer->onPathUpdated(path.id, "reverted", now_);
  }
}

std::size_t Connection::datagramRoom(const Path& path) const {
  // Short header with the longest packet number, tag, and the type of a DATAGRAM frame without length.
  const std::size_t overhead = 1 + path.remoteIds.current().size() + 4 + tls::kTagSize + 1;
  const std::size_t mtu = path.mtu.current();
  const std::size_t room = mtu > overhead ? mtu - overhead : 0;
  // RFC 9221 §3: "The max_datagram_frame_size transport parameter is [...] the maximum size of a DATAGRAM
  // frame (including the frame type, length, and payload)". Most have a length.
  const std::uint64_t peer = peer_.maxDatagramFrameSize;
  const std::uint64_t around = 1 + varintSize(peer);
  return std::min<std::uint64_t>(room, peer > around ? peer - around : 0);
}

std::size_t Connection::maxDatagramPayload() const { return maxDatagramPayload_; }

void Connection::updateMaxDatagramPayload() {
  // The least of those whose size is known. One that is still being measured does not count while another can
  // carry: it would take the MTU of the tunnel down for a moment (see Rank::kSmall).
  std::size_t settled = SIZE_MAX, measuring = 0;
  for (const auto& path : paths_) {
    if (path->probingOnly) continue;
    const std::size_t room = datagramRoom(*path);
    if (path->mtu.searching())
      measuring = std::max(measuring, room);
    else
      settled = std::min(settled, room);
  }
  const std::size_t least = settled != SIZE_MAX ? settled : measuring;
  if (least == 0 || least == maxDatagramPayload_ || !readyTold_) return;
  maxDatagramPayload_ = least;
  events_.onMaxDatagramPayload(least);
}

void Connection::onTooBig(const NetworkPath& network, std::uint32_t size, Time now) {
  now_ = now;
  for (const auto& path : paths_) {
    if (path->network != network) continue;
    path->mtu.onTooBig(size, now);
    path->sender.onDatagramSize(path->mtu.current(), now);
  }
  updateMaxDatagramPayload();
}

void Connection::checkBlackHole(Path& path) {
  if (!path.sender.blackHoleFound()) return;
  path.mtu.onBlackHole(now_);
  path.sender.onDatagramSize(path.mtu.current(), now_);
  updateMaxDatagramPayload();
}

std::uint32_t Connection::largestMtu(std::uint32_t interface) const {
  if (!settings_.discoverMtu) return MtuDiscovery::kBase;
  const std::uint64_t peer = std::max<std::uint64_t>(peer_.maxUdpPayloadSize, MtuDiscovery::kBase);
  return static_cast<std::uint32_t>(std::min<std::uint64_t>({interface, peer, SendBatch::kMostBytes}));
}

void Connection::setMaxUdpPayload(std::uint32_t pathId, std::uint32_t bytes, Time now) {
  now_ = now;
  Path* path = findPath(pathId);
  if (path == nullptr) return;
  path->mtu.setMost(largestMtu(bytes), now);
  path->sender.onDatagramSize(path->mtu.current(), now);
  updateMaxDatagramPayload();
}

// --- the fate of frames

void Connection::onFrameAcked(const SentFrame& frame) {
  Path* path = findPath(frame.path);
  switch (frame.kind) {
    case SentFrame::Kind::kAck:
      if (path) path->received.onAckAcked(frame.id);
      break;
    case SentFrame::Kind::kCrypto: {
      const auto level = static_cast<tls::Level>(frame.path);
      CryptoStream& stream = level == tls::Level::kApplication ? appCrypto_
                             : level == tls::Level::kInitial   ? handshake_[0].crypto
                                                               : handshake_[1].crypto;
      stream.out().onAcked(frame.offset, frame.length);
      break;
    }
    case SentFrame::Kind::kNewConnectionId:
      if (LocalIds* ids = localIdsOf(frame.path)) ids->onFrameAcked(frame.id);
      tellOpenable(frame.path);
      break;
    case SentFrame::Kind::kDatagram:
      if (frame.id != 0) events_.onDatagramAcked(frame.id);
      break;
    case SentFrame::Kind::kMtuProbe:
      if (path) {
        path->mtu.onProbeAcked(frame.length, now_);
        path->sender.onDatagramSize(path->mtu.current(), now_);
        updateMaxDatagramPayload();
      }
      break;
    case SentFrame::Kind::kRetireConnectionId:
    case SentFrame::Kind::kNewToken:
    case SentFrame::Kind::kHandshakeDone:
    case SentFrame::Kind::kPing:
    case SentFrame::Kind::kPathChallenge:
    case SentFrame::Kind::kPathResponse:
    case SentFrame::Kind::kPathAbandon:
    case SentFrame::Kind::kPathStatus:
    case SentFrame::Kind::kMaxPathId:
    case SentFrame::Kind::kPathsBlocked:
    case SentFrame::Kind::kPathCidsBlocked:
      break;
    default:
      streams_.onFrameAcked(frame);
      break;
  }
}

void Connection::onFrameLost(const SentFrame& frame) {
  // RFC 9000 §13.3: what is sent again, and what is not.
  Path* path = findPath(frame.path);
  switch (frame.kind) {
    case SentFrame::Kind::kCrypto: {
      const auto level = static_cast<tls::Level>(frame.path);
      CryptoStream& stream = level == tls::Level::kApplication ? appCrypto_
                             : level == tls::Level::kInitial   ? handshake_[0].crypto
                                                               : handshake_[1].crypto;
      stream.out().onLost(frame.offset, frame.length);
      break;
    }
    case SentFrame::Kind::kNewConnectionId:
      if (LocalIds* ids = localIdsOf(frame.path)) ids->onFrameLost(frame.id);
      break;
    case SentFrame::Kind::kRetireConnectionId:
      if (RemoteIds* ids = remoteIdsOf(frame.path)) ids->retirementLost(frame.id);
      break;
    case SentFrame::Kind::kHandshakeDone:
      handshakeDoneDue_ = true;
      break;
    case SentFrame::Kind::kNewToken:
      newTokenDue_ = true;
      break;
    case SentFrame::Kind::kDatagram:
      ++counters_.datagramsLost;
      if (frame.id != 0) events_.onDatagramLost(frame.id);
      break;
    case SentFrame::Kind::kMtuProbe:
      if (path) path->mtu.onProbeLost(frame.length, now_);
      break;
    case SentFrame::Kind::kAck:
    case SentFrame::Kind::kPing:
    case SentFrame::Kind::kPathChallenge:
    case SentFrame::Kind::kPathResponse:
      break;
    case SentFrame::Kind::kPathAbandon:
      if (std::none_of(abandonsDue_.begin(), abandonsDue_.end(),
                       [&](const PathAbandonFrame& due) { return due.pathId == frame.path; }))
        abandonsDue_.push_back({frame.path, frame.id});
      break;
    case SentFrame::Kind::kPathStatus:
      // draft-ietf-quic-multipath-21 §4.3: resend "only if it contains the last status sent for that path".
      if (path && path->ownStatusSequence == frame.id) path->statusDue = true;
      break;
    case SentFrame::Kind::kMaxPathId:
      maxPathIdDue_ = true;
      break;
    case SentFrame::Kind::kPathsBlocked:
      pathsBlockedDue_ = wantsPath_;
      break;
    case SentFrame::Kind::kPathCidsBlocked:
      break;
    default:
      streams_.onFrameLost(frame);
      break;
  }
}

}  // namespace mqvpn::quic
