// Outgoing datagrams: what goes into the next batch (RFC 9000 §12, §13, §14; RFC 9002 §7; RFC 9221 §5).
#include <algorithm>
#include <array>
#include <cstring>

#include "quic/connection.h"
#include "quic/packet_build.h"

namespace mqvpn::quic {
namespace {

/// Shorter numbers than two bytes would change the size of packets now and then, and with it end a batch.
constexpr std::size_t kLeastNumberSize = 2;
/// Of 32 packets that carry ACK frames alone, one asks for an acknowledgement, so that old ranges can be
/// dropped (RFC 9000 §13.2.4: "To prevent an endpoint from sending acks for every ack").
constexpr unsigned kAckOnlyLimit = 32;
/// Filling a packet up to the size of the batch's first one costs bytes on the wire, ending the batch a
/// system call. Up to this part of a packet the bytes are cheaper.
constexpr std::size_t kPadShare = 8;
/// A packet with a PATH_CHALLENGE and the longest headers.
constexpr std::size_t kLeastChallenge = 1 + ConnectionId::kMaxSize + kMostNumberSize + 9 + kTag;

}  // namespace

bool Connection::produce(SendBatch& batch, Time now) {
  now_ = now;
  batch.clear();
  if (state_ == State::kClosing) return produceClose(batch);
  if (state_ != State::kOpen) return false;
  if (produceHandshake(batch)) return true;
  if (!keys_.canSend()) return false;
  if (keys_.exhausted()) {
    // RFC 9001 §6.6: "If a key update is not possible or integrity limits are reached, the endpoint MUST stop
    // using the connection".
    closeWithError({TransportError::kAeadLimitReached, "no key update was confirmed in time"}, 0);
    return produceClose(batch);
  }
  // Paths take turns, so that none waits behind another's full batches.
  for (std::size_t i = 0; i < paths_.size(); ++i) {
    const std::size_t at = (nextPath_ + i) % paths_.size();
    Path& path = *paths_[at];
    if (!path.remoteIds.any()) continue;
    if (produceAnswer(batch, path) || produceMtuProbe(batch, path) || produceOneRtt(batch, path)) {
      nextPath_ = at + 1;
      return true;
    }
  }
  return false;
}

void Connection::beginBatch(SendBatch& batch, const Path& path, const NetworkPath& network) {
  batch.path = network;
  batchIsEct0_ = settings_.ecn && path.ecn.mark() && network == path.network;
  batch.ecn = batchIsEct0_ ? Ecn::kEct0 : Ecn::kNotEct;
}

// --- Initial, Handshake, 0-RTT: several packets share one datagram (RFC 9000 §12.2)

bool Connection::wantsHandshakePacket(tls::Level level) const {
  const Space& space = handshake_[level == tls::Level::kInitial ? 0 : 1];
  if (space.discarded || !space.send) return false;
  return space.received.ackDue(now_) || space.crypto.out().next(UINT64_MAX).has_value() || space.probes > 0;
}

bool Connection::wantsEarlyPacket() const {
  return early_ && !isServer_ && earlyOffered_ && (streams_.hasFrames() || hasDatagram());
}

bool Connection::produceHandshake(SendBatch& batch) {
  std::array<tls::Level, 3> levels;
  std::size_t count = 0;
  if (wantsHandshakePacket(tls::Level::kInitial)) levels[count++] = tls::Level::kInitial;
  if (wantsHandshakePacket(tls::Level::kHandshake)) levels[count++] = tls::Level::kHandshake;
  if (wantsEarlyPacket()) levels[count++] = tls::Level::kEarly;
  if (count == 0) return false;

  Path& path = primary();
  const std::size_t most = std::min<std::uint64_t>(path.mtu.current(), path.amplification.room());
  const bool hasInitial = levels[0] == tls::Level::kInitial;
  // RFC 9000 §14.1: "A client MUST expand the payload of all UDP datagrams carrying Initial packets to at
  // least the smallest allowed maximum datagram size of 1200 bytes"; "a server MUST expand [...] all UDP
  // datagrams carrying ack-eliciting Initial packets". A server's ACK alone is expanded too: that is allowed,
  // and seldom.
  if (hasInitial && most < kMinInitialSize) return false;
  if (most < 64) return false;
  // 0-RTT data obeys the congestion window; the rest may exceed it by a handshake's few packets.
  if (levels[0] == tls::Level::kEarly && path.sender.windowRoom() < most) return false;
  beginBatch(batch, path, path.network);
  // Marks are counted per path on 1-RTT packets alone.
  batchIsEct0_ = false;
  batch.ecn = Ecn::kNotEct;
  std::size_t used = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const bool last = i + 1 == count;
    const std::size_t padTo = last && hasInitial && used < kMinInitialSize ? kMinInitialSize - used : 0;
    used += buildLong(levels[i], batch.buffer.subspan(used, most - used), padTo);
  }
  if (used == 0) return false;
  if (hasInitial && used < kMinInitialSize) {
    // The last packet found nothing to say. Bytes behind the packets are ignored by the receiver (§12.2).
    std::memset(batch.buffer.data() + used, 0, kMinInitialSize - used);
    used = kMinInitialSize;
  }
  path.amplification.sent += used;
  path.bytesSent += used;
  batch.used = batch.segmentSize = used;
  batch.segments = 1;
  return true;
}

