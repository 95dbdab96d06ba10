#include "quic/bbr.h"

#include <algorithm>

#include "quic/bbr_constants.h"
#include "quic/pacer.h"

namespace mqvpn::quic {

using namespace bbr;

Bbr::Bbr(std::uint64_t maxDatagramSize, Time now, std::uint64_t seed, unsigned initialPackets)
    : initialPackets_(initialPackets),
      smss_(maxDatagramSize),
      random_(seed),
      now_(now),
      cwnd_(initialWindow(maxDatagramSize, initialPackets)),
      minRttStamp_(now),
      extraAckedIntervalStart_(now),
      probeRttMinStamp_(now) {
  // §5.6.2: "nominal_bandwidth = C.InitialCwnd / (C.srtt ? C.srtt : 1ms)".
  pacingRate_ = static_cast<std::uint64_t>(kStartupPacingGain * static_cast<double>(cwnd_) * 1000);
  enterStartup();
}

double Bbr::randomUnit() {
  // SplitMix64.
  random_ += 0x9e3779b97f4a7c15;
  std::uint64_t z = random_;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return static_cast<double>((z ^ z >> 31) >> 11) * 0x1p-53;
}

// §5.2.2, §5.4.1
void Bbr::onSent(Time now, std::uint64_t bytes, std::uint64_t bytesInFlight) {
  now_ = now;
  // §2.2: C.is_cwnd_limited is "True if the connection has fully utilized C.cwnd at any point in the last
  // packet-timed round trip."
  if (bytesInFlight + smss_ > cwnd_) limitedThisRound_ = true;
  // Nothing in flight means that the application had nothing to send, or that all was lost; either way the
  // flow starts anew.
  if (bytesInFlight > bytes || delivered_ == 0) return;
  idleRestart_ = true;
  extraAckedIntervalStart_ = now;
  inFlight_ = 0;
  if (isInAProbeBwState()) {
    setPacingRateWithGain(1);
  } else if (state_ == State::kProbeRtt) {
    checkProbeRttDone();
  }
}

// §5.2.3
void Bbr::onAck(const AckSample& sample, const Rtt& rtt) {
  now_ = sample.now;
  rs_ = sample;
  delivered_ = sample.delivered;
  inFlight_ = sample.bytesInFlight;
  // §5.6.2: "the initial C.srtt after the first non-zero RTT sample".
  if (minRtt_ == kInfinity && rtt.hasSample())
    pacingRate_ = static_cast<std::uint64_t>(kStartupPacingGain * static_cast<double>(cwnd_) * 1e9 /
                                             static_cast<double>(std::max<Duration>(rtt.smoothed(), 1)));
  updateModelAndState();
  setPacingRateWithGain(pacingGain_);
  if (inRecovery_ && !episode_.covers(sample.largestSentAt)) {
    inRecovery_ = false;
    restoreCwnd();
  }
  setCwnd();
}

void Bbr::updateModelAndState() {
  updateLatestDeliverySignals();
  updateCongestionSignals();
  updateAckAggregation();
  checkFullBwReached();
  checkStartupDone();
  checkDrainDone();
  updateProbeBwCyclePhase();
  updateMinRtt();
  checkProbeRtt();
  advanceLatestDeliverySignals();
  // §5.5.10.3, BoundBWForModel().
  bw_ = std::min(maxBw_, bwShortterm_);
}

// §5.5.10.3
void Bbr::updateLatestDeliverySignals() {
  lossRoundStart_ = false;
  bwLatest_ = std::max(bwLatest_, rs_.deliveryRate);
  inflightLatest_ = std::max(inflightLatest_, rsDelivered());
  if (rs_.priorDelivered >= lossRoundDelivered_) {
    lossRoundDelivered_ = delivered_;
    lossRoundStart_ = true;
  }
}

void Bbr::advanceLatestDeliverySignals() {
  if (!lossRoundStart_) return;
  bwLatest_ = rs_.deliveryRate;
  inflightLatest_ = rsDelivered();
}

void Bbr::resetCongestionSignals() {
  isLossInRound_ = false;
  bwLatest_ = 0;
  inflightLatest_ = 0;
}

void Bbr::updateCongestionSignals() {
  updateMaxBw();
  if (!lossRoundStart_) return;
  // Startup judges a round's losses at its end: before they are forgotten.
  checkStartupHighLoss();
  adaptLowerBoundsFromCongestion();
  isLossInRound_ = false;
  wasMarked_ = false;
  lossEventsInRound_ = 0;
}

void Bbr::adaptLowerBoundsFromCongestion() {
  // Ours: a round that lost no more than what a probe for bandwidth may lose leaves the bounds alone. The
  // draft lowers them by the loss rate in each such round, until the next probe, a second or more later:
  // another 4 % of the throughput at 1 % random loss. What CUBIC gets beside it is the same within a few
  // percent.
  if (isProbingBw() || !isLossInRound_ || !(isInflightTooHigh() || wasMarked_)) return;
  // InitLowerBounds(): "Handle the first congestion episode in this cycle".
  if (bwShortterm_ == kInfinity) bwShortterm_ = maxBw_;
  if (inflightShortterm_ == kInfinity) inflightShortterm_ = cwnd_;
  // LossLowerBounds(): "Adjust model once per round based on loss".
  bwShortterm_ = std::max(bwLatest_, scale(bwShortterm_, kBeta));
  inflightShortterm_ = std::max(inflightLatest_, scale(inflightShortterm_, kBeta));
}

void Bbr::resetShortTermModel() {
  bwShortterm_ = kInfinity;
  inflightShortterm_ = kInfinity;
}

// §5.5.5
void Bbr::updateMaxBw() {
  updateRound();
  if (rs_.deliveryRate == 0 || (rs_.deliveryRate < maxBw_ && rs_.isAppLimited)) return;
  maxBwFilter_[1] = std::max(maxBwFilter_[1], rs_.deliveryRate);
  maxBw_ = std::max(maxBwFilter_[0], maxBwFilter_[1]);
}

// §5.5.1
void Bbr::updateRound() {
  roundStart_ = rs_.priorDelivered >= nextRoundDelivered_;
  roundAcked_ += rs_.ackedBytes;
  if (rs_.rtt > 0) {
    roundLeastRtt_ = std::min(roundLeastRtt_, rs_.rtt);
    ++roundSamples_;
  }
  if (!roundStart_) return;
  roundShowsQueue_ =
      roundSamples_ >= kQueueSamples && roundAcked_ >= kQueuePackets * smss_ && isQueueDelay(roundLeastRtt_);
  roundLeastRtt_ = kNever;
  roundSamples_ = 0;
  roundAcked_ = 0;
  startRound();
  ++roundCount_;
  ++roundsSinceProbeUp_;
  limitedLastRound_ = limitedThisRound_;
  limitedThisRound_ = false;
}

// §5.5.9
void Bbr::updateAckAggregation() {
  std::uint64_t expected = bytesIn(bw_, now_ - extraAckedIntervalStart_);
  if (extraAckedDelivered_ <= expected) {
    extraAckedDelivered_ = 0;
    extraAckedIntervalStart_ = now_;
    expected = 0;
  }
  extraAckedDelivered_ += rs_.ackedBytes;
  // Ours, as in Linux: no link gathers acknowledgements for longer. An estimate of the bandwidth that is too
  // low, since the application has little to send, would raise the window without end otherwise.
  const std::uint64_t extra =
      std::min({extraAckedDelivered_ - expected, cwnd_, bytesIn(bw_, kMostAckGathering)});
  extraAckedFilter_.update(extra, roundCount_, fullBwReached_ ? kExtraAckedFilterLen : 1);
  extraAcked_ = extraAckedFilter_.best();
}

// §5.3.4.3
void Bbr::updateMinRtt() {
  probeRttExpired_ = now_ > probeRttMinStamp_ + kProbeRttInterval;
  if (rs_.rtt > 0 && (rs_.rtt < probeRttMinDelay_ || probeRttExpired_)) {
    probeRttMinDelay_ = rs_.rtt;
    probeRttMinStamp_ = now_;
  } else if (rs_.rtt > 0 && rs_.rtt <= probeRttMinDelay_ + std::max(probeRttMinDelay_ / 8, kSimilarRtt)) {
    // Ours, as in Chromium's BBR: a sample as good as the minimum shows that it still holds. To empty the
    // path for 200 ms would tell no more, and cost latency and a few percent of the throughput.
    probeRttMinStamp_ = now_;
  }
  const bool minRttExpired = now_ > minRttStamp_ + kMinRttFilterLen;
  if (probeRttMinDelay_ < minRtt_ || minRttExpired) {
    minRtt_ = probeRttMinDelay_;
    minRttStamp_ = probeRttMinStamp_;
  }
}

// §5.5.10.2
void Bbr::noteLoss(std::uint64_t delivered) {
  if (!isLossInRound_) {
    lossRoundDelivered_ = delivered;
    saveStateUponLoss();
  }
  isLossInRound_ = true;
}

bool Bbr::isInflightTooHigh() const {
  return static_cast<double>(rs_.lost) > static_cast<double>(rs_.txInFlight) * kLossThresh;
}

void Bbr::onPacketLost(const LostPacket& packet) {
  // HandleLostPacket()
  noteLoss(packet.delivered);
  if (lastLostNumber_ == kInfinity || packet.number != lastLostNumber_ + 1) ++lossEventsInRound_;
  lastLostNumber_ = packet.number;
  if (!isBwProbeSample_) return;
  delivered_ = packet.delivered;
  rs_.txInFlight = packet.txInFlight;
  rs_.lost = packet.lostSinceSent;
  rs_.isAppLimited = packet.isAppLimited;
  if (isInflightTooHigh()) {
    rs_.txInFlight = inflightAtLoss(packet.bytes);
    handleInflightTooHigh();
  }
}

std::uint64_t Bbr::inflightAtLoss(std::uint64_t packetBytes) const {
  const double size = static_cast<double>(packetBytes);
  const double inflightPrev = static_cast<double>(rs_.txInFlight) - size;
  const double lostPrev = static_cast<double>(rs_.lost) - size;
  const double lostPrefix = (kLossThresh * inflightPrev - lostPrev) / (1 - kLossThresh);
  return static_cast<std::uint64_t>(std::max(inflightPrev + lostPrefix, 0.0));
}

void Bbr::handleInflightTooHigh() {
  prevProbeTooHigh_ = true;
  isBwProbeSample_ = false;
  if (!rs_.isAppLimited) inflightLongterm_ = std::max(rs_.txInFlight, scale(targetInflight(), kBeta));
  if (state_ == State::kUp) {
    undoState_ = State::kUp;
    startProbeBwDown();
  }
}

void Bbr::onLoss(const LossSample& sample, const Rtt&) {
  now_ = sample.now;
  inFlight_ = sample.bytesInFlight;
  if (sample.isEcn) {
    // The draft leaves ECN to others (§3.7); RFC 3168 wants a mark treated as a loss. It bounds the
    // short-term model, and ends a probe for bandwidth, whose queue it tells of.
    noteLoss(delivered_);
    wasMarked_ = true;
    if (state_ == State::kUp && isBwProbeSample_) {
      rs_.txInFlight = sample.txInFlight;
      rs_.isAppLimited = false;
      handleInflightTooHigh();
    }
    return;
  }
  if (episode_.isNew(sample.largestSentAt)) {
    // §5.6.4.4, OnEnterFastRecovery().
    saveCwnd();
    inRecovery_ = true;
    episode_.begin(sample.now);
  }
  episode_.addLost(sample.lostBytes);
  if (sample.isPersistent) {
    // §5.6.4.4, OnEnterRTO(): "BBR conservatively reduces C.cwnd to a value that will allow 1 C.SMSS to be
    // transmitted." RFC 9002 §7.6 calls that persistent congestion, and two datagrams the least window.
    cwnd_ = std::max(sample.bytesInFlight + smss_, 2 * smss_);
  }
}

// §5.5.11.1
void Bbr::saveStateUponLoss() {
  saveCwnd();
  undoState_ = State::kNone;
  undoBwShortterm_ = bwShortterm_;
  undoInflightShortterm_ = inflightShortterm_;
  undoInflightLongterm_ = inflightLongterm_;
}

void Bbr::onSpuriousLoss(std::uint64_t bytes, Time sentAt) {
  if (episode_.removeSpurious(bytes, sentAt)) handleSpuriousLossDetection();
}

// §5.5.11.2
void Bbr::handleSpuriousLossDetection() {
  inRecovery_ = false;
  restoreCwnd();
  isLossInRound_ = false;
  resetFullBw();
  bwShortterm_ = std::max(bwShortterm_, undoBwShortterm_);
  inflightShortterm_ = std::max(inflightShortterm_, undoInflightShortterm_);
  inflightLongterm_ = std::max(inflightLongterm_, undoInflightLongterm_);
  if (undoState_ == State::kStartup && state_ != State::kStartup) {
    fullBwReached_ = false;
    if (state_ != State::kProbeRtt) enterStartup();
  } else if (undoState_ == State::kUp && state_ != State::kUp && state_ != State::kProbeRtt) {
    startProbeBwRefill();
  }
  undoState_ = State::kNone;
}

std::uint64_t Bbr::pacingRate(const Rtt&) const { return std::max<std::uint64_t>(pacingRate_, 1); }

// §5.6.2
void Bbr::setPacingRateWithGain(double gain) {
  if (bw_ == 0) return;
  // Ours: the margin keeps the queue short at the full rate. Below it, bounded by recent loss, it would only
  // take another percent off the bound with every lossy round: 5 % of the throughput at 1 % random loss.
  if (bw_ == maxBw_) gain *= (100 - kPacingMarginPercent) / 100;
  const std::uint64_t rate = scale(bw_, gain);
  if (fullBwReached_ || rate > pacingRate_) pacingRate_ = rate;
}

// §5.6.4.2
std::uint64_t Bbr::bdpMultiple(std::uint64_t bw, double gain) const {
  if (minRtt_ == kInfinity) return initialWindow(smss_, initialPackets_);
  return scale(bytesIn(bw, minRtt_), gain);
}

std::uint64_t Bbr::quantizationBudget(std::uint64_t inflight) const {
  // §5.6.3, SetSendQuantum(), and §5.5.8.2: "For QUIC, in the simplest case, offload_budget is equal to the
  // send quantum". Ours is what the Pacer waits for.
  const std::uint64_t quantum =
      std::max(std::min(bytesIn(pacingRate_, kMillisecond), Pacer::kMostQuantum), 2 * smss_);
  inflight = std::max({inflight, quantum, minPipeCwnd()});
  return state_ == State::kUp ? inflight + 2 * smss_ : inflight;
}

// §5.6.4.6
void Bbr::setCwnd() {
  const std::uint64_t maxInflight = quantizationBudget(bdpMultiple(bw_, cwndGain_) + extraAcked_);
  if (fullBwReached_) {
    cwnd_ = std::min(cwnd_ + rs_.ackedBytes, maxInflight);
  } else if (cwnd_ < maxInflight || delivered_ < initialWindow(smss_, initialPackets_)) {
    cwnd_ += rs_.ackedBytes;
  }
  cwnd_ = std::max(cwnd_, minPipeCwnd());
  if (state_ == State::kProbeRtt) cwnd_ = std::min(cwnd_, probeRttCwnd());
  boundCwndForModel();
}

std::uint64_t Bbr::probeRttCwnd() const {
  return std::max(bdpMultiple(bw_, kProbeRttCwndGain), minPipeCwnd());
}

// §5.6.4.7
void Bbr::boundCwndForModel() {
  std::uint64_t cap = kInfinity;
  if (isInAProbeBwState() && state_ != State::kCruise) {
    cap = inflightLongterm_;
  } else if (state_ == State::kProbeRtt || state_ == State::kCruise) {
    cap = inflightWithHeadroom();
  }
  cap = std::max(std::min(cap, inflightShortterm_), minPipeCwnd());
  cwnd_ = std::min(cwnd_, cap);
}

// §5.6.4.4
void Bbr::saveCwnd() {
  priorCwnd_ = !inRecovery_ && state_ != State::kProbeRtt ? cwnd_ : std::max(priorCwnd_, cwnd_);
}

void Bbr::restoreCwnd() { cwnd_ = std::max(cwnd_, priorCwnd_); }

void Bbr::onDatagramSize(std::uint64_t maxDatagramSize) {
  if (delivered_ == 0) cwnd_ = initialWindow(maxDatagramSize, initialPackets_);
  smss_ = maxDatagramSize;
  cwnd_ = std::max(cwnd_, minPipeCwnd());
}

std::string_view Bbr::stateName() const {
  switch (state_) {
    case State::kNone:
      break;
    case State::kStartup:
      return "startup";
    case State::kDrain:
      return "drain";
    case State::kDown:
      return "probe_bw_down";
    case State::kCruise:
      return "probe_bw_cruise";
    case State::kRefill:
      return "probe_bw_refill";
    case State::kUp:
      return "probe_bw_up";
    case State::kProbeRtt:
      return "probe_rtt";
  }
  return "none";
}

}  // namespace mqvpn::quic
