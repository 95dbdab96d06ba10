// The state machine of BBR: draft-ietf-ccwg-bbr §5.3.

#include <algorithm>

#include "quic/bbr.h"
#include "quic/bbr_constants.h"

namespace mqvpn::quic {

using namespace bbr;

// §5.3.1.1
void Bbr::enterStartup() {
  state_ = State::kStartup;
  pacingGain_ = kStartupPacingGain;
  cwndGain_ = kDefaultCwndGain;
}

void Bbr::checkStartupDone() {
  if (state_ == State::kStartup && fullBwReached_) enterDrain();
}

// §5.3.1.2
void Bbr::resetFullBw() {
  fullBw_ = 0;
  fullBwCount_ = 0;
  fullBwNow_ = false;
}

void Bbr::checkFullBwReached() {
  // Ours: a round without growth, and with a queue all through it, says that the path is full. The draft
  // waits for three, with a window of two BDP, so that the queue stands as long. Of an application that does
  // not send all the time a queue says nothing: it may be one that acknowledgements wait in, behind what the
  // peer sends.
  if (fullBwNow_ || !roundStart_ || rs_.isAppLimited) return;
  if (rs_.deliveryRate >= scale(fullBw_, kFullBwGrowth)) {
    resetFullBw();
    fullBw_ = rs_.deliveryRate;
    return;
  }
  fullBwCount_ += state_ == State::kStartup && roundShowsQueue_ ? kFullBwRounds : 1;
  fullBwNow_ = fullBwCount_ >= kFullBwRounds;
  if (fullBwNow_) fullBwReached_ = true;
}

// §5.3.1.3: "The connection has been in fast recovery for at least one full packet-timed round trip. The loss
// rate over the time scale of a single full round trip exceeds BBR.LossThresh (2%). There are at least
// BBRStartupFullLossCnt=6 discontiguous sequence ranges lost in that round trip." Called at the end of a
// round that began with a loss.
void Bbr::checkStartupHighLoss() {
  if (state_ != State::kStartup || fullBwReached_ || !isLossInRound_) return;
  if (lossEventsInRound_ < kStartupFullLossCnt || !isInflightTooHigh()) return;
  undoState_ = State::kStartup;
  fullBwReached_ = true;
  inflightLongterm_ = std::max(bdpMultiple(bw_, 1), inflightLatest_);
}

// §5.3.2
void Bbr::enterDrain() {
  state_ = State::kDrain;
  pacingGain_ = kDrainPacingGain;
  cwndGain_ = kDefaultCwndGain;
  drainStartRound_ = roundCount_;
}

void Bbr::checkDrainDone() {
  if (state_ != State::kDrain) return;
  if (inFlight_ <= inflight(bw_, 1) || roundCount_ > drainStartRound_ + kDrainRounds) startProbeBwDown();
}

// §5.3.3.9, with the gains of §5.6.1
void Bbr::startProbeBwDown() {
  resetCongestionSignals();
  probeUpAckedPerInc_ = kInfinity;
  pickProbeWait();
  cycleStamp_ = now_;
  ackPhase_ = AckPhase::kProbeStopping;
  startRound();
  state_ = State::kDown;
  pacingGain_ = kDownPacingGain;
  cwndGain_ = kDefaultCwndGain;
}

void Bbr::startProbeBwCruise() {
  state_ = State::kCruise;
  pacingGain_ = 1;
  cwndGain_ = kDefaultCwndGain;
}

void Bbr::startProbeBwRefill() {
  resetShortTermModel();
  bwProbeUpRounds_ = 0;
  bwProbeUpAcked_ = 0;
  prevProbePrecautionary_ = false;
  ackPhase_ = AckPhase::kRefilling;
  startRound();
  state_ = State::kRefill;
  pacingGain_ = 1;
  cwndGain_ = kDefaultCwndGain;
}

void Bbr::startProbeBwUp() {
  ackPhase_ = AckPhase::kProbeStarting;
  startRound();
  resetFullBw();
  queuedBytes_ = 0;
  fullBw_ = rs_.deliveryRate;
  state_ = State::kUp;
  pacingGain_ = kUpPacingGain;
  cwndGain_ = kUpCwndGain;
  raiseInflightLongtermSlope();
}

void Bbr::updateProbeBwCyclePhase() {
  if (!fullBwReached_) return;
  if (adaptLongTermModel()) return;
  switch (state_) {
    case State::kDown:
      if (!isTimeToProbeBw() && isTimeToCruise()) startProbeBwCruise();
      break;
    case State::kCruise:
      isTimeToProbeBw();
      break;
    case State::kRefill:
      // "After one round of REFILL, start UP".
      if (roundStart_) {
        isBwProbeSample_ = true;
        startProbeBwUp();
      }
      break;
    case State::kUp:
      if (isTimeToGoDown()) {
        prevProbeTooHigh_ = false;
        startProbeBwDown();
      }
      break;
    default:
      break;
  }
}

bool Bbr::adaptLongTermModel() {
  if (ackPhase_ == AckPhase::kProbeStarting && roundStart_) ackPhase_ = AckPhase::kProbeFeedback;
  if (ackPhase_ == AckPhase::kProbeStopping && roundStart_) {
    isBwProbeSample_ = false;
    ackPhase_ = AckPhase::kInit;
    // §5.5.6, AdvanceMaxBwFilter(). A cycle without any sample does not make the last one forgotten.
    if (isInAProbeBwState() && !rs_.isAppLimited && maxBwFilter_[1] != 0) {
      maxBwFilter_[0] = maxBwFilter_[1];
      maxBwFilter_[1] = 0;
    }
    // §5.3.3.6, "Precautionary Bandwidth Probing: Acceleration".
    if (isInAProbeBwState() && prevProbePrecautionary_ && !prevProbeTooHigh_) {
      startProbeBwRefill();
      return true;
    }
  }
  if (isInflightTooHigh() || inflightLongterm_ == kInfinity) return false;
  inflightLongterm_ = std::max(inflightLongterm_, rs_.txInFlight);
  if (state_ == State::kUp) probeInflightLongtermUpward();
  return false;
}

bool Bbr::isTimeToProbeBw() {
  if (now_ <= cycleStamp_ + bwProbeWait_ && !isRenoCoexistenceProbeTime()) return false;
  startProbeBwRefill();
  return true;
}

bool Bbr::isRenoCoexistenceProbeTime() const {
  return roundsSinceProbeUp_ >= std::min(targetInflight() / smss_, kMostRenoRounds);
}

std::uint64_t Bbr::targetInflight() const { return std::min(bdpMultiple(bw_, 1), cwnd_); }

void Bbr::pickProbeWait() {
  roundsSinceProbeUp_ = randomUnit() < 0.5 ? 0 : 1;
  bwProbeWait_ = 2 * kSecond + scale(kSecond, randomUnit());
}

bool Bbr::isTimeToCruise() const {
  return inFlight_ <= inflightWithHeadroom() && inFlight_ <= inflight(maxBw_, 1);
}

bool Bbr::isTimeToGoDown() {
  // "Precautionary Bandwidth Probing: Deceleration".
  if (prevProbeTooHigh_ && inFlight_ >= inflightLongterm_) {
    prevProbePrecautionary_ = true;
    return true;
  }
  if (isCwndLimited() && cwnd_ >= inflightLongterm_) {
    resetFullBw();
    fullBw_ = rs_.deliveryRate;
    return false;
  }
  return fullBwNow_ || showsQueue();
}

/// Ours: what is sent too fast waits in front of the bottleneck a round trip before the rate of delivery says
/// so, and stays there until DOWN has drained it. The draft's three rounds without growth are up to 0.75 of a
/// BDP; a queue that lasts for an eighth of a window says the same after one. Jitter does not look like that:
/// it leaves fast packets in between.
bool Bbr::showsQueue() {
  if (ackPhase_ == AckPhase::kProbeStarting || rs_.rtt == 0) return false;
  queuedBytes_ = isQueueDelay(rs_.rtt) ? queuedBytes_ + rs_.ackedBytes : 0;
  const bool grows = rs_.deliveryRate >= scale(fullBw_, kProbeGrowth);
  return !grows && queuedBytes_ >= std::max(cwnd_ / 8, kQueuePackets * smss_);
}

bool Bbr::isQueueDelay(Duration rtt) const {
  return minRtt_ != kInfinity && rtt > minRtt_ + std::max(minRtt_ / 8, kLeastQueueDelay);
}

std::uint64_t Bbr::inflightWithHeadroom() const {
  if (inflightLongterm_ == kInfinity) return kInfinity;
  const std::uint64_t headroom = std::max(smss_, scale(inflightLongterm_, kHeadroom));
  return std::max(inflightLongterm_ > headroom ? inflightLongterm_ - headroom : 0, minPipeCwnd());
}

void Bbr::raiseInflightLongtermSlope() {
  const std::uint64_t growthThisRound = std::uint64_t{1} << bwProbeUpRounds_;
  bwProbeUpRounds_ = std::min(bwProbeUpRounds_ + 1, 30U);
  probeUpAckedPerInc_ = std::max(cwnd_ / growthThisRound, smss_);
}

void Bbr::probeInflightLongtermUpward() {
  if (!isCwndLimited() || cwnd_ < inflightLongterm_) return;
  bwProbeUpAcked_ += rs_.ackedBytes;
  if (bwProbeUpAcked_ >= probeUpAckedPerInc_) {
    const std::uint64_t delta = bwProbeUpAcked_ / probeUpAckedPerInc_;
    bwProbeUpAcked_ -= delta * probeUpAckedPerInc_;
    inflightLongterm_ += delta * smss_;
  }
  if (roundStart_) raiseInflightLongtermSlope();
}

// §5.3.4.3
void Bbr::checkProbeRtt() {
  if (state_ != State::kProbeRtt && probeRttExpired_ && !idleRestart_) {
    // The draft saves the window after it changed the state: SaveCwnd() then keeps an older, larger one.
    saveCwnd();
    state_ = State::kProbeRtt;
    pacingGain_ = 1;
    cwndGain_ = kProbeRttCwndGain;
    probeRttDoneStamp_ = 0;
    ackPhase_ = AckPhase::kProbeStopping;
    startRound();
  }
  if (state_ == State::kProbeRtt) handleProbeRtt();
  if (rsDelivered() > 0) idleRestart_ = false;
}

/// "Ignore low rate samples during ProbeRTT" is limitsItself().
void Bbr::handleProbeRtt() {
  if (probeRttDoneStamp_ == 0) {
    if (inFlight_ > probeRttCwnd()) return;
    probeRttDoneStamp_ = now_ + kProbeRttDuration;
    probeRttRoundDone_ = false;
    startRound();
    return;
  }
  if (roundStart_) probeRttRoundDone_ = true;
  if (probeRttRoundDone_) checkProbeRttDone();
}

void Bbr::checkProbeRttDone() {
  if (probeRttDoneStamp_ == 0 || now_ <= probeRttDoneStamp_) return;
  probeRttMinStamp_ = now_;
  restoreCwnd();
  exitProbeRtt();
}

// §5.3.4.4
void Bbr::exitProbeRtt() {
  resetShortTermModel();
  if (fullBwReached_) {
    startProbeBwDown();
    startProbeBwCruise();
  } else {
    enterStartup();
  }
}

}  // namespace mqvpn::quic
