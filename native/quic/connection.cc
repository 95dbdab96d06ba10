#include "quic/connection.h"

#include <algorithm>
#include <utility>

namespace mqvpn::quic {
namespace {

/// Packet numbers left out now and then, so that a peer cannot acknowledge what it did not receive without
/// being found out (RFC 9000 §21.4). Rare enough to cost nothing.
constexpr std::uint64_t kSkipEvery = 512;
/// About what GnuTLS keeps for a session, which it does not tell.
constexpr std::size_t kTlsBytes = 6'400;

}  // namespace

std::unique_ptr<Connection> Connection::client(const ConnectionSettings& settings, const ConnectionHost& host,
                                               ClientStart start, ConnectionEvents& events, Time now) {
  std::unique_ptr<Connection> made(new Connection(settings, host, false, start.network, events, now));
  made->startClient(std::move(start), now);
  return made;
}

std::unique_ptr<Connection> Connection::server(const ConnectionSettings& settings, const ConnectionHost& host,
                                               ServerStart start, ConnectionEvents& events, Time now) {
  std::unique_ptr<Connection> made(new Connection(settings, host, true, start.network, events, now));
  made->startServer(std::move(start), now);
  return made;
}

Connection::Connection(const ConnectionSettings& settings, const ConnectionHost& host, bool isServer,
                       const NetworkPath& network, ConnectionEvents& events, Time now)
    : settings_(settings),
      host_(host),
      isServer_(isServer),
      events_(events),
      now_(now),
      streams_(isServer, settings.streams, events),
      lastProbeBase_(now) {
  paths_.push_back(
      std::make_unique<Path>(0, network, CongestionChoice(settings.congestion, settings.initialWindowPackets),
                             largestMtu(settings.maxUdpPayload), settings.activeConnectionIdLimit, now));
  primary().lastReceivedAt = now;
  if (settings.grease) primary().skipAt = host.random.below(kSkipEvery) + kSkipEvery / 4;
  handshakeDeadline_ = now + settings.handshakeTimeout;
  StatelessResetToken token;
  firstLocalId_ = host.ids.issue(*this, token);
  primary().localIds.add(firstLocalId_, token, false);
}

Connection::~Connection() {
  for (const auto* list : {&paths_, &closing_})
    for (const auto& path : *list)
      for (const auto& entry : path->localIds.entries()) host_.ids.retire(entry.id);
  for (const auto& [id, spare] : spares_)
    for (const auto& entry : spare.localIds.entries()) host_.ids.retire(entry.id);
}

void Connection::startClient(ClientStart start, Time now) {
  serverName_ = start.serverName;
  token_ = std::move(start.token);
  // RFC 9000 §7.2: "The Destination Connection ID field [...] MUST be populated [...] with an unpredictable
  // value. This [...] MUST be at least 8 bytes in length."
  std::array<std::uint8_t, 8> id;
  host_.random.fill(id);
  originalDestination_ = initialDestination_ = ConnectionId(id);
  primary().remoteIds.setFirst(initialDestination_, std::nullopt);
  // The client's own choice of address needs no proof.
  primary().amplification.validated = true;

  const auto secrets = tls::initialSecrets(initialDestination_.bytes());
  handshake_[0].send = std::make_unique<PacketKeys>(secrets.client);
  handshake_[0].receive = std::make_unique<PacketKeys>(secrets.server);

  own_ = ownParameters();
  std::optional<TransportParameters> remembered;
  const Bytes ticket = unwrapTicket(start.ticket, remembered);
  const auto encoded =
      encodeTransportParameters(own_, settings_.grease ? std::optional(host_.random.u64()) : std::nullopt);
  tls_ = tls::Session::client(*start.tls, serverName_, encoded, ticket, *this);
  inTls_ = true;
  const bool ok = tls_->start();
  inTls_ = false;
  if (!ok) onTlsFailure();
  restartIdleTimer(true);
  if (early_ && remembered && !isClosing()) {
    earlyOffered_ = true;
    remembered_ = *remembered;
    peer_ = *remembered;
    streams_.setPeerLimits(peer_);
    readyTold_ = true;
    updateMaxDatagramPayload();
    events_.onReady(true);
  }
  now_ = now;
}

void Connection::startServer(ServerStart start, Time now) {
  originalDestination_ = start.originalDestination;
  initialDestination_ = start.destination;
  retrySource_ = start.retrySource;
  newToken_ = std::move(start.newToken);
  firstRemoteId_ = start.source;
  heardFromPeer_ = true;
  primary().remoteIds.setFirst(start.source, std::nullopt);
  primary().amplification.validated = start.addressIsValidated;

  const auto secrets = tls::initialSecrets(initialDestination_.bytes());
  handshake_[0].receive = std::make_unique<PacketKeys>(secrets.client);
  handshake_[0].send = std::make_unique<PacketKeys>(secrets.server);

  own_ = ownParameters();
  const auto encoded =
      encodeTransportParameters(own_, settings_.grease ? std::optional(host_.random.u64()) : std::nullopt);
  tls_ = tls::Session::server(*start.tls, encoded, *this);
  restartIdleTimer(true);
  now_ = now;
}

TransportParameters Connection::ownParameters() const {
  TransportParameters own;
  own.maxIdleTimeout = settings_.idleTimeout / kMillisecond;
  own.maxDatagramFrameSize = settings_.maxDatagramFrameSize;
  own.activeConnectionIdLimit = settings_.activeConnectionIdLimit;
  own.initialSourceConnectionId = firstLocalId_;
  own.greaseQuicBit = settings_.grease;
  if (settings_.multipath == MultipathVersion::kDraft21) own.initialMaxPathId = settings_.initialMaxPathId;
  if (settings_.multipath == MultipathVersion::kDraft10 || settings_.acceptDraft10)
    own.initialMaxPathIdDraft10 = settings_.initialMaxPathId;
  streams_.describe(own);
  if (isServer_) {
    own.originalDestinationConnectionId = originalDestination_;
    own.retrySourceConnectionId = retrySource_;
    own.statelessResetToken = paths_.front()->localIds.entries().front().token;
  }
  return own;
}

void Connection::closeApplication(std::uint64_t errorCode, std::string_view reason) {
  close(CloseInfo::Cause::kLocal, true, errorCode, 0, std::string(reason));
}

void Connection::ping() {
  for (const auto& path : paths_) path->pingDue = true;
}

void Connection::beginKeyPhase() {
  ++counters_.keyUpdates;
  for (const auto* list : {&paths_, &closing_})
    for (const auto& path : *list) {
      path->lowestReceivedInPhase = UINT64_MAX;
      path->firstSentInPhase = path->sent.nextNumber();
    }
}

bool Connection::updateKeys(Time now) {
  now_ = now;
  // RFC 9001 §6.1: "An endpoint MUST NOT initiate a key update prior to having confirmed the handshake"
  if (!handshakeConfirmed_ || !keys_.mayUpdate(now)) return false;
  keys_.update();
  beginKeyPhase();
  if (host_.tracer) host_.tracer->onKeyUpdated(keys_.updates(), true, now);
  return true;
}

// --- closing (RFC 9000 §10)

void Connection::close(CloseInfo::Cause cause, bool application, std::uint64_t code, std::uint64_t frameType,
                       std::string reason) {
  if (isClosing()) return;
  closeApplication_ = application;
  closeCode_ = code;
  closeFrameType_ = frameType;
  // Enough for a person; the frame has to fit one packet with others.
  closeReason_ = reason.substr(0, 256);
  enterClosing();
  tell({cause, application, code, std::move(reason)});
}

void Connection::closeWithError(const Error& error, std::uint64_t frameType) {
  close(CloseInfo::Cause::kProtocolError, false, static_cast<std::uint64_t>(error.code), frameType,
        error.reason);
}

void Connection::enterClosing() {
  state_ = State::kClosing;
  closeDue_ = true;
  // RFC 9000 §10.2: "These states SHOULD persist for at least three times the current PTO interval"
  closeDeadline_ = now_ + 3 * largestPto();
}

void Connection::enterDraining(CloseInfo info) {
  if (state_ == State::kDraining || state_ == State::kFinished) return;
  const bool wasOpen = state_ == State::kOpen;
  state_ = State::kDraining;
  closeDue_ = false;
  closeDeadline_ = now_ + 3 * largestPto();
  if (wasOpen) tell(std::move(info));
}

void Connection::finish(CloseInfo info) {
  if (state_ == State::kFinished) return;
  const bool wasOpen = state_ == State::kOpen;
  state_ = State::kFinished;
  if (wasOpen) tell(std::move(info));
}

void Connection::tell(CloseInfo info) {
  if (closeInfo_) return;
  closeInfo_ = std::move(info);
  if (host_.tracer) host_.tracer->onClosed(*closeInfo_, now_);
  events_.onClosed(*closeInfo_);
}

ConnectionStats Connection::stats() const {
  ConnectionStats all = counters_;
  all.memoryBytes = sizeof(*this) + streams_.memoryBytes() + (tls_ ? kTlsBytes : 0);
  for (const auto& path : closing_) all.memoryBytes += sizeof(Path) + path->sent.memoryBytes();
  for (const auto& path : paths_) {
    PathStats one;
    one.id = path->id;
    one.network = path->network;
    one.validated = path->amplification.validated && !path->probingOnly;
    one.backup = path->backup;
    one.peerWantsBackup = path->peerWantsBackup;
    const PathSender& sender = path->sender;
    one.smoothedRtt = sender.rtt().hasSample() ? sender.rtt().smoothed() : 0;
    one.minRtt = sender.rtt().minimum();
    one.rttVariation = sender.rtt().hasSample() ? sender.rtt().variation() : 0;
    one.silentFor = path->silentSince == kNever ? 0 : now_ - path->silentSince;
    one.window = sender.window();
    one.bytesInFlight = sender.bytesInFlight();
    one.deliveryRate = sender.deliveryRate();
    one.pacingRate = sender.pacingRate();
    one.congestionState = sender.congestion().stateName();
    one.mtu = path->mtu.current();
    one.ecnCapable = path->ecn.capable();
    one.bytesSent = path->bytesSent;
    one.bytesReceived = path->bytesReceived;
    one.packetsSent = path->packetsSent;
    one.packetsReceived = path->packetsReceived;
    one.packetsLost = path->sent.packetsLost();
    one.spuriousLosses = path->sent.spuriousLosses();
    one.ptoCount = sender.ptoCount();
    one.createdAt = path->createdAt;
    one.lastReceivedAt = path->lastReceivedAt;
    all.memoryBytes += sizeof(Path) + path->sent.memoryBytes();
    all.paths.push_back(one);
  }
  return all;
}

}  // namespace mqvpn::quic
