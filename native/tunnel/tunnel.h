#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "connect_ip/address.h"
#include "connect_ip/checks.h"
#include "connect_ip/icmp.h"
#include "connect_ip/rate_limiter.h"
#include "connect_ip/session.h"
#include "quic/connection.h"
#include "tunnel/fair_queue.h"
#include "tunnel/packet_pool.h"
#include "tunnel/received_copies.h"
#include "tunnel/scheduler.h"
#include "tunnel/sent_copies.h"
#include "tunnel/siphash.h"
#include "tunnel/tun_sink.h"
#include "tunnel/twins.h"

namespace mqvpn::tunnel {

/// RFC 8200 §5: "IPv6 requires that every link in the Internet have an MTU of 1280 octets or greater."
constexpr std::size_t kLeastMtu = 1280;

struct TunnelCounters {
  /// Inner packets that left, and that were accepted from the peer.
  std::uint64_t packetsOut = 0, bytesOut = 0, packetsIn = 0, bytesIn = 0;
  /// Of those that left: in capsules, because no QUIC DATAGRAM could take them.
  std::uint64_t capsulesOut = 0;
  /// Why packets from the TUN device, and from the peer, went no further (kForward: they did).
  connect_ip::VerdictCounters fromTun, fromPeer;
  /// Larger than the tunnel's MTU: answered with ICMP.
  std::uint64_t tooBig = 0;
  /// No tunnel yet, or no more.
  std::uint64_t notOpen = 0;
  /// A capsule was wanted and the stream had no room.
  std::uint64_t capsuleRoom = 0;
  std::uint64_t icmpSent = 0;
  /// Packets that left a second time, by another path (because theirs died, or see Twins), and second copies
  /// that were dropped on arrival.
  std::uint64_t copiesOut = 0, copiesDropped = 0;
};

/// The data plane of one CONNECT-IP request, at either end. From the TUN device to the connection: checks
/// (RFC 9484 §7), one hop less, queue, QUIC DATAGRAM. From the connection to the TUN device: checks. What is
/// wrong with a packet is answered with ICMP, at a limited rate.
class Tunnel final : public quic::DatagramSource {
 public:
  enum class Side : std::uint8_t { kClient, kServer };
  struct Parts {
    PacketPool& pool;
    TunSink& tun;
    SchedulerKind scheduler;
    HashKey hashKey;
    FairQueueLimits limits;
    /// Packets of flows that send little leave by two paths at once, if the peer knows copies.
    bool twins = true;
  };

  Tunnel(Side side, const Parts& parts);
  ~Tunnel() override;
  Tunnel(const Tunnel&) = delete;
  Tunnel& operator=(const Tunnel&) = delete;

  /// From now on packets pass. `session` outlives close().
  void open(connect_ip::Session& session, bool peerTakesDatagrams);
  void close();
  bool isOpen() const { return session_ != nullptr; }
  void setClientAddresses(std::span<const connect_ip::Prefix> addresses) {
    checks_.setClientAddresses(addresses);
  }
  void setServerRoutes(std::span<const connect_ip::IpRange> routes) { checks_.setServerRoutes(routes); }
  void setHiddenPeers(const connect_ip::Peers* peers) { checks_.setHiddenPeers(peers); }
  /// Where ICMP errors come from: the server's inner addresses. Without one of a family, the address that the
  /// packet was meant for speaks: it, at least, is routed through the TUN device.
  void setIcmpSources(std::span<const connect_ip::Prefix> addresses);

  /// ConnectionEvents::onMaxDatagramPayload().
  void setMaxDatagramPayload(std::size_t bytes);
  /// The largest IP packet that passes. Never below kLeastMtu: packets up to that size which no QUIC DATAGRAM
  /// takes go in capsules.
  std::size_t mtu() const { return std::max(kLeastMtu, datagramRoom_); }

