#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "http3/datagram.h"
#include "http3/errors.h"
#include "http3/headers.h"
#include "http3/out_stream.h"
#include "http3/peer_streams.h"
#include "http3/qpack.h"
#include "http3/settings.h"
#include "quic/application.h"

namespace mqvpn::http3 {

/// What HTTP/3 tells its user. Calls come from inside Connection's members; the callee may call Connection
/// back, but not destroy it. A request stream is forgotten after onStreamClosed().
class Events {
 public:
  virtual ~Events() = default;
  /// The peer's SETTINGS are here. Once.
  virtual void onSettings(const Settings& peer) { (void)peer; }
  /// Server: a request's header section, checked by checkRequest().
  virtual void onRequest(std::uint64_t streamId, const Headers& headers) = 0;
  /// Client: the final response's header section, checked by checkResponse(); `status` is 200…599.
  virtual void onResponse(std::uint64_t streamId, unsigned status, const Headers& headers) = 0;
  /// Client: an interim response, 100…199 but 101.
  virtual void onInterimResponse(std::uint64_t streamId, unsigned status) { (void)streamId, (void)status; }
  /// Content of DATA frames, split anywhere; valid during the call, writable, and the 16 bytes in front of it
  /// may be overwritten as well.
  virtual void onData(std::uint64_t streamId, std::span<std::uint8_t> bytes) = 0;
  /// The peer's message is complete (FIN at a frame boundary, after a header section).
  virtual void onFinished(std::uint64_t streamId) = 0;
  /// The request failed: RESET_STREAM or STOP_SENDING of the peer (`local` false), or an error of its message
  /// that was found here (`local`; the peer has been told). Both directions are over; once per stream, and
  /// nothing but onStreamClosed() follows.
  virtual void onRequestFailed(std::uint64_t streamId, std::uint64_t errorCode, bool local,
                               std::string_view reason) = 0;
  /// sendData() had returned false, and there is room now.
  virtual void onWritable(std::uint64_t streamId) { (void)streamId; }
  /// The stream is gone from both sides.
  virtual void onStreamClosed(std::uint64_t streamId) { (void)streamId; }
  /// RFC 9114 §5.2. Client: requests with this stream ID or higher were not and will not be processed
  /// (onRequestFailed with H3_REQUEST_REJECTED comes for each of them before this). Server: a push ID, of no
  /// consequence.
  virtual void onGoaway(std::uint64_t id) { (void)id; }
};

struct ConnectionConfig {
  /// RFC 9220 §3, RFC 8441 §3: a client waits for ENABLE_CONNECT_PROTOCOL before it sends an Extended
  /// CONNECT. The header section waits inside Connection, and goes out with the SETTINGS; those of a server
  /// come with its first flight, so this costs no round trip. With remembered settings (0-RTT) nothing waits.
  bool waitForSettings = true;
  /// Bytes of one request that wait above QUIC's own send buffer before sendData() takes no more.
  std::size_t sendBuffer = 256 << 10;
  /// Server: QUIC's StreamLimits::maxBidi; for RFC 9297 §2.1 (H3_ID_ERROR).
  std::uint64_t maxRequests = 128;
  /// Picks the reserved setting and its value (RFC 9114 §7.2.4.1); any number.
  std::uint64_t grease = 0;
};

class RequestStream;

/// HTTP/3 (RFC 9114) with Extended CONNECT (RFC 9220), HTTP Datagrams (RFC 9297) and a QPACK without dynamic
/// table, over the streams of one QUIC connection. The owner forwards ConnectionEvents: the stream events by
/// name, onReady to start(). Priorities (RFC 9218) have no meaning for a handful of tunnels and are ignored;
/// server push does not exist here.
class Connection final : public quic::StreamEvents, private ControlEvents {
 public:
  Connection(quic::Transport& transport, Events& events, const ConnectionConfig& config);
  ~Connection() override;
  Connection(const Connection&) = delete;

  // --- the connection's life
  /// From ConnectionEvents::onReady(); again (0-RTT first, then for good) is harmless. `remembered`: what
  /// encodedPeerSettings() gave on the connection of the ticket; client, 0-RTT only.
  void start(quic::Bytes remembered = {});
  /// From ConnectionEvents::onEarlyDataRejected(): remembered settings no longer bind the server.
  void onEarlyDataRejected() { remembered_.reset(); }
  /// The payload to keep with a resumption ticket; empty before the peer's SETTINGS.
  std::vector<std::uint8_t> encodedPeerSettings() const;
  /// Sends GOAWAY (RFC 9114 §5.2). Server: what it has not yet seen is rejected from now on. May be called
  /// again.
  void shutdown();
  /// GOAWAY came: sendRequest() gives nothing.
  bool goingAway() const { return goawayReceived_.has_value(); }
  /// Ends the connection with an HTTP/3 error, or kNoError.
  void close(ErrorCode error, std::string_view reason);
  bool closed() const { return closed_; }

