// CONNECTION_CLOSE, at every level that the peer may be able to read (RFC 9000 §10.2).
#include <algorithm>

#include "quic/connection.h"
#include "quic/packet_build.h"

namespace mqvpn::quic {

bool Connection::produceClose(SendBatch& batch) {
  if (!closeDue_) return false;
  closeDue_ = false;
  Path& path = primary();
  beginBatch(batch, path, path.network);
  // RFC 9000 §10.2.3: "When sending a CONNECTION_CLOSE frame, the goal is to ensure that the peer will
  // process the frame. Generally, this means sending the frame in a packet with the highest level of packet
  // protection to avoid the packet being discarded." Until the handshake is confirmed, it also goes into the
  // levels below.
  const std::size_t most = std::min<std::uint64_t>(path.mtu.current(), path.amplification.room());
  std::size_t used = 0;
  const auto closeFrame = [&](bool application) {
    ConnectionCloseFrame frame;
    // RFC 9000 §10.2.3: "A CONNECTION_CLOSE of type 0x1d MUST be replaced by a CONNECTION_CLOSE of type 0x1c
    // when sending the frame in Initial or Handshake packets. [...] code of APPLICATION_ERROR."
    frame.application = closeApplication_ && application;
    frame.errorCode = closeApplication_ && !application
                          ? static_cast<std::uint64_t>(TransportError::kApplicationError)
                          : closeCode_;
    frame.frameType = frame.application ? 0 : closeFrameType_;
    if (!closeApplication_ || application)
      frame.reason = {reinterpret_cast<const std::uint8_t*>(closeReason_.data()), closeReason_.size()};
    return frame;
  };
  const auto one = [&](tls::Level level, bool pad) {
    if (most < used + 128) return;
    const std::span<std::uint8_t> out = batch.buffer.subspan(used, most - used);
    const bool shortHeader = level == tls::Level::kApplication;
    Space& space = handshake_[level == tls::Level::kHandshake ? 1 : 0];
    SentPackets& sent = shortHeader ? path.sent : space.sent;
    const std::uint64_t number = sent.nextNumber();
    Writer writer(out);
    std::size_t lengthAt = 0;
    if (shortHeader)
      writeShortHeader(writer, path.remoteIds.current(), false, keys_.phase(), number, kMostNumberSize);
    else
      lengthAt = writeLongHeader(
          writer, level == tls::Level::kInitial ? PacketType::kInitial : PacketType::kHandshake,
          path.remoteIds.current(), firstLocalId_, level == tls::Level::kInitial ? Bytes(token_) : Bytes(),
          number, kMostNumberSize);
    const std::size_t headerSize = writer.size();
    if (!writer.ok() || writer.room() < kTag + 8) return;
    Writer body(out.subspan(headerSize, writer.room() - kTag));
    if (!writeFrame(body, closeFrame(shortHeader), multipath_)) {
      closeReason_.clear();
      if (!writeFrame(body, closeFrame(shortHeader), multipath_)) return;
    }
    const std::size_t whole = used + headerSize + body.size() + kTag;
    if (pad && whole < kMinInitialSize) body.zeros(std::min(kMinInitialSize - whole, body.room()));
    if (!shortHeader) setLength(out.data() + lengthAt, kMostNumberSize + body.size() + kTag);
    PacketKeys* keys = shortHeader ? nullptr : space.send.get();
    used += seal(keys, path, out, headerSize, kMostNumberSize, number, body.size());
    Build build;
    noteSent(sent, path, used, build);
  };
  const bool initial = !handshake_[0].discarded && handshake_[0].send;
  const bool handshake = !handshake_[1].discarded && handshake_[1].send;
  const bool application = keys_.canSend();
  if (initial) one(tls::Level::kInitial, !handshake && !application);
  if (handshake) one(tls::Level::kHandshake, initial && !application);
  if (application) one(tls::Level::kApplication, initial);
  if (used == 0) return false;
  path.amplification.sent += used;
  path.bytesSent += used;
  batch.used = batch.segmentSize = used;
  batch.segments = 1;
  return true;
}

}  // namespace mqvpn::quic
