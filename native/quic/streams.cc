#include "quic/streams.h"

#include <algorithm>
#include <utility>

namespace mqvpn::quic {

std::uint64_t Streams::Remote::nextLimit() const { return std::min(closed + window, kMostStreamCount); }

bool Streams::Remote::updateDue() const {
  // RFC 9000 §4.6: "Implementations might choose to increase limits as streams are closed, to keep the number
  // of streams available to peers roughly consistent." Not while the peer has half of them left.
  return lost || (nextLimit() > limit && limit - opened <= window / 2);
}

Streams::Streams(bool isServer, const StreamLimits& limits, StreamEvents& events)
    : isServer_(isServer), limits_(limits), events_(events), receiveWindow_(limits.connectionWindow) {
  remote(true).window = remote(true).limit = std::min(limits.maxBidi, kMostStreamCount);
  remote(false).window = remote(false).limit = std::min(limits.maxUni, kMostStreamCount);
}

Streams::~Streams() = default;

void Streams::describe(TransportParameters& own) const {
  const std::uint64_t stream = std::min(limits_.streamWindow, kVarintMax);
  own.initialMaxData = std::min(limits_.connectionWindow, kVarintMax);
  own.initialMaxStreamDataBidiLocal = stream;
  own.initialMaxStreamDataBidiRemote = stream;
  own.initialMaxStreamDataUni = stream;
  own.initialMaxStreamsBidi = std::min(limits_.maxBidi, kMostStreamCount);
  own.initialMaxStreamsUni = std::min(limits_.maxUni, kMostStreamCount);
}

std::uint64_t Streams::initialSendLimit(std::uint64_t id) const {
  // RFC 9000 §18.2 names them as the peer sees them: "local" are the streams that it initiates.
  if (!isBidirectional(id)) return peerUni_;
  return isLocal(id) ? peerBidiRemote_ : peerBidiLocal_;
}

void Streams::setPeerLimits(const TransportParameters& peer) {
  const bool replace = std::exchange(restarted_, false);
  const auto set = [replace](PeerLimit& limit, std::uint64_t value) {
    if (!replace) return limit.raise(value);
    limit.replace(value);
    return true;
  };
  peerBidiLocal_ = peer.initialMaxStreamDataBidiLocal;
  peerBidiRemote_ = peer.initialMaxStreamDataBidiRemote;
  peerUni_ = peer.initialMaxStreamDataUni;
  set(sendLimit_, peer.initialMaxData);
  for (const bool bidirectional : {true, false}) {
    Local& kind = local(bidirectional);
    set(kind.limit, bidirectional ? peer.initialMaxStreamsBidi : peer.initialMaxStreamsUni);
    if (kind.isWanted && kind.opened < kind.limit.value()) {
      kind.isWanted = false;
      kind.availableDue = true;
    }
  }
  for (auto& [id, stream] : streams_)
    if (stream.send) set(stream.send->limit(), initialSendLimit(id));
  settleAll();
}

Stream& Streams::create(std::uint64_t id) {
  Stream& stream = streams_.try_emplace(id, id).first->second;
  if (isBidirectional(id) || isLocal(id)) stream.send.emplace(initialSendLimit(id));
  if (isBidirectional(id) || !isLocal(id)) stream.receive.emplace(limits_.streamWindow);
  return stream;
}

Stream* Streams::findOpen(std::uint64_t id) {
  const auto found = streams_.find(id);
  return found == streams_.end() || found->second.isClosed ? nullptr : &found->second;
}

const Stream* Streams::findOpen(std::uint64_t id) const {
  const auto found = streams_.find(id);
  return found == streams_.end() || found->second.isClosed ? nullptr : &found->second;
}

void Streams::settle(Stream& stream) {
  if (stream.isClosed) return;
  if (stream.isDone()) {
    stream.isClosed = true;
    closed_.push_back(stream.id);
    if (!isLocal(stream.id)) ++remote(isBidirectional(stream.id)).closed;
  }
  // RFC 9000 §19.11: "An endpoint MUST NOT open more streams than permitted by the current stream limit set
  // by its peer." After rejected 0-RTT some may lie above the new limit, and wait.
  const bool maySend =
      !stream.isClosed &&
      (!isLocal(stream.id) || streamIndex(stream.id) < local(isBidirectional(stream.id)).limit.value());
  control_.set(stream, maySend && stream.controlDue());
  urgent_.set(stream, maySend && stream.send && stream.send->hasUrgent());
  fresh_.set(stream, maySend && stream.send && stream.send->hasFresh());
}

void Streams::settleAll() {
  for (auto& [id, stream] : streams_) settle(stream);
}

std::optional<std::uint64_t> Streams::open(bool bidirectional) {
  Local& kind = local(bidirectional);
  if (kind.opened >= kind.limit.value()) {
    kind.isWanted = true;
    return std::nullopt;
  }
  const std::uint64_t id = streamId(kind.opened++, isServer_, bidirectional);
  create(id);
  return id;
}

std::size_t Streams::write(std::uint64_t id, Bytes data, bool fin) {
  Stream* stream = findOpen(id);
  if (stream == nullptr || !stream->send) return 0;
  const std::size_t taken = stream->send->write(data, fin, limits_.sendBuffer);
  settle(*stream);
  return taken;
}

std::size_t Streams::read(std::uint64_t id, std::span<std::uint8_t> out, bool& fin) {
  fin = false;
  Stream* stream = findOpen(id);
  if (stream == nullptr || !stream->receive) return 0;
  const std::size_t copied = stream->receive->read(out, fin);
  receiveWindow_.consume(copied);
  settle(*stream);
  return copied;
}

void Streams::resetSending(Stream& stream, std::uint64_t errorCode) {
  stream.send->reset(errorCode);
  settle(stream);
}

void Streams::reset(std::uint64_t id, std::uint64_t errorCode) {
  Stream* stream = findOpen(id);
  if (stream != nullptr && stream->send) resetSending(*stream, errorCode);
}

void Streams::stopSending(std::uint64_t id, std::uint64_t errorCode) {
  Stream* stream = findOpen(id);
  if (stream == nullptr || !stream->receive) return;
  receiveWindow_.consume(stream->receive->stop(errorCode));
  settle(*stream);
}

std::size_t Streams::writableBytes(std::uint64_t id) const {
  const Stream* stream = findOpen(id);
  return stream != nullptr && stream->send ? stream->send->room(limits_.sendBuffer) : 0;
}

void Streams::restart() {
  restarted_ = true;
  for (auto& [id, stream] : streams_) {
    if (stream.send) sent_ -= stream.send->restart();
    if (stream.receive) stream.receive->restart();
  }
  // The peer has forgotten what it was told.
  sendLimit_.replace(sendLimit_.value());
  for (Local& kind : local_) kind.limit.replace(kind.limit.value());
  for (auto& [id, stream] : streams_)
    if (stream.send) stream.send->limit().replace(stream.send->limit().value());
  settleAll();
}

std::uint64_t Streams::openCount() const {
  return static_cast<std::uint64_t>(std::count_if(streams_.begin(), streams_.end(),
                                                  [](const auto& entry) { return !entry.second.isClosed; }));
}

std::size_t Streams::memoryBytes() const {
  // What a node of the map costs beside the stream.
  constexpr std::size_t kNode = 5 * sizeof(void*);
  std::size_t bytes = sizeof(*this) + closed_.capacity() * sizeof(std::uint64_t);
  for (const auto& [id, stream] : streams_) bytes += kNode + stream.memoryBytes();
  return bytes;
}

}  // namespace mqvpn::quic
