#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "connect_ip/address.h"
#include "connect_ip/ip_packet.h"

namespace mqvpn::connect_ip {

/// What is to happen to a packet, and why.
enum class Verdict : std::uint8_t {
  kForward,
  /// parsePacket() refused it.
  kMalformed,
  /// The client's side of the packet is not an address assigned to it: BCP 38.
  kSource,
  /// The server's side of the packet is in no advertised route.
  kNoRoute,
  /// …or in one, but with another protocol.
  kProtocol,
  /// RFC 9484 §7.2: "do not forward any link-local traffic".
  kLinkLocal,
  kMulticast,
  /// 255.255.255.255, 0.0.0.0, ::, 127/8, ::1 as source or destination, 240/4.
  kMartian,
  /// TTL 0 or 1 where it is to be decremented.
  kTtl,
  /// The receiver's side of the packet is not an address of the client (server → client).
  kNotForClient,
  /// Between clients that may not reach each other.
  kClientToClient,
};
constexpr std::size_t kVerdicts = 11;
/// "spoofedSource", "outsideRoutes" …, as the statistics name it.
const char* verdictName(Verdict verdict);

/// Packets by verdict.
struct VerdictCounters {
  std::array<std::uint64_t, kVerdicts> packets{};
  std::uint64_t of(Verdict verdict) const { return packets[static_cast<std::size_t>(verdict)]; }
  void count(Verdict verdict) { ++packets[static_cast<std::size_t>(verdict)]; }
  /// All but kForward.
  std::uint64_t dropped() const;
};

/// A sorted set of ranges; one lookup takes O(log n), and nothing when a range covers all of a family.
class RouteTable {
 public:
  /// Any order; overlaps are merged.
  void assign(std::span<const IpRange> ranges);
  enum class Match : std::uint8_t { kNone, kOtherProtocol, kYes };
  /// ICMP matches whatever the protocol of the range (RFC 9484 §4.7.3).
  Match match(std::uint8_t version, const std::uint8_t* address, std::uint8_t protocol) const;
  bool empty() const { return v4_.lists.empty() && v6_.lists.empty(); }

 private:
  struct Entry {
    std::array<std::uint8_t, 16> start;
    std::array<std::uint8_t, 16> end;
  };
  struct PerProtocol {
    std::uint8_t protocol;
    std::vector<Entry> entries;
  };
  struct Family {
    /// One range for all protocols covers every address.
    bool all = false;
    std::vector<PerProtocol> lists;
  };
  static bool contains(const PerProtocol& list, const std::uint8_t* address, std::size_t size);
  Family v4_;
  Family v6_;
};

/// Who else is behind the same server.
class Peers {
 public:
  virtual ~Peers() = default;
  /// Whether the address is one of a client, or of a network behind one.
  virtual bool isPeer(std::uint8_t version, const std::uint8_t* address) const = 0;
};

/// The rules of RFC 9484 §7 for one tunnel: which addresses are the client's, and to which the server routes.
/// Both ends hold one, and apply it to what they send and to what they receive. No allocation per packet.
class Checks {
 public:
  /// At most 16 prefixes of each family count.
  void setClientAddresses(std::span<const Prefix> prefixes);
  void setServerRoutes(std::span<const IpRange> ranges) { routes_.assign(ranges); }
  /// Server: no packet goes to these. Null: clients may reach each other.
  void setHiddenPeers(const Peers* peers) { hidden_ = peers; }

  /// A packet on its way to the server: source assigned, destination and protocol within the routes.
  Verdict clientToServer(const PacketView& packet) const;
  /// A packet on its way to the client: destination assigned. Its source may be anything but a martian, a
  /// link-local or a multicast address: RFC 9484 §7.2.1: "ICMP messages can originate from a source address
  /// different from that of the IP proxying peer", and routes say where packets may go, not where they may
  /// come from.
  Verdict serverToClient(const PacketView& packet) const;
  /// Before encapsulation, after one of the above said kForward: kTtl when no hop is left, else the packet
  /// has one hop less.
  static Verdict spendHop(PacketView& packet);

 private:
  /// In the order of the machine, as they are loaded from packets; the address is masked.
  struct Assigned4 {
    std::uint32_t address = 0;
    std::uint32_t mask = 0;
  };
  struct Assigned6 {
    std::array<std::uint64_t, 2> address{};
    std::array<std::uint64_t, 2> mask{};
  };
  bool isClient(std::uint8_t version, const std::uint8_t* address) const;

  static constexpr std::size_t kMaxPrefixes = 16;
  std::array<Assigned4, kMaxPrefixes> v4_{};
  std::array<Assigned6, kMaxPrefixes> v6_{};
  std::size_t v4Count_ = 0;
  std::size_t v6Count_ = 0;
  RouteTable routes_;
  const Peers* hidden_ = nullptr;
};

}  // namespace mqvpn::connect_ip
