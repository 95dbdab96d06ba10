// Paths that stop to answer: suspected early, relieved of all traffic at once, probed until they answer again
// (draft-ietf-quic-multipath-21 §3.3: "PING frames can potentially be used to quickly detect connectivity
// changes and switch back in a timely way").
#include <algorithm>

#include "quic/connection.h"

namespace mqvpn::quic {
namespace {

/// The least that is added to the round trip before a path is suspected: less than a busy machine's hiccup
/// would move traffic for nothing.
constexpr Duration kLeastMargin = 25 * kMillisecond;
/// With fewer in flight the peer may be waiting for a second packet before it acknowledges (RFC 9000
/// §13.2.2).
constexpr std::uint64_t kBusyPackets = 3;
/// A silent path is asked at the pace of probes that doubles, up to this: a path that comes back carries
/// traffic within the second. One that is dead for long is asked less often.
constexpr Duration kProbeEvery = 250 * kMillisecond;
constexpr Duration kDeadAfter = 60 * kSecond;
constexpr Duration kProbeDeadEvery = 2 * kSecond;
/// Probes that get no answer before the application is told. A lone lost packet is no news.
constexpr unsigned kProbesBeforeTold = 2;
/// RFC 9002 §7.6.1: "The RECOMMENDED value for kPersistentCongestionThreshold is 3".
constexpr unsigned kPersistent = 3;

}  // namespace

Connection::Rank Connection::rankOf(const Path& path) const {
  if (path.probingOnly) return Rank::kUnproven;
  if (path.silentSince != kNever) return Rank::kSilent;
  // What waits is as large as the other paths take. In a round trip or two it is known whether this one does,
  // too.
  if (path.mtu.searching() && datagramRoom(path) < maxDatagramPayload_) return Rank::kSmall;
  // draft-ietf-quic-multipath-21 §3.3: "PATH_STATUS_BACKUP suggests that a path should only be used as
  // backup, i.e., that no traffic should be sent on that path if another path is available and usable."
  return path.backup || path.peerWantsBackup ? Rank::kBackup : Rank::kNormal;
}

Connection::Rank Connection::bestRank() const {
  Rank best = Rank::kUnproven;
  for (const auto& path : paths_) best = std::min(best, rankOf(*path));
  return best;
}

bool Connection::mayCarryDatagrams(const Path& path) const {
  if (path.probingOnly) return false;
  return paths_.size() == 1 || rankOf(path) == bestRank();
}

bool Connection::hasOtherCarrier(const Path& path) const {
  return std::any_of(paths_.begin(), paths_.end(), [&](const auto& other) {
    return other.get() != &path && rankOf(*other) < Rank::kSilent;
  });
}

Duration Connection::silenceAfter(const Path& path) const {
  const Rtt& rtt = path.sender.rtt();
  const Duration margin = std::max(4 * rtt.variation(), kLeastMargin);
  const bool busy = path.sender.bytesInFlight() >= kBusyPackets * path.mtu.current();
  return rtt.smoothed() + margin + (busy ? 0 : maxAckDelay());
}

/// When the path counts as silent unless something is acknowledged first.
Time Connection::silenceDeadline(const Path& path) const {
  if (path.awaitingSince == kNever || path.silentSince != kNever || path.probingOnly ||
      !handshakeConfirmed_ || paths_.size() < 2 || !path.sent.ackElicitingInFlight() ||
      !hasOtherCarrier(path))
    return kNever;
  return path.awaitingSince + silenceAfter(path);
}

void Connection::onSilenceTimers() {
  for (const auto& path : paths_) {
    if (now_ >= silenceDeadline(*path)) enterSilence(*path);
    if (path->silentSince != kNever && now_ >= path->silenceProbeAt) probeSilence(*path);
  }
}

void Connection::enterSilence(Path& path) {
  path.silentSince = now_;
  path.silenceProbes = 0;
  path.silenceProbeAt = now_;
  path.silenceTold = false;
  if (host_.tracer) host_.tracer->onPathUpdated(path.id, "silent", now_);
  // What cannot be lost goes out again elsewhere; datagrams are their owner's to repeat.
  repeatInFlight(path.sent);
  strandDatagrams(path);
  updateMaxDatagramPayload();
}

void Connection::probeSilence(Path& path) {
  path.probes = 1;
  const Duration most = now_ - path.silentSince < kDeadAfter ? kProbeEvery : kProbeDeadEvery;
  const Duration wait = ptoOf(path) << std::min(path.silenceProbes, 10u);
  path.silenceProbeAt = now_ + std::min(wait, most);
  if (++path.silenceProbes <= kProbesBeforeTold || path.silenceTold) return;
  path.silenceTold = true;
  events_.onPathChanged(path.id, ConnectionEvents::PathChange::kSilent, 0);
}

void Connection::leaveSilence(Path& path) {
  const Duration silent = now_ - path.silentSince;
  path.silentSince = path.silenceProbeAt = kNever;
  if (host_.tracer) host_.tracer->onPathUpdated(path.id, "recovered", now_);
  if (silent >= kPersistent * ptoOf(path)) {
    // RFC 9002 §7.6.2: after persistent congestion "the sender's congestion window MUST be reduced to the
    // minimum". That such a path begins anew, as after a migration (RFC 9000 §9.4), serves the same end: it
    // was empty for a while, and what it carries now is not known.
    path.sent.loseAll(path.sender, *this);
    path.sender.restartCongestion(now_);
  }
  updateMaxDatagramPayload();
  if (path.silenceTold) events_.onPathChanged(path.id, ConnectionEvents::PathChange::kRecovered, 0);
}

void Connection::onAckProgress(Path& path) {
  path.awaitingSince = path.sent.ackElicitingInFlight() ? now_ : kNever;
  if (path.silentSince != kNever) leaveSilence(path);
}

void Connection::strandDatagrams(Path& path) {
  const std::uint64_t from = path.strandedBelow;
  path.strandedBelow = path.sent.nextNumber();
  path.sent.forEachFrameInFlightFrom(from, [&](const SentFrame& frame) {
    if (frame.kind == SentFrame::Kind::kDatagram && frame.id != 0) events_.onDatagramStranded(frame.id);
  });
}

/// An acknowledgement waits that does not leave by the path that it is about.
bool Connection::foreignAckDue() const {
  const auto due = [&](const auto& path) { return path->received.ackDue(now_); };
  return std::any_of(closing_.begin(), closing_.end(), due) ||
         std::any_of(paths_.begin(), paths_.end(),
                     [&](const auto& path) { return path->silentSince != kNever && due(path); });
}

bool Connection::wasReceived(const PacketId& packet) const {
  for (const auto* list : {&paths_, &closing_})
    for (const auto& path : *list)
      if (path->id == packet.path) return path->received.isDuplicate(packet.number);
  return pathIds_.isGone(packet.path);
}

std::optional<PacketId> Connection::resolve(std::uint8_t pathId, std::uint32_t number) const {
  for (const auto* list : {&paths_, &closing_})
    for (const auto& path : *list) {
      if ((path->id & 0xff) != pathId) continue;
      // RFC 9000 §A.3, of 24 bits: the one that is closest to what is expected.
      return PacketId{path->id, decodePacketNumber(path->received.expected(), number, 3)};
    }
  return std::nullopt;
}

void Connection::tellPathCount() {
  const auto paths = static_cast<std::size_t>(
      std::count_if(paths_.begin(), paths_.end(), [](const auto& path) { return !path->probingOnly; }));
  if (paths == pathsTold_ || datagrams_ == nullptr) return;
  pathsTold_ = paths;
  datagrams_->onPathCount(paths);
}

void Connection::tellPaths(const Path& pulling) {
  views_.clear();
  std::size_t index = 0;
  for (const auto& path : paths_) {
    if (!mayCarryDatagrams(*path)) continue;
    if (path.get() == &pulling) index = views_.size();
    PathSender& sender = path->sender;
    PathView& view = views_.emplace_back();
    view.id = path->id;
    view.smoothedRtt = sender.rtt().hasSample() ? sender.rtt().smoothed() : 0;
    view.minRtt = sender.rtt().minimum();
    view.rttVariation = sender.rtt().hasSample() ? sender.rtt().variation() : 0;
    view.window = sender.window();
    view.inFlight = sender.bytesInFlight();
    view.pacingRate = sender.pacingRate();
    view.deliveryRate = sender.deliveryRate();
    view.ramping = sender.congestion().inSlowStart();
    view.readyAt = sender.windowRoom() < path->mtu.current() ? kNever : sender.pacingDeadline(now_);
  }
  tellPathCount();
  datagrams_->onPaths(views_, index, now_);
}

}  // namespace mqvpn::quic
