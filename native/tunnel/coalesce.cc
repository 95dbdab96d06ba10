#include "tunnel/coalesce.h"

#include <algorithm>
#include <cstring>

#include "tunnel/segment_checksum.h"
#include "tunnel/segment_packet.h"

namespace mqvpn::tunnel {

namespace {

constexpr std::size_t kLargestIp = 65535;

bool same(const std::uint8_t* a, const std::uint8_t* b, std::size_t from, std::size_t to) {
  return std::memcmp(a + from, b + from, to - from) == 0;
}

iovec piece(const std::uint8_t* data, std::size_t size) {
  // iovec serves reading too; writing to the device changes nothing.
  return {const_cast<std::uint8_t*>(data), size};
}

std::uint64_t load64(const std::uint8_t* at) {
  std::uint64_t value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}

// Only saves comparing addresses with each open run; whoever makes flows collide gains nothing.
std::uint32_t flowOf(const std::uint8_t* ip, bool ipv6, const std::uint8_t* ports) {
  std::uint64_t mix = get32(ports);
  if (ipv6) {
    mix ^= load64(ip + kIpv6Addresses) ^ load64(ip + kIpv6Addresses + 8) << 1;
    mix ^= load64(ip + kIpv6Addresses + 16) << 2 ^ load64(ip + kIpv6Addresses + 24) << 3;
  } else {
    mix ^= load64(ip + kIpv4Addresses) << 4;
  }
  return static_cast<std::uint32_t>(mix * 0x9e3779b97f4a7c15u >> 32);
}

}  // namespace

Coalescer::Coalescer(CoalesceSink& sink, CoalesceOptions options) : sink_(sink), options_(options) {
  for (std::size_t i = 0; i < kMostRuns; ++i) order_[i] = static_cast<std::uint8_t>(i);
}

Coalescer::Shape Coalescer::shapeOf(std::span<const std::uint8_t> packet) {
  Shape shape;
  const Transport found = findTransport(packet);
  if (found.offset == 0) {
    // A fragment may belong to any flow.
    shape.kind = Kind::kBarrier;
    return shape;
  }
  const std::uint8_t* ip = packet.data();
  const std::uint8_t* transport = ip + found.offset;
  const std::size_t transportBytes = packet.size() - found.offset;
  shape.tcp = found.protocol == kProtocolTcp;
  if ((!shape.tcp && found.protocol != kProtocolUdp) || transportBytes < kUdpHeader) return shape;
  shape.kind = Kind::kFlow;
  shape.ipv6 = found.ipv6;
  shape.transport = static_cast<std::uint16_t>(found.offset);
  shape.flow = flowOf(ip, found.ipv6, transport);

  std::size_t header = kUdpHeader;
  if (shape.tcp) {
    if (transportBytes < kTcpHeader) return shape;
    header = std::size_t{transport[kTcpDataOffset]} >> 4 << 2;
    // RFC 9293 §3.1: urgent, SYN, FIN and RST mean one place in the stream; CWR one segment (RFC 3168
    // §6.1.2).
    const auto flags = static_cast<std::uint8_t>(transport[kTcpFlags] & ~(kTcpPush | kTcpEcnEcho));
    if (header < kTcpHeader || flags != kTcpAck) return shape;
    shape.pushed = (transport[kTcpFlags] & kTcpPush) != 0;
  } else if (get16(transport + kUdpLength) != transportBytes) {
    return shape;
  }
  // IPv4 options and IPv6 extension headers are too rare to be worth comparing.
  const bool plainIp = found.offset == (found.ipv6 ? kIpv6Header : kIpv4Header);
  const bool whole = found.ipv6 ? kIpv6Header + get16(ip + kIpv6PayloadLength) == packet.size()
                                : get16(ip + kIpv4TotalLength) == packet.size();
  if (!plainIp || !whole || transportBytes <= header) return shape;
  shape.payload = static_cast<std::uint16_t>(found.offset + header);
  shape.payloadBytes = static_cast<std::uint16_t>(transportBytes - header);
  shape.mergeable = true;
  return shape;
}

bool Coalescer::sameFlow(const Run& run, const Shape& shape, const std::uint8_t* packet) {
  if (run.shape.flow != shape.flow || run.shape.tcp != shape.tcp || run.shape.ipv6 != shape.ipv6)
    return false;
  return (shape.ipv6 ? same(packet, run.first, kIpv6Addresses, kIpv6Header)
                     : same(packet, run.first, kIpv4Addresses, kIpv4Header)) &&
         std::memcmp(packet + shape.transport, run.first + run.shape.transport, 4) == 0;
}

bool Coalescer::continues(const Run& run, const Shape& shape, const std::uint8_t* packet) {
  // All but the last carry the same amount.
  if (!shape.mergeable || shape.payload != run.shape.payload || shape.payloadBytes > run.shape.payloadBytes ||
      shape.payload + run.payloadBytes + shape.payloadBytes > kLargestIp) {
    return false;
  }
  const std::uint8_t* first = run.first;
  if (shape.ipv6) {
    // Version, class and flow label; next header and hop limit.
    if (!same(packet, first, 0, kIpv6PayloadLength) ||
        !same(packet, first, kIpv6NextHeader, kIpv6Addresses)) {
      return false;
    }
  } else {
    // Type of service; flags, time to live and protocol.
    if (!same(packet, first, 0, kIpv4TotalLength) || !same(packet, first, kIpv4Fragment, kIpv4Checksum))
      return false;
    // Whoever cuts the packet again counts the identification up from the first. Where DF is set it has no
    // meaning (RFC 6864 §4.1).
    const auto expected = static_cast<std::uint16_t>(run.lastIdentification + 1);
    if ((get16(packet + kIpv4Fragment) & kIpv4DontFragment) == 0 &&
        get16(packet + kIpv4Identification) != expected) {
      return false;
    }
  }
  if (!shape.tcp) return true;
  const std::uint8_t* mine = packet + shape.transport;
  const std::uint8_t* other = first + shape.transport;
  const std::size_t header = std::size_t{shape.payload} - shape.transport;
  return get32(mine + kTcpSequence) == run.nextSequence &&
         same(mine, other, kTcpAcknowledgement, kTcpFlags) &&
         ((mine[kTcpFlags] ^ other[kTcpFlags]) & ~kTcpPush) == 0 &&
         same(mine, other, kTcpWindow, kTcpChecksum) && same(mine, other, kTcpUrgent, header);
}

bool Coalescer::verify(const std::uint8_t* packet, const Shape& shape, ChecksumState checksum) {
  if (checksum != ChecksumState::kUnverified) return true;
  const std::uint8_t* transport = packet + shape.transport;
  const std::size_t transportBytes = std::size_t{shape.payload} - shape.transport + shape.payloadBytes;
  const std::uint8_t protocol = shape.tcp ? kProtocolTcp : kProtocolUdp;
  // RFC 768: "An all zero transmitted checksum value means that the transmitter generated no checksum". A
  // packet to be cut has one.
  if (!shape.tcp && load16(transport + kUdpChecksum) == 0) return false;
  const std::uint64_t sum =
      checksumAdd(transport, transportBytes, pseudoHeaderSum(packet, shape.ipv6, protocol, transportBytes));
  const bool right =
      checksumFold(sum) == 0xffff && (shape.ipv6 || checksumFold(checksumAdd(packet, kIpv4Header)) == 0xffff);
  if (!right) ++counters_.badChecksums;
  return right;
}

void Coalescer::add(std::span<const std::uint8_t> packet, ChecksumState checksum) {
  ++counters_.packets;
  const Shape shape = shapeOf(packet);
  if (shape.kind != Kind::kFlow) {
    if (shape.kind == Kind::kBarrier) flush();
    writeSingle(packet, checksum);
    return;
  }
  std::size_t place = 0;
  while (place < open_ && !sameFlow(runs_[order_[place]], shape, packet.data())) ++place;
  if (place < open_) {
    Run& run = runs_[order_[place]];
    // Most packets stay alone, so the first is looked at only when there is a second. A wrong checksum stays
    // visible to whoever gets the packet: it is passed on by itself.
    if (continues(run, shape, packet.data())) {
      const bool firstIsRight = run.packets > 1 || verify(run.first, run.shape, run.checksum);
      if (firstIsRight && verify(packet.data(), shape, checksum)) {
        append(run, packet, shape);
        const bool last = shape.pushed || shape.payloadBytes < run.shape.payloadBytes;
        if (last || run.packets == kMostPackets) close(place);
        return;
      }
    }
    close(place);
  }
  const bool wanted = shape.tcp ? options_.tcp : options_.udp;
  if (!wanted || !shape.mergeable || shape.pushed) {
    writeSingle(packet, checksum);
    return;
  }
  if (open_ == kMostRuns) close(0);
  open(packet, shape, checksum);
}

void Coalescer::flush() {
  for (std::size_t place = 0; place < open_; ++place) writeRun(runs_[order_[place]]);
  open_ = 0;
}

void Coalescer::open(std::span<const std::uint8_t> packet, const Shape& shape, ChecksumState checksum) {
  Run& run = runs_[order_[open_++]];
  run.shape = shape;
  run.first = packet.data();
  run.checksum = checksum;
  run.payloadBytes = 0;
  run.packets = 0;
  append(run, packet, shape);
}

void Coalescer::append(Run& run, std::span<const std::uint8_t> packet, const Shape& shape) {
  run.pieces[++run.packets] = piece(packet.data() + shape.payload, shape.payloadBytes);
  run.payloadBytes += shape.payloadBytes;
  run.pushed = shape.pushed;
  run.nextSequence = get32(packet.data() + shape.transport + kTcpSequence) + shape.payloadBytes;
  run.lastIdentification = get16(packet.data() + kIpv4Identification);
}

void Coalescer::close(std::size_t place) {
  writeRun(runs_[order_[place]]);
  std::rotate(order_.begin() + static_cast<std::ptrdiff_t>(place),
              order_.begin() + static_cast<std::ptrdiff_t>(place + 1),
              order_.begin() + static_cast<std::ptrdiff_t>(open_));
  --open_;
}

void Coalescer::writeRun(Run& run) {
  const Shape& shape = run.shape;
  if (run.packets == 1) {
    writeSingle({run.first, std::size_t{shape.payload} + shape.payloadBytes}, run.checksum);
    return;
  }
  const std::size_t ipBytes = std::size_t{shape.payload} + run.payloadBytes;
  const std::size_t transportBytes = ipBytes - shape.transport;
  VnetHeader vnet;
  vnet.flags = VnetHeader::kNeedsChecksum;
  vnet.gsoType = !shape.tcp ? VnetHeader::kGsoUdp : shape.ipv6 ? VnetHeader::kGsoTcp6 : VnetHeader::kGsoTcp4;
  vnet.headerLength = shape.payload;
  vnet.gsoSize = shape.payloadBytes;
  vnet.checksumStart = shape.transport;
  vnet.checksumOffset = shape.tcp ? kTcpChecksum : kUdpChecksum;
  vnet.write(std::span(header_).first<VnetHeader::kBytes>());

  std::uint8_t* ip = header_.data() + VnetHeader::kBytes;
  std::memcpy(ip, run.first, shape.payload);
  if (shape.ipv6) {
    put16(ip + kIpv6PayloadLength, ipBytes - kIpv6Header);
  } else {
    put16(ip + kIpv4TotalLength, ipBytes);
    put16(ip + kIpv4Checksum, 0);
    store16(ip + kIpv4Checksum, static_cast<std::uint16_t>(~checksumFold(checksumAdd(ip, kIpv4Header))));
  }
  std::uint8_t* transport = ip + shape.transport;
  if (shape.tcp) {
    transport[kTcpFlags] = static_cast<std::uint8_t>(transport[kTcpFlags] | (run.pushed ? kTcpPush : 0));
  } else {
    put16(transport + kUdpLength, transportBytes);
  }
  const std::uint8_t protocol = shape.tcp ? kProtocolTcp : kProtocolUdp;
  store16(transport + vnet.checksumOffset,
          checksumFold(pseudoHeaderSum(ip, shape.ipv6, protocol, transportBytes)));

  run.pieces[0] = piece(header_.data(), VnetHeader::kBytes + shape.payload);
  ++counters_.writes;
  sink_.onWrite({run.pieces.data(), std::size_t{run.packets} + 1}, run.packets);
}

void Coalescer::writeSingle(std::span<const std::uint8_t> packet, ChecksumState checksum) {
  VnetHeader vnet;
  if (checksum == ChecksumState::kPartial) {
    const Transport found = findTransport(packet);
    const bool tcp = found.protocol == kProtocolTcp;
    const std::size_t offset = tcp ? kTcpChecksum : kUdpChecksum;
    if (found.offset != 0 && (tcp || found.protocol == kProtocolUdp) &&
        found.offset + offset + 2 <= packet.size()) {
      vnet.flags = VnetHeader::kNeedsChecksum;
      vnet.checksumStart = static_cast<std::uint16_t>(found.offset);
      vnet.checksumOffset = static_cast<std::uint16_t>(offset);
    }
  }
  vnet.write(std::span(header_).first<VnetHeader::kBytes>());
  const std::array<iovec, 2> pieces{piece(header_.data(), VnetHeader::kBytes),
                                    piece(packet.data(), packet.size())};
  ++counters_.writes;
  sink_.onWrite(pieces, 1);
}

}  // namespace mqvpn::tunnel
