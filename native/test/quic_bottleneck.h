#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <queue>
#include <vector>

#include "test/quic_recovery_support.h"

namespace mqvpn::quic::test {

/// Flows from senders to receivers through one drop-tail queue, in virtual time:
///
///   flow 0 ─┐                 queue ─ rate ─ delay ─ random loss ┌─ receiver 0
///   flow 1 ─┴─ (pacing, window) ─────────────────────────────────┴─ receiver 1
///           ←───────────────────── delay, ACKs ──────────────────
class Bottleneck {
 public:
  struct Config {
    /// Bytes per second.
    double rate = 50e6 / 8;
    /// Each way.
    Duration delay = 10 * kMillisecond;
    /// Bytes.
    std::uint64_t queue = 125'000;
    double loss = 0;
    /// Uniform, added to the way there: it reorders.
    Duration jitter = 0;
    std::uint64_t seed = 1;
    /// Packets that arrive to a queue longer than this (bytes) are marked CE instead, if they may be.
    std::uint64_t markAbove = UINT64_MAX;
  };

  struct Flow {
    explicit Flow(CongestionAlgorithm algorithm, Time start)
        : path(algorithm, kDatagram, start), startAt(start) {}
    PathSender path;
    SentPackets sent;
    Fates fates;
    EcnValidator ecn;
    bool usesEcn = false;
    Time startAt;
    bool started = false;
    /// Bytes per second that the application has; 0: always more. As bursts of one datagram.
    double appRate = 0;
    double appBytes = 0;
    Time appAt = 0;

    RangeSet received{256};
    EcnCounts counts;
    unsigned unackedAtPeer = 0;
    Time ackAt = kNever;

    std::uint64_t sentPackets = 0;
    std::uint64_t drops = 0;
    std::uint64_t deliveredBytes = 0;
    std::uint64_t largestWindow = 0;
    std::uint64_t wakeUps = 0;
    Time pacedUntil = kNever;
    unsigned ptos = 0;
  };

  static constexpr std::uint32_t kDatagram = 1250;

  explicit Bottleneck(const Config& config) : config_(config), dice_(config.seed) {}

  Flow& add(CongestionAlgorithm algorithm, Time start = 0) {
    flows_.push_back(std::make_unique<Flow>(algorithm, start));
    flows_.back()->appAt = start;
    return *flows_.back();
  }
  Time now() const { return now_; }
  void setRate(double rate) { config_.rate = rate; }
  void setDelay(Duration delay) { config_.delay = delay; }
  void setLoss(double loss) { config_.loss = loss; }
  void setJitter(Duration jitter) { config_.jitter = jitter; }
  std::uint64_t largestQueue() const { return largestQueue_; }
  void resetLargestQueue() { largestQueue_ = 0; }

  void run(Time until) {
    for (;;) {
      Time next = until;
      if (!events_.empty()) next = std::min(next, events_.top().at);
      for (auto& flow : flows_) next = std::min(next, std::max(deadline(*flow), now_));
      now_ = next;
      if (now_ >= until) return;
      while (!events_.empty() && events_.top().at <= now_) {
        const Event event = events_.top();
        events_.pop();
        if (event.ack == nullptr) {
          arrive(*flows_[event.flow], event);
        } else {
          acknowledged(*flows_[event.flow], *event.ack);
        }
      }
      for (auto& flow : flows_) wake(*flow);
    }
  }

 private:
  struct Event {
    Time at;
    std::uint64_t order;
    std::size_t flow;
    std::uint64_t number;
    std::uint32_t bytes;
    bool ect0;
    bool ce;
    std::shared_ptr<Ack> ack;
    bool operator<(const Event& other) const { return at != other.at ? at > other.at : order > other.order; }
  };

  Time deadline(const Flow& flow) const {
    Time at = std::min({flow.ackAt, flow.sent.lossDeadline(), flow.pacedUntil, ptoAt(flow)});
    if (!flow.started) return flow.startAt;
    // The application's next datagram.
    if (flow.appRate > 0 && flow.appBytes < kDatagram)
      at = std::min(at,
                    flow.appAt + static_cast<Duration>((kDatagram - flow.appBytes) / flow.appRate * 1e9) + 1);
    return at;
  }
  static Time ptoAt(const Flow& flow) {
    const Time last = flow.sent.lastAckElicitingSentAt();
    if (last == kNever) return kNever;
    return last + (flow.path.rtt().pto(25 * kMillisecond) << flow.path.ptoCount());
  }

