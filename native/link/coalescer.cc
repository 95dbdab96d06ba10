#include "link/coalescer.h"

#include <cstring>

namespace mqvpn::link {

namespace {

// struct virtio_net_hdr: linux/virtio_net.h has a member called `class`, which C++ does not take.
constexpr std::size_t kVnetFlags = 0;
constexpr std::size_t kVnetGsoType = 1;
constexpr std::size_t kVnetHeaderLength = 2;
constexpr std::size_t kVnetGsoSize = 4;
constexpr std::size_t kVnetChecksumStart = 6;
constexpr std::size_t kVnetChecksumOffset = 8;
constexpr std::uint8_t kNeedsChecksum = 1;
constexpr std::uint8_t kGsoTcp4 = 1;
constexpr std::uint8_t kGsoTcp6 = 4;
constexpr std::uint8_t kGsoUdp = 5;

constexpr std::uint32_t kEthernet = 14;
constexpr std::uint32_t kIpv4 = 20;
constexpr std::uint32_t kIpv6 = 40;
constexpr std::uint32_t kUdp = 8;
constexpr std::uint32_t kTcp = 20;
constexpr std::uint8_t kProtocolTcp = 6;
constexpr std::uint8_t kProtocolUdp = 17;
constexpr std::uint32_t kLargestIp = 65535;

// Within a TCP header.
constexpr std::uint32_t kSequence = 4;
constexpr std::uint32_t kAcknowledgement = 8;
constexpr std::uint32_t kDataOffset = 12;
constexpr std::uint32_t kFlags = 13;
constexpr std::uint32_t kWindow = 14;
constexpr std::uint32_t kTcpChecksum = 16;
constexpr std::uint32_t kUrgent = 18;
constexpr std::uint32_t kUdpLength = 4;
constexpr std::uint32_t kUdpChecksum = 6;
constexpr std::uint8_t kFlagAck = 0x10;
constexpr std::uint8_t kFlagPush = 0x08;
constexpr std::uint8_t kFlagEcnEcho = 0x40;

// Within an IPv4 header.
constexpr std::uint32_t kTotalLength = 2;
constexpr std::uint32_t kIdentification = 4;
constexpr std::uint32_t kFragment = 6;
constexpr std::uint32_t kHeaderChecksum = 10;
constexpr std::uint16_t kDontFragment = 0x4000;
// Within an IPv6 header.
constexpr std::uint32_t kPayloadLength = 4;

std::uint16_t get16(const std::uint8_t* at) { return static_cast<std::uint16_t>(at[0] << 8 | at[1]); }
std::uint32_t get32(const std::uint8_t* at) { return std::uint32_t{get16(at)} << 16 | get16(at + 2); }
void put16(std::uint8_t* at, std::uint32_t value) {
  at[0] = static_cast<std::uint8_t>(value >> 8);
  at[1] = static_cast<std::uint8_t>(value);
}
// The vnet header is in the machine's own byte order.
std::uint16_t getNative(const std::uint8_t* at) {
  std::uint16_t value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}
void putNative(std::uint8_t* at, std::uint32_t value) {
  const auto narrow = static_cast<std::uint16_t>(value);
  std::memcpy(at, &narrow, sizeof(narrow));
}

// RFC 1071: the one's complement sum of 16-bit words.
std::uint16_t fold(std::uint32_t sum) {
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

bool same(const std::uint8_t* a, const std::uint8_t* b, std::uint32_t from, std::uint32_t to) {
  return std::memcmp(a + from, b + from, to - from) == 0;
}

}  // namespace

Coalescer::Shape Coalescer::shapeOf(Frame* frame) const {
  const std::uint8_t* vnet = frame->vnetHeader();
  const std::uint8_t* ethernet = frame->ethernet();
  if ((vnet[kVnetFlags] & kNeedsChecksum) == 0 || vnet[kVnetGsoType] != 0) return {};
  if (frame->length < kEthernet + kIpv4 + kUdp) return {};

  Shape shape;
  const std::uint8_t* ip = ethernet + kEthernet;
  const std::uint32_t ipBytes = frame->length - kEthernet;
  std::uint8_t protocol = 0;
  if (get16(ethernet + 12) == 0x0800) {
    // Without options, whole, and nothing behind it.
    const bool fragment = (get16(ip + kFragment) & ~kDontFragment) != 0;
    if (ip[0] != 0x45 || fragment || get16(ip + kTotalLength) != ipBytes) return {};
    protocol = ip[9];
    shape.transport = kEthernet + kIpv4;
  } else if (get16(ethernet + 12) == 0x86dd && ipBytes >= kIpv6 + kUdp) {
    if (kIpv6 + get16(ip + kPayloadLength) != ipBytes) return {};
    protocol = ip[6];
    shape.ipv6 = true;
    shape.transport = kEthernet + kIpv6;
  } else {
    return {};
  }

  const std::uint8_t* transport = ethernet + shape.transport;
  if (protocol == kProtocolTcp && frame->length >= shape.transport + kTcp) {
    shape.tcp = true;
    const std::uint32_t header = std::uint32_t{transport[kDataOffset]} >> 4 << 2;
    const auto flags = static_cast<std::uint8_t>(transport[kFlags] & ~(kFlagPush | kFlagEcnEcho));
    if (header < kTcp || flags != kFlagAck) return {};
    shape.pushed = (transport[kFlags] & kFlagPush) != 0;
    shape.payload = shape.transport + header;
  } else if (protocol == kProtocolUdp && udp_) {
    if (get16(transport + kUdpLength) != frame->length - shape.transport) return {};
    shape.payload = shape.transport + kUdp;
  } else {
    return {};
  }
  const bool checksumIsTransports =
      getNative(vnet + kVnetChecksumStart) == shape.transport &&
      getNative(vnet + kVnetChecksumOffset) == (shape.tcp ? kTcpChecksum : kUdpChecksum);
  if (!checksumIsTransports || frame->length <= shape.payload) return {};
  shape.payloadBytes = frame->length - shape.payload;
  return shape;
}

bool Coalescer::add(Frame* frame) {
  const Shape shape = shapeOf(frame);
  if (count_ == 0) {
    first_ = shape;
    payloadBytes_ = 0;
  } else if (!continues(frame, shape)) {
    return false;
  }
  last_ = shape;
  payloadBytes_ += shape.payloadBytes;
  frames_[count_++] = frame;
  return true;
}

bool Coalescer::continues(Frame* frame, const Shape& shape) const {
  if (first_.transport == 0 || shape.transport != first_.transport || shape.payload != first_.payload ||
      shape.tcp != first_.tcp || shape.ipv6 != first_.ipv6) {
    return false;
  }
  // All but the last carry the same amount, and a push ends the packet.
  if (count_ == kMostFrames || last_.pushed || last_.payloadBytes != first_.payloadBytes ||
      shape.payloadBytes > first_.payloadBytes ||
      first_.payload - kEthernet + payloadBytes_ + shape.payloadBytes > kLargestIp) {
    return false;
  }

  const std::uint8_t* mine = frame->ethernet();
  const std::uint8_t* before = frames_[count_ - 1]->ethernet();
  if (!same(mine, before, 0, kEthernet)) return false;
  const std::uint8_t* ip = mine + kEthernet;
  const std::uint8_t* ipBefore = before + kEthernet;
  if (shape.ipv6) {
    // Version, class and flow label; next header, hop limit and addresses.
    if (!same(ip, ipBefore, 0, kPayloadLength) || !same(ip, ipBefore, kPayloadLength + 2, kIpv6))
      return false;
  } else {
    // Type of service; flags, time to live, protocol; addresses.
    if (!same(ip, ipBefore, 0, kTotalLength) || !same(ip, ipBefore, kFragment, kHeaderChecksum) ||
        !same(ip, ipBefore, kHeaderChecksum + 2, kIpv4)) {
      return false;
    }
    // Whoever cuts the packet again counts the identification up from the first; where DF is set it has no
    // meaning (RFC 6864).
    const bool counts = get16(ip + kIdentification) == ((get16(ipBefore + kIdentification) + 1) & 0xffff);
    if ((get16(ip + kFragment) & kDontFragment) == 0 && !counts) return false;
  }

  const std::uint8_t* transport = mine + shape.transport;
  const std::uint8_t* transportBefore = before + shape.transport;
  if (!same(transport, transportBefore, 0, 4)) return false;  // ports
  if (!shape.tcp) return true;
  return get32(transport + kSequence) == get32(transportBefore + kSequence) + last_.payloadBytes &&
         same(transport, transportBefore, kAcknowledgement, kFlags) &&
         ((transport[kFlags] ^ transportBefore[kFlags]) & ~kFlagPush) == 0 &&
         same(transport, transportBefore, kWindow, kTcpChecksum) &&
         same(transport, transportBefore, kUrgent, shape.payload - shape.transport);
}

std::span<const iovec> Coalescer::pieces() {
  Frame* frame = frames_[0];
  if (count_ == 1) {
    pieces_[0] = {frame->vnetHeader(), kVnetHeaderBytes + frame->length};
    return {pieces_.data(), 1};
  }

  const std::size_t headerBytes = kVnetHeaderBytes + first_.payload;
  std::memcpy(header_.data(), frame->vnetHeader(), headerBytes);
  std::uint8_t* vnet = header_.data();
  vnet[kVnetGsoType] = !first_.tcp ? kGsoUdp : first_.ipv6 ? kGsoTcp6 : kGsoTcp4;
  putNative(vnet + kVnetHeaderLength, first_.payload);
  putNative(vnet + kVnetGsoSize, first_.payloadBytes);

  std::uint8_t* ip = vnet + kVnetHeaderBytes + kEthernet;
  const std::uint32_t ipBytes = first_.payload - kEthernet + payloadBytes_;
  if (first_.ipv6) {
    put16(ip + kPayloadLength, ipBytes - kIpv6);
  } else {
    put16(ip + kTotalLength, ipBytes);
    put16(ip + kHeaderChecksum, 0);
    std::uint32_t sum = 0;
    for (std::uint32_t at = 0; at < kIpv4; at += 2) sum += get16(ip + at);
    put16(ip + kHeaderChecksum, ~std::uint32_t{fold(sum)});
  }

  std::uint8_t* transport = vnet + kVnetHeaderBytes + first_.transport;
  if (first_.tcp) {
    transport[kFlags] = static_cast<std::uint8_t>(transport[kFlags] | (last_.pushed ? kFlagPush : 0));
  } else {
    put16(transport + kUdpLength, kUdp + payloadBytes_);
  }
  // An undone checksum holds the sum of the pseudo-header, and the length is one of its terms.
  std::uint8_t* checksum = transport + (first_.tcp ? kTcpChecksum : kUdpChecksum);
  put16(checksum, fold(std::uint32_t{get16(checksum)} + payloadBytes_ - first_.payloadBytes));

  pieces_[0] = {vnet, headerBytes};
  for (std::size_t i = 0; i < count_; ++i) {
    pieces_[i + 1] = {frames_[i]->ethernet() + first_.payload, frames_[i]->length - first_.payload};
  }
  return {pieces_.data(), count_ + 1};
}

}  // namespace mqvpn::link