  /// A packet from the TUN device; `view` is of packet->data. Takes it.
  void send(Packet* packet, connect_ip::PacketView& view, quic::Time now);
  /// The payload of an HTTP Datagram of the peer, which came in packet `origin` of `connection`.
  void receiveDatagram(std::span<std::uint8_t> payload, const quic::PacketId& origin,
                       const quic::Connection& connection, quic::Time now);
  /// An IP packet that the peer sent.
  void receive(std::span<std::uint8_t> packet, quic::Time now);
  /// quic::ConnectionEvents: the fate of what write() gave a tag.
  void onDatagramAcked(std::uint64_t tag) { sentCopies_.onAcked(tag); }
  void onDatagramLost(std::uint64_t tag) { sentCopies_.onLost(tag); }
  void onDatagramStranded(std::uint64_t tag) { sentCopies_.onStranded(tag); }
  /// Sends what has to go in capsules. Call it when Connection::produce() has nothing more, and when the
  /// stream is writable again. True: something was written, so produce() has.
  bool sendCapsules(quic::Time now);

  // --- quic::DatagramSource
  bool hasDatagram() const override {
    return session_ != nullptr && useDatagrams_ && (!queue_.empty() || sentCopies_.waiting());
  }
  std::size_t nextSize(std::uint32_t pathId, std::size_t most, quic::Time now) override;
  void onPaths(std::span<const quic::PathView> paths, std::size_t pulling, quic::Time now) override;
  void onPathCount(std::size_t paths) override;
  void write(std::uint8_t* out, const quic::PacketId& carrier, std::uint64_t& tag) override;

  std::size_t memoryBytes() const { return sizeof(*this) + queue_.memoryBytes() + sentCopies_.memoryBytes(); }
  FairQueue& queue() { return queue_; }
  const FairQueue& queue() const { return queue_; }
  const TunnelCounters& counters() const { return counters_; }

 private:
  /// What waits for a capsule; more is dropped.
  static constexpr std::size_t kMostDiverted = 64;

  void reject(const connect_ip::PacketView& view, connect_ip::Verdict verdict, bool fromPeer, quic::Time now);
  void answer(const connect_ip::PacketView& about, connect_ip::IcmpError error, bool toPeer, quic::Time now);
  void enqueue(Packet* packet, quic::Time now);
  /// False: the packet may not be cut.
  bool sendFragments(const Packet& packet, const connect_ip::PacketView& view, quic::Time now);
  void divert(const FairQueue::Head& head, quic::Time now);
  bool sendCapsule(std::span<const std::uint8_t> packet);
  /// A small flow's packet, while copies of bulk hold up the queue.
  const FairQueue::Head* nextSmall(std::uint32_t pathId, quic::Time now);
  std::size_t copySize(std::uint32_t pathId, bool onlySparse, std::size_t most, quic::Time now);
  void writeCopy(std::uint8_t* out);

  const Side side_;
  PacketPool& pool_;
  TunSink& tun_;
  const HashKey hashKey_;
  connect_ip::Session* session_ = nullptr;
  bool useDatagrams_ = true;
  connect_ip::Checks checks_;
  connect_ip::RateLimiter icmpLimit_{connect_ip::kIcmpPerSecond, connect_ip::kIcmpBurst};
  connect_ip::IpAddress icmpSource4_, icmpSource6_;
  FairQueue queue_;
  std::unique_ptr<Scheduler> scheduler_;
  std::size_t maxDatagramPayload_ = 0;
  /// For an IP packet in a QUIC DATAGRAM.
  std::size_t datagramRoom_ = 0;
  std::vector<Packet*> diverted_;
  SentCopies sentCopies_;
  ReceivedCopies receivedCopies_;
  /// What nextSize() offered last, instead of the queue's head.
  std::optional<SentCopies::Copy> offered_;
  bool keepCopies_ = false;
  const bool mayTwin_;
  Twins twins_;
  /// Paths that may carry packets now.
  std::size_t carriers_ = 0;
  quic::Time now_ = 0;
  TunnelCounters counters_;
};

}  // namespace mqvpn::tunnel
