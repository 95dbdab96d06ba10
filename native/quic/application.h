#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "quic/buffer.h"
#include "quic/streams.h"
#include "quic/time.h"

namespace mqvpn::quic {

/// A 1-RTT packet of a connection. Packet number spaces belong to paths (draft-ietf-quic-multipath-21 §2).
struct PacketId {
  std::uint32_t path = 0;
  std::uint64_t number = 0;

  bool operator==(const PacketId&) const = default;
};

/// What a connection offers to the protocol above it. An interface, so that HTTP/3 is tested without packets.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual bool isServer() const = 0;
  virtual std::optional<std::uint64_t> openStream(bool bidirectional) = 0;
  /// See Streams.
  virtual std::size_t writeStream(std::uint64_t id, Bytes data, bool fin) = 0;
  virtual std::size_t readStream(std::uint64_t id, std::span<std::uint8_t> out, bool& fin) = 0;
  virtual void resetStream(std::uint64_t id, std::uint64_t errorCode) = 0;
  virtual void stopSending(std::uint64_t id, std::uint64_t errorCode) = 0;
  /// The peer's max_datagram_frame_size; 0: it takes no DATAGRAM frames (RFC 9221 §3), or its parameters are
  /// not known yet.
  virtual std::uint64_t peerMaxDatagramFrameSize() const = 0;
  /// Ends the connection with an application error code (RFC 9000 §10.2). Safe inside callbacks.
  virtual void closeApplication(std::uint64_t errorCode, std::string_view reason) = 0;
};

struct CloseInfo {
  enum class Cause : std::uint8_t {
    /// close…() was called here.
    kLocal,
    /// CONNECTION_CLOSE of the peer.
    kPeer,
    kIdleTimeout,
    kHandshakeTimeout,
    kStatelessReset,
    /// A Version Negotiation packet without a version that we speak.
    kVersionMismatch,
    /// This end found an error of the peer, and told it.
    kProtocolError,
  };
  Cause cause = Cause::kLocal;
  bool application = false;
  std::uint64_t errorCode = 0;
  std::string reason;
};

/// What a connection tells the protocol above it. Calls come from inside Connection's members; the callee may
/// use Transport, but not destroy the connection.
class ConnectionEvents : public StreamEvents {
 public:
  /// The peer's transport parameters are known and 1-RTT packets can be sent (on the server before the
  /// client's Finished; then the client is not proven to be alive yet). `early`: client only, the parameters
  /// are remembered ones (0-RTT).
  virtual void onReady(bool early) = 0;
  /// The server refused 0-RTT: all that was sent on streams will be sent again by itself; datagrams were
  /// lost.
  virtual void onEarlyDataRejected() {}
  /// TLS is complete on this side.
  virtual void onHandshakeComplete() = 0;
  /// One DATAGRAM frame's payload (RFC 9221), inside the receive buffer: valid during the call, and writable,
  /// since the buffer is scratch space by then. At most 16 bytes in front of it may be overwritten as well.
  /// `origin`: the packet that it came in.
  virtual void onDatagram(std::span<std::uint8_t> payload, const PacketId& origin, Time now) = 0;
  /// A datagram's fate; `tag` is what DatagramSource gave.
  virtual void onDatagramAcked(std::uint64_t tag) { (void)tag; }
  virtual void onDatagramLost(std::uint64_t tag) { (void)tag; }
  /// It was in flight on a path that went silent or was given up: it may have arrived or not, and nobody will
  /// know soon. At most once per datagram; onDatagramAcked() or onDatagramLost() may still follow.
  virtual void onDatagramStranded(std::uint64_t tag) { (void)tag; }
  /// The largest payload of a DATAGRAM frame that fits one packet of every path in use has changed.
  virtual void onMaxDatagramPayload(std::size_t bytes) = 0;
  /// draft-ietf-quic-multipath: a path was opened by the peer, validated, or is gone. `code` of kAbandoned:
  /// the error code of PATH_ABANDON.
  /// kSilent: what was sent there is not acknowledged any more, so other paths carry everything; it is probed
  /// until it answers (kRecovered), which takes as long as it takes.
  enum class PathChange : std::uint8_t { kOpened, kValidated, kAbandoned, kFailed, kSilent, kRecovered };
  virtual void onPathChanged(std::uint32_t pathId, PathChange change, std::uint64_t code) {
    (void)pathId, (void)change, (void)code;
  }
  /// More paths may be opened now than before.
  virtual void onPathsAvailable() {}
  /// Once, last. Nothing but statistics may be asked for afterwards.
  virtual void onClosed(const CloseInfo& info) = 0;
  /// Client: to be kept for the next connection to the same name with the same trust. Opaque; holds the TLS
  /// ticket and the transport parameters of RFC 9000 §7.4.1.
  virtual void onResumptionTicket(Bytes ticket) { (void)ticket; }
  /// Client: NEW_TOKEN (RFC 9000 §8.1.3).
  virtual void onAddressToken(Bytes token) { (void)token; }
};

/// A path that may carry datagrams now, as the source of datagrams sees it.
struct PathView {
  std::uint32_t id = 0;
  /// 0: no sample yet.
  Duration smoothedRtt = 0, minRtt = 0, rttVariation = 0;
  /// Congestion window, and what of it is in flight, in bytes.
  std::uint64_t window = 0, inFlight = 0;
  /// Bytes per second: what pacing lets go, and what was delivered of late (0: unknown). The latter is a
  /// lower bound of what the path could carry while the application had little to send.
  std::uint64_t pacingRate = 0, deliveryRate = 0;
  /// The congestion window still grows by itself (slow start). What waits then waits for the window to open,
  /// not in front of a bottleneck: that is no standing queue, and nothing to drop for.
  bool ramping = false;
  /// When window and pacing allow a full packet: not after now: at once. kNever: when an acknowledgement
  /// comes.
  Time readyAt = 0;
};

/// Where DATAGRAM payloads come from: a path that may send pulls them, so that what waits, waits in one
/// place.
class DatagramSource {
 public:
  virtual ~DatagramSource() = default;
  /// Whether something waits. Cheap: asked after every event.
  virtual bool hasDatagram() const = 0;
  /// Said before a path pulls a batch. `paths`: those that may carry datagrams now, by ascending id; at least
  /// one. Paths that are silent, or backups that are not needed, are not among them. `pulling`: index of the
  /// one that pulls.
  virtual void onPaths(std::span<const PathView> paths, std::size_t pulling, Time now) {
    (void)paths, (void)pulling, (void)now;
  }
  /// Said when it changes: how many paths are validated, silent ones and backups included.
  virtual void onPathCount(std::size_t paths) { (void)paths; }
  /// Size of the payload that path `pathId` would get next, 0: none for this path now. `most`: what an empty
  /// packet of this path takes; what is larger must not be offered, and the source deals with it (ICMP,
  /// drop). May drop stale packets. The answer stands until write() or another event; asking again gives the
  /// same.
  virtual std::size_t nextSize(std::uint32_t pathId, std::size_t most, Time now) = 0;
  /// Writes the payload that nextSize() told, exactly that many bytes. `carrier`: the packet that takes it.
  /// `tag` comes back in onDatagramAcked/Lost/Stranded; left at 0, nothing comes back.
  virtual void write(std::uint8_t* out, const PacketId& carrier, std::uint64_t& tag) = 0;
};

}  // namespace mqvpn::quic
