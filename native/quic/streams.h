#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "quic/buffer.h"
#include "quic/errors.h"
#include "quic/flow_control.h"
#include "quic/frames.h"
#include "quic/sent_packet.h"
#include "quic/stream.h"
#include "quic/stream_frame_sink.h"
#include "quic/transport_parameters.h"

namespace mqvpn::quic {

/// What an application hears of its streams. Calls come from inside Streams::on…(), never from elsewhere; the
/// application may call back into Streams (write, read, reset), but must not destroy it.
class StreamEvents {
 public:
  virtual ~StreamEvents() = default;
  /// The peer opened a stream (lower ones of its kind are open too, RFC 9000 §3.2, and were reported before).
  virtual void onStreamOpened(std::uint64_t id) = 0;
  /// New contiguous bytes, or the end, can be read.
  virtual void onStreamReadable(std::uint64_t id) = 0;
  /// writeStream() took less than it was given, and there is room again.
  virtual void onStreamWritable(std::uint64_t id) = 0;
  virtual void onStreamReset(std::uint64_t id, std::uint64_t errorCode) = 0;
  virtual void onStopSending(std::uint64_t id, std::uint64_t errorCode) = 0;
  /// Both directions are done; the ID means nothing any more.
  virtual void onStreamClosed(std::uint64_t id) = 0;
  /// The peer raised its limit after openStream() had failed.
  virtual void onStreamsAvailable(bool bidirectional) = 0;
};

struct StreamLimits {
  /// Receive windows (RFC 9000 §4): of the connection and of each stream; they grow with use up to 16 times
  /// (auto-tuning).
  std::uint64_t connectionWindow = 1 << 20;
  std::uint64_t streamWindow = 256 << 10;
  std::uint64_t maxBidi = 128;
  std::uint64_t maxUni = 16;
  /// Bytes of one stream that writeStream() holds, sent or not, before it takes no more.
  std::uint64_t sendBuffer = 256 << 10;
};

/// All streams of a connection and its flow control (RFC 9000 §2–§4), without packets: frames come in, frames
/// go out.
///
/// Memory: what flow control lets the peer send and `StreamLimits::sendBuffer` lets the application write,
/// each times 1.25 at most, and less than 6 KiB per open stream. Of closed streams nothing is kept: an ID
/// below the next one to be opened that is not open is closed.
class Streams {
 public:
  Streams(bool isServer, const StreamLimits& limits, StreamEvents& events);
  ~Streams();
  Streams(const Streams&) = delete;

  /// Our own limits, for the transport parameters.
  void describe(TransportParameters& own) const;
  /// The peer's, now or (0-RTT) remembered and then again; limits only grow (RFC 9000 §7.4.1), except the
  /// first time after restart(). What becomes possible is reported from the next on…().
  void setPeerLimits(const TransportParameters& peer);

  // --- the application. What follows from these calls (a stream is closed by its last read) is reported from
  // the next on…().
  /// Nothing: the peer's limit is reached (a STREAMS_BLOCKED frame goes out).
  std::optional<std::uint64_t> open(bool bidirectional);
  /// Returns how many bytes were taken; `fin` counts only when all were. 0 for a stream that cannot be
  /// written.
  std::size_t write(std::uint64_t id, Bytes data, bool fin);
  /// Copies out what is there; `fin` becomes true with the last byte, once.
  std::size_t read(std::uint64_t id, std::span<std::uint8_t> out, bool& fin);
  void reset(std::uint64_t id, std::uint64_t errorCode);
  void stopSending(std::uint64_t id, std::uint64_t errorCode);
  std::size_t writableBytes(std::uint64_t id) const;

  // --- frames from the peer (RFC 9000 §19; an error closes the connection)
  Error onStream(const StreamFrame& frame);
  Error onResetStream(const ResetStreamFrame& frame);
  Error onStopSending(const StopSendingFrame& frame);
  Error onMaxData(const MaxDataFrame& frame);
  Error onMaxStreamData(const MaxStreamDataFrame& frame);
  Error onMaxStreams(const MaxStreamsFrame& frame);
  Error onStreamDataBlocked(const StreamDataBlockedFrame& frame);
  Error onStreamsBlocked(const StreamsBlockedFrame& frame);

