#include "connect_ip/icmp.h"

#include <algorithm>
#include <array>

#include "connect_ip/checksum.h"
#include "quic/buffer.h"

namespace mqvpn::connect_ip {

namespace {

constexpr std::size_t kIpv4Header = 20;
constexpr std::size_t kIpv6Header = 40;
constexpr std::size_t kIcmpHeader = 8;
/// RFC 1812 §4.3.2.3: "as much of the original datagram as possible without the length of the ICMP datagram
/// exceeding 576 bytes".
constexpr std::size_t kMaxIcmp4 = 576;

struct TypeAndCode {
  std::uint8_t type;
  std::uint8_t code;
};

// RFC 792, RFC 1812 §5.2.7.1.
TypeAndCode code4(IcmpError error) {
  switch (error) {
    case IcmpError::kNoRoute:
      return {3, 0};
    case IcmpError::kHostUnreachable:
      return {3, 1};
    case IcmpError::kProhibited:
    case IcmpError::kSourcePolicy:
      return {3, 13};
    case IcmpError::kTimeExceeded:
      return {11, 0};
    case IcmpError::kTooBig:
      return {3, 4};
  }
  return {3, 0};
}

// RFC 4443 §3.
TypeAndCode code6(IcmpError error) {
  switch (error) {
    case IcmpError::kNoRoute:
      return {1, 0};
    case IcmpError::kHostUnreachable:
      return {1, 3};
    case IcmpError::kProhibited:
      return {1, 1};
    case IcmpError::kSourcePolicy:
      return {1, 5};
    case IcmpError::kTimeExceeded:
      return {3, 0};
    case IcmpError::kTooBig:
      return {2, 0};
  }
  return {1, 0};
}

// RFC 1122 §3.2.2: "An ICMP error message MUST NOT be sent as the result of receiving: an ICMP error message,
// or a datagram destined to an IP broadcast or IP multicast address, or […] a non-initial fragment, or a
// datagram whose source address does not define a single host -- e.g., a zero address, a loopback address, a
// broadcast address, a multicast address, or a Class E address."
bool mayAnswer4(const PacketView& about) {
  if (!about.firstFragment) return false;
  const std::uint8_t to = about.bytes[16];
  const std::uint8_t from = about.bytes[12];
  if (to >= 224 || from >= 224 || from == 0 || from == 127) return false;
  if (about.protocol != kProtocolIcmp) return true;
  if (about.payloadSize() == 0) return false;
  const std::uint8_t type = about.bytes[about.payloadOffset];
  // Destination unreachable, source quench, redirect, time exceeded, parameter problem.
  return type != 3 && type != 4 && type != 5 && type != 11 && type != 12;
}

// RFC 4443 §2.4 (e): "An ICMPv6 error message MUST NOT be originated as a result of receiving: an ICMPv6
// error message, an ICMPv6 redirect message, a packet destined to an IPv6 multicast address (there are two
// exceptions: the Packet Too Big message…), a packet whose source address does not uniquely identify a single
// node".
bool mayAnswer6(const PacketView& about, IcmpError error) {
  const IpAddress source = about.sourceAddress();
  if (source.bytes[0] == 0xff || source.isZero()) return false;
  if (about.destination()[0] == 0xff && error != IcmpError::kTooBig) return false;
  if (about.protocol != kProtocolIcmp6) return true;
  // A later fragment may belong to an error: it cannot be seen.
  if (!about.firstFragment || about.payloadSize() == 0) return false;
  const std::uint8_t type = about.bytes[about.payloadOffset];
  constexpr std::uint8_t kFirstInformational = 128;
  constexpr std::uint8_t kRedirect = 137;
  return type >= kFirstInformational && type != kRedirect;
}

void store16(std::span<std::uint8_t> out, std::size_t at, std::uint16_t value) {
  out[at] = static_cast<std::uint8_t>(value >> 8);
  out[at + 1] = static_cast<std::uint8_t>(value);
}

std::size_t write4(std::span<std::uint8_t> out, const PacketView& about, IcmpError error,
                   const IpAddress& from, std::uint32_t mtu) {
  const std::size_t quoted = std::min(about.bytes.size(), kMaxIcmp4 - kIpv4Header - kIcmpHeader);
  quic::Writer writer(out);
  writer.u8(0x45);
  // RFC 1812 §4.3.2.5: "ICMP error messages SHOULD have their IP Precedence field set to 6 (INTERNETWORK
  // CONTROL) or 7".
  writer.u8(0xc0);
  writer.u16(static_cast<std::uint16_t>(kIpv4Header + kIcmpHeader + quoted));
  // RFC 6864 §4.1: DF is set, so the identification has no meaning.
  writer.u32(0x00004000);
  writer.u8(64);
  writer.u8(kProtocolIcmp);
  writer.u16(0);
  writer.bytes(from.data());
  writer.bytes(about.source());
  const auto [type, code] = code4(error);
  writer.u8(type);
  writer.u8(code);
  writer.u16(0);
  // RFC 1191 §4: unused, and the next hop's MTU in 16 bits.
  const bool tooBig = error == IcmpError::kTooBig;
  writer.u32(tooBig ? std::min<std::uint32_t>(mtu, 0xffff) : 0);
  writer.bytes(about.bytes.first(quoted));
  if (!writer.ok()) return 0;
  store16(out, 10, checksumFinish(checksumAdd(out.first(kIpv4Header))));
  store16(out, kIpv4Header + 2, checksumFinish(checksumAdd(writer.written().subspan(kIpv4Header))));
  return writer.size();
}

std::size_t write6(std::span<std::uint8_t> out, const PacketView& about, IcmpError error,
                   const IpAddress& from, std::uint32_t mtu) {
  const std::size_t quoted = std::min(about.bytes.size(), kMaxIcmpSize - kIpv6Header - kIcmpHeader);
  const auto length = static_cast<std::uint16_t>(kIcmpHeader + quoted);
  quic::Writer writer(out);
  writer.u32(0x60000000);
  writer.u16(length);
  writer.u8(kProtocolIcmp6);
  writer.u8(64);
  writer.bytes(from.data());
  writer.bytes(about.source());
  const auto [type, code] = code6(error);
  writer.u8(type);
  writer.u8(code);
  writer.u16(0);
  writer.u32(error == IcmpError::kTooBig ? mtu : 0);
  writer.bytes(about.bytes.first(quoted));
  if (!writer.ok()) return 0;
  // RFC 4443 §2.3: over a pseudo-header (RFC 8200 §8.1) of both addresses, the length and the next header.
  std::uint64_t sum = checksumAdd(out.subspan(8, 32));
  sum += length;
  sum += kProtocolIcmp6;
  store16(out, kIpv6Header + 2, checksumFinish(checksumAdd(writer.written().subspan(kIpv6Header), sum)));
  return writer.size();
}

}  // namespace

std::size_t writeIcmpError(std::span<std::uint8_t> out, const PacketView& about, IcmpError error,
                           const IpAddress& from, std::uint32_t mtu) {
  if (from.version != about.version) return 0;
  if (about.version == 4) return mayAnswer4(about) ? write4(out, about, error, from, mtu) : 0;
  return mayAnswer6(about, error) ? write6(out, about, error, from, mtu) : 0;
}

bool icmpFor(Verdict verdict, IcmpError& error) {
  switch (verdict) {
    case Verdict::kSource:
      error = IcmpError::kSourcePolicy;
      return true;
    case Verdict::kNoRoute:
      error = IcmpError::kNoRoute;
      return true;
    case Verdict::kProtocol:
    case Verdict::kClientToClient:
      error = IcmpError::kProhibited;
      return true;
    case Verdict::kTtl:
      error = IcmpError::kTimeExceeded;
      return true;
    case Verdict::kForward:
    case Verdict::kMalformed:
    case Verdict::kLinkLocal:
    case Verdict::kMulticast:
    case Verdict::kMartian:
    case Verdict::kNotForClient:
      break;
  }
  return false;
}

bool dontFragment(const PacketView& packet) { return packet.version == 4 && (packet.bytes[6] & 0x40) != 0; }

}  // namespace mqvpn::connect_ip
