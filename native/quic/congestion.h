#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "quic/rtt.h"
#include "quic/time.h"

namespace mqvpn::quic {

enum class CongestionAlgorithm : std::uint8_t {
  /// RFC 9438 with HyStart++ (RFC 9406).
  kCubic,
  /// draft-ietf-ccwg-bbr.
  kBbr,
  /// A fixed, very large window, for experiments.
  kNone,
};
std::string_view congestionAlgorithmName(CongestionAlgorithm algorithm);

/// What one ACK frame acknowledged on a path.
struct AckSample {
  Time now = 0;
  std::uint64_t ackedBytes = 0;
  /// In flight before this acknowledgement, and after it and the losses that it revealed.
  std::uint64_t priorInFlight = 0;
  std::uint64_t bytesInFlight = 0;
  /// When the newest acknowledged packet was sent.
  Time largestSentAt = 0;
  std::uint64_t largestPacketNumber = 0;
  /// 0: this ACK gave no RTT sample.
  Duration rtt = 0;
  // draft-cheng-iccrg-delivery-rate-estimation: 0 when there is no sample.
  std::uint64_t deliveryRate = 0;  // bytes per second
  bool isAppLimited = false;
  /// Total delivered when the newest acknowledged packet was sent (rounds), and now.
  std::uint64_t priorDelivered = 0;
  std::uint64_t delivered = 0;
  /// Lost since the newest acknowledged packet was sent.
  std::uint64_t lost = 0;
  /// In flight when the newest acknowledged packet was sent, that packet included.
  std::uint64_t txInFlight = 0;
};

/// One of the packets of a LossSample.
struct LostPacket {
  std::uint64_t number = 0;
  std::uint64_t bytes = 0;
  /// In flight when it was sent, itself included.
  std::uint64_t txInFlight = 0;
  /// Bytes lost since it was sent, itself included.
  std::uint64_t lostSinceSent = 0;
  Time sentAt = 0;
  bool isAppLimited = false;
  /// Total delivered now, what the same ACK frame acknowledged included.
  std::uint64_t delivered = 0;
};

/// Packets found lost at one moment. PMTU probes are not among them.
struct LossSample {
  Time now = 0;
  std::uint64_t lostBytes = 0;
  std::uint64_t bytesInFlight = 0;
  /// When the newest lost packet was sent: it decides whether a new congestion event begins (RFC 9002
  /// §7.3.1).
  Time largestSentAt = 0;
  std::uint64_t largestPacketNumber = 0;
  std::uint64_t txInFlight = 0;
  /// RFC 9002 §7.6.
  bool isPersistent = false;
  /// ECN: nothing was lost, the peer's CE count rose.
  bool isEcn = false;
};

/// One path's congestion controller. Sizes are bytes of UDP payload.
class CongestionController {
 public:
  virtual ~CongestionController() = default;
  virtual void onSent(Time now, std::uint64_t bytes, std::uint64_t bytesInFlight) = 0;
  /// After onLoss() when one ACK frame tells of both.
  virtual void onAck(const AckSample& sample, const Rtt& rtt) = 0;
  virtual void onLoss(const LossSample& sample, const Rtt& rtt) = 0;
  /// Each of the packets of the onLoss() that follows, oldest first.
  virtual void onPacketLost(const LostPacket&) {}
  /// A packet sent then, declared lost, was acknowledged after all. Before the onAck() of that ACK frame.
  virtual void onSpuriousLoss(std::uint64_t /*bytes*/, Time /*sentAt*/) {}
  virtual void onDatagramSize(std::uint64_t maxDatagramSize) = 0;
  virtual std::uint64_t window() const = 0;
  /// Bytes per second; 0: not paced.
  virtual std::uint64_t pacingRate(const Rtt& rtt) const = 0;
  virtual bool inSlowStart() const = 0;
  virtual std::uint64_t slowStartThreshold() const { return UINT64_MAX; }
  /// Bytes per second, estimated capacity of the path, 0 when unknown; for schedulers and statistics.
  virtual std::uint64_t bandwidth(const Rtt& rtt) const = 0;
  virtual std::string_view stateName() const = 0;
  /// The controller sends slowly on purpose: what is delivered says nothing about the path.
  virtual bool limitsItself() const { return false; }
};

/// RFC 9002 §7.2: "Endpoints SHOULD use an initial congestion window of ten times the maximum datagram size
/// (max_datagram_size), while limiting the window to the larger of 14,720 bytes or twice the maximum datagram
/// size."
constexpr std::uint64_t initialWindow(std::uint64_t maxDatagramSize, unsigned packets = 10) {
  if (packets != 10) return maxDatagramSize * packets;
  const std::uint64_t limit = maxDatagramSize * 2 > 14'720 ? maxDatagramSize * 2 : 14'720;
  return maxDatagramSize * 10 < limit ? maxDatagramSize * 10 : limit;
}

/// An algorithm, and how many packets it begins with: 10, as RFC 9002 §7.2 recommends, or more where what is
/// sent has a congestion control of its own.
struct CongestionChoice {
  // Implicit: an algorithm alone is a choice.
  CongestionChoice(CongestionAlgorithm chosen, unsigned packets = 10)
      : algorithm(chosen), initialPackets(packets) {}
  CongestionAlgorithm algorithm;
  unsigned initialPackets;
};

std::unique_ptr<CongestionController> makeCongestionController(CongestionChoice choice,
                                                               std::uint64_t maxDatagramSize, Time now);

}  // namespace mqvpn::quic