std::size_t Connection::buildLong(tls::Level level, std::span<std::uint8_t> out, std::size_t padTo) {
  Path& path = primary();
  const bool early = level == tls::Level::kEarly;
  Space& space = handshake_[level == tls::Level::kHandshake ? 1 : 0];
  SentPackets& sent = early ? path.sent : space.sent;
  PacketKeys& keys = early ? *early_ : *space.send;
  const PacketType type = early                           ? PacketType::kZeroRtt
                          : level == tls::Level::kInitial ? PacketType::kInitial
                                                          : PacketType::kHandshake;
  const std::uint64_t number = sent.nextNumber();
  const std::size_t numberSize =
      std::max(kLeastNumberSize, packetNumberSize(number, sent.largestAcked().value_or(UINT64_MAX)));
  Writer writer(out);
  const std::size_t lengthAt =
      writeLongHeader(writer, type, path.remoteIds.current(), firstLocalId_,
                      type == PacketType::kInitial ? Bytes(token_) : Bytes(), number, numberSize);
  const std::size_t headerSize = writer.size();
  if (!writer.ok() || writer.room() < kTag + 32) return 0;
  Writer body(out.subspan(headerSize, writer.room() - kTag));
  Build build;
  if (early) {
    writeControlFrames(body, path, build, true);
    if (hasDatagram()) tellPaths(path);
    writeDatagrams(body, path, build);
  } else {
    if (space.received.ackUseful() &&
        space.received.writeAckFrame(body, std::nullopt, 0, MultipathVersion::kNone, now_))
      build.wroteAck = true;
    while (const auto chunk = space.crypto.out().next(UINT64_MAX)) {
      if (build.full()) break;
      const std::size_t overhead = cryptoFrameOverhead(chunk->offset, chunk->size);
      if (body.room() <= overhead) break;
      const std::size_t size = std::min(chunk->size, body.room() - overhead);
      body.varint(frame_type::kCrypto);
      body.varint(chunk->offset);
      body.varint(size, varintSize(chunk->size));
      space.crypto.out().take(chunk->offset, {body.cursor(), size});
      body.advance(size);
      SentFrame frame;
      frame.kind = SentFrame::Kind::kCrypto;
      frame.path = static_cast<std::uint32_t>(level);
      frame.offset = chunk->offset;
      frame.length = static_cast<std::uint32_t>(size);
      build.add(frame);
    }
    if (space.probes > 0) {
      if (!build.ackEliciting) {
        body.u8(static_cast<std::uint8_t>(frame_type::kPing));
        build.add({});
      }
      --space.probes;
    }
  }
  if (body.size() == 0) return 0;
  const std::size_t whole = headerSize + body.size() + kTag;
  if (padTo > whole) {
    body.zeros(std::min(padTo - whole, body.room()));
    build.inFlight = true;
  }
  if (body.size() + numberSize < 4) body.zeros(4 - body.size() - numberSize);
  setLength(out.data() + lengthAt, numberSize + body.size() + kTag);
  const std::size_t size = seal(&keys, path, out, headerSize, numberSize, number, body.size());
  if (build.wroteAck) space.received.onAckSent();
  noteSent(sent, path, size, build);
  // RFC 9001 §4.9.1: "a client MUST discard Initial keys when it first sends a Handshake packet".
  if (!isServer_ && level == tls::Level::kHandshake) discardSpace(tls::Level::kInitial);
  return size;
}

