#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "quic/address.h"
#include "quic/application.h"
#include "quic/connection_settings.h"
#include "quic/crypto_stream.h"
#include "quic/packet_header.h"
#include "quic/packet_keys.h"
#include "quic/path.h"
#include "quic/path_ids.h"
#include "quic/send_batch.h"
#include "quic/streams.h"
#include "quic/time.h"
#include "quic/transport_parameters.h"

namespace mqvpn::quic {

struct PathStats {
  std::uint32_t id = 0;
  NetworkPath network;
  bool validated = false;
  bool backup = false;
  bool peerWantsBackup = false;
  Duration smoothedRtt = 0;
  Duration minRtt = 0;
  Duration rttVariation = 0;
  /// Nothing that was sent there is acknowledged, for so long; 0: it answers.
  Duration silentFor = 0;
  std::uint64_t window = 0;
  std::uint64_t bytesInFlight = 0;
  std::uint64_t deliveryRate = 0;  // bytes per second
  std::uint64_t pacingRate = 0;
  std::string_view congestionState;
  std::uint32_t mtu = 0;
  bool ecnCapable = false;
  std::uint64_t bytesSent = 0, bytesReceived = 0, packetsSent = 0, packetsReceived = 0;
  std::uint64_t packetsLost = 0, spuriousLosses = 0;
  unsigned ptoCount = 0;
  Time createdAt = 0, lastReceivedAt = 0;
};

struct ConnectionStats {
  std::uint64_t datagramsSent = 0, datagramsReceived = 0, datagramsLost = 0;
  /// Packets that could not be opened, were duplicates, or came too early and did not fit the buffer for
  /// them.
  std::uint64_t undecryptable = 0, duplicates = 0, tooEarly = 0, malformed = 0;
  std::uint64_t keyUpdates = 0;
  std::size_t memoryBytes = 0;
  std::vector<PathStats> paths;
};

/// One QUIC connection (RFC 9000, 9001, 9002, 9221), either role, without sockets and clocks. Datagrams and
/// the time go in; batches of datagrams, events and the next deadline come out. After each call, call
/// produce() until it returns false, then take deadline().
class Connection final : public Transport, private tls::SessionEvents, private SentObserver {
 public:
  static std::unique_ptr<Connection> client(const ConnectionSettings& settings, const ConnectionHost& host,
                                            ClientStart start, ConnectionEvents& events, Time now);
  static std::unique_ptr<Connection> server(const ConnectionSettings& settings, const ConnectionHost& host,
                                            ServerStart start, ConnectionEvents& events, Time now);
  ~Connection() override;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // --- the network
  /// One UDP datagram, decrypted in place.
  void receive(std::span<std::uint8_t> datagram, const NetworkPath& network, Ecn ecn, Time now);
  /// Fills an empty batch with datagrams of one network path. False: nothing to send now.
  bool produce(SendBatch& batch, Time now);
  /// When onTimeout() or produce() has something to do without another event, or kNever.
  Time deadline() const;
  void onTimeout(Time now);
  /// The kernel said EMSGSIZE for a datagram of this size.
  void onTooBig(const NetworkPath& network, std::uint32_t size, Time now);
  /// Client: path `pathId` continues from here: another local address or socket (RFC 9000 §9.2). The same
  /// `network` again: the address behind it changed.
  void migrate(std::uint32_t pathId, const NetworkPath& network, Time now);
  void setMaxUdpPayload(std::uint32_t pathId, std::uint32_t bytes, Time now);

