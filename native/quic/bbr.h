#pragma once

#include "quic/congestion.h"
#include "quic/loss_episode.h"
#include "quic/windowed_max.h"

namespace mqvpn::quic {

/// BBRv3 (draft-ietf-ccwg-bbr). Methods and members have the draft's names, so that its pseudocode can be
/// read beside them. Volumes are bytes, rates bytes per second; kInfinity is the draft's "Infinity".
class Bbr final : public CongestionController {
 public:
  /// `seed`: of the random waits between two probes for bandwidth.
  Bbr(std::uint64_t maxDatagramSize, Time now, std::uint64_t seed, unsigned initialPackets = 10);

  void onSent(Time now, std::uint64_t bytes, std::uint64_t bytesInFlight) override;
  void onAck(const AckSample& sample, const Rtt& rtt) override;
  void onLoss(const LossSample& sample, const Rtt& rtt) override;
  void onPacketLost(const LostPacket& packet) override;
  void onSpuriousLoss(std::uint64_t bytes, Time sentAt) override;
  void onDatagramSize(std::uint64_t maxDatagramSize) override;
  std::uint64_t window() const override { return cwnd_; }
  std::uint64_t pacingRate(const Rtt& rtt) const override;
  bool inSlowStart() const override { return state_ == State::kStartup; }
  std::uint64_t bandwidth(const Rtt&) const override { return maxBw_; }
  std::string_view stateName() const override;
  bool limitsItself() const override { return state_ == State::kProbeRtt; }

 private:
  static constexpr std::uint64_t kInfinity = UINT64_MAX;

  enum class State : std::uint8_t { kNone, kStartup, kDrain, kDown, kCruise, kRefill, kUp, kProbeRtt };
  enum class AckPhase : std::uint8_t { kInit, kRefilling, kProbeStarting, kProbeFeedback, kProbeStopping };

  // bbr.cc: §5.2 and §5.5, the model of the path
  void updateModelAndState();
  void updateLatestDeliverySignals();
  void advanceLatestDeliverySignals();
  void updateCongestionSignals();
  void adaptLowerBoundsFromCongestion();
  void updateMaxBw();
  void updateRound();
  void updateAckAggregation();
  void updateMinRtt();
  void resetCongestionSignals();
  void resetShortTermModel();
  void noteLoss(std::uint64_t delivered);
  bool isInflightTooHigh() const;
  void handleInflightTooHigh();
  std::uint64_t inflightAtLoss(std::uint64_t packetBytes) const;
  void saveStateUponLoss();
  void handleSpuriousLossDetection();
  double randomUnit();

  // bbr.cc: §5.6, control parameters
  void setPacingRateWithGain(double gain);
  void setCwnd();
  void boundCwndForModel();
  void saveCwnd();
  void restoreCwnd();
  std::uint64_t bdpMultiple(std::uint64_t bw, double gain) const;
  std::uint64_t quantizationBudget(std::uint64_t inflight) const;
  std::uint64_t inflight(std::uint64_t bw, double gain) const {
    return quantizationBudget(bdpMultiple(bw, gain));
  }
  std::uint64_t minPipeCwnd() const { return 4 * smss_; }
  std::uint64_t probeRttCwnd() const;
  bool isCwndLimited() const { return limitedThisRound_ || limitedLastRound_; }

  // bbr_states.cc: §5.3, the state machine
  void enterStartup();
  void enterDrain();
  void checkFullBwReached();
  void resetFullBw();
  void checkStartupDone();
  void checkStartupHighLoss();
  void checkDrainDone();
  void startProbeBwDown();
  void startProbeBwCruise();
  void startProbeBwRefill();
  void startProbeBwUp();
  void updateProbeBwCyclePhase();
  bool adaptLongTermModel();
  bool isInAProbeBwState() const { return state_ >= State::kDown && state_ <= State::kUp; }
  bool isProbingBw() const {
    return state_ == State::kStartup || state_ == State::kRefill || state_ == State::kUp;
  }
  bool isTimeToProbeBw();
  bool isTimeToCruise() const;
  bool isTimeToGoDown();
  bool showsQueue();
  bool isQueueDelay(Duration rtt) const;
  bool isRenoCoexistenceProbeTime() const;
  void pickProbeWait();
  std::uint64_t targetInflight() const;
  std::uint64_t inflightWithHeadroom() const;
  void raiseInflightLongtermSlope();
  void probeInflightLongtermUpward();
  void startRound() { nextRoundDelivered_ = delivered_; }
  void checkProbeRtt();
  void handleProbeRtt();
  void checkProbeRttDone();
  void exitProbeRtt();

