#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "tunnel/vnet_header.h"

namespace mqvpn::tunnel {

/// What is known of a packet's TCP or UDP checksum.
enum class ChecksumState : std::uint8_t {
  /// Complete, perhaps wrong: the peer may forward what was damaged before it got it.
  kUnverified,
  /// Complete and right.
  kTrusted,
  /// Holds the pseudo-header sum only (ChecksumMode::kPartial at the far end).
  kPartial,
};

/// Takes what the Coalescer has ready for the TUN device.
class CoalesceSink {
 public:
  virtual ~CoalesceSink() = default;
  /// One write: the vnet header, then one packet or the segments of one flow. `pieces` and what they point to
  /// are valid during the call only. `packets`: how many were given to add() for it.
  virtual void onWrite(std::span<const iovec> pieces, std::size_t packets) = 0;
};

struct CoalesceOptions {
  bool tcp = true;
  /// Only where the TUN device knows USO (io::Tun::offload().udp).
  bool udp = true;
};

/// Glues IP packets that arrive together into one large packet where they are consecutive segments of one TCP
/// flow or datagrams of one UDP flow, as GRO does, so that whoever cuts the result again gets exactly the
/// same packets: a kernel's stack costs several times as much per packet as all else here.
///
/// Packets stay where they are; a write gathers them. Order within a flow is kept. Several flows may
/// interleave: each has an open run.
class Coalescer {
 public:
  static constexpr std::size_t kMostRuns = 8;
  /// 46 full TCP segments make 64 KB; a UDP packet for UDP_SEGMENT has at most 64 (UDP_MAX_SEGMENTS of older
  /// kernels).
  static constexpr std::size_t kMostPackets = 64;
  /// IPv6 40, TCP with all options 60.
  static constexpr std::size_t kMostHeader = 100;

  explicit Coalescer(CoalesceSink& sink, CoalesceOptions options = {});

  /// `packet`: one whole IP packet, which must stay until flush(). It may be written at once, or later.
  /// What cannot be glued, malformed packets too, passes as it is.
  void add(std::span<const std::uint8_t> packet, ChecksumState checksum = ChecksumState::kUnverified);
  /// Writes all that is held, in the order in which the runs were opened. Call it at the end of each receive
  /// batch.
  void flush();

  struct Counters {
    std::uint64_t packets = 0;
    std::uint64_t writes = 0;
    /// Packets that were not glued because their checksum is wrong; they were passed on by themselves.
    std::uint64_t badChecksums = 0;
  };
  const Counters& counters() const { return counters_; }

 private:
  enum class Kind : std::uint8_t {
    /// Neither TCP nor UDP: belongs to no run.
    kOther,
    /// Could belong to any flow.
    kBarrier,
    kFlow,
  };
  struct Shape {
    Kind kind = Kind::kOther;
    bool ipv6 = false;
    bool tcp = false;
    /// Whether it may be part of a run; the payload is known then.
    bool mergeable = false;
    /// PSH: it ends one.
    bool pushed = false;
    std::uint16_t transport = 0;
    std::uint16_t payload = 0;
    std::uint16_t payloadBytes = 0;
    /// Equal for all packets of a flow.
    std::uint32_t flow = 0;
  };
  struct Run {
    /// Of the first packet.
    Shape shape;
    const std::uint8_t* first = nullptr;
    ChecksumState checksum = ChecksumState::kUnverified;
    bool pushed = false;
    std::uint16_t packets = 0;
    std::uint16_t lastIdentification = 0;
    std::uint32_t nextSequence = 0;
    std::uint32_t payloadBytes = 0;
    /// Room for the headers, then the payloads.
    std::array<iovec, kMostPackets + 1> pieces;
  };

  static Shape shapeOf(std::span<const std::uint8_t> packet);
  static bool sameFlow(const Run& run, const Shape& shape, const std::uint8_t* packet);
  static bool continues(const Run& run, const Shape& shape, const std::uint8_t* packet);
  bool verify(const std::uint8_t* packet, const Shape& shape, ChecksumState checksum);
  void open(std::span<const std::uint8_t> packet, const Shape& shape, ChecksumState checksum);
  static void append(Run& run, std::span<const std::uint8_t> packet, const Shape& shape);
  /// `place`: in order_.
  void close(std::size_t place);
  void writeRun(Run& run);
  void writeSingle(std::span<const std::uint8_t> packet, ChecksumState checksum);

  CoalesceSink& sink_;
  CoalesceOptions options_;
  Counters counters_;
  std::array<Run, kMostRuns> runs_;
  /// Runs in use, the one opened first in front; then the free ones.
  std::array<std::uint8_t, kMostRuns> order_{};
  std::size_t open_ = 0;
  std::array<std::uint8_t, VnetHeader::kBytes + kMostHeader> header_{};
};

}  // namespace mqvpn::tunnel
