#include "connect_ip/checks.h"

#include <algorithm>
#include <cstring>

#include "connect_ip/capsules.h"

namespace mqvpn::connect_ip {

namespace {

template <typename Word>
Word load(const std::uint8_t* from) {
  Word word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

/// What an address is besides a host's; kForward: nothing.
Verdict classify4(const std::uint8_t* address) {
  const std::uint8_t top = address[0];
  if (top >= 224) return top < 240 ? Verdict::kMulticast : Verdict::kMartian;
  if (top == 0 || top == 127) return Verdict::kMartian;
  // RFC 3927 §2.1.
  if (top == 169 && address[1] == 254) return Verdict::kLinkLocal;
  return Verdict::kForward;
}

Verdict classify6(const std::uint8_t* address) {
  if (address[0] == 0xff) return Verdict::kMulticast;
  // RFC 4291 §2.5.6: fe80::/10.
  if (address[0] == 0xfe && (address[1] & 0xc0) == 0x80) return Verdict::kLinkLocal;
  // RFC 4291 §2.5.2, §2.5.3, §2.5.5: ::, ::1 and addresses that embed IPv4 are not for the wire.
  if (load<std::uint64_t>(address) != 0) return Verdict::kForward;
  static constexpr std::uint8_t kMapped[4] = {0, 0, 0xff, 0xff};
  const bool embedded = std::memcmp(address + 8, kMapped, 4) == 0 || load<std::uint32_t>(address + 8) == 0;
  return embedded ? Verdict::kMartian : Verdict::kForward;
}

Verdict classify(std::uint8_t version, const std::uint8_t* address) {
  return version == 4 ? classify4(address) : classify6(address);
}

/// RFC 9484 §7.2: "do not forward any link-local traffic beyond the IP proxying interface". Neither end of a
/// packet may be of that kind; a source may not be a multicast address either.
Verdict classifyEnds(const PacketView& packet) {
  const Verdict destination = classify(packet.version, packet.destination().data());
  if (destination != Verdict::kForward) return destination;
  const Verdict source = classify(packet.version, packet.source().data());
  return source == Verdict::kMulticast ? Verdict::kMartian : source;
}

bool isIcmp(std::uint8_t version, std::uint8_t protocol) {
  return protocol == (version == 4 ? kProtocolIcmp : kProtocolIcmp6);
}

}  // namespace

const char* verdictName(Verdict verdict) {
  switch (verdict) {
    case Verdict::kForward:
      return "forwarded";
    case Verdict::kMalformed:
      return "malformed";
    case Verdict::kSource:
      return "spoofedSource";
    case Verdict::kNoRoute:
      return "outsideRoutes";
    case Verdict::kProtocol:
      return "outsideProtocol";
    case Verdict::kLinkLocal:
      return "linkLocal";
    case Verdict::kMulticast:
      return "multicast";
    case Verdict::kMartian:
      return "martian";
    case Verdict::kTtl:
      return "ttl";
    case Verdict::kNotForClient:
      return "notForClient";
    case Verdict::kClientToClient:
      return "clientToClient";
  }
  return "unknown";
}

std::uint64_t VerdictCounters::dropped() const {
  std::uint64_t sum = 0;
  for (std::size_t i = 1; i < packets.size(); ++i) sum += packets[i];
  return sum;
}

void RouteTable::assign(std::span<const IpRange> ranges) {
  v4_ = {};
  v6_ = {};
  std::vector<IpRange> ordered(ranges.begin(), ranges.end());
  orderRanges(ordered);
  for (const IpRange& range : ordered) {
    Family& family = range.start.version == 4 ? v4_ : v6_;
    if (range == IpRange::all(range.start.version)) family.all = true;
    if (family.lists.empty() || family.lists.back().protocol != range.protocol)
      family.lists.push_back({range.protocol, {}});
    family.lists.back().entries.push_back({range.start.bytes, range.end.bytes});
  }
}

bool RouteTable::contains(const PerProtocol& list, const std::uint8_t* address, std::size_t size) {
  // The first range that does not end before the address.
  const auto found = std::lower_bound(list.entries.begin(), list.entries.end(), address,
                                      [size](const Entry& entry, const std::uint8_t* wanted) {
                                        return std::memcmp(entry.end.data(), wanted, size) < 0;
                                      });
  return found != list.entries.end() && std::memcmp(found->start.data(), address, size) <= 0;
}

RouteTable::Match RouteTable::match(std::uint8_t version, const std::uint8_t* address,
                                    std::uint8_t protocol) const {
  const Family& family = version == 4 ? v4_ : v6_;
  if (family.all) return Match::kYes;
  const std::size_t size = version == 4 ? 4 : 16;
  // RFC 9484 §4.7.3: "ICMP traffic is always allowed, regardless of the value of this field."
  const bool any = isIcmp(version, protocol);
  Match best = Match::kNone;
  for (const PerProtocol& list : family.lists) {
    if (!contains(list, address, size)) continue;
    if (any || list.protocol == 0 || list.protocol == protocol) return Match::kYes;
    best = Match::kOtherProtocol;
  }
  return best;
}

void Checks::setClientAddresses(std::span<const Prefix> prefixes) {
  v4Count_ = 0;
  v6Count_ = 0;
  for (const Prefix& prefix : prefixes) {
    const std::uint8_t version = prefix.address.version;
    const IpAddress mask = Prefix{IpAddress::highest(version), prefix.length}.masked().address;
    const IpAddress network = prefix.masked().address;
    if (version == 4 && v4Count_ < kMaxPrefixes) {
      v4_[v4Count_++] = {load<std::uint32_t>(network.bytes.data()), load<std::uint32_t>(mask.bytes.data())};
    } else if (version == 6 && v6Count_ < kMaxPrefixes) {
      Assigned6& assigned = v6_[v6Count_++];
      for (std::size_t i = 0; i < 2; ++i) {
        assigned.address[i] = load<std::uint64_t>(network.bytes.data() + 8 * i);
        assigned.mask[i] = load<std::uint64_t>(mask.bytes.data() + 8 * i);
      }
    }
  }
}

bool Checks::isClient(std::uint8_t version, const std::uint8_t* address) const {
  if (version == 4) {
    const auto value = load<std::uint32_t>(address);
    for (std::size_t i = 0; i < v4Count_; ++i)
      if ((value & v4_[i].mask) == v4_[i].address) return true;
    return false;
  }
  const auto high = load<std::uint64_t>(address);
  const auto low = load<std::uint64_t>(address + 8);
  for (std::size_t i = 0; i < v6Count_; ++i) {
    const Assigned6& one = v6_[i];
    if ((high & one.mask[0]) == one.address[0] && (low & one.mask[1]) == one.address[1]) return true;
  }
  return false;
}

Verdict Checks::clientToServer(const PacketView& packet) const {
  const Verdict ends = classifyEnds(packet);
  if (ends != Verdict::kForward) return ends;
  // RFC 9484 §11: "endpoints MUST follow the recommendations from [BCP38] to prevent source address
  // spoofing."
  if (!isClient(packet.version, packet.source().data())) return Verdict::kSource;
  if (hidden_ != nullptr && hidden_->isPeer(packet.version, packet.destination().data()))
    return Verdict::kClientToClient;
  switch (routes_.match(packet.version, packet.destination().data(), packet.protocol)) {
    case RouteTable::Match::kYes:
      return Verdict::kForward;
    case RouteTable::Match::kOtherProtocol:
      return Verdict::kProtocol;
    case RouteTable::Match::kNone:
      break;
  }
  return Verdict::kNoRoute;
}

Verdict Checks::serverToClient(const PacketView& packet) const {
  const Verdict ends = classifyEnds(packet);
  if (ends != Verdict::kForward) return ends;
  return isClient(packet.version, packet.destination().data()) ? Verdict::kForward : Verdict::kNotForClient;
}

Verdict Checks::spendHop(PacketView& packet) {
  if (packet.ttl <= 1) return Verdict::kTtl;
  decrementTtl(packet);
  return Verdict::kForward;
}

}  // namespace mqvpn::connect_ip