  void wake(Flow& flow) {
    if (now_ < flow.startAt) return;
    flow.started = true;
    if (now_ >= flow.sent.lossDeadline())
      flow.sent.detectLost(now_, flow.path, flow.fates, flow.usesEcn ? &flow.ecn : nullptr);
    if (now_ >= flow.ackAt) sendAck(flow);
    if (flow.appRate > 0) {
      flow.appBytes += static_cast<double>(now_ - flow.appAt) * flow.appRate / 1e9;
      flow.appAt = now_;
    }
    if (now_ >= ptoAt(flow)) {
      flow.path.setPtoCount(flow.path.ptoCount() + 1);
      ++flow.ptos;
      transmit(flow);
    }
    if (now_ >= flow.pacedUntil) ++flow.wakeUps;
    flow.pacedUntil = kNever;
    while (flow.appRate == 0 || flow.appBytes >= kDatagram) {
      if (flow.path.windowRoom() < kDatagram) return;
      std::uint64_t room = flow.path.pacingRoom(now_);
      if (room < kDatagram) {
        flow.pacedUntil = flow.path.pacingDeadline(now_);
        return;
      }
      for (; room >= kDatagram && flow.path.windowRoom() >= kDatagram &&
             (flow.appRate == 0 || flow.appBytes >= kDatagram);
           room -= kDatagram) {
        if (flow.appRate > 0) flow.appBytes -= kDatagram;
        transmit(flow);
      }
    }
    if (flow.path.windowRoom() >= kDatagram) flow.path.onAppLimited();
  }

  void transmit(Flow& flow) {
    SentPacket packet;
    packet.number = flow.sent.nextNumber();
    packet.sentAt = now_;
    packet.bytes = kDatagram;
    packet.ackEliciting = packet.inFlight = true;
    packet.ect0 = flow.usesEcn && flow.ecn.mark();
    if (flow.usesEcn) flow.ecn.onSent(packet.ect0);
    flow.path.onSent(packet, now_);
    flow.sent.onSent(packet, {});
    flow.largestWindow = std::max(flow.largestWindow, flow.path.window());
    ++flow.sentPackets;

    const Time start = std::max(now_, freeAt_);
    const auto queued = static_cast<std::uint64_t>(static_cast<double>(start - now_) * config_.rate / 1e9);
    if (queued + kDatagram > config_.queue) {
      ++flow.drops;
      return;
    }
    largestQueue_ = std::max(largestQueue_, queued);
    freeAt_ = start + static_cast<Duration>(kDatagram / config_.rate * 1e9);
    if (dice_.chance(config_.loss)) return;
    const Duration jitter = config_.jitter == 0 ? 0 : dice_.below(config_.jitter);
    std::size_t index = 0;
    while (flows_[index].get() != &flow) ++index;
    events_.push({freeAt_ + config_.delay + jitter, ++order_, index, packet.number, kDatagram, packet.ect0,
                  packet.ect0 && queued > config_.markAbove, nullptr});
  }

  void arrive(Flow& flow, const Event& event) {
    const bool inOrder = flow.received.empty() || event.number == flow.received.largest() + 1;
    if (!flow.received.add(event.number)) return;
    flow.deliveredBytes += event.bytes;
    if (event.ce) {
      ++flow.counts.ce;
    } else if (event.ect0) {
      ++flow.counts.ect0;
    }
    // RFC 9000 §13.2: every second packet, at once when something is missing or marked, else after 25 ms.
    if (++flow.unackedAtPeer >= 2 || !inOrder || event.ce) {
      sendAck(flow);
    } else {
      flow.ackAt = std::min(flow.ackAt, now_ + 25 * kMillisecond);
    }
  }

  void sendAck(Flow& flow) {
    flow.unackedAtPeer = 0;
    flow.ackAt = kNever;
    auto ack = std::make_shared<Ack>(flow.received);
    if (flow.usesEcn) ack->ecn(flow.counts);
    std::size_t index = 0;
    while (flows_[index].get() != &flow) ++index;
    events_.push({now_ + config_.delay, ++order_, index, 0, 0, false, false, std::move(ack)});
  }

  void acknowledged(Flow& flow, const Ack& ack) {
    const auto result =
        flow.sent.onAck(ack.frame(), 0, flow.usesEcn ? &flow.ecn : nullptr, now_, flow.path, flow.fates);
    if (result.anyNewlyAcked) flow.path.setPtoCount(0);
  }

  Config config_;
  Dice dice_;
  Time now_ = 0;
  Time freeAt_ = 0;
  std::uint64_t order_ = 0;
  std::uint64_t largestQueue_ = 0;
  std::priority_queue<Event> events_;
  std::vector<std::unique_ptr<Flow>> flows_;
};

}  // namespace mqvpn::quic::test
