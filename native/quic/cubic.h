#pragma once

#include "quic/congestion.h"
#include "quic/hystart.h"
#include "quic/loss_episode.h"

namespace mqvpn::quic {

/// CUBIC (RFC 9438) with HyStart++ (RFC 9406).
class Cubic final : public CongestionController {
 public:
  explicit Cubic(std::uint64_t maxDatagramSize, unsigned initialPackets = 10);

  void onSent(Time now, std::uint64_t bytes, std::uint64_t bytesInFlight) override;
  void onAck(const AckSample& sample, const Rtt& rtt) override;
  void onLoss(const LossSample& sample, const Rtt& rtt) override;
  void onSpuriousLoss(std::uint64_t bytes, Time sentAt) override;
  void onDatagramSize(std::uint64_t maxDatagramSize) override;
  std::uint64_t window() const override { return static_cast<std::uint64_t>(state_.window); }
  std::uint64_t pacingRate(const Rtt& rtt) const override;
  bool inSlowStart() const override { return state_.window < state_.threshold; }
  std::uint64_t slowStartThreshold() const override;
  std::uint64_t bandwidth(const Rtt& rtt) const override;
  std::string_view stateName() const override;

 private:
  /// What a spurious congestion event restores (RFC 9438 §4.9.2). Bytes; infinite: not yet known.
  struct Curve {
    double window = 0;
    double threshold = 0;
    /// cwnd_prior: the window when the threshold was set last.
    double prior = 0;
    double most = 0;
    double reno = 0;
    /// Seconds until the curve reaches `most`.
    double k = 0;
    Time epochBegan = kNever;
  };

  double least() const { return 2 * static_cast<double>(maxDatagramSize_); }
  bool fullyUsed(const AckSample& sample) const;
  void slowStart(const AckSample& sample, bool used);
  void avoid(const AckSample& sample, const Rtt& rtt, bool used);
  double curveAt(double seconds) const;

  const unsigned initialPackets_;
  std::uint64_t maxDatagramSize_;
  Curve state_;
  Curve undo_;
  LossEpisode episode_;
  HyStart hystart_;
  /// RFC 9406 §4.3: "SHOULD use HyStart++ only for the initial slow start".
  bool initialSlowStart_ = true;
  Time lastSentAt_ = 0;
  Time lastAckAt_ = 0;
  Duration pto_ = kSecond;
};

}  // namespace mqvpn::quic
