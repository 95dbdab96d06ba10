#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "quic/receive_stream.h"
#include "quic/send_stream.h"

namespace mqvpn::quic {

struct Stream;

/// A place in a StreamQueue.
struct StreamLink {
  Stream* previous = nullptr;
  Stream* next = nullptr;
  bool isIn = false;
};

/// Of one type. RFC 9000 §4.6: more "would allow a maximum stream ID that cannot be expressed as a
/// variable-length integer".
constexpr std::uint64_t kMostStreamCount = std::uint64_t{1} << 60;

/// RFC 9000 §2.1: "The least significant bit (0x01) of the stream ID identifies the initiator of the stream";
/// "The second least significant bit (0x02) of the stream ID distinguishes between bidirectional streams […]
/// and unidirectional streams".
constexpr bool isServerStream(std::uint64_t id) { return id & 0x01; }
constexpr bool isBidirectional(std::uint64_t id) { return !(id & 0x02); }
/// The how-manieth of its type, from 0.
constexpr std::uint64_t streamIndex(std::uint64_t id) { return id >> 2; }
constexpr std::uint64_t streamId(std::uint64_t index, bool server, bool bidirectional) {
  return index << 2 | (bidirectional ? 0 : 0x02) | (server ? 0x01 : 0);
}

/// One stream: a sending part, a receiving part, or both.
struct Stream {
  explicit Stream(std::uint64_t streamId) : id(streamId) {}
  Stream(const Stream&) = delete;

  const std::uint64_t id;
  std::optional<SendStream> send;
  std::optional<ReceiveStream> receive;
  /// Counted as closed; waits to be forgotten and reported.
  bool isClosed = false;
  StreamLink control;
  StreamLink urgent;
  StreamLink fresh;

  /// RFC 9000 §3.4: "presents the stream as […] "closed" when both sending and receiving streams are in
  /// terminal states."
  bool isDone() const { return (!send || send->isDone()) && (!receive || receive->isDone()); }
  bool controlDue() const {
    return (send && (send->resetDue() || send->blockedDue())) ||
           (receive && (receive->stopDue() || receive->maxDataDue()));
  }
  std::size_t memoryBytes() const {
    return sizeof(*this) + (send ? send->memoryBytes() : 0) + (receive ? receive->memoryBytes() : 0);
  }
};

/// Streams that take turns. Everything is O(1), and nothing is allocated.
template <StreamLink Stream::*kLink>
class StreamQueue {
 public:
  bool empty() const { return front_ == nullptr; }
  Stream* front() const { return front_; }

  /// Puts the stream at the end, takes it out, or leaves it where it is.
  void set(Stream& stream, bool isIn) {
    if ((stream.*kLink).isIn == isIn) return;
    if (isIn)
      pushBack(stream);
    else
      remove(stream);
  }
  void moveToBack(Stream& stream) {
    remove(stream);
    pushBack(stream);
  }

 private:
  void pushBack(Stream& stream) {
    stream.*kLink = {back_, nullptr, true};
    (back_ == nullptr ? front_ : (back_->*kLink).next) = &stream;
    back_ = &stream;
  }
  void remove(Stream& stream) {
    StreamLink& link = stream.*kLink;
    (link.previous == nullptr ? front_ : (link.previous->*kLink).next) = link.next;
    (link.next == nullptr ? back_ : (link.next->*kLink).previous) = link.previous;
    link = {};
  }

  Stream* front_ = nullptr;
  Stream* back_ = nullptr;
};

}  // namespace mqvpn::quic