  // --- requests
  /// Client. Nothing: no stream to be had now (again after onStreamsAvailable), going away, closed, or larger
  /// than the peer's MAX_FIELD_SECTION_SIZE. The request stays open for data until finish().
  std::optional<std::uint64_t> sendRequest(const Headers& headers);
  /// Server; interim (1xx) responses may come before the final one.
  bool sendResponse(std::uint64_t streamId, const Headers& headers, bool fin = false);
  /// One DATA frame made of the parts in their order. All or nothing; false: too much waits (see onWritable),
  /// the request is not open for sending, or its response is not sent yet.
  bool sendData(std::uint64_t streamId, std::span<const quic::Bytes> parts);
  bool sendData(std::uint64_t streamId, quic::Bytes data) { return sendData(streamId, std::span(&data, 1)); }
  /// Ends our side of the message (FIN).
  void finish(std::uint64_t streamId);
  /// Gives the request up in both directions. No onRequestFailed() follows.
  void reset(std::uint64_t streamId, ErrorCode error);
  /// Server, after a complete response: the rest of the request is not needed (RFC 9114 §4.1). No
  /// onFinished() follows.
  void ignoreRest(std::uint64_t streamId);
  /// Whether sendData() can be used.
  bool isOpen(std::uint64_t streamId) const;
  /// Bytes of a request that wait here for room in QUIC.
  std::size_t bufferedBytes(std::uint64_t streamId) const;

  // --- datagrams
  /// RFC 9297 §2.1.1: the peer sent H3_DATAGRAM = 1 (now, or remembered with 0-RTT) and takes DATAGRAM
  /// frames.
  bool peerTakesDatagrams() const;
  /// Whether it is settled that the peer takes none: capsules are the way.
  bool peerRefusesDatagrams() const;
  /// Splits a DATAGRAM frame's payload, and closes the connection for what RFC 9297 §2.1 forbids. The request
  /// may not exist yet (see connect_ip::EarlyDatagrams), but is not over.
  std::optional<Datagram> onDatagram(std::span<std::uint8_t> frame);

  const std::optional<Settings>& peerSettings() const { return peerSettings_; }

  // --- quic::StreamEvents
  void onStreamOpened(std::uint64_t id) override;
  void onStreamReadable(std::uint64_t id) override;
  void onStreamWritable(std::uint64_t id) override;
  void onStreamReset(std::uint64_t id, std::uint64_t errorCode) override;
  void onStopSending(std::uint64_t id, std::uint64_t errorCode) override;
  void onStreamClosed(std::uint64_t id) override;
  void onStreamsAvailable(bool bidirectional) override;

 private:
  using RequestPtr = std::shared_ptr<RequestStream>;

  Error onControlSettings(const Settings& settings) override;
  Error onControlGoaway(std::uint64_t id) override;
  void openOwnStreams();
  bool openOwnStream(std::unique_ptr<OutStream>& stream, std::uint8_t type);
  bool isOwnCritical(std::uint64_t id) const;
  RequestPtr find(std::uint64_t id) const;
  RequestPtr addRequest(std::uint64_t id);
  void readRequest(std::uint64_t id);
  void readPeerStream(std::uint64_t id);
  void onRequestError(RequestStream& request, const Error& error);
  void failRequest(RequestStream& request, std::uint64_t errorCode, bool local, std::string_view reason);
  /// What the peer allows now: its SETTINGS, remembered ones, or the defaults.
  Settings effectivePeerSettings() const;

  quic::Transport& transport_;
  Events& events_;
  ConnectionConfig config_;
  const bool server_;
  QpackEncoder encoder_;
  QpackDecoder decoder_;
  PeerStreams peerStreams_;
  std::unique_ptr<OutStream> control_;
  std::unique_ptr<OutStream> qpackEncoderStream_;
  std::unique_ptr<OutStream> qpackDecoderStream_;
  std::unordered_map<std::uint64_t, RequestPtr> requests_;
  /// Server: the lowest request stream that the peer has not opened yet.
  std::uint64_t nextRequest_ = 0;
  std::uint64_t closedRequests_ = 0;
  std::optional<Settings> peerSettings_;
  std::optional<Settings> remembered_;
  std::optional<std::uint64_t> goawayReceived_;
  std::optional<std::uint64_t> goawaySent_;
  bool started_ = false;
  bool closed_ = false;
};

}  // namespace mqvpn::http3