// --- 1-RTT

bool Connection::hasDatagram() const {
  return datagrams_ != nullptr && maxDatagramPayload_ > 0 && datagrams_->hasDatagram();
}

bool Connection::hasConnectionFrames() const {
  return handshakeDoneDue_ || newTokenDue_ || appCrypto_.out().next(UINT64_MAX).has_value() ||
         streams_.hasFrames() || hasIdFrames() || hasMultipathFrames();
}

bool Connection::hasPathFrames(const Path& path) const {
  return path.pingDue || path.probes > 0 || (path.challenge && path.challenge->due);
}

bool Connection::mayCarry(const Path& path) const {
  if (!mayCarryDatagrams(path)) return false;
  if (path.sender.ptoCount() == 0) return true;
  // What cannot be lost waits for a path that answers, if there is any.
  const Rank rank = rankOf(path);
  for (const auto& other : paths_)
    if (rankOf(*other) == rank && other->sender.ptoCount() == 0) return false;
  return true;
}

bool Connection::produceOneRtt(SendBatch& batch, Path& path) {
  const std::size_t mtu = path.mtu.current();
  const bool challenging = path.challenge && path.challenge->due;
  const std::uint64_t room = path.amplification.room();
  // RFC 9000 §8.2.1: a PATH_CHALLENGE goes out in less than 1200 bytes when "the anti-amplification limit for
  // the path does not permit sending a datagram of this size".
  const bool cramped = room < mtu;
  if (cramped && (!challenging || room < kLeastChallenge)) return false;
  const bool probing = path.probes > 0;
  const bool carries = !cramped && mayCarry(path);
  const bool control = hasPathFrames(path) || (carries && hasConnectionFrames());
  const bool datagram = !cramped && hasDatagram() && mayCarryDatagrams(path);
  const bool ackDue =
      (path.received.ackDue(now_) && path.silentSince == kNever) || (carries && foreignAckDue());
  if (!control && !datagram && !ackDue) return false;
  if (keys_.shouldUpdate() && handshakeConfirmed_) updateKeys(now_);

  beginBatch(batch, path, path.network);
  const std::size_t most = std::min<std::uint64_t>({batch.buffer.size(), SendBatch::kMostBytes, room});
  const auto append = [&](Build& build) {
    // A PTO may mean that the path no longer carries large packets: from the second on, probes are small.
    const std::size_t largest = probing && path.sender.ptoCount() >= 2 ? MtuDiscovery::kBase : mtu;
    const std::size_t limit =
        batch.segments == 0 ? std::min<std::uint64_t>(largest, room) : batch.segmentSize;
    const std::size_t size = buildShort(path, batch.buffer.subspan(batch.used, limit), build);
    if (size == 0) return false;
    if (batch.segments == 0) batch.segmentSize = size;
    batch.used += size;
    ++batch.segments;
    path.amplification.sent += size;
    path.bytesSent += size;
    return size == batch.segmentSize;
  };
  const auto fits = [&] {
    return batch.segments < SendBatch::kMostSegments &&
           batch.used + (batch.segments == 0 ? mtu : batch.segmentSize) <= most;
  };
  // RFC 9002 §7: "An endpoint MUST NOT send a packet if it would cause bytes_in_flight to be larger than the
  // congestion window, unless the packet is sent on a PTO timer expiration".
  const auto mayFly = [&] { return path.sender.windowRoom() >= mtu && path.sender.pacingRoom(now_) >= mtu; };

  if (datagram && datagrams_ != nullptr) tellPaths(path);
  const bool flies = control && mayFly();
  if (control && (probing || challenging || flies)) {
    Build build;
    build.control = true;
    build.ack = !cramped;
    // A challenge goes out although the window is full, but takes nothing else along then.
    build.connection = carries && (probing || flies);
    build.datagrams = datagram && (probing || flies);
    build.ping = path.pingDue || path.probes > 0;
    build.onSilentPath = path.silentSince != kNever;
    // RFC 9000 §8.2.1: "An endpoint MUST expand datagrams that contain a PATH_CHALLENGE frame to at least the
    // smallest allowed maximum datagram size of 1200 bytes".
    if (challenging) {
      build.padTo = kMinInitialSize;
      build.mustPad = true;
    }
    append(build);
    if (batch.segments > 0 && path.probes > 0) --path.probes;
    // Its size is as it comes: what follows goes into a batch of its own.
    return batch.segments > 0;
  }
  bool uniform = true;
  while (uniform && datagram && hasDatagram() && fits() && mayFly()) {
    Build build;
    build.datagrams = true;
    build.padTo = batch.segments == 0 ? 0 : batch.segmentSize;
    const bool full = append(build);
    // The source had nothing for this path after all.
    if (isClosing() || build.count == 0) break;
    uniform = full;
  }
  if ((!datagram || !hasDatagram() || path.refused) && !control && !path.probingOnly &&
      path.sender.windowRoom() >= mtu)
    path.sender.onAppLimited();
  // Last, because it is short: it ends the batch that it would have broken.
  if (uniform && fits() && ackDue) {
    Build build;
    build.ack = true;
    append(build);
  }
  return batch.segments > 0;
}