  const unsigned initialPackets_;
  std::uint64_t smss_;
  std::uint64_t random_;
  State state_ = State::kStartup;
  double pacingGain_ = 1;
  double cwndGain_ = 2;

  // C and RS of the draft: the transport's state, and the sample of the ACK at hand.
  Time now_;
  std::uint64_t cwnd_;
  std::uint64_t pacingRate_ = 0;
  std::uint64_t delivered_ = 0;
  std::uint64_t inFlight_ = 0;
  AckSample rs_;
  std::uint64_t rsDelivered() const { return rs_.delivered - rs_.priorDelivered; }
  bool limitedThisRound_ = false;
  bool limitedLastRound_ = false;

  std::uint64_t nextRoundDelivered_ = 0;
  bool roundStart_ = false;
  std::uint64_t roundCount_ = 0;
  bool idleRestart_ = false;
  std::uint64_t drainStartRound_ = 0;

  // The model.
  std::uint64_t maxBw_ = 0;
  /// Of the previous cycle and of this one.
  std::uint64_t maxBwFilter_[2] = {0, 0};
  std::uint64_t bwShortterm_ = kInfinity;
  std::uint64_t bw_ = 0;
  Duration minRtt_ = kInfinity;
  Time minRttStamp_;
  std::uint64_t inflightLongterm_ = kInfinity;
  std::uint64_t inflightShortterm_ = kInfinity;
  WindowedMax extraAckedFilter_;
  std::uint64_t extraAcked_ = 0;
  Time extraAckedIntervalStart_;
  std::uint64_t extraAckedDelivered_ = 0;

  // Signals of congestion.
  std::uint64_t bwLatest_ = 0;
  std::uint64_t inflightLatest_ = 0;
  std::uint64_t lossRoundDelivered_ = 0;
  bool lossRoundStart_ = false;
  bool isLossInRound_ = false;
  /// By a CE mark.
  bool wasMarked_ = false;
  /// Discontiguous ranges lost in this round.
  unsigned lossEventsInRound_ = 0;
  std::uint64_t lastLostNumber_ = kInfinity;

  // Startup.
  bool fullBwReached_ = false;
  bool fullBwNow_ = false;
  std::uint64_t fullBw_ = 0;
  unsigned fullBwCount_ = 0;

  // ProbeBW.
  AckPhase ackPhase_ = AckPhase::kInit;
  bool isBwProbeSample_ = false;
  std::uint64_t bwProbeUpAcked_ = 0;
  std::uint64_t probeUpAckedPerInc_ = kInfinity;
  /// Of this round; and whether there was a queue all through the last one.
  Duration roundLeastRtt_ = kNever;
  unsigned roundSamples_ = 0;
  std::uint64_t roundAcked_ = 0;
  bool roundShowsQueue_ = false;
  /// Acknowledged without a break by samples that show a queue.
  std::uint64_t queuedBytes_ = 0;
  unsigned bwProbeUpRounds_ = 0;
  std::uint64_t roundsSinceProbeUp_ = 0;
  Duration bwProbeWait_ = 0;
  Time cycleStamp_ = 0;
  bool prevProbeTooHigh_ = false;
  bool prevProbePrecautionary_ = false;

  // Loss recovery and its undoing.
  LossEpisode episode_;
  bool inRecovery_ = false;
  std::uint64_t priorCwnd_ = 0;
  State undoState_ = State::kNone;
  std::uint64_t undoBwShortterm_ = 0;
  std::uint64_t undoInflightShortterm_ = 0;
  std::uint64_t undoInflightLongterm_ = 0;

  // ProbeRTT.
  Duration probeRttMinDelay_ = kInfinity;
  Time probeRttMinStamp_;
  bool probeRttExpired_ = false;
  /// 0: not yet known.
  Time probeRttDoneStamp_ = 0;
  bool probeRttRoundDone_ = false;
};

}  // namespace mqvpn::quic
