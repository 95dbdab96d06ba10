#include "tunnel/segment.h"

#include <algorithm>
#include <cstring>

#include "tunnel/segment_checksum.h"
#include "tunnel/segment_packet.h"

namespace mqvpn::tunnel {

namespace {

constexpr std::size_t kLargestIp = 65535;

// RFC 768: "If the computed checksum is zero, it is transmitted as all ones". For TCP both mean the same.
std::uint16_t complement(std::uint64_t sum) {
  const auto checksum = static_cast<std::uint16_t>(~checksumFold(sum));
  return checksum == 0 ? std::uint16_t{0xffff} : checksum;
}

bool lengthIsRight(std::span<const std::uint8_t> packet, bool ipv6) {
  return ipv6 ? kIpv6Header + get16(packet.data() + kIpv6PayloadLength) == packet.size()
              : get16(packet.data() + kIpv4TotalLength) == packet.size();
}

}  // namespace

bool Segmenter::init(const VnetHeader& header, std::span<std::uint8_t> packet, ChecksumMode mode) {
  packet_ = packet;
  partial_ = incomplete_ = false;
  headerBytes_ = gsoSize_ = 0;
  if (packet.empty() || packet.size() > kLargestIp + kIpv6Header) return false;
  return header.gsoType == VnetHeader::kGsoNone ? initPlain(header, mode) : initSegments(header, mode);
}

bool Segmenter::initPlain(const VnetHeader& header, ChecksumMode mode) {
  count_ = 1;
  lastSize_ = packet_.size();
  if ((header.flags & VnetHeader::kNeedsChecksum) == 0) return true;
  const std::size_t checksumAt = std::size_t{header.checksumStart} + header.checksumOffset;
  if (checksumAt + 2 > packet_.size()) return false;
  transport_ = header.checksumStart;
  checksumAt_ = static_cast<std::uint16_t>(checksumAt);
  // The far end only finds undone checksums of TCP and UDP.
  const Transport found = findTransport(packet_);
  const bool known = found.offset == header.checksumStart &&
                     ((found.protocol == kProtocolTcp && header.checksumOffset == kTcpChecksum) ||
                      (found.protocol == kProtocolUdp && header.checksumOffset == kUdpChecksum));
  partial_ = mode == ChecksumMode::kPartial && known;
  incomplete_ = !partial_;
  return true;
}

bool Segmenter::initSegments(const VnetHeader& header, ChecksumMode mode) {
  const auto type = static_cast<std::uint8_t>(header.gsoType & ~VnetHeader::kGsoEcn);
  const bool needsChecksum = (header.flags & VnetHeader::kNeedsChecksum) != 0;
  const Transport found = findTransport(packet_);
  if (found.offset == 0 || found.offset != header.checksumStart || !needsChecksum || header.gsoSize == 0 ||
      !lengthIsRight(packet_, found.ipv6)) {
    return false;
  }
  ipv6_ = found.ipv6;
  tcp_ = type != VnetHeader::kGsoUdp;
  if (tcp_ && type != (ipv6_ ? VnetHeader::kGsoTcp6 : VnetHeader::kGsoTcp4)) return false;
  if (found.protocol != (tcp_ ? kProtocolTcp : kProtocolUdp)) return false;
  if (header.checksumOffset != (tcp_ ? kTcpChecksum : kUdpChecksum)) return false;

  const std::size_t transportBytes = packet_.size() - found.offset;
  std::size_t transportHeader = kUdpHeader;
  if (tcp_) {
    if (transportBytes < kTcpHeader) return false;
    transportHeader = std::size_t{packet_[found.offset + kTcpDataOffset]} >> 4 << 2;
    if (transportHeader < kTcpHeader) return false;
  }
  headerBytes_ = found.offset + transportHeader;
  if (headerBytes_ > packet_.size() || headerBytes_ > kMostHeader) return false;
  const std::size_t payload = packet_.size() - headerBytes_;
  gsoSize_ = header.gsoSize;
  count_ = std::max<std::size_t>(1, (payload + gsoSize_ - 1) / gsoSize_);
  lastSize_ = packet_.size() - (count_ - 1) * gsoSize_;
  transport_ = header.checksumStart;
  checksumAt_ = static_cast<std::uint16_t>(header.checksumStart + header.checksumOffset);
  partial_ = mode == ChecksumMode::kPartial;

  std::uint8_t* head = header_.data();
  std::memcpy(head, packet_.data(), headerBytes_);
  if (ipv6_) {
    put16(head + kIpv6PayloadLength, 0);
  } else {
    identification_ = get16(head + kIpv4Identification);
    put16(head + kIpv4TotalLength, 0);
    put16(head + kIpv4Identification, 0);
    put16(head + kIpv4Checksum, 0);
    networkSum_ = checksumAdd(head, transport_);
  }
  // The undone checksum holds the pseudo-header's sum with the length of the whole. (With a routing header
  // the addresses in it are not those of the IP header, so it is not computed anew.)
  pseudoSum_ =
      std::uint64_t{load16(head + checksumAt_)} + static_cast<std::uint16_t>(~asInMemory16(transportBytes));
  std::uint8_t* transport = head + transport_;
  store16(head + checksumAt_, 0);
  if (tcp_) {
    sequence_ = get32(transport + kTcpSequence);
    flags_ = transport[kTcpFlags];
    put32(transport + kTcpSequence, 0);
    transport[kTcpFlags] = 0;
  } else {
    put16(transport + kUdpLength, 0);
  }
  transportSum_ = checksumAdd(transport, transportHeader);
  return true;
}

void Segmenter::writeHeader(std::size_t index, std::uint8_t* out, std::uint64_t payloadSum) const {
  std::memcpy(out, header_.data(), headerBytes_);
  const std::size_t bytes = size(index);
  if (ipv6_) {
    put16(out + kIpv6PayloadLength, bytes - kIpv6Header);
  } else {
    const std::size_t identification = identification_ + index;
    put16(out + kIpv4TotalLength, bytes);
    put16(out + kIpv4Identification, identification);
    const std::uint64_t sum = networkSum_ + asInMemory16(bytes) + asInMemory16(identification);
    store16(out + kIpv4Checksum, static_cast<std::uint16_t>(~checksumFold(sum)));
  }

  const std::size_t transportBytes = bytes - transport_;
  const std::uint64_t pseudoSum = pseudoSum_ + asInMemory16(transportBytes);
  std::uint64_t sum = pseudoSum + transportSum_ + payloadSum;
  std::uint8_t* transport = out + transport_;
  if (tcp_) {
    const auto sequence = static_cast<std::uint32_t>(sequence_ + index * gsoSize_);
    std::uint8_t flags = flags_;
    if (index != 0) flags = static_cast<std::uint8_t>(flags & ~kTcpCongestionWindowReduced);
    if (index + 1 != count_) flags = static_cast<std::uint8_t>(flags & ~(kTcpFin | kTcpPush));
    put32(transport + kTcpSequence, sequence);
    transport[kTcpFlags] = flags;
    sum += std::uint64_t{asInMemory32(sequence)} + asInMemory16(flags);
  } else {
    put16(transport + kUdpLength, transportBytes);
    sum += asInMemory16(transportBytes);
  }
  store16(out + checksumAt_, partial_ ? checksumFold(pseudoSum) : complement(sum));
}

// The field held the pseudo-header's sum while all was added up, so it is part of it.
void Segmenter::completePlain(std::uint8_t* out, std::uint64_t transportSum) const {
  store16(out + checksumAt_, complement(transportSum));
}

std::size_t Segmenter::write(std::size_t index, std::uint8_t* out) const {
  const std::size_t bytes = size(index);
  if (headerBytes_ == 0) {
    if (!incomplete_) {
      std::memcpy(out, packet_.data(), bytes);
    } else {
      std::memcpy(out, packet_.data(), transport_);
      completePlain(out, checksumCopy(out + transport_, packet_.data() + transport_, bytes - transport_));
    }
    return bytes;
  }
  const std::uint8_t* payload = packet_.data() + headerBytes_ + index * gsoSize_;
  const std::size_t payloadBytes = bytes - headerBytes_;
  std::uint64_t sum = 0;
  if (partial_) {
    std::memcpy(out + headerBytes_, payload, payloadBytes);
  } else {
    sum = checksumCopy(out + headerBytes_, payload, payloadBytes);
  }
  writeHeader(index, out, sum);
  return bytes;
}

std::span<std::uint8_t> Segmenter::place(std::size_t index) {
  const std::size_t bytes = size(index);
  if (headerBytes_ == 0) {
    if (incomplete_) {
      completePlain(packet_.data(), checksumAdd(packet_.data() + transport_, bytes - transport_));
      incomplete_ = false;
    }
    return packet_;
  }
  std::uint8_t* start = packet_.data() + index * gsoSize_;
  const std::uint64_t sum = partial_ ? 0 : checksumAdd(start + headerBytes_, bytes - headerBytes_);
  writeHeader(index, start, sum);
  return {start, bytes};
}

}  // namespace mqvpn::tunnel