  // --- several paths (draft-ietf-quic-multipath-21)
  MultipathVersion multipath() const { return multipath_; }
  /// Client, handshake confirmed: opens another path. Nothing: the peer has no multipath, or no path ID with
  /// connection IDs on both sides is free now (then it is asked for, and onPathsAvailable() will tell).
  std::optional<std::uint32_t> openPath(const NetworkPath& network, Time now);
  /// Tells the peer, over another path, that this one is given up. False: it is unknown, or there is no other
  /// that was validated.
  /// Not from inside onDatagramAcked(), onDatagramLost() or onMaxDatagramPayload(), which come from the
  /// middle of a path's bookkeeping.
  bool abandonPath(std::uint32_t pathId, TransportError code, Time now);
  /// PATH_STATUS_BACKUP or PATH_STATUS_AVAILABLE: what the peer should do when it has other paths.
  void setBackup(std::uint32_t pathId, bool backup, Time now);
  /// Whether this packet of the peer arrived. True as well for what is too old to be known.
  bool wasReceived(const PacketId& packet) const;
  /// The packet of the peer whose path ID and number end in these 8 and 24 bits, as they were named lately.
  /// Nothing: no such path is known.
  std::optional<PacketId> resolve(std::uint8_t pathId, std::uint32_t number) const;

  // --- the application
  bool isServer() const override { return isServer_; }
  std::optional<std::uint64_t> openStream(bool bidirectional) override {
    return streams_.open(bidirectional);
  }
  std::size_t writeStream(std::uint64_t id, Bytes data, bool fin) override {
    return streams_.write(id, data, fin);
  }
  std::size_t readStream(std::uint64_t id, std::span<std::uint8_t> out, bool& fin) override {
    return streams_.read(id, out, fin);
  }
  void resetStream(std::uint64_t id, std::uint64_t errorCode) override { streams_.reset(id, errorCode); }
  void stopSending(std::uint64_t id, std::uint64_t errorCode) override {
    streams_.stopSending(id, errorCode);
  }
  std::uint64_t peerMaxDatagramFrameSize() const override { return peer_.maxDatagramFrameSize; }
  void closeApplication(std::uint64_t errorCode, std::string_view reason) override;
  /// Null: none.
  void setDatagramSource(DatagramSource* source) { datagrams_ = source; }
  /// The largest DATAGRAM payload that one packet takes now; 0: none is taken.
  std::size_t maxDatagramPayload() const;
  /// Forces a key update, as after many packets. False: not possible yet.
  bool updateKeys(Time now);
  /// A PING on every path.
  void ping();
  /// Server, handshake complete: sends the one session ticket of this connection (see
  /// ConnectionSettings::autoTicket). False: it was sent, or cannot be now.
  bool sendTicket();

  bool handshakeComplete() const { return handshakeComplete_; }
  bool handshakeConfirmed() const { return handshakeConfirmed_; }
  /// Both are meaningful once the handshake is complete.
  bool resumed() const { return resumed_; }
  bool earlyDataAccepted() const { return earlyDataAccepted_; }
  /// Whether CONNECTION_CLOSE was sent or received: nothing of the application moves any more.
  bool isClosing() const { return state_ != State::kOpen; }
  /// Everything is over; the object can go.
  bool isFinished() const { return state_ == State::kFinished; }
  const std::optional<CloseInfo>& closeInfo() const { return closeInfo_; }
  const TransportParameters& peerParameters() const { return peer_; }
  const NetworkPath& network() const { return paths_.front()->network; }
  ConnectionStats stats() const;

 private:
  /// Abandoned paths that are remembered; of more, the oldest are forgotten early.
  static constexpr std::size_t kMostClosing = 16;
  enum class State : std::uint8_t { kOpen, kClosing, kDraining, kFinished };
  /// Initial and Handshake: their packets use path 0's network and sender.
  struct Space {
    std::unique_ptr<PacketKeys> receive;
    std::unique_ptr<PacketKeys> send;
    SentPackets sent;
    ReceivedPackets received;
    CryptoStream crypto;
    unsigned probes = 0;
    bool discarded = false;
  };
  struct Opened {
    Path* path = nullptr;
    tls::Level level = tls::Level::kInitial;
    std::uint64_t number = 0;
    std::span<std::uint8_t> payload;
    ConnectionId destination;
    std::size_t size = 0;
  };
  struct PacketFacts {
    bool ackEliciting = false;
    bool onlyProbing = true;
  };
  struct Build;

