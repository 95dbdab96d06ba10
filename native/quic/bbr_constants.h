#pragma once

#include <cstdint>

#include "quic/time.h"

/// Constants of draft-ietf-ccwg-bbr §2 and §5.6.1.
namespace mqvpn::quic::bbr {

constexpr double kStartupPacingGain = 2.77;
constexpr double kDrainPacingGain = 0.5;
constexpr double kDefaultCwndGain = 2;
constexpr double kDownPacingGain = 0.90;
constexpr double kUpPacingGain = 1.25;
constexpr double kUpCwndGain = 2.25;
constexpr double kProbeRttCwndGain = 0.5;
constexpr double kPacingMarginPercent = 1;
constexpr double kLossThresh = 0.02;
constexpr double kBeta = 0.7;
constexpr double kHeadroom = 0.15;
constexpr double kFullBwGrowth = 1.25;
/// What a probe with a gain of 1.25 delivers more within a round trip, if the path has it; less is noise.
constexpr double kProbeGrowth = 1.1;
constexpr unsigned kFullBwRounds = 3;
constexpr unsigned kStartupFullLossCnt = 6;
constexpr std::uint64_t kDrainRounds = 3;
/// Packet-timed round trips.
constexpr std::uint64_t kExtraAckedFilterLen = 10;
/// As Linux's bbr_extra_acked_max_us.
constexpr Duration kMostAckGathering = 100 * kMillisecond;
constexpr std::uint64_t kMostRenoRounds = 63;
constexpr Duration kMinRttFilterLen = 10 * kSecond;
constexpr Duration kProbeRttDuration = 200 * kMillisecond;
constexpr Duration kProbeRttInterval = 5 * kSecond;
/// A delay below this is the batching of senders and receivers.
constexpr Duration kLeastQueueDelay = 2 * kMillisecond;
/// Of fewer a delay says nothing about a queue: a peer that is busy, or waits for a second packet, delays
/// those of a handshake.
constexpr std::uint64_t kQueuePackets = 32;
constexpr unsigned kQueueSamples = 4;
/// RTT samples that differ by less show the same path: timers and batches.
constexpr Duration kSimilarRtt = 100 * kMicrosecond;

inline std::uint64_t scale(std::uint64_t value, double gain) {
  return static_cast<std::uint64_t>(static_cast<double>(value) * gain);
}
/// `rate` in bytes per second.
inline std::uint64_t bytesIn(std::uint64_t rate, Duration time) {
  return static_cast<std::uint64_t>(static_cast<double>(rate) * static_cast<double>(time) / 1e9);
}

}  // namespace mqvpn::quic::bbr
