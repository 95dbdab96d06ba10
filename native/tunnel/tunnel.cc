#include "tunnel/tunnel.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "tunnel/ecn_mark.h"
#include "tunnel/flow_hash.h"
#include "tunnel/fragment.h"

namespace mqvpn::tunnel {

using connect_ip::IcmpError;
using connect_ip::PacketError;
using connect_ip::PacketView;
using connect_ip::Verdict;

Tunnel::Tunnel(Side side, const Parts& parts)
    : side_(side),
      pool_(parts.pool),
      tun_(parts.tun),
      hashKey_(parts.hashKey),
      queue_(parts.pool, parts.limits),
      scheduler_(makeScheduler(parts.scheduler, queue_)),
      mayTwin_(parts.twins) {}

Tunnel::~Tunnel() { close(); }

void Tunnel::open(connect_ip::Session& session, bool peerTakesDatagrams) {
  session_ = &session;
  useDatagrams_ = peerTakesDatagrams;
  setMaxDatagramPayload(maxDatagramPayload_);
}

void Tunnel::close() {
  session_ = nullptr;
  queue_.clear();
  scheduler_->reset();
  sentCopies_.clear();
  receivedCopies_.clear();
  offered_.reset();
  for (Packet* packet : diverted_) pool_.release(packet);
  diverted_.clear();
}

void Tunnel::setIcmpSources(std::span<const connect_ip::Prefix> addresses) {
  for (const connect_ip::Prefix& prefix : addresses)
    (prefix.address.version == 4 ? icmpSource4_ : icmpSource6_) = prefix.address;
}

void Tunnel::setMaxDatagramPayload(std::size_t bytes) {
  maxDatagramPayload_ = bytes;
  if (session_ == nullptr) return;
  // A packet that just fits must fit as a copy as well.
  const std::size_t prefix =
      session_->packetPrefix().size() + (session_->copiesAllowed() ? connect_ip::Session::kCopyBytes : 0);
  datagramRoom_ = useDatagrams_ && bytes > prefix ? bytes - prefix : 0;
  queue_.setQuantum(static_cast<std::uint32_t>(mtu()));
}

void Tunnel::send(Packet* packet, PacketView& view, quic::Time now) {
  if (session_ == nullptr) {
    ++counters_.notOpen;
    pool_.release(packet);
    return;
  }
  Verdict verdict = side_ == Side::kClient ? checks_.clientToServer(view) : checks_.serverToClient(view);
  // RFC 9484 §7.2: "the Hop Count is decremented right before an IP packet is transmitted in an HTTP
  // Datagram." Of a super-packet once, for all its segments.
  if (verdict == Verdict::kForward) verdict = connect_ip::Checks::spendHop(view);
  packet->data = view.bytes;
  if (verdict == Verdict::kForward && !packet->segmenter.init(packet->header, packet->data))
    verdict = Verdict::kMalformed;
  if (verdict != Verdict::kForward) {
    reject(view, verdict, false, now);
    pool_.release(packet);
    return;
  }
  if (packet->segmenter.size(0) > mtu()) {
    // RFC 9484 §10.1: "the endpoint SHOULD drop the IP packet and send an ICMP Packet Too Big message to the
    // sender of the dropped packet". Unless the sender lets routers cut it (RFC 791 §3.2): it would not
    // understand.
    if (!sendFragments(*packet, view, now)) {
      ++counters_.tooBig;
      answer(view, IcmpError::kTooBig, false, now);
    }
    pool_.release(packet);
    return;
  }
  counters_.fromTun.count(Verdict::kForward);
  enqueue(packet, now);
}

void Tunnel::enqueue(Packet* packet, quic::Time now) {
  const FlowLabel label = flowLabel(packet->segmenter.front(), hashKey_);
  packet->flowHash = label.hash;
  queue_.enqueue(packet, now, label.kind);
}

bool Tunnel::sendFragments(const Packet& packet, const PacketView& view, quic::Time now) {
  if (view.version != 4 || connect_ip::dontFragment(view) || packet.segmenter.count() != 1) return false;
  std::array<std::uint8_t, 65536> whole;
  const std::size_t size = packet.segmenter.write(0, whole.data());
  std::array<std::uint8_t, PacketPool::kSmallBytes - VnetHeader::kBytes> piece;
  const Fragmenter fragments({whole.data(), size}, std::min(mtu(), piece.size()));
  for (std::size_t i = 0; i < fragments.count(); ++i) {
    const std::size_t bytes = fragments.write(i, piece.data());
    Packet* fragment = pool_.copy(std::span(piece).first(bytes));
    if (fragment == nullptr) break;
    if (!fragment->segmenter.init(fragment->header, fragment->data)) {
      pool_.release(fragment);
      break;
    }
    counters_.fromTun.count(Verdict::kForward);
    enqueue(fragment, now);
  }
  return fragments.count() > 0;
}

void Tunnel::receiveDatagram(std::span<std::uint8_t> payload, const quic::PacketId& origin,
                             const quic::Connection& connection, quic::Time now) {
  if (session_ == nullptr) {
    ++counters_.notOpen;
    return;
  }
  std::optional<connect_ip::Session::CopyOf> copyOf;
  const std::span<std::uint8_t> packet = session_->unwrap(payload, &copyOf);
  if (packet.empty()) return;
  if (copyOf) {
    const auto original = connection.resolve(copyOf->path, copyOf->number);
    // The path is long gone: whether its packet arrived cannot be said any more.
    if (!original || connection.wasReceived(*original)) {
      ++counters_.copiesDropped;
      return;
    }
    receivedCopies_.add(*original, packet, now);
  } else if (receivedCopies_.covers(origin, packet, now)) {
    ++counters_.copiesDropped;
    return;
  }
  receive(packet, now);
}

void Tunnel::receive(std::span<std::uint8_t> packet, quic::Time now) {
  if (session_ == nullptr) {
    ++counters_.notOpen;
    return;
  }
  PacketView view;
  if (connect_ip::parsePacket(packet, view) != PacketError::kNone) {
    counters_.fromPeer.count(Verdict::kMalformed);
    return;
  }
  const Verdict verdict =
      side_ == Side::kClient ? checks_.serverToClient(view) : checks_.clientToServer(view);
  if (verdict != Verdict::kForward) return reject(view, verdict, true, now);
  counters_.fromPeer.count(Verdict::kForward);
  ++counters_.packetsIn;
  counters_.bytesIn += view.bytes.size();
  tun_.write(view.bytes, ChecksumState::kUnverified);
}

void Tunnel::reject(const PacketView& view, Verdict verdict, bool fromPeer, quic::Time now) {
  (fromPeer ? counters_.fromPeer : counters_.fromTun).count(verdict);
  // The answer to a packet with a foreign source would go to a third party. A client does not answer its
  // server.
  if (verdict == Verdict::kMalformed || verdict == Verdict::kSource || (fromPeer && side_ == Side::kClient))
    return;
  IcmpError error;
  if (connect_ip::icmpFor(verdict, error)) answer(view, error, fromPeer, now);
}

void Tunnel::answer(const PacketView& about, IcmpError error, bool toPeer, quic::Time now) {
  if (!icmpLimit_.take(now)) return;
  const connect_ip::IpAddress& known = about.version == 4 ? icmpSource4_ : icmpSource6_;
  // Linux drops what comes in from an address of its own (a martian), as the server's is to its own host.
  const bool local = side_ == Side::kServer && !toPeer;
  const connect_ip::IpAddress from = known.version != 0 && !local ? known : about.destinationAddress();
  std::array<std::uint8_t, connect_ip::kMaxIcmpSize> buffer;
  const std::size_t size =
      connect_ip::writeIcmpError(buffer, about, error, from, static_cast<std::uint32_t>(mtu()));
  if (size == 0) return;
  ++counters_.icmpSent;
  if (!toPeer) return tun_.write(std::span(buffer).first(size), ChecksumState::kTrusted);
  Packet* packet = pool_.copy(std::span(buffer).first(size));
  if (packet == nullptr) return;
  if (!packet->segmenter.init(packet->header, packet->data)) return pool_.release(packet);
  enqueue(packet, now);
}

void Tunnel::onPaths(std::span<const quic::PathView> paths, std::size_t pulling, quic::Time now) {
  if (pulling < paths.size()) {
    queue_.setRamping(paths[pulling].ramping);
    queue_.setRoundTrip(paths[pulling].minRtt);
  }
  carriers_ = paths.size();
  scheduler_->onPaths(paths, pulling, now);
}

void Tunnel::onPathCount(std::size_t paths) { keepCopies_ = paths > 1; }

/// Of a packet that left before by a path that died.
std::size_t Tunnel::copySize(std::uint32_t pathId, bool onlySparse, std::size_t most, quic::Time now) {
  offered_.reset();
  while (sentCopies_.waiting()) {
    offered_ = sentCopies_.next(pathId, onlySparse, now);
    if (!offered_) return 0;
    const std::size_t size = session_->packetPrefix().size() + offered_->packet.size() +
                             (session_->copiesAllowed() ? connect_ip::Session::kCopyBytes : 0);
    if (size <= most) return size;
    // The path that is left takes less.
    sentCopies_.pop();
    offered_.reset();
  }
  return 0;
}

void Tunnel::writeCopy(std::uint8_t* out) {
  std::size_t at = session_->packetPrefix().size();
  const quic::PacketId& original = offered_->original;
  if (session_->copiesAllowed())
    at = session_->writeCopyPrefix(out, {static_cast<std::uint8_t>(original.path),
                                         static_cast<std::uint32_t>(original.number & 0xffffff)});
  else
    std::memcpy(out, session_->packetPrefix().data(), at);
  std::memcpy(out + at, offered_->packet.data(), offered_->packet.size());
  ++counters_.copiesOut;
  sentCopies_.pop();
  offered_.reset();
}

const FairQueue::Head* Tunnel::nextSmall(std::uint32_t pathId, quic::Time now) {
  const Lane own = scheduler_->laneOf(pathId);
  const FairQueue::Head* head = queue_.peekSmall(own, now);
  return head == nullptr && own != kSharedLane ? queue_.peekSmall(kSharedLane, now) : head;
}

std::size_t Tunnel::nextSize(std::uint32_t pathId, std::size_t most, quic::Time now) {
  if (session_ == nullptr || !useDatagrams_) return 0;
  now_ = now;
  offered_.reset();
  // Copies of sparse flows, sparse flows, copies of bulk, bulk.
  if (sentCopies_.sparseWaiting())
    if (const std::size_t size = copySize(pathId, true, most, now)) return size;
  const std::size_t prefix = session_->packetPrefix().size();
  while (const FairQueue::Head* head = scheduler_->next(pathId, now)) {
    if (sentCopies_.waiting() && !queue_.offersSparse()) {
      // The queue stands still behind the copies, and with it what would have its turn in a moment.
      if (const FairQueue::Head* small = nextSmall(pathId, now);
          small != nullptr && prefix + small->size <= most)
        return prefix + small->size;
      if (const std::size_t copy = copySize(pathId, false, most, now)) return copy;
      head = scheduler_->next(pathId, now);
      if (head == nullptr) break;
    }
    if (const std::size_t size = prefix + head->size; size <= most) return size;
    divert(*head, now);
    queue_.pop();
  }
  return sentCopies_.waiting() ? copySize(pathId, false, most, now) : 0;
}

void Tunnel::write(std::uint8_t* out, const quic::PacketId& carrier, std::uint64_t& tag) {
  if (offered_) return writeCopy(out);
  const std::span<const std::uint8_t> prefix = session_->packetPrefix();
  std::memcpy(out, prefix.data(), prefix.size());
  const FairQueue::Head& head = queue_.head();
  std::uint8_t* packet = out + prefix.size();
  head.packet->segmenter.write(head.packet->index, packet);
  if (head.mark) markCongestion({packet, head.size});
  if (keepCopies_) {
    FlowRecord* flow = queue_.offeredRecord();
    const bool small = flow != nullptr && twins_.isSmall(flow->twin, head.size, now_);
    tag = sentCopies_.add({packet, head.size}, carrier, small, now_);
    const bool mayTwin = small && mayTwin_ && carriers_ > 1 && session_->copiesAllowed();
    if (mayTwin && twins_.take(flow->twin, {packet, head.size}, now_)) sentCopies_.twin(tag);
  }
  ++counters_.packetsOut;
  counters_.bytesOut += head.size;
  scheduler_->onTaken(head.size);
  queue_.pop();
}

// The path takes less than when the packet was accepted, or less than IPv6 needs. RFC 9484 §10.1 says that a
// proxy "SHOULD NOT send the IP packet in a DATAGRAM capsule", since path MTU discovery would find a size
// that is not there; up to 1280 bytes there is nothing to be discovered, and §7.2: endpoints "MUST ensure […]
// that they can send HTTP Datagrams with payloads of at least 1280 bytes".
void Tunnel::divert(const FairQueue::Head& head, quic::Time now) {
  std::array<std::uint8_t, PacketPool::kSmallBytes> buffer;
  // Larger ones are bulk: their first segment speaks for them.
  const std::size_t index = head.packet->index;
  if (head.size > kLeastMtu || diverted_.size() >= kMostDiverted) {
    ++counters_.tooBig;
    PacketView view;
    if (head.size > kLeastMtu && connect_ip::parsePacket(head.packet->data, view) == PacketError::kNone)
      answer(view, IcmpError::kTooBig, false, now);
    return;
  }
  head.packet->segmenter.write(index, buffer.data());
  if (Packet* copy = pool_.copy(std::span(buffer).first(head.size))) {
    diverted_.push_back(copy);
  } else {
    ++counters_.capsuleRoom;
  }
}

bool Tunnel::sendCapsule(std::span<const std::uint8_t> packet) {
  // What does not fit is dropped, as a full link does.
  if (!session_->sendDatagramCapsule(packet)) {
    ++counters_.capsuleRoom;
    return false;
  }
  ++counters_.capsulesOut;
  ++counters_.packetsOut;
  counters_.bytesOut += packet.size();
  return true;
}

bool Tunnel::sendCapsules(quic::Time now) {
  if (session_ == nullptr) return false;
  bool written = false;
  for (Packet* packet : diverted_) {
    written |= sendCapsule(packet->data);
    pool_.release(packet);
  }
  diverted_.clear();
  if (useDatagrams_) return written;
  std::array<std::uint8_t, 65536> buffer;
  while (const FairQueue::Head* head = queue_.peek(now)) {
    head->packet->segmenter.write(head->packet->index, buffer.data());
    if (head->mark) markCongestion(std::span(buffer).first(head->size));
    // Without QUIC DATAGRAMs all goes this way; what finds no room waits in the queue until the stream is
    // writable.
    if (!session_->sendDatagramCapsule(std::span(buffer).first(head->size))) break;
    ++counters_.capsulesOut;
    ++counters_.packetsOut;
    counters_.bytesOut += head->size;
    queue_.pop();
    written = true;
  }
  return written;
}

}  // namespace mqvpn::tunnel
