// Incoming datagrams: packets, their protection, their frames (RFC 9000 §12, §17, §19; RFC 9001 §5).
#include <algorithm>
#include <cstring>

#include "quic/connection.h"
#include "quic/endpoint.h"
#include "tls/mac.h"

namespace mqvpn::quic {
namespace {

/// Packets that arrived before their keys (RFC 9001 §5.7): a flight of the handshake, no more.
constexpr std::size_t kMostKept = 16;
/// Larger ones are not sent before path MTU discovery, which needs keys.
constexpr std::size_t kLargestKept = 1500;
/// RFC 9000 §8.1: "three times the amount of data received from that address."
constexpr std::size_t kAmplification = 3;
/// Path validation that a packet of the peer wakes up again.
constexpr Duration kChallengeAgain = 100 * kMillisecond;
constexpr unsigned kLastChallenges = 4;

bool isAllowed(const Frame& frame, tls::Level level) {
  if (level == tls::Level::kApplication) return true;
  // RFC 9000 §12.4, Table 3.
  if (level == tls::Level::kEarly)
    return !std::holds_alternative<AckFrame>(frame) && !std::holds_alternative<CryptoFrame>(frame) &&
           !std::holds_alternative<HandshakeDoneFrame>(frame) &&
           !std::holds_alternative<NewTokenFrame>(frame) &&
           !std::holds_alternative<PathResponseFrame>(frame) &&
           !std::holds_alternative<RetireConnectionIdFrame>(frame);
  if (const auto* close = std::get_if<ConnectionCloseFrame>(&frame)) return !close->application;
  if (const auto* ack = std::get_if<AckFrame>(&frame)) return !ack->pathId;
  return std::holds_alternative<PaddingFrame>(frame) || std::holds_alternative<PingFrame>(frame) ||
         std::holds_alternative<CryptoFrame>(frame);
}

std::span<std::uint8_t> writable(Bytes bytes) {
  // Frames point into the packet, which was decrypted in place and is ours.
  return {const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
}

}  // namespace

void Connection::receive(std::span<std::uint8_t> datagram, const NetworkPath& network, Ecn ecn, Time now) {
  now_ = now;
  if (state_ == State::kFinished || state_ == State::kDraining || datagram.empty()) return;
  // RFC 9000 §9: "If a client receives packets from an unknown server address, the client MUST discard these
  // packets."
  if (!isServer_ && !isFromServer(network)) return;
  datagramSize_ = datagram.size();
  answerRoom_ = kAmplification * datagram.size();
  if (closing_.size() > kMostClosing) forgetPaths();
  if (state_ == State::kClosing) {
    // RFC 9000 §10.2.1: "An endpoint SHOULD limit the rate at which it generates packets in the closing
    // state": one for each power of two of packets received.
    ++receivedWhileClosing_;
    if ((receivedWhileClosing_ & (receivedWhileClosing_ - 1)) == 0) closeDue_ = true;
  }
  bool first = true;
  const ConnectionId* expected = nullptr;
  ConnectionId destination;
  for (std::span<std::uint8_t> rest = datagram; !rest.empty();) {
    const auto header = parsePacketHeader(rest, Endpoint::kIdSize);
    if (!header) {
      ++counters_.malformed;
      break;
    }
    // RFC 9000 §12.2: "Receivers SHOULD ignore any subsequent packets with a different Destination Connection
    // ID than the first packet in the datagram."
    if (expected == nullptr) {
      destination = header->destination;
      expected = &destination;
      countForAmplification(destination, network);
    } else if (header->destination != *expected) {
      break;
    }
    const std::span<std::uint8_t> packet = rest.first(header->size);
    rest = rest.subspan(header->size);
    const bool opened = header->type == PacketType::kOneRtt && header->version == 0
                            ? receiveShort(*header, packet, network, ecn)
                            : receiveLong(*header, packet, network, ecn);
    if (!opened && first && isStatelessReset(datagram)) {
      enterDraining({CloseInfo::Cause::kStatelessReset, false, 0, "the peer has forgotten this connection"});
      return;
    }
    first = false;
    if (state_ == State::kFinished || state_ == State::kDraining) return;
  }
}

bool Connection::isFromServer(const NetworkPath& network) const {
  for (const auto* list : {&paths_, &closing_})
    for (const auto& path : *list)
      if (path->network.remote == network.remote) return true;
  return false;
}

void Connection::countForAmplification(const ConnectionId& destination, const NetworkPath& network) {
  // Each datagram counts for one path, even where several share an address.
  for (const auto& path : paths_) {
    if (path->network != network) continue;
    if (paths_.size() > 1 && !path->localIds.contains(destination)) continue;
    path->amplification.received += datagramSize_;
    return;
  }
}

bool Connection::isStatelessReset(Bytes datagram) const {
  // RFC 9000 §10.3: the token is "the last 16 bytes", and a reset is at least 21 bytes long.
  if (datagram.size() < 21) return false;
  StatelessResetToken token;
  std::memcpy(token.data(), datagram.data() + datagram.size() - token.size(), token.size());
  bool found = false;
  for (const auto& path : paths_) found |= path->remoteIds.isResetToken(token);
  return found;
}

bool Connection::receiveLong(const PacketHeader& header, std::span<std::uint8_t> packet,
                             const NetworkPath& network, Ecn ecn) {
  if (header.version == 0) {
    onVersionNegotiation(header, packet);
    return true;
  }
  if (header.version != kVersion1) return false;
  if (header.type == PacketType::kRetry) {
    onRetryPacket(packet);
    return true;
  }
  if (!header.fixedBit && !settings_.grease) return false;
  // RFC 9000 §7.2: "Once a client has received a valid Initial packet from the server, it MUST discard any
  // subsequent packet it receives on that connection with a different Source Connection ID."
  if (heardFromPeer_ && header.source != firstRemoteId_) return false;
  if (!isServer_ && header.destination != firstLocalId_) return false;

  PacketKeys* keys = nullptr;
  ReceivedPackets* received = nullptr;
  Opened opened;
  opened.path = &primary();
  switch (header.type) {
    case PacketType::kInitial:
      opened.level = tls::Level::kInitial;
      if (handshake_[0].discarded) return false;
      // RFC 9000 §14.1: "A server MUST discard an Initial packet that is carried in a UDP datagram with a
      // payload that is smaller than the smallest allowed maximum datagram size of 1200 bytes."
      if (isServer_ && datagramSize_ < kMinInitialSize) return false;
      // RFC 9000 §17.2.2: tokens of a server "MUST be zero length".
      if (!isServer_ && !header.token.empty()) return false;
      keys = handshake_[0].receive.get();
      received = &handshake_[0].received;
      break;
    case PacketType::kHandshake:
      opened.level = tls::Level::kHandshake;
      if (handshake_[1].discarded) return false;
      keys = handshake_[1].receive.get();
      received = &handshake_[1].received;
      break;
    case PacketType::kZeroRtt:
      opened.level = tls::Level::kEarly;
      if (!isServer_ || handshakeConfirmed_) {
        if (!early_ || !isServer_) return false;
      }
      keys = early_.get();
      received = &primary().received;
      break;
    default:
      return false;
  }
  if (keys == nullptr) {
    keepForLater(packet, network, ecn, opened.level);
    return true;
  }
  std::size_t headerSize = 0;
  if (!unprotectHeader(keys->header, header, packet, received->expected(), opened.number, headerSize))
    return false;
  const auto protectedPart = packet.subspan(headerSize);
  if (protectedPart.size() < tls::kTagSize ||
      !keys->packet.open(0, opened.number, packet.first(headerSize), protectedPart.data(),
                         protectedPart.size())) {
    ++counters_.undecryptable;
    traceDropped(packet.size(), "decryption_failure");
    return false;
  }
  if (received->isDuplicate(opened.number)) {
    ++counters_.duplicates;
    traceDropped(packet.size(), "duplicate");
    return true;
  }
  // RFC 9000 §17.2: the reserved bits "MUST" be 0 after removing protection, else PROTOCOL_VIOLATION.
  if ((packet[0] & 0x0c) != 0) {
    closeWithError({TransportError::kProtocolViolation, "reserved bits of a long header are set"}, 0);
    return true;
  }
  opened.payload = protectedPart.first(protectedPart.size() - tls::kTagSize);
  opened.destination = header.destination;
  opened.size = packet.size();
  if (!heardFromPeer_) {
    heardFromPeer_ = true;
    firstRemoteId_ = header.source;
    // RFC 9000 §7.2: "a client MUST change the Destination Connection ID it uses [...] to the value from the
    // Source Connection ID"
    primary().remoteIds.setFirst(header.source, std::nullopt);
  }
  handlePacket(opened, network, ecn);
  if (isServer_ && opened.level == tls::Level::kHandshake && !isClosing()) {
    // RFC 9000 §8.1: "Receipt of a packet protected with Handshake keys confirms that the peer successfully
    // processed an Initial packet." RFC 9001 §4.9.1: the server then discards Initial keys.
    primary().amplification.validated = true;
    discardSpace(tls::Level::kInitial);
  }
  return true;
}

bool Connection::receiveShort(const PacketHeader& header, std::span<std::uint8_t> packet,
                              const NetworkPath& network, Ecn ecn) {
  Path* path = pathOfLocalId(header.destination);
  // A client opens a path by its first packet there. Nothing is made of it before the packet is proven
  // authentic.
  const auto spare = path == nullptr ? spareOfLocalId(header.destination) : std::nullopt;
  if (path == nullptr && !spare) return false;
  if (!header.fixedBit && !settings_.grease) return false;
  // RFC 9001 §5.7: "a server MUST NOT process incoming 1-RTT protected packets before the TLS handshake is
  // complete."
  if (!keys_.canReceive() || (isServer_ && !handshakeComplete_)) {
    keepForLater(packet, network, ecn, tls::Level::kApplication);
    return true;
  }
  Opened opened;
  opened.level = tls::Level::kApplication;
  std::size_t headerSize = 0;
  const std::uint64_t expected = path ? path->received.expected() : 0;
  if (!unprotectHeader(keys_.receiveHeader(), header, packet, expected, opened.number, headerSize))
    return false;
  const auto protectedPart = packet.subspan(headerSize);
  if (protectedPart.size() < tls::kTagSize) return false;
  const bool phaseBit = (packet[0] & 0x04) != 0;
  const std::uint32_t pathId = path ? path->id : *spare;
  const std::uint32_t nonceId = multipath_ == MultipathVersion::kNone ? 0 : pathId;
  const std::uint64_t lowestInPhase = path ? path->lowestReceivedInPhase : UINT64_MAX;
  // draft-ietf-quic-multipath-21 §2.5: "three times the largest Probe Timeout (PTO) [...] among all the
  // paths".
  const Duration pto = largestPto();
  switch (keys_.open(nonceId, opened.number, phaseBit, lowestInPhase, packet.first(headerSize),
                     protectedPart.data(), protectedPart.size(), now_, pto)) {
    case OneRttKeys::Opened::kOk:
      break;
    case OneRttKeys::Opened::kOkKeyUpdated:
      beginKeyPhase();
      if (host_.tracer) host_.tracer->onKeyUpdated(keys_.updates(), false, now_);
      break;
    case OneRttKeys::Opened::kKeyUpdateError:
      closeWithError({TransportError::kKeyUpdateError, "a second key update before the first was confirmed"},
                     0);
      return true;
    case OneRttKeys::Opened::kFailed:
      ++counters_.undecryptable;
      traceDropped(packet.size(), "decryption_failure");
      // RFC 9001 §6.6: "If the total number of received packets that fail authentication [...] exceeds the
      // integrity limit for the selected AEAD, the endpoint MUST immediately close the connection with a
      // connection error of type AEAD_LIMIT_REACHED"
      if (keys_.integrityLimitReached())
        closeWithError({TransportError::kAeadLimitReached, "too many packets failed authentication"}, 0);
      return false;
  }
  if (path == nullptr) path = &addPath(pathId, network);
  opened.path = path;
  if (phaseBit == keys_.phase())
    path->lowestReceivedInPhase = std::min(path->lowestReceivedInPhase, opened.number);
  if (path->received.isDuplicate(opened.number)) {
    ++counters_.duplicates;
    traceDropped(packet.size(), "duplicate");
    return true;
  }
  if ((packet[0] & 0x18) != 0) {
    closeWithError({TransportError::kProtocolViolation, "reserved bits of a short header are set"}, 0);
    return true;
  }
  opened.payload = protectedPart.first(protectedPart.size() - tls::kTagSize);
  opened.destination = header.destination;
  opened.size = packet.size();
  handlePacket(opened, network, ecn);
  return true;
}

void Connection::handlePacket(const Opened& packet, const NetworkPath& network, Ecn ecn) {
  Path& path = *packet.path;
  ++path.packetsReceived;
  path.bytesReceived += packet.size;
  path.lastReceivedAt = now_;
  // The path works in one direction at least: find out about the other one now.
  if (path.silentSince != kNever) path.silenceProbeAt = std::min(path.silenceProbeAt, now_ + ptoOf(path));
  // The peer comes through here now: do not wait out a back-off from when it did not.
  if (path.challenge && !path.challenge->due && path.remoteIds.any()) {
    Challenge& challenge = *path.challenge;
    if (challenge.nextAt > now_ + kChallengeAgain) {
      challenge.nextAt = now_ + kChallengeAgain;
      challenge.attempts = std::min(challenge.attempts, kLastChallenges);
    }
  }
  if (host_.tracer) {
    const PacketType type = packet.level == tls::Level::kInitial     ? PacketType::kInitial
                            : packet.level == tls::Level::kHandshake ? PacketType::kHandshake
                            : packet.level == tls::Level::kEarly     ? PacketType::kZeroRtt
                                                                     : PacketType::kOneRtt;
    host_.tracer->onPacketReceived({type, path.id, packet.number, packet.size, packet.payload, multipath_},
                                   now_);
  }
  if (state_ == State::kClosing) {
    // Only the peer's own CONNECTION_CLOSE still matters (RFC 9000 §10.2.2).
    FrameReader reader(packet.payload, multipath_);
    for (Frame frame; reader.next(frame);)
      if (std::holds_alternative<ConnectionCloseFrame>(frame)) enterDraining({});
    return;
  }
  restartIdleTimer(true);
  ReceivedPackets& received = packet.level == tls::Level::kInitial     ? handshake_[0].received
                              : packet.level == tls::Level::kHandshake ? handshake_[1].received
                                                                       : path.received;
  const bool isLargest = received.isLargest(packet.number);
  PacketFacts facts;
  if (!handleFrames(packet, network, facts)) return;
  const bool early = packet.level == tls::Level::kInitial || packet.level == tls::Level::kHandshake;
  received.onReceived(packet.number, facts.ackEliciting, ecn, early ? 0 : own_.maxAckDelay * kMillisecond,
                      now_);
  // RFC 9000 §9.3: "Receiving a packet from a new peer address containing a non-probing frame indicates that
  // the peer has migrated to that address." "An endpoint only changes the address to which it sends packets
  // in response to the highest-numbered non-probing packet." §9: not before the handshake is confirmed.
  if (packet.level == tls::Level::kApplication && network != path.network && handshakeConfirmed_ &&
      isLargest && !facts.onlyProbing && isServer_ && path.forgetAt == kNever)
    onPeerMoved(path, network, packet.destination);
  if (isLargest) path.usedByPeer = packet.destination;
}

bool Connection::handleFrames(const Opened& packet, const NetworkPath& network, PacketFacts& facts) {
  FrameReader reader(packet.payload, multipath_);
  Frame frame;
  bool any = false;
  while (reader.next(frame)) {
    any = true;
    // What a tunnel receives is nearly all this.
    if (const auto* datagram = std::get_if<DatagramFrame>(&frame);
        datagram != nullptr && isAllowed(frame, packet.level)) {
      facts.ackEliciting = true;
      facts.onlyProbing = false;
      // RFC 9221 §3: "An endpoint that receives a DATAGRAM frame when it has not indicated support via the
      // transport parameter MUST terminate the connection with an error of type PROTOCOL_VIOLATION."
      if (datagram->data.size() + 1 > own_.maxDatagramFrameSize) {
        closeWithError({TransportError::kProtocolViolation, "a DATAGRAM larger than we take"}, reader.type());
        return false;
      }
      ++counters_.datagramsReceived;
      events_.onDatagram(writable(datagram->data), PacketId{packet.path->id, packet.number}, now_);
      if (isClosing()) return false;
      continue;
    }
    if (!isAllowed(frame, packet.level)) {
      closeWithError({TransportError::kProtocolViolation, "a frame that this packet type must not carry"},
                     reader.type());
      return false;
    }
    facts.ackEliciting |= isAckEliciting(frame);
    facts.onlyProbing &= isProbing(frame);
    const Error error = handleFrame(frame, packet, network);
    if (error) {
      closeWithError(error, reader.type());
      return false;
    }
    if (isClosing()) return false;
  }
  if (reader.error()) {
    closeWithError(reader.error(), reader.type());
    return false;
  }
  if (!any) {
    // RFC 9000 §12.4: "An endpoint MUST treat receipt of a packet containing no frames as a connection error
    // of type PROTOCOL_VIOLATION."
    closeWithError({TransportError::kProtocolViolation, "a packet without frames"}, 0);
    return false;
  }
  return true;
}

Error Connection::handleFrame(const Frame& frame, const Opened& packet, const NetworkPath& network) {
  Path& path = *packet.path;
  struct Visitor {
    Connection& c;
    const Opened& packet;
    Path& path;
    const NetworkPath& network;

    Error operator()(const PaddingFrame&) { return {}; }
    Error operator()(const PingFrame&) { return {}; }
    Error operator()(const AckFrame& f) { return c.handleAck(f, packet); }
    Error operator()(const ResetStreamFrame& f) { return c.streams_.onResetStream(f); }
    Error operator()(const StopSendingFrame& f) { return c.streams_.onStopSending(f); }
    Error operator()(const CryptoFrame& f) {
      CryptoStream& stream = packet.level == tls::Level::kApplication ? c.appCrypto_
                             : packet.level == tls::Level::kInitial   ? c.handshake_[0].crypto
                                                                      : c.handshake_[1].crypto;
      if (const Error error = stream.receive(f.offset, f.data)) return error;
      c.feedTls(packet.level);
      return {};
    }
    Error operator()(const NewTokenFrame& f) {
      // RFC 9000 §19.7: "A server MUST treat receipt of a NEW_TOKEN frame as a connection error of type
      // PROTOCOL_VIOLATION."
      if (c.isServer_) return {TransportError::kProtocolViolation, "NEW_TOKEN from a client"};
      c.events_.onAddressToken(f.token);
      return {};
    }
    Error operator()(const StreamFrame& f) { return c.streams_.onStream(f); }
    Error operator()(const MaxDataFrame& f) { return c.streams_.onMaxData(f); }
    Error operator()(const MaxStreamDataFrame& f) { return c.streams_.onMaxStreamData(f); }
    Error operator()(const MaxStreamsFrame& f) { return c.streams_.onMaxStreams(f); }
    Error operator()(const DataBlockedFrame&) { return {}; }
    Error operator()(const StreamDataBlockedFrame& f) { return c.streams_.onStreamDataBlocked(f); }
    Error operator()(const StreamsBlockedFrame& f) { return c.streams_.onStreamsBlocked(f); }
    Error operator()(const NewConnectionIdFrame& f) { return c.onNewConnectionId(f); }
    Error operator()(const RetireConnectionIdFrame& f) {
      return c.onRetireConnectionId(f, packet.destination);
    }
    Error operator()(const PathChallengeFrame& f) {
      // RFC 9000 §8.2.2: "An endpoint MUST NOT send more than one PATH_RESPONSE frame in response to one
      // PATH_CHALLENGE frame". A flood is answered as far as the list goes.
      if (path.answers.size() < PathAnswer::kMost) {
        const std::size_t most = std::min(kMinInitialSize, c.answerRoom_);
        c.answerRoom_ -= most;
        path.answers.push_back({f.data, network, most});
      }
      return {};
    }
    Error operator()(const PathResponseFrame& f) {
      c.onPathResponse(f.data);
      return {};
    }
    Error operator()(const ConnectionCloseFrame& f) {
      c.handleClose(f);
      return {};
    }
    Error operator()(const HandshakeDoneFrame&) {
      // RFC 9000 §19.20: "A server MUST treat receipt of a HANDSHAKE_DONE frame as a connection error of type
      // PROTOCOL_VIOLATION."
      if (c.isServer_) return {TransportError::kProtocolViolation, "HANDSHAKE_DONE from a client"};
      c.confirmHandshake();
      return {};
    }
    // handleFrames() takes them.
    Error operator()(const DatagramFrame&) { return {}; }
    Error operator()(const PathAbandonFrame& f) { return c.onPathAbandon(f); }
    Error operator()(const PathStatusFrame& f) { return c.onPathStatus(f); }
    Error operator()(const MaxPathIdFrame& f) { return c.onMaxPathId(f); }
    Error operator()(const PathsBlockedFrame& f) { return c.onPathsBlocked(f); }
    Error operator()(const PathCidsBlockedFrame& f) { return c.onPathCidsBlocked(f); }
  };
  return std::visit(Visitor{*this, packet, path, network}, frame);
}

Error Connection::handleAck(const AckFrame& frame, const Opened& packet) {
  const bool early = packet.level == tls::Level::kInitial || packet.level == tls::Level::kHandshake;
  if (frame.pathId)
    if (const Error error = checkPathId(*frame.pathId)) return error;
  Path* path = early ? &primary() : findPath(frame.pathId.value_or(0));
  // Of a path that is gone: draft-ietf-quic-multipath-21 §4.1 lets it be ignored.
  if (path == nullptr) return {};
  SentPackets& sent = packet.level == tls::Level::kInitial     ? handshake_[0].sent
                      : packet.level == tls::Level::kHandshake ? handshake_[1].sent
                                                               : path->sent;
  // RFC 9002 §5.3: "MUST ignore the acknowledgment delay for Initial packets"; "MUST use the lesser of the
  // acknowledgment delay and the peer's max_ack_delay after the handshake is confirmed".
  Duration delay = 0;
  if (!early) {
    constexpr std::uint64_t kMost = 1ull << 32;
    delay =
        (std::min(frame.delay, kMost) << std::min<std::uint64_t>(peer_.ackDelayExponent, 20)) * kMicrosecond;
    if (handshakeConfirmed_) delay = std::min(delay, maxAckDelay());
  }
  const auto result =
      sent.onAck(frame, delay, early || !settings_.ecn ? nullptr : &path->ecn, now_, path->sender, *this);
  if (result.error) return result.error;
  checkBlackHole(*path);
  if (result.anyNewlyAcked) {
    // RFC 9002 §6.2.1: a client whose address the server may not have validated keeps its back-off.
    if (packet.level != tls::Level::kInitial || isServer_) path->sender.setPtoCount(0);
    if (packet.level == tls::Level::kHandshake || packet.level == tls::Level::kApplication)
      peerCompletedValidation_ = true;
    if (packet.level == tls::Level::kApplication) onAckProgress(*path);
    if (packet.level == tls::Level::kApplication && frame.largest >= path->firstSentInPhase)
      keys_.onCurrentPhaseAcked(now_, largestPto());
  }
  if (host_.tracer) host_.tracer->onMetrics(path->id, path->sender, now_);
  return {};
}

void Connection::handleClose(const ConnectionCloseFrame& frame) {
  CloseInfo info;
  info.cause = CloseInfo::Cause::kPeer;
  info.application = frame.application;
  info.errorCode = frame.errorCode;
  info.reason.assign(reinterpret_cast<const char*>(frame.reason.data()),
                     std::min<std::size_t>(frame.reason.size(), 512));
  enterDraining(std::move(info));
}

void Connection::onRetryPacket(Bytes packet) {
  // RFC 9000 §17.2.5.2: "A client MUST accept and process at most one Retry packet for each connection
  // attempt. After the client has received and processed an Initial or Retry packet from the server, it MUST
  // discard any subsequent Retry packets".
  if (isServer_ || heardFromPeer_ || retrySource_ || isClosing()) return;
  const auto retry = parseRetry(packet, originalDestination_);
  if (!retry || retry->source == initialDestination_) return;
  retrySource_ = retry->source;
  initialDestination_ = retry->source;
  token_.assign(retry->token.begin(), retry->token.end());
  primary().remoteIds.setFirst(initialDestination_, std::nullopt);
  const auto secrets = tls::initialSecrets(initialDestination_.bytes());
  handshake_[0].send = std::make_unique<PacketKeys>(secrets.client);
  handshake_[0].receive = std::make_unique<PacketKeys>(secrets.server);
  // The ClientHello, and 0-RTT data, go out again; packet numbers go on (§17.2.5.3).
  handshake_[0].sent.loseAll(primary().sender, *this);
  primary().sent.loseAll(primary().sender, *this);
}

void Connection::onVersionNegotiation(const PacketHeader& header, Bytes packet) {
  // RFC 9000 §6.2: "A client MUST discard any Version Negotiation packet if it has received and successfully
  // processed any other packet"; "[...] that lists the QUIC version selected by the client."
  if (isServer_ || heardFromPeer_ || retrySource_ || isClosing()) return;
  if (header.destination != firstLocalId_ || header.source != initialDestination_) return;
  const auto versions = parseVersionNegotiation(packet);
  if (!versions || std::find(versions->begin(), versions->end(), kVersion1) != versions->end()) return;
  finish({CloseInfo::Cause::kVersionMismatch, false, 0, "the server does not speak QUIC version 1"});
}

void Connection::keepForLater(Bytes packet, const NetworkPath& network, Ecn ecn, tls::Level level) {
  if (handshakeComplete_ || kept_.size() >= kMostKept || packet.size() > kLargestKept) {
    ++counters_.tooEarly;
    traceDropped(packet.size(), "key_unavailable");
    return;
  }
  kept_.push_back({{packet.begin(), packet.end()}, network, ecn, level});
}

void Connection::replayKept() {
  if (kept_.empty() || inTls_) return;
  std::vector<Kept> kept;
  std::vector<Kept> ready;
  for (Kept& one : kept_) {
    const bool usable = one.level == tls::Level::kApplication
                            ? keys_.canReceive() && (!isServer_ || handshakeComplete_)
                        : one.level == tls::Level::kHandshake ? handshake_[1].receive != nullptr
                        : one.level == tls::Level::kEarly     ? early_ != nullptr
                                                              : false;
    (usable ? ready : kept).push_back(std::move(one));
  }
  kept_ = std::move(kept);
  if (handshakeComplete_) kept_.clear();
  for (Kept& one : ready) {
    if (state_ != State::kOpen) return;
    const auto header = parsePacketHeader(one.bytes, Endpoint::kIdSize);
    if (!header) continue;
    datagramSize_ = one.bytes.size();
    answerRoom_ = kAmplification * datagramSize_;
    if (one.level == tls::Level::kApplication)
      receiveShort(*header, one.bytes, one.network, one.ecn);
    else
      receiveLong(*header, one.bytes, one.network, one.ecn);
  }
}

}  // namespace mqvpn::quic
