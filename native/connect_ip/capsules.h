#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "connect_ip/address.h"
#include "http3/capsule.h"
#include "quic/buffer.h"

namespace mqvpn::connect_ip {

/// An Assigned Address or a Requested Address (RFC 9484 §4.7.1, §4.7.2).
struct AddressEntry {
  std::uint64_t requestId = 0;
  Prefix prefix;

  bool operator==(const AddressEntry&) const = default;
};

/// RFC 9484 to the letter, or with the deviations of deployed peers that harm nobody: host bits set in an
/// assigned prefix. (What else they do differently is the session's to tolerate: split capsules, answers
/// without a request.)
enum class Compat : std::uint8_t { kStrict, kTolerant };

/// Entries of one capsule that are accepted; more is H3_EXCESSIVE_LOAD.
constexpr std::size_t kMaxEntries = 1024;

/// Errors are H3_MESSAGE_ERROR (RFC 9297 §3.3) with a reason.
http3::Error parseAddressAssign(quic::Bytes value, Compat compat, std::vector<AddressEntry>& out);
http3::Error parseAddressRequest(quic::Bytes value, Compat compat, std::vector<AddressEntry>& out);
http3::Error parseRouteAdvertisement(quic::Bytes value, std::vector<IpRange>& out);

/// Append a whole capsule.
void appendAddressAssign(std::vector<std::uint8_t>& out, std::span<const AddressEntry> entries);
void appendAddressRequest(std::vector<std::uint8_t>& out, std::span<const AddressEntry> entries);
/// The ranges must be in the order of §4.7.3: see orderRanges().
void appendRouteAdvertisement(std::vector<std::uint8_t>& out, std::span<const IpRange> ranges);

/// Puts ranges into the order of §4.7.3; overlapping and adjacent ones of one protocol become one.
void orderRanges(std::vector<IpRange>& ranges);

}  // namespace mqvpn::connect_ip
