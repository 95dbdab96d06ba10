#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "tunnel/vnet_header.h"

namespace mqvpn::tunnel {

enum class ChecksumMode : std::uint8_t {
  /// Each packet carries a complete TCP or UDP checksum, as any receiver needs it.
  kFull,
  /// It carries the sum of the pseudo-header only; that it does must travel beside the packet.
  kPartial,
};

/// Cuts what was read from a TUN device into IP packets, one at a time, when they are wanted: a TCP packet
/// of up to 64 KiB (TSO), a train of UDP datagrams (USO), or a plain packet whose checksum may be undone.
/// Like the kernel's own segmentation: IPv4 identification counts up, FIN and PSH stay on the last segment,
/// CWR on the first. Nothing is allocated; it can be copied about as plain data.
class Segmenter {
 public:
  /// IP and TCP headers with all options, and IPv6 extension headers.
  static constexpr std::size_t kMostHeader = 256;

  /// `packet`: the bytes behind the vnet header. It must stay where it is while segments are taken. False:
  /// header or packet is malformed; nothing else may be called then.
  bool init(const VnetHeader& header, std::span<std::uint8_t> packet,
            ChecksumMode mode = ChecksumMode::kFull);

  /// At least 1.
  std::size_t count() const { return count_; }
  /// Bytes of IP packet `index`, for index < count(). None is longer than the first.
  std::size_t size(std::size_t index) const {
    return index + 1 < count_ ? headerBytes_ + gsoSize_ : lastSize_;
  }
  /// Whether the segments' checksums hold the pseudo-header sum only (kPartial, and there is a checksum).
  bool partialChecksum() const { return partial_; }
  /// The headers of segment 0, for flow hash and traffic class. A plain packet: all of it.
  std::span<const std::uint8_t> front() const { return packet_; }

  /// Copies IP packet `index` to `out`, which has room for size(index). Returns the size. In any order, any
  /// number of times.
  std::size_t write(std::size_t index, std::uint8_t* out) const;
  /// The same without copying the payload: puts the header in front of the segment's payload, over the tail
  /// of the one before. So: in order, and those before are no longer needed. The caller too may overwrite
  /// what is in front (of segment 0: what is in front of `packet` in its buffer).
  std::span<std::uint8_t> place(std::size_t index);

 private:
  bool initPlain(const VnetHeader& header, ChecksumMode mode);
  bool initSegments(const VnetHeader& header, ChecksumMode mode);
  /// `payloadSum`: of the segment's payload; not used when partial.
  void writeHeader(std::size_t index, std::uint8_t* out, std::uint64_t payloadSum) const;
  void completePlain(std::uint8_t* out, std::uint64_t transportSum) const;

  std::span<std::uint8_t> packet_;
  std::size_t count_ = 0;
  /// 0: a plain packet.
  std::size_t headerBytes_ = 0;
  std::size_t gsoSize_ = 0;
  std::size_t lastSize_ = 0;
  /// What is equal in all segments: IPv4 header; pseudo-header; transport header.
  std::uint64_t networkSum_ = 0;
  std::uint64_t pseudoSum_ = 0;
  std::uint64_t transportSum_ = 0;
  std::uint32_t sequence_ = 0;
  std::uint16_t identification_ = 0;
  std::uint16_t transport_ = 0;
  std::uint16_t checksumAt_ = 0;
  std::uint8_t flags_ = 0;
  bool ipv6_ = false;
  bool tcp_ = false;
  bool partial_ = false;
  /// A plain packet whose checksum is to be computed.
  bool incomplete_ = false;
  /// Without what differs from segment to segment.
  std::array<std::uint8_t, kMostHeader> header_;
};

}  // namespace mqvpn::tunnel