std::size_t Connection::buildShort(Path& path, std::span<std::uint8_t> out, Build& build) {
  if (path.skipAt <= path.sent.nextNumber()) {
    path.sent.skipNumber();
    path.skipAt = path.sent.nextNumber() + 256 + host_.random.below(1024);
  }
  const std::uint64_t number = path.sent.nextNumber();
  const std::size_t numberSize =
      std::max(kLeastNumberSize, packetNumberSize(number, path.sent.largestAcked().value_or(UINT64_MAX)));
  Writer writer(out);
  writeShortHeader(writer, path.remoteIds.current(), false, keys_.phase(), number, numberSize);
  const std::size_t headerSize = writer.size();
  if (!writer.ok() || writer.room() < kTag + 4) return 0;
  Writer body(out.subspan(headerSize, writer.room() - kTag));

  if (build.ack) {
    writeAckOf(body, path, build);
    // draft-ietf-quic-multipath-21 §3.4.3: "Endpoints SHOULD promptly send PATH_ACK frames for all
    // unacknowledged packets received on an abandoned path".
    if (!path.probingOnly)
      for (const auto& closing : closing_) writeAckOf(body, *closing, build);
    // §2.2: "PATH_ACK frames [...] can be returned on any path." Over a path that does not answer us the
    // peer's packets may still come in: their acknowledgements take another way.
    if (!path.probingOnly && path.silentSince == kNever)
      for (const auto& silent : paths_)
        if (silent->silentSince != kNever) writeAckOf(body, *silent, build);
  }
  if (build.control) writeControlFrames(body, path, build, false);
  if (build.datagrams) writeDatagrams(body, path, build);
  const bool askForAck =
      build.wroteAck && path.ackOnly >= kAckOnlyLimit && path.sender.windowRoom() >= out.size();
  if ((build.ping || askForAck) && !build.ackEliciting && body.room() > 0) {
    body.u8(static_cast<std::uint8_t>(frame_type::kPing));
    build.add({});
  }
  if (build.ping) path.pingDue = false;
  if (body.size() == 0) return 0;
  const std::size_t whole = headerSize + body.size() + kTag;
  if (build.padTo > whole) {
    // Up to the batch's size only where that is cheap; a path challenge always.
    const std::size_t missing = build.padTo - whole;
    if (build.mustPad || (missing <= build.padTo / kPadShare && hasDatagram())) {
      body.zeros(std::min(missing, body.room()));
      build.inFlight = true;
    }
  }
  if (body.size() + numberSize < 4) body.zeros(4 - body.size() - numberSize);
  const std::size_t size = seal(nullptr, path, out, headerSize, numberSize, number, body.size());
  if (build.wroteAck) {
    path.ackOnly = build.ackEliciting ? 0 : path.ackOnly + 1;
  }
  noteSent(path.sent, path, size, build);
  return size;
}