  Connection(const ConnectionSettings& settings, const ConnectionHost& host, bool isServer,
             const NetworkPath& network, ConnectionEvents& events, Time now);
  void startClient(ClientStart start, Time now);
  void startServer(ServerStart start, Time now);
  TransportParameters ownParameters() const;

  // tls::SessionEvents
  void onSecret(tls::Level level, tls::Direction direction, const tls::Secret& secret) override;
  void onCryptoData(tls::Level level, std::span<const std::uint8_t> data) override;
  bool onTransportParameters(std::span<const std::uint8_t> encoded) override;
  // SentObserver
  void onFrameAcked(const SentFrame& frame) override;
  void onFrameLost(const SentFrame& frame) override;

  // connection_crypto.cc
  void feedTls(tls::Level level);
  void onTlsProgress();
  void onTlsFailure();
  void discardSpace(tls::Level level);
  void confirmHandshake();
  static Bytes unwrapTicket(Bytes ticket, std::optional<TransportParameters>& remembered);
  Error checkNotReduced(const TransportParameters& peer) const;
  std::vector<std::uint8_t> wrapTicket(Bytes tlsTicket) const;
  Error checkPeerParameters(const TransportParameters& peer) const;
  void rejectEarlyData();

  // connection_receive.cc
  bool receiveLong(const PacketHeader& header, std::span<std::uint8_t> packet, const NetworkPath& network,
                   Ecn ecn);
  bool receiveShort(const PacketHeader& header, std::span<std::uint8_t> packet, const NetworkPath& network,
                    Ecn ecn);
  void handlePacket(const Opened& packet, const NetworkPath& network, Ecn ecn);
  bool handleFrames(const Opened& packet, const NetworkPath& network, PacketFacts& facts);
  Error handleFrame(const Frame& frame, const Opened& packet, const NetworkPath& network);
  Error handleAck(const AckFrame& frame, const Opened& packet);
  void handleClose(const ConnectionCloseFrame& frame);
  void onRetryPacket(Bytes packet);
  void onVersionNegotiation(const PacketHeader& header, Bytes packet);
  bool isStatelessReset(Bytes datagram) const;
  bool isFromServer(const NetworkPath& network) const;
  void countForAmplification(const ConnectionId& destination, const NetworkPath& network);
  void keepForLater(Bytes packet, const NetworkPath& network, Ecn ecn, tls::Level level);
  void replayKept();
  void traceDropped(std::size_t size, std::string_view reason) {
    if (host_.tracer) host_.tracer->onPacketDropped(size, reason, now_);
  }

  // connection_paths.cc
  Path& primary() { return *paths_.front(); }
  const Path& primary() const { return *paths_.front(); }
  Path* findPath(std::uint32_t id);
  // connection_multipath.cc
  void startMultipath();
  void issueSpareIds();
  LocalIds* localIdsOf(std::uint32_t id);
  RemoteIds* remoteIdsOf(std::uint32_t id);
  Path& addPath(std::uint32_t id, const NetworkPath& network);
  bool isOpenable(std::uint32_t id, const SparePath& spare) const;
  void tellOpenable(std::uint32_t id);
  std::optional<std::uint32_t> spareOfLocalId(const ConnectionId& id) const;
  void retirePath(Path& path, std::uint64_t code, bool byPeer = false);
  void grantPathIds();
  void beginKeyPhase();
  void forgetPaths();
  Error checkPathId(std::uint32_t id) const;
  Error onNewConnectionId(const NewConnectionIdFrame& frame);
  Error onRetireConnectionId(const RetireConnectionIdFrame& frame, const ConnectionId& usedBy);
  Error onPathAbandon(const PathAbandonFrame& frame);
  Error onPathStatus(const PathStatusFrame& frame);
  Error onMaxPathId(const MaxPathIdFrame& frame);
  Error onPathsBlocked(const PathsBlockedFrame& frame);
  Error onPathCidsBlocked(const PathCidsBlockedFrame& frame);
  bool hasMultipathFrames() const;
  void writeMultipathFrames(Writer& out, Build& build);
  Path* pathOfLocalId(const ConnectionId& id);
  void issueIds(Path& path);
  void onPeerMoved(Path& path, const NetworkPath& network, const ConnectionId& destination);
  void beginChallenge(Path& path);
  void onPathResponse(const PathData& data);
  void onChallengeTimer(Path& path);
  void updateMaxDatagramPayload();
  void checkBlackHole(Path& path);
  std::size_t datagramRoom(const Path& path) const;
  std::uint32_t largestMtu(std::uint32_t interface) const;

