#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <utility>
#include <vector>

#include "quic/buffer.h"
#include "quic/path_sender.h"
#include "quic/range_set.h"
#include "quic/sent_packets.h"

namespace mqvpn::quic::test {

constexpr std::uint64_t kMds = 1200;

/// SplitMix64.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15;
    std::uint64_t z = state_;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
  }
  std::uint64_t below(std::uint64_t limit) { return next() % limit; }
  bool chance(double probability) { return static_cast<double>(next() >> 11) * 0x1p-53 < probability; }

 private:
  std::uint64_t state_;
};

/// An AckFrame and the bytes that its ranges point to.
class Ack {
 public:
  /// Descending or not: they are sorted and joined.
  Ack(std::initializer_list<RangeSet::Range> ranges) {
    RangeSet set;
    for (const auto& range : ranges) set.add(range.low, range.high);
    build(set, set.ranges().size());
  }
  explicit Ack(const RangeSet& set, std::size_t most = 32) { build(set, most); }

  AckFrame frame() const {
    AckFrame frame = frame_;
    frame.ranges = bytes_;
    return frame;
  }
  Ack& ecn(EcnCounts counts) {
    frame_.ecn = counts;
    return *this;
  }

 private:
  void build(const RangeSet& set, std::size_t most) {
    const auto& ranges = set.ranges();
    const std::size_t count = std::min(most, ranges.size());
    frame_.largest = ranges.back().high;
    frame_.firstRange = ranges.back().high - ranges.back().low;
    frame_.rangeCount = count - 1;
    bytes_.resize(16 * count);
    Writer out(bytes_);
    for (std::size_t i = 1; i < count; ++i) {
      const auto& above = ranges[ranges.size() - i];
      const auto& range = ranges[ranges.size() - i - 1];
      out.varint(above.low - range.high - 2);
      out.varint(range.high - range.low);
    }
    bytes_.resize(out.size());
  }

  std::vector<std::uint8_t> bytes_;
  AckFrame frame_;
};

/// Counts the fates of datagrams by their tag.
struct Fates : SentObserver {
  std::map<std::uint64_t, int> acked;
  std::map<std::uint64_t, int> lost;
  void onFrameAcked(const SentFrame& frame) override { ++acked[frame.id]; }
  void onFrameLost(const SentFrame& frame) override { ++lost[frame.id]; }
};

/// A path and a space, with times in ms.
struct Endpoint {
  explicit Endpoint(CongestionAlgorithm algorithm = CongestionAlgorithm::kCubic, std::uint64_t mds = kMds)
      : path(algorithm, mds, 0) {}

  static constexpr Time ms(double value) { return static_cast<Time>(value * 1e6); }

  /// Sends a packet with one datagram whose tag is the packet number.
  std::uint64_t send(double at, std::uint32_t bytes = kMds, bool ackEliciting = true, bool mtuProbe = false,
                     bool ect0 = false) {
    SentPacket packet;
    packet.number = sent.nextNumber();
    packet.sentAt = ms(at);
    packet.bytes = bytes;
    packet.ackEliciting = packet.inFlight = ackEliciting;
    packet.isMtuProbe = mtuProbe;
    packet.ect0 = ect0;
    path.onSent(packet, ms(at));
    SentFrame frame;
    frame.kind = mtuProbe ? SentFrame::Kind::kMtuProbe : SentFrame::Kind::kDatagram;
    frame.id = packet.number;
    sent.onSent(packet, {&frame, 1});
    return packet.number;
  }
  /// Padding alone: in flight, but nobody need acknowledge it.
  std::uint64_t sendPadding(double at) {
    SentPacket packet;
    packet.number = sent.nextNumber();
    packet.sentAt = ms(at);
    packet.bytes = kMds;
    packet.inFlight = true;
    path.onSent(packet, ms(at));
    sent.onSent(packet, {});
    return packet.number;
  }
  SentPackets::AckResult ack(double at, std::initializer_list<RangeSet::Range> ranges, double delay = 0) {
    return sent.onAck(Ack(ranges).frame(), ms(delay), nullptr, ms(at), path, fates);
  }
  bool detect(double at) { return sent.detectLost(ms(at), path, fates); }
  /// A first packet, acknowledged after `rtt`: from then on there is an RTT.
  void warmUp(double at, double rtt) {
    const auto number = send(at);
    ack(at + rtt, {{number, number}});
  }

  PathSender path;
  SentPackets sent;
  Fates fates;
};

}  // namespace mqvpn::quic::test
