#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "quic/address.h"
#include "quic/ecn.h"
#include "quic/frames.h"
#include "quic/local_ids.h"
#include "quic/mtu_discovery.h"
#include "quic/path_sender.h"
#include "quic/received_packets.h"
#include "quic/remote_ids.h"
#include "quic/sent_packets.h"
#include "quic/time.h"

namespace mqvpn::quic {

/// RFC 9000 §8.1: "an endpoint MUST limit the amount of data it sends to the unvalidated address to three
/// times the amount of data received from that address."
struct Amplification {
  bool validated = false;
  std::uint64_t received = 0;
  std::uint64_t sent = 0;

  std::uint64_t room() const {
    if (validated) return UINT64_MAX;
    return received * 3 > sent ? received * 3 - sent : 0;
  }
};

/// Validation of one network path by PATH_CHALLENGE (RFC 9000 §8.2).
struct Challenge {
  struct Sent {
    PathData data;
    /// In a datagram of 1200 bytes, so its response also proves the size (§8.2.1).
    bool expanded;
  };
  /// Every challenge that was sent and is not too old: a response to any of them counts.
  std::vector<Sent> sent;
  bool due = true;
  unsigned attempts = 0;
  Time nextAt = kNever;
  Time abandonAt = kNever;
};

/// An answer to a PATH_CHALLENGE, sent to where it came from (RFC 9000 §8.2.2); or a question to the address
/// that a peer has left (§9.3.3).
struct PathAnswer {
  /// That wait; what comes beyond is not answered.
  static constexpr std::size_t kMost = 8;

  PathData data;
  NetworkPath to;
  /// What may be sent there at most, unless the path is there: its share of three times the question (§8.1).
  std::size_t most = 0;
  bool isChallenge = false;
};

/// One path of a connection: all that is per path ID in draft-ietf-quic-multipath. A connection without
/// multipath has path 0 alone.
struct Path {
  Path(std::uint32_t pathId, const NetworkPath& networkPath, CongestionChoice congestion,
       std::uint32_t maxUdpPayload, std::size_t idLimit, Time now)
      : id(pathId),
        network(networkPath),
        sender(congestion, MtuDiscovery::kBase, now),
        mtu(maxUdpPayload, now),
        remoteIds(idLimit),
        createdAt(now) {}

  const std::uint32_t id;
  /// Where packets are sent to.
  NetworkPath network;
  PathSender sender;
  MtuDiscovery mtu;
  EcnValidator ecn;
  SentPackets sent;
  ReceivedPackets received;
  LocalIds localIds;
  RemoteIds remoteIds;

  /// Which of our IDs the peer sends to.
  ConnectionId usedByPeer;

  Amplification amplification;
  /// Of `network`.
  std::optional<Challenge> challenge;
  std::vector<PathAnswer> answers;
  /// Where the path was before the peer moved; it is still there if the new address is not validated
  /// (§9.3.2).
  std::optional<NetworkPath> validatedBefore;

  /// Key phases (RFC 9001 §6): the lowest packet number received in the current one, and the first sent in
  /// it.
  std::uint64_t lowestReceivedInPhase = UINT64_MAX;
  std::uint64_t firstSentInPhase = 0;
  /// PTO probes to send (RFC 9002 §6.2.4).
  unsigned probes = 0;
  bool pingDue = false;
  /// The next packet number to leave out (§21.4 of RFC 9000).
  std::uint64_t skipAt = UINT64_MAX;
  /// ACK-only packets since the last ack-eliciting one: now and then one asks for an ACK of ACKs (§13.2.4).
  unsigned ackOnly = 0;

  // draft-ietf-quic-multipath-21
  /// Set when PATH_ABANDON was sent or received: nothing is sent on it any more; it is remembered until then.
  Time forgetAt = kNever;
  /// Not validated yet: carries nothing but what proves it.
  bool probingOnly = false;
  /// The source had datagrams, but none for this path.
  bool refused = false;
  bool backup = false;
  /// When the oldest stretch began in which what was sent is not acknowledged: the first ack-eliciting packet
  /// after an acknowledgement, or that acknowledgement if more was in flight. kNever: nothing is missing.
  Time awaitingSince = kNever;
  /// The path is silent since then: other paths carry everything, this one is probed. kNever: it is not.
  Time silentSince = kNever;
  /// Whether the application was told.
  bool silenceTold = false;
  Time silenceProbeAt = kNever;
  unsigned silenceProbes = 0;
  /// Datagrams in packets below were told as stranded.
  std::uint64_t strandedBelow = 0;
  std::uint64_t ownStatusSequence = 0;
  bool statusDue = false;
  bool peerWantsBackup = false;
  std::uint64_t peerStatusSequence = 0;
  bool peerStatusKnown = false;

  Time createdAt;
  Time lastReceivedAt = 0;
  std::uint64_t bytesSent = 0;
  std::uint64_t bytesReceived = 0;
  std::uint64_t packetsSent = 0;
  std::uint64_t packetsReceived = 0;
};

}  // namespace mqvpn::quic