  // connection_silence.cc
  enum class Rank : std::uint8_t { kNormal, kBackup, kSmall, kSilent, kUnproven };
  Rank rankOf(const Path& path) const;
  Rank bestRank() const;
  bool mayCarryDatagrams(const Path& path) const;
  Duration silenceAfter(const Path& path) const;
  Time silenceDeadline(const Path& path) const;
  bool hasOtherCarrier(const Path& path) const;
  void onSilenceTimers();
  void enterSilence(Path& path);
  void leaveSilence(Path& path);
  void probeSilence(Path& path);
  void strandDatagrams(Path& path);
  void onAckProgress(Path& path);
  bool foreignAckDue() const;
  void tellPaths(const Path& pulling);
  void tellPathCount();

  // connection_close.cc
  bool produceClose(SendBatch& batch);

  // connection_send.cc
  bool produceHandshake(SendBatch& batch);
  bool produceAnswer(SendBatch& batch, Path& path);
  bool produceMtuProbe(SendBatch& batch, Path& path);
  bool produceOneRtt(SendBatch& batch, Path& path);
  bool wantsHandshakePacket(tls::Level level) const;
  bool wantsEarlyPacket() const;
  bool hasConnectionFrames() const;
  bool hasPathFrames(const Path& path) const;
  bool mayCarry(const Path& path) const;
  bool hasDatagram() const;
  std::size_t buildLong(tls::Level level, std::span<std::uint8_t> out, std::size_t padTo);
  std::size_t buildShort(Path& path, std::span<std::uint8_t> out, Build& build);
  void writeControlFrames(Writer& out, Path& path, Build& build, bool early);
  void writeAckOf(Writer& out, Path& path, Build& build);
  bool hasIdFrames() const;
  void writeIdFrames(Writer& out, Build& build);
  void writeDatagrams(Writer& out, Path& path, Build& build);
  std::size_t seal(PacketKeys* longKeys, Path& path, std::span<std::uint8_t> packet, std::size_t headerSize,
                   std::size_t numberSize, std::uint64_t number, std::size_t payloadSize);
  void noteSent(SentPackets& sent, Path& path, std::size_t size, Build& build);
  void beginBatch(SendBatch& batch, const Path& path, const NetworkPath& network);

  // connection_timers.cc
  /// The earliest PTO, of a handshake level (`level`) or of a path's 1-RTT packets.
  struct Pto {
    Time at = kNever;
    tls::Level level = tls::Level::kApplication;
    Path* path = nullptr;
  };
  Pto nextPto() const;
  Duration maxAckDelay() const;
  Duration ptoOf(const Path& path) const;
  Duration largestPto() const;
  void onLossTimers();
  void onPto(const Pto& pto);
  void repeatInFlight(SentPackets& sent);
  bool wantsToSend(const Path& path) const;
  void restartIdleTimer(bool received);
  Duration idleTimeout() const;

  void close(CloseInfo::Cause cause, bool application, std::uint64_t code, std::uint64_t frameType,
             std::string reason);
  void closeWithError(const Error& error, std::uint64_t frameType);
  void enterClosing();
  void enterDraining(CloseInfo info);
  void finish(CloseInfo info);
  void tell(CloseInfo info);

