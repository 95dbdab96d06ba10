#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "connect_ip/address.h"
#include "connect_ip/checks.h"
#include "connect_ip/ip_packet.h"

namespace mqvpn::connect_ip {

/// Size of the largest packet that the functions below write: RFC 4443 §3: "without the ICMPv6 packet
/// exceeding the minimum IPv6 MTU". For IPv4 576 (RFC 1812 §4.3.2.3).
constexpr std::size_t kMaxIcmpSize = 1280;

enum class IcmpError : std::uint8_t {
  /// v4: 3/0, v6: 1/0.
  kNoRoute,
  /// v4: 3/1, v6: 1/3.
  kHostUnreachable,
  /// v4: 3/13, v6: 1/1.
  kProhibited,
  /// RFC 9484 §7.2.1: "For invalid source addresses". v4: 3/13, v6: 1/5.
  kSourcePolicy,
  /// v4: 11/0, v6: 3/0.
  kTimeExceeded,
  /// v4: 3/4, v6: 2/0; needs an MTU. For IPv4 without DF the caller fragments or drops.
  kTooBig,
};

/// Writes an ICMP error from `from` to the source of `about`. `mtu` in bytes, for kTooBig only. `from` must
/// be of the packet's family. Returns the size of the IP packet written, 0: no error may be sent about this
/// packet (RFC 1122 §3.2.2, RFC 4443 §2.4 (e)): an ICMP error or redirect, a fragment but the first, a
/// multicast or broadcast destination, a source that is not one host.
std::size_t writeIcmpError(std::span<std::uint8_t> out, const PacketView& about, IcmpError error,
                           const IpAddress& from, std::uint32_t mtu = 0);

/// The error that suits a verdict (RFC 9484 §7.2.1). False: none; drop silently.
bool icmpFor(Verdict verdict, IcmpError& error);

/// IPv4 only: whether DF is set.
bool dontFragment(const PacketView& packet);

}  // namespace mqvpn::connect_ip