void Connection::writeAckOf(Writer& out, Path& path, Build& build) {
  // What goes out on a silent path itself may not arrive, so it does not count as sent; but the other paths
  // may be dead as well, and then this is what ends the silence.
  const bool hopeful = build.onSilentPath;
  if ((!path.received.ackUseful() && !hopeful) || build.full()) return;
  const auto pathId = multipath_ == MultipathVersion::kNone ? std::nullopt : std::optional(path.id);
  const std::uint64_t largest = path.received.largest();
  if (!path.received.writeAckFrame(out, pathId, own_.ackDelayExponent, multipath_, now_)) return;
  if (!hopeful) path.received.onAckSent();
  build.wroteAck = true;
  SentFrame frame;
  frame.kind = SentFrame::Kind::kAck;
  frame.path = path.id;
  frame.id = largest;
  build.frames[build.count++] = frame;
}

void Connection::writeControlFrames(Writer& out, Path& path, Build& build, bool early) {
  const auto add = [&](const Frame& frame, SentFrame sentFrame) {
    if (build.full() || !writeFrame(out, frame, multipath_)) return false;
    build.add(sentFrame);
    return true;
  };
  const auto kind = [](SentFrame::Kind k) {
    SentFrame frame;
    frame.kind = k;
    return frame;
  };
  if (!early) {
    if (path.challenge && path.challenge->due) {
      PathChallengeFrame challenge;
      host_.random.fill(challenge.data);
      SentFrame frame = kind(SentFrame::Kind::kPathChallenge);
      frame.path = path.id;
      if (add(challenge, frame)) {
        path.challenge->due = false;
        path.challenge->sent.push_back({challenge.data, path.amplification.room() >= kMinInitialSize});
        if (path.challenge->sent.size() > 8) path.challenge->sent.erase(path.challenge->sent.begin());
      }
    }
  }
  if (!early && build.connection) {
    if (handshakeDoneDue_ && add(HandshakeDoneFrame{}, kind(SentFrame::Kind::kHandshakeDone)))
      handshakeDoneDue_ = false;
    if (newTokenDue_ && add(NewTokenFrame{newToken_}, kind(SentFrame::Kind::kNewToken))) newTokenDue_ = false;
    while (const auto chunk = appCrypto_.out().next(UINT64_MAX)) {
      const std::size_t overhead = cryptoFrameOverhead(chunk->offset, chunk->size);
      if (build.full() || out.room() <= overhead) break;
      const std::size_t size = std::min(chunk->size, out.room() - overhead);
      out.varint(frame_type::kCrypto);
      out.varint(chunk->offset);
      out.varint(size, varintSize(chunk->size));
      appCrypto_.out().take(chunk->offset, {out.cursor(), size});
      out.advance(size);
      SentFrame frame = kind(SentFrame::Kind::kCrypto);
      frame.path = static_cast<std::uint32_t>(tls::Level::kApplication);
      frame.offset = chunk->offset;
      frame.length = static_cast<std::uint32_t>(size);
      build.add(frame);
    }
    writeIdFrames(out, build);
    writeMultipathFrames(out, build);
  }
  if ((early || build.connection) && streams_.hasFrames() && !build.full()) {
    const std::size_t wrote = streams_.writeFrames(out, build.room(), path.sender.rtt().smoothed(), now_);
    if (wrote > 0) build.ackEliciting = build.inFlight = true;
    build.count += wrote;
  }
}