  const ConnectionSettings settings_;
  const ConnectionHost host_;
  const bool isServer_;
  ConnectionEvents& events_;
  /// The time of the call from outside that is under way.
  Time now_;
  State state_ = State::kOpen;

  /// Null on a server that has sent its ticket: nothing of TLS is left to do.
  std::unique_ptr<tls::Session> tls_;
  bool resumed_ = false;
  bool earlyDataAccepted_ = false;
  std::array<Space, 2> handshake_;     // Initial, Handshake
  std::unique_ptr<PacketKeys> early_;  // 0-RTT: sending on the client, receiving on the server
  OneRttKeys keys_;
  CryptoStream appCrypto_;
  Streams streams_;
  std::vector<std::unique_ptr<Path>> paths_;  // by rising ID; the first is path 0 or the oldest that lives
  /// Abandoned ones: they still receive and acknowledge for a while.
  std::vector<std::unique_ptr<Path>> closing_;
  std::map<std::uint32_t, SparePath> spares_;
  PathIdBook pathIds_;
  std::vector<PathAbandonFrame> abandonsDue_;
  bool maxPathIdDue_ = false;
  bool pathsBlockedDue_ = false;
  bool wantsPath_ = false;
  DatagramSource* datagrams_ = nullptr;

  TransportParameters own_;
  TransportParameters peer_;
  bool peerKnown_ = false;
  MultipathVersion multipath_ = MultipathVersion::kNone;
  bool handshakeComplete_ = false;
  bool handshakeConfirmed_ = false;
  bool peerCompletedValidation_ = false;
  bool readyTold_ = false;
  bool earlyOffered_ = false;
  bool inTls_ = false;
  bool heardFromPeer_ = false;

  // Handshake's identity (RFC 9000 §7.3)
  ConnectionId originalDestination_;
  ConnectionId initialDestination_;
  ConnectionId firstLocalId_;
  std::optional<ConnectionId> retrySource_;
  ConnectionId firstRemoteId_;
  std::vector<std::uint8_t> token_;
  std::vector<std::uint8_t> newToken_;
  std::string serverName_;
  /// What 0-RTT was sent under.
  TransportParameters remembered_;

  bool handshakeDoneDue_ = false;
  bool newTokenDue_ = false;
  std::size_t maxDatagramPayload_ = 0;
  std::size_t nextPath_ = 0;
  /// Of tellPaths(), kept for its memory.
  std::vector<PathView> views_;
  std::size_t pathsTold_ = 0;
  /// How the batch that is being filled is marked.
  bool batchIsEct0_ = false;

  struct Kept {
    std::vector<std::uint8_t> bytes;
    NetworkPath network;
    Ecn ecn;
    tls::Level level;
  };
  std::vector<Kept> kept_;
  /// Of the datagram that is being received: its size, and what answers may still be sent because of it to an
  /// address that is not validated.
  std::size_t datagramSize_ = 0;
  std::size_t answerRoom_ = 0;

  Time idleDeadline_ = kNever;
  bool elicitedSinceReceive_ = false;
  Time keepAliveAt_ = kNever;
  Time handshakeDeadline_ = kNever;
  Time closeDeadline_ = kNever;
  Time discardEarlyAt_ = kNever;
  /// Where the PTO of a client counts from that has nothing in flight.
  Time lastProbeBase_;

  // CONNECTION_CLOSE
  bool closeApplication_ = false;
  std::uint64_t closeCode_ = 0;
  std::uint64_t closeFrameType_ = 0;
  std::string closeReason_;
  bool closeDue_ = false;
  std::uint64_t receivedWhileClosing_ = 0;
  std::optional<CloseInfo> closeInfo_;

  ConnectionStats counters_;
};

}  // namespace mqvpn::quic