  // --- frames to the peer
  /// Whether writeFrames() would write something.
  bool hasFrames() const;
  /// Appends control frames and STREAM frames while they fit, and says in `sent` what went in (at most
  /// `sent.size()` frames). Returns how many. Streams take turns, one packet each. RTT for auto-tuning is in
  /// ns.
  std::size_t writeFrames(Writer& out, std::span<SentFrame> sent, std::uint64_t rttNs, std::uint64_t nowNs);
  /// The fate of what writeFrames() wrote (kinds kStream, kResetStream, kStopSending, kMaxData,
  /// kMaxStreamData, kMaxStreams, kDataBlocked…).
  void onFrameAcked(const SentFrame& frame);
  void onFrameLost(const SentFrame& frame);
  /// 0-RTT was rejected, or Retry: all that was sent is to be sent again, under limits that may be lower.
  void restart();

  std::uint64_t openCount() const;
  std::size_t memoryBytes() const;

 private:
  /// Streams of one type that we initiate.
  struct Local {
    std::uint64_t opened = 0;
    PeerLimit limit;
    /// open() failed since the limit was raised last.
    bool isWanted = false;
    bool availableDue = false;
  };
  /// Streams of one type that the peer initiates.
  struct Remote {
    /// How many are open at most.
    std::uint64_t window = 0;
    /// What the peer was told.
    std::uint64_t limit = 0;
    std::uint64_t opened = 0;
    std::uint64_t closed = 0;
    bool lost = false;
    std::uint64_t nextLimit() const;
    bool updateDue() const;
  };
  /// Which of our parts a frame speaks to.
  enum class Part : std::uint8_t { kSending, kReceiving };
  struct Found {
    Error error;
    /// Null: closed, or an error.
    Stream* stream = nullptr;
  };

  bool isLocal(std::uint64_t id) const { return isServerStream(id) == isServer_; }
  Local& local(bool bidirectional) { return local_[bidirectional ? 0 : 1]; }
  const Local& local(bool bidirectional) const { return local_[bidirectional ? 0 : 1]; }
  Remote& remote(bool bidirectional) { return remote_[bidirectional ? 0 : 1]; }
  std::uint64_t initialSendLimit(std::uint64_t id) const;
  std::uint64_t sendCredit() const { return sendLimit_.value() - std::min(sendLimit_.value(), sent_); }
  std::uint64_t receiveCredit() const { return receiveWindow_.limit() - received_; }
  bool dataBlockedDue() const { return sendLimit_.blockedDue(!fresh_.empty() && sendCredit() == 0); }
  bool connectionControlDue() const;

  Stream& create(std::uint64_t id);
  /// Null: unknown or closed.
  Stream* findOpen(std::uint64_t id);
  const Stream* findOpen(std::uint64_t id) const;
  Found findForPeer(std::uint64_t id, Part part);
  /// Brings queues and counts in line with what has become of the stream.
  void settle(Stream& stream);
  void settleAll();
  /// Reports what is due and forgets closed streams: at the end of each on…().
  Error finish(Error error);
  void report();
  void resetSending(Stream& stream, std::uint64_t errorCode);
  void onChange(Stream& stream, const ReceiveStream::Change& change, std::uint64_t errorCode);

  bool writeConnectionControl(StreamFrameSink& sink, Duration rtt, Time now);
  bool writeStreamControl(StreamFrameSink& sink, Duration rtt, Time now);
  bool writeUrgent(StreamFrameSink& sink);
  void writeFresh(StreamFrameSink& sink);

  const bool isServer_;
  const StreamLimits limits_;
  StreamEvents& events_;

  std::map<std::uint64_t, Stream> streams_;
  std::array<Local, 2> local_;
  std::array<Remote, 2> remote_;
  std::vector<std::uint64_t> closed_;

  // Of the connection.
  ReceiveWindow receiveWindow_;
  std::uint64_t received_ = 0;
  PeerLimit sendLimit_;
  std::uint64_t sent_ = 0;

  // Initial limits of our sending parts.
  std::uint64_t peerBidiLocal_ = 0;
  std::uint64_t peerBidiRemote_ = 0;
  std::uint64_t peerUni_ = 0;
  bool restarted_ = false;

  StreamQueue<&Stream::control> control_;
  /// With data or a FIN that needs no credit of the connection.
  StreamQueue<&Stream::urgent> urgent_;
  StreamQueue<&Stream::fresh> fresh_;
};

}  // namespace mqvpn::quic