void Connection::writeDatagrams(Writer& out, Path& path, Build& build) {
  const std::size_t most = datagramRoom(path);
  while (!build.full() && hasDatagram()) {
    const std::size_t size = datagrams_->nextSize(path.id, most, now_);
    path.refused = size == 0 || size > most;
    if (path.refused) return;
    const std::size_t room = out.room();
    // With a length where another frame may follow, else up to the end of the packet.
    const bool withLength = size + 1 + varintSize(size) <= room;
    if (!withLength && size + 1 != room) {
      // One that would leave a byte or two behind it: those are PADDING in front.
      if (size + 1 > room) return;
      out.zeros(room - size - 1);
    }
    out.u8(static_cast<std::uint8_t>(withLength ? frame_type::kDatagramLen : frame_type::kDatagram));
    if (withLength) out.varint(size);
    SentFrame frame;
    frame.kind = SentFrame::Kind::kDatagram;
    datagrams_->write(out.cursor(), PacketId{path.id, path.sent.nextNumber()}, frame.id);
    out.advance(size);
    build.add(frame);
    ++counters_.datagramsSent;
  }
}

bool Connection::produceAnswer(SendBatch& batch, Path& path) {
  while (!path.answers.empty()) {
    const PathAnswer answer = path.answers.front();
    path.answers.erase(path.answers.begin());
    const bool here = answer.to == path.network;
    const std::uint64_t room = here ? path.amplification.room() : answer.most;
    if (room < kLeastChallenge) continue;
    beginBatch(batch, path, answer.to);
    Build build;
    build.ack = here;
    const std::uint64_t number = path.sent.nextNumber();
    const std::size_t numberSize = kMostNumberSize;
    const std::span<std::uint8_t> out = batch.buffer.first(std::min<std::uint64_t>(kMinInitialSize, room));
    Writer writer(out);
    writeShortHeader(writer, path.remoteIds.current(), false, keys_.phase(), number, numberSize);
    const std::size_t headerSize = writer.size();
    Writer body(out.subspan(headerSize, out.size() - headerSize - kTag));
    SentFrame frame;
    if (answer.isChallenge) {
      writeFrame(body, PathChallengeFrame{answer.data}, multipath_);
      frame.kind = SentFrame::Kind::kPathChallenge;
    } else {
      writeFrame(body, PathResponseFrame{answer.data}, multipath_);
      frame.kind = SentFrame::Kind::kPathResponse;
    }
    frame.path = path.id;
    build.add(frame);
    // RFC 9000 §8.2.2: "An endpoint MUST expand datagrams that contain a PATH_RESPONSE frame to at least the
    // smallest allowed maximum datagram size of 1200 bytes", but "MUST NOT expand [...] if the resulting data
    // exceeds the anti-amplification limit".
    body.zeros(body.room());
    const std::size_t size = seal(nullptr, path, out, headerSize, numberSize, number, body.size());
    noteSent(path.sent, path, size, build);
    if (here) path.amplification.sent += size;
    path.bytesSent += size;
    batch.used = batch.segmentSize = size;
    batch.segments = 1;
    return true;
  }
  return false;
}

