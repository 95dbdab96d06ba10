#include "connect_ip/capsules.h"

#include <algorithm>
#include <array>
#include <optional>

namespace mqvpn::connect_ip {

namespace {

using http3::Error;
using http3::ErrorCode;

// RFC 9297 §3.3: "the receiver MUST treat it as if it had received a malformed or incomplete HTTP message".
Error malformed(const char* reason) { return {ErrorCode::kMessageError, reason}; }

/// A version byte and, of the size that it tells, `count` addresses.
Error readAddresses(quic::Reader& reader, std::span<IpAddress> out) {
  const std::uint8_t version = reader.u8();
  // RFC 9484 §4.7.1, §4.7.2, §4.7.3: "It MUST be either 4 or 6."
  if (reader.ok() && version != 4 && version != 6) return malformed("IP version is neither 4 nor 6");
  for (IpAddress& address : out) address = IpAddress::from(reader.bytes(version == 4 ? 4 : 16));
  return {};
}

Error readEntry(quic::Reader& reader, Compat compat, AddressEntry& entry) {
  entry.requestId = reader.varint();
  IpAddress address;
  if (const Error error = readAddresses(reader, std::span(&address, 1))) return error;
  const std::uint8_t length = reader.u8();
  if (!reader.ok()) return malformed("a capsule ends inside an address");
  // RFC 9484 §4.7.1: "This MUST be less than or equal to the length of the IP Address field in bits."
  if (length > address.bits()) return malformed("a prefix is longer than its address");
  entry.prefix = {address, length};
  // RFC 9484 §4.7.1: "the lower bits of the IP Address field that are not covered by the prefix length MUST
  // all be set to 0." Deployed servers send their subnet's length with a client's address: the address is
  // what they mean.
  if (entry.prefix.hostBitsZero()) return {};
  if (compat == Compat::kStrict) return malformed("an address has bits set beyond its prefix");
  entry.prefix = Prefix::host(address);
  return {};
}

Error readEntries(quic::Bytes value, Compat compat, std::vector<AddressEntry>& out) {
  out.clear();
  quic::Reader reader(value);
  while (!reader.empty()) {
    if (out.size() == kMaxEntries) return {ErrorCode::kExcessiveLoad, "too many addresses in a capsule"};
    AddressEntry entry;
    if (const Error error = readEntry(reader, compat, entry)) return error;
    out.push_back(entry);
  }
  return {};
}

/// Whether `ranges` of one family and protocol, in order, meet [start, end].
bool overlaps(std::span<const IpRange> ranges, const IpRange& with) {
  const auto found =
      std::lower_bound(ranges.begin(), ranges.end(), with.start,
                       [](const IpRange& range, const IpAddress& start) { return range.end < start; });
  return found != ranges.end() && found->start <= with.end;
}

/// The ranges of one family that allow every protocol; they come first in it.
std::span<const IpRange> generalOf(std::span<const IpRange> ranges, std::uint8_t version) {
  const auto begin = std::find_if(ranges.begin(), ranges.end(), [version](const IpRange& range) {
    return range.start.version == version && range.protocol == 0;
  });
  const auto end = std::find_if(begin, ranges.end(), [version](const IpRange& range) {
    return range.start.version != version || range.protocol != 0;
  });
  return {begin, end};
}

Error checkOrder(std::span<const IpRange> ranges) {
  for (std::size_t i = 1; i < ranges.size(); ++i) {
    const IpRange& a = ranges[i - 1];
    const IpRange& b = ranges[i];
    // RFC 9484 §4.7.3: "The IP Version of A MUST be less than or equal to the IP Version of B. If the IP
    // Version of A and B are equal, the IP Protocol of A MUST be less than or equal to the IP Protocol of B.
    // If the IP Version and IP Protocol of A and B are both equal, the End IP Address of A MUST be strictly
    // less than the Start IP Address of B."
    if (a.start.version > b.start.version) return malformed("routes: IPv6 before IPv4");
    if (a.start.version < b.start.version) continue;
    if (a.protocol > b.protocol) return malformed("routes: protocols are not in order");
    if (a.protocol == b.protocol && a.end >= b.start)
      return malformed("routes: ranges overlap or are not in order");
  }
  // RFC 9484 §4.7.3: two routes may not overlap "when one has its IP protocol set to zero and the other has
  // it set to non-zero. […] if an endpoint detects the violation, it MUST abort the IP proxying request
  // stream."
  for (const std::uint8_t version : {std::uint8_t{4}, std::uint8_t{6}}) {
    const std::span<const IpRange> general = generalOf(ranges, version);
    for (const IpRange& range : ranges)
      if (range.start.version == version && range.protocol != 0 && overlaps(general, range))
        return malformed("routes: a range for one protocol lies in one for all");
  }
  return {};
}

void appendEntries(std::vector<std::uint8_t>& out, http3::CapsuleType type,
                   std::span<const AddressEntry> entries) {
  std::vector<std::uint8_t> value;
  for (const AddressEntry& entry : entries) {
    std::array<std::uint8_t, 26> buffer;
    quic::Writer writer(buffer);
    writer.varint(entry.requestId);
    writer.u8(entry.prefix.address.version);
    writer.bytes(entry.prefix.address.data());
    writer.u8(entry.prefix.length);
    value.insert(value.end(), writer.written().begin(), writer.written().end());
  }
  http3::appendCapsule(out, static_cast<std::uint64_t>(type), value);
}

}  // namespace

Error parseAddressAssign(quic::Bytes value, Compat compat, std::vector<AddressEntry>& out) {
  return readEntries(value, compat, out);
}

Error parseAddressRequest(quic::Bytes value, Compat compat, std::vector<AddressEntry>& out) {
  if (const Error error = readEntries(value, compat, out)) return error;
  // RFC 9484 §4.7.2: "If an endpoint receives an ADDRESS_REQUEST capsule that contains zero Requested
  // Addresses, it MUST abort the IP proxying request stream."
  if (out.empty()) return malformed("ADDRESS_REQUEST asks for nothing");
  // RFC 9484 §4.7.2: "Request IDs MUST NOT be reused by an endpoint and MUST NOT be zero."
  std::vector<std::uint64_t> ids;
  for (const AddressEntry& entry : out) ids.push_back(entry.requestId);
  std::sort(ids.begin(), ids.end());
  if (ids.front() == 0) return malformed("ADDRESS_REQUEST with request ID 0");
  if (std::adjacent_find(ids.begin(), ids.end()) != ids.end())
    return malformed("ADDRESS_REQUEST uses a request ID twice");
  return {};
}

Error parseRouteAdvertisement(quic::Bytes value, std::vector<IpRange>& out) {
  out.clear();
  quic::Reader reader(value);
  while (!reader.empty()) {
    if (out.size() == kMaxEntries) return {ErrorCode::kExcessiveLoad, "too many routes in a capsule"};
    std::array<IpAddress, 2> ends;
    if (const Error error = readAddresses(reader, ends)) return error;
    const std::uint8_t protocol = reader.u8();
    if (!reader.ok()) return malformed("a capsule ends inside a route");
    // RFC 9484 §4.7.3: "The Start IP Address MUST be less than or equal to the End IP Address."
    if (ends[0] > ends[1]) return malformed("routes: a range ends before it starts");
    out.push_back({ends[0], ends[1], protocol});
  }
  return checkOrder(out);
}

void appendAddressAssign(std::vector<std::uint8_t>& out, std::span<const AddressEntry> entries) {
  appendEntries(out, http3::CapsuleType::kAddressAssign, entries);
}

void appendAddressRequest(std::vector<std::uint8_t>& out, std::span<const AddressEntry> entries) {
  appendEntries(out, http3::CapsuleType::kAddressRequest, entries);
}

void appendRouteAdvertisement(std::vector<std::uint8_t>& out, std::span<const IpRange> ranges) {
  std::vector<std::uint8_t> value;
  for (const IpRange& range : ranges) {
    value.push_back(range.start.version);
    const auto start = range.start.data();
    const auto end = range.end.data();
    value.insert(value.end(), start.begin(), start.end());
    value.insert(value.end(), end.begin(), end.end());
    value.push_back(range.protocol);
  }
  http3::appendCapsule(out, static_cast<std::uint64_t>(http3::CapsuleType::kRouteAdvertisement), value);
}

}  // namespace mqvpn::connect_ip
