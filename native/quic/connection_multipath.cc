// Several paths: path IDs, their connection IDs, opening, status and giving up
// (draft-ietf-quic-multipath-21).
#include <algorithm>

#include "quic/connection.h"
#include "quic/packet_build.h"

namespace mqvpn::quic {
namespace {

/// Connection IDs issued for each path ID that is not in use: one to open it with, one for a NAT that rebinds
/// on the way.
constexpr std::size_t kSpareIds = 2;
/// While so many PATH_ABANDON frames wait, a peer that keeps abandoning is granted no more path IDs.
constexpr std::size_t kMostAbandonsDue = 64;
/// How long a path that was given up is remembered while the peer has not answered: it may not know, and its
/// packets must not be taken for those of an unknown connection.
constexpr Duration kAwaitAbandon = 600 * kSecond;

}  // namespace

void Connection::startMultipath() {
  // §2: "If either of the endpoints does not advertise the initial_max_path_id transport parameter, then both
  // endpoints MUST NOT use any frame or mechanism defined in this document."
  const auto begin = [&](MultipathVersion version, std::uint64_t own, std::uint64_t peer) {
    multipath_ = version;
    pathIds_.start(static_cast<std::uint32_t>(own),
                   static_cast<std::uint32_t>(std::min<std::uint64_t>(peer, UINT32_MAX)));
  };
  if (own_.initialMaxPathId && peer_.initialMaxPathId)
    begin(MultipathVersion::kDraft21, *own_.initialMaxPathId, *peer_.initialMaxPathId);
  else if (own_.initialMaxPathIdDraft10 && peer_.initialMaxPathIdDraft10)
    begin(MultipathVersion::kDraft10, *own_.initialMaxPathIdDraft10, *peer_.initialMaxPathIdDraft10);
}

void Connection::issueSpareIds() {
  // §3.2.1: "it is RECOMMENDED to proactively issue at least one Connection ID for each unused path ID up to
  // the minimum of the peer's and the local maximum path ID limits."
  if (multipath_ == MultipathVersion::kNone || !handshakeConfirmed_) return;
  const std::size_t wanted = std::min<std::size_t>(kSpareIds, peer_.activeConnectionIdLimit);
  for (std::uint32_t id = pathIds_.firstAlive(); id <= pathIds_.maximum(); ++id) {
    if (pathIds_.isGone(id) || findPath(id) != nullptr) continue;
    auto& spare = spares_.try_emplace(id, settings_.activeConnectionIdLimit).first->second;
    while (spare.localIds.active() < wanted) {
      StatelessResetToken token;
      const ConnectionId issued = host_.ids.issue(*this, token);
      spare.localIds.add(issued, token, true);
    }
  }
}

LocalIds* Connection::localIdsOf(std::uint32_t id) {
  if (Path* path = findPath(id)) return &path->localIds;
  const auto spare = spares_.find(id);
  return spare == spares_.end() ? nullptr : &spare->second.localIds;
}

RemoteIds* Connection::remoteIdsOf(std::uint32_t id) {
  if (Path* path = findPath(id)) return &path->remoteIds;
  const auto spare = spares_.find(id);
  return spare == spares_.end() ? nullptr : &spare->second.remoteIds;
}

std::optional<std::uint32_t> Connection::spareOfLocalId(const ConnectionId& id) const {
  // §3: "this extension only enables clients to open a new path".
  if (!isServer_ || multipath_ == MultipathVersion::kNone) return std::nullopt;
  for (const auto& [pathId, spare] : spares_)
    if (spare.localIds.contains(id)) return pathId;
  return std::nullopt;
}

Path& Connection::addPath(std::uint32_t id, const NetworkPath& network) {
  auto path = std::make_unique<Path>(
      id, network, CongestionChoice(settings_.congestion, settings_.initialWindowPackets),
      largestMtu(settings_.maxUdpPayload), settings_.activeConnectionIdLimit, now_);
  if (const auto spare = spares_.find(id); spare != spares_.end()) {
    path->localIds = std::move(spare->second.localIds);
    path->remoteIds = std::move(spare->second.remoteIds);
    path->peerWantsBackup = spare->second.peerWantsBackup;
    path->peerStatusSequence = spare->second.statusSequence;
    path->peerStatusKnown = spare->second.statusKnown;
    spares_.erase(spare);
  }
  path->sender.setMaxAckDelay(maxAckDelay());
  path->lastReceivedAt = now_;
  path->probingOnly = true;
  // A client answers for its own address; a server learns of the client's by the datagram that opened the
  // path.
  path->amplification.validated = !isServer_;
  path->amplification.received = datagramSize_;
  if (settings_.grease) path->skipAt = host_.random.below(512) + 128;
  Path& added = *path;
  paths_.push_back(std::move(path));
  std::sort(paths_.begin(), paths_.end(), [](const auto& a, const auto& b) { return a->id < b->id; });
  if (added.remoteIds.any()) {
    beginChallenge(added);
  } else {
    // The client's connection IDs for this path travel over another one, and have been overtaken. Nothing can
    // be sent until they are here.
    beginChallenge(added);
    added.challenge->due = false;
    added.challenge->nextAt = kNever;
  }
  if (host_.tracer) host_.tracer->onPathUpdated(id, "opened", now_);
  if (isServer_) events_.onPathChanged(id, ConnectionEvents::PathChange::kOpened, 0);
  return added;
}

std::optional<std::uint32_t> Connection::openPath(const NetworkPath& network, Time now) {
  now_ = now;
  if (isServer_ || multipath_ == MultipathVersion::kNone || !handshakeConfirmed_ || isClosing())
    return std::nullopt;
  for (const auto& [id, spare] : spares_) {
    if (!isOpenable(id, spare)) continue;
    wantsPath_ = false;
    const std::uint32_t chosen = id;
    addPath(chosen, network);
    return chosen;
  }
  // §4.7: "A sender can send a PATHS_BLOCKED frame when it wishes to open a path but is unable to do so due
  // to the maximum path ID limit set by its peer."
  const bool limited = std::none_of(spares_.begin(), spares_.end(),
                                    [&](const auto& entry) { return entry.first <= pathIds_.maximum(); });
  if (!wantsPath_ && limited) pathsBlockedDue_ = true;
  wantsPath_ = true;
  return std::nullopt;
}

bool Connection::abandonPath(std::uint32_t pathId, TransportError code, Time now) {
  now_ = now;
  Path* path = findPath(pathId);
  const bool hasOther = std::any_of(paths_.begin(), paths_.end(),
                                    [&](const auto& one) { return one.get() != path && !one->probingOnly; });
  if (path == nullptr || !hasOther || isClosing()) return false;
  retirePath(*path, static_cast<std::uint64_t>(code));
  return true;
}

void Connection::retirePath(Path& path, std::uint64_t code, bool byPeer) {
  // §3.4: "Endpoints that send a PATH_ABANDON frame MUST treat all connection IDs received from the peer for
  // the path ID indicated in the PATH_ABANDON as immediately retired, and subsequently cannot send any packet
  // on that path anymore." Receiving goes on for three PTOs.
  if (paths_.size() == 1) {
    // "If a PATH_ABANDON frame is received for the only open path of a QUIC connection, the receiving peer
    // SHOULD send a CONNECTION_CLOSE frame": over this path, since there is no other.
    closeWithError({TransportError::kNoViablePath, "the last path was given up"}, 0);
    return;
  }
  const auto found =
      std::find_if(paths_.begin(), paths_.end(), [&](const auto& one) { return one.get() == &path; });
  if (found == paths_.end()) return;
  // §3.4: "knowledge of the connection IDs issued to the peer and of the state of the number space associated
  // to the path SHOULD be retained for 3 PTO after the PATH_ABANDON frame has been received."
  path.forgetAt = now_ + (byPeer ? 3 * std::max(ptoOf(path), ptoOf(primary())) : kAwaitAbandon);
  path.challenge.reset();
  path.answers.clear();
  path.remoteIds = RemoteIds(0);
  closing_.push_back(std::move(*found));
  paths_.erase(found);
  if (closing_.size() > kMostClosing) closing_[closing_.size() - 1 - kMostClosing]->forgetAt = now_;
  strandDatagrams(path);
  path.sent.loseAll(path.sender, *this);
  abandonsDue_.push_back({path.id, code});
  pathIds_.setGone(path.id);
  grantPathIds();
  if (host_.tracer) host_.tracer->onPathUpdated(path.id, "abandoned", now_);
  updateMaxDatagramPayload();
}

void Connection::grantPathIds() {
  if (abandonsDue_.size() > kMostAbandonsDue || !pathIds_.grantMore()) return;
  maxPathIdDue_ = true;
  issueSpareIds();
}

void Connection::forgetPaths() {
  std::erase_if(closing_, [&](const auto& path) {
    if (now_ < path->forgetAt) return false;
    for (const auto& entry : path->localIds.entries()) host_.ids.retire(entry.id);
    return true;
  });
}

void Connection::setBackup(std::uint32_t pathId, bool backup, Time now) {
  now_ = now;
  Path* path = findPath(pathId);
  if (path == nullptr || multipath_ == MultipathVersion::kNone || path->backup == backup) return;
  path->backup = backup;
  ++path->ownStatusSequence;
  path->statusDue = true;
}

// --- frames of the peer

Error Connection::checkPathId(std::uint32_t id) const {
  // §4: "Receipt of multipath-specific frames that use a path ID that is greater than the announced Maximum
  // Paths value [...] MUST be treated as a connection error of type PROTOCOL_VIOLATION."
  if (id <= pathIds_.ownMaximum()) return {};
  return {TransportError::kProtocolViolation, "a path ID above the maximum that was granted"};
}

Error Connection::onNewConnectionId(const NewConnectionIdFrame& frame) {
  const std::uint32_t id = frame.pathId.value_or(0);
  if (frame.pathId)
    if (const Error error = checkPathId(id)) return error;
  // §4: "with a path ID that it cannot process anymore (e.g., because the path might have been abandoned), it
  // MUST silently ignore".
  if (pathIds_.isGone(id)) return {};
  if (Path* path = findPath(id)) {
    const bool waited = !path->remoteIds.any();
    if (const Error error = path->remoteIds.onNewConnectionId(frame)) return error;
    if (waited && path->remoteIds.any() && path->probingOnly) beginChallenge(*path);
    return {};
  }
  if (!frame.pathId) return {};
  auto& spare = spares_.try_emplace(id, settings_.activeConnectionIdLimit).first->second;
  if (const Error error = spare.remoteIds.onNewConnectionId(frame)) return error;
  tellOpenable(id);
  return {};
}

/// §3.1.1: "it has to check whether there is an unused connection ID for the same unused path ID available
/// for each side". Ours is, once the peer has acknowledged it: a first packet on a faster path overtakes it
/// otherwise, and there are peers that close the connection then.
bool Connection::isOpenable(std::uint32_t id, const SparePath& spare) const {
  return id <= pathIds_.maximum() && spare.remoteIds.any() && spare.localIds.anyAcknowledged();
}

void Connection::tellOpenable(std::uint32_t id) {
  const auto spare = spares_.find(id);
  if (!wantsPath_ || spare == spares_.end() || !isOpenable(id, spare->second)) return;
  wantsPath_ = false;
  events_.onPathsAvailable();
}

Error Connection::onRetireConnectionId(const RetireConnectionIdFrame& frame, const ConnectionId& usedBy) {
  const std::uint32_t id = frame.pathId.value_or(0);
  if (frame.pathId)
    if (const Error error = checkPathId(id)) return error;
  LocalIds* ids = localIdsOf(id);
  if (ids == nullptr) return {};
  std::optional<ConnectionId> retired;
  if (const Error error = ids->retire(frame.sequence, usedBy, retired)) return error;
  if (!retired) return {};
  host_.ids.retire(*retired);
  if (Path* path = findPath(id))
    issueIds(*path);
  else
    issueSpareIds();
  return {};
}

Error Connection::onPathAbandon(const PathAbandonFrame& frame) {
  if (const Error error = checkPathId(frame.pathId)) return error;
  if (pathIds_.isGone(frame.pathId)) {
    for (const auto& path : closing_)
      if (path->id == frame.pathId)
        path->forgetAt = std::min(path->forgetAt, now_ + 3 * std::max(ptoOf(*path), ptoOf(primary())));
    return {};
  }
  if (Path* path = findPath(frame.pathId)) {
    // §3.4: "When an endpoint receives a PATH_ABANDON frame, it MUST send a corresponding PATH_ABANDON frame,
    // if it has not already done so".
    retirePath(*path, static_cast<std::uint64_t>(TransportError::kNoError), true);
    if (!isClosing())
      events_.onPathChanged(frame.pathId, ConnectionEvents::PathChange::kAbandoned, frame.errorCode);
    return {};
  }
  // One that was never opened.
  if (const auto spare = spares_.find(frame.pathId); spare != spares_.end()) {
    for (const auto& entry : spare->second.localIds.entries()) host_.ids.retire(entry.id);
    spares_.erase(spare);
  }
  abandonsDue_.push_back({frame.pathId, static_cast<std::uint64_t>(TransportError::kNoError)});
  pathIds_.setGone(frame.pathId);
  grantPathIds();
  return {};
}

Error Connection::onPathStatus(const PathStatusFrame& frame) {
  if (const Error error = checkPathId(frame.pathId)) return error;
  // §4.3: "A peer MUST ignore an incoming [...] frame if it previously received another [...] with a Path
  // Status sequence number equal to or higher".
  if (Path* path = findPath(frame.pathId)) {
    if (path->peerStatusKnown && frame.sequence <= path->peerStatusSequence) return {};
    path->peerStatusKnown = true;
    path->peerStatusSequence = frame.sequence;
    path->peerWantsBackup = !frame.available;
  } else if (const auto spare = spares_.find(frame.pathId); spare != spares_.end()) {
    if (spare->second.statusKnown && frame.sequence <= spare->second.statusSequence) return {};
    spare->second.statusKnown = true;
    spare->second.statusSequence = frame.sequence;
    spare->second.peerWantsBackup = !frame.available;
  }
  return {};
}

Error Connection::onMaxPathId(const MaxPathIdFrame& frame) {
  // §4.6: "The Maximum Path Identifier value MUST NOT be lower than the value advertised in the
  // initial_max_path_id transport parameter."
  const std::uint64_t initial = multipath_ == MultipathVersion::kDraft10
                                    ? peer_.initialMaxPathIdDraft10.value_or(0)
                                    : peer_.initialMaxPathId.value_or(0);
  if (frame.maximum < initial)
    return {TransportError::kProtocolViolation, "MAX_PATH_ID below the peer's own initial_max_path_id"};
  if (!pathIds_.onMaxPathId(frame.maximum)) return {};
  issueSpareIds();
  return {};
}

Error Connection::onPathsBlocked(const PathsBlockedFrame& frame) {
  if (const Error error = checkPathId(frame.maximum)) return error;
  // What is granted follows what is used up; the grant may have been lost on a path that died.
  if (frame.maximum < pathIds_.ownMaximum()) maxPathIdDue_ = true;
  return {};
}

Error Connection::onPathCidsBlocked(const PathCidsBlockedFrame& frame) {
  if (const Error error = checkPathId(frame.pathId)) return error;
  const LocalIds* ids = localIdsOf(frame.pathId);
  // §4.7: "Receipt of a value of Next Sequence Number that is higher than the sequence number of the next
  // expected to be issued connection ID for this path MUST be treated as a connection error of type
  // PROTOCOL_VIOLATION."
  if (ids != nullptr && frame.nextSequence > ids->nextSequence())
    return {TransportError::kProtocolViolation, "PATH_CIDS_BLOCKED beyond what was issued"};
  return {};
}

// --- frames to the peer

bool Connection::hasIdFrames() const {
  const auto waits = [](const auto& one) {
    return one.localIds.hasPending() || one.remoteIds.hasPendingRetirements();
  };
  return std::any_of(paths_.begin(), paths_.end(), [&](const auto& path) { return waits(*path); }) ||
         std::any_of(spares_.begin(), spares_.end(), [&](const auto& entry) { return waits(entry.second); });
}

void Connection::writeIdFrames(Writer& out, Build& build) {
  const auto write = [&](std::uint32_t id, LocalIds& local, RemoteIds& remote) {
    const auto pathId = multipath_ == MultipathVersion::kNone ? std::nullopt : std::optional(id);
    SentFrame frame;
    frame.path = id;
    for (const auto& entry : local.entries()) {
      if (!entry.pending) continue;
      if (build.full() ||
          !writeFrame(out, NewConnectionIdFrame{pathId, entry.sequence, 0, entry.id, entry.token},
                      multipath_))
        return;
      frame.kind = SentFrame::Kind::kNewConnectionId;
      frame.id = entry.sequence;
      build.add(frame);
      local.find(entry.sequence)->pending = false;
    }
    while (remote.hasPendingRetirements()) {
      frame.kind = SentFrame::Kind::kRetireConnectionId;
      frame.id = remote.nextRetirement();
      if (build.full() || !writeFrame(out, RetireConnectionIdFrame{pathId, frame.id}, multipath_)) return;
      build.add(frame);
      remote.retirementSent();
    }
  };
  for (const auto& path : paths_) write(path->id, path->localIds, path->remoteIds);
  for (auto& [id, spare] : spares_) write(id, spare.localIds, spare.remoteIds);
}

bool Connection::hasMultipathFrames() const {
  return !abandonsDue_.empty() || maxPathIdDue_ || pathsBlockedDue_ ||
         std::any_of(paths_.begin(), paths_.end(), [](const auto& path) { return path->statusDue; });
}

void Connection::writeMultipathFrames(Writer& out, Build& build) {
  const auto add = [&](const Frame& frame, SentFrame::Kind kind, std::uint32_t path, std::uint64_t id) {
    if (build.full() || !writeFrame(out, frame, multipath_)) return false;
    SentFrame sent;
    sent.kind = kind;
    sent.path = path;
    sent.id = id;
    build.add(sent);
    return true;
  };
  while (!abandonsDue_.empty() && add(abandonsDue_.back(), SentFrame::Kind::kPathAbandon,
                                      abandonsDue_.back().pathId, abandonsDue_.back().errorCode))
    abandonsDue_.pop_back();
  grantPathIds();
  if (maxPathIdDue_ && add(MaxPathIdFrame{pathIds_.ownMaximum()}, SentFrame::Kind::kMaxPathId, 0, 0))
    maxPathIdDue_ = false;
  // Draft 10 has no such frame: then there is nothing to say.
  if (pathsBlockedDue_ &&
      (multipath_ == MultipathVersion::kDraft10 ||
       add(PathsBlockedFrame{pathIds_.peerMaximum()}, SentFrame::Kind::kPathsBlocked, 0, 0)))
    pathsBlockedDue_ = false;
  for (const auto& path : paths_)
    if (path->statusDue && add(PathStatusFrame{path->id, path->ownStatusSequence, !path->backup},
                               SentFrame::Kind::kPathStatus, path->id, path->ownStatusSequence))
      path->statusDue = false;
}

}  // namespace mqvpn::quic