bool Connection::produceMtuProbe(SendBatch& batch, Path& path) {
  if (!handshakeComplete_ || !path.amplification.validated || path.probingOnly) return false;
  const std::uint32_t probe = path.mtu.probeDue(now_);
  if (probe == 0 || probe > batch.buffer.size() || path.sender.windowRoom() < probe) return false;
  beginBatch(batch, path, path.network);
  batch.isProbe = true;
  const std::uint64_t number = path.sent.nextNumber();
  const std::span<std::uint8_t> out = batch.buffer.first(probe);
  Writer writer(out);
  writeShortHeader(writer, path.remoteIds.current(), false, keys_.phase(), number, kMostNumberSize);
  const std::size_t headerSize = writer.size();
  Writer body(out.subspan(headerSize, out.size() - headerSize - kTag));
  Build build;
  // RFC 9000 §14.4: "Endpoints could limit the content of PMTU probes to PING and PADDING frames".
  body.u8(static_cast<std::uint8_t>(frame_type::kPing));
  body.zeros(body.room());
  SentFrame frame;
  frame.kind = SentFrame::Kind::kMtuProbe;
  frame.path = path.id;
  frame.length = probe;
  build.add(frame);
  build.isMtuProbe = true;
  const std::size_t size = seal(nullptr, path, out, headerSize, kMostNumberSize, number, body.size());
  noteSent(path.sent, path, size, build);
  path.mtu.onProbeSent(probe, now_);
  path.bytesSent += size;
  batch.used = batch.segmentSize = size;
  batch.segments = 1;
  return true;
}

// --- the last steps of every packet

std::size_t Connection::seal(PacketKeys* longKeys, Path& path, std::span<std::uint8_t> packet,
                             std::size_t headerSize, std::size_t numberSize, std::uint64_t number,
                             std::size_t payloadSize) {
  const auto header = std::span<const std::uint8_t>(packet).first(headerSize);
  std::uint8_t* payload = packet.data() + headerSize;
  if (host_.tracer) {
    const PacketType type = longKeys == nullptr                    ? PacketType::kOneRtt
                            : longKeys == early_.get()             ? PacketType::kZeroRtt
                            : longKeys == handshake_[0].send.get() ? PacketType::kInitial
                                                                   : PacketType::kHandshake;
    host_.tracer->onPacketSent(
        {type, path.id, number, headerSize + payloadSize + kTag, {payload, payloadSize}, multipath_}, now_);
  }
  tls::PacketKey& key = longKeys ? longKeys->packet : keys_.send();
  tls::HeaderKey& headerKey = longKeys ? longKeys->header : keys_.sendHeader();
  const std::uint32_t nonceId = longKeys != nullptr || multipath_ == MultipathVersion::kNone ? 0 : path.id;
  key.seal(nonceId, number, header, payload, payloadSize);
  if (longKeys == nullptr) keys_.countSealed();
  protectHeader(headerKey, packet, headerSize, numberSize);
  return headerSize + payloadSize + kTag;
}

void Connection::noteSent(SentPackets& sent, Path& path, std::size_t size, Build& build) {
  SentPacket packet;
  packet.number = sent.nextNumber();
  packet.sentAt = now_;
  packet.bytes = static_cast<std::uint32_t>(size);
  packet.ackEliciting = build.ackEliciting;
  packet.inFlight = build.inFlight;
  packet.isMtuProbe = build.isMtuProbe;
  packet.ect0 = batchIsEct0_;
  if (build.inFlight) path.sender.onSent(packet, now_);
  sent.onSent(packet, std::span(build.frames).first(build.count));
  path.ecn.onSent(packet.ect0);
  ++path.packetsSent;
  if (build.ackEliciting) {
    path.ackOnly = 0;
    if (path.awaitingSince == kNever && handshakeConfirmed_) path.awaitingSince = now_;
    restartIdleTimer(false);
  }
}

}  // namespace mqvpn::quic
