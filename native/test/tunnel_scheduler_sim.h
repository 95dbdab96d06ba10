#pragma once

// Schedulers in virtual time, without connections: paths are links behind a simple BBR that pull from one
// queue; flows behave as TCP does, or send at a constant rate.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "tunnel/scheduler.h"
#include "tunnel_packets.h"

namespace mqvpn::tunnel::test {

using quic::Duration;
using quic::kMillisecond;
using quic::kNever;
using quic::kSecond;
using quic::PathView;
using quic::Time;

constexpr std::size_t kPacketBytes = 1400;

/// One path: a link of `megabits` with `delay` one way and a queue of twice what is in flight on it, behind a
/// sender that finds out its rate (BBR v1, without ProbeRTT).
class SimPath {
 public:
  struct Sent {
    Time arrivesAt, ackedAt, sentAt, deliveredAt;
    std::uint64_t delivered;
    bool appLimited, lost;
    std::uint32_t flow, number;
  };

  SimPath(std::uint32_t id, double megabits, Duration delay) : id_(id), delay_(delay) {
    setRate(megabits);
    minRtt_ = srtt_ = 2 * delay;
  }
  void setRate(double megabits) { nsPerByte_ = 8e3 / megabits; }
  double megabits() const { return 8e3 / nsPerByte_; }
  std::uint32_t id() const { return id_; }
  bool mayFly(Time now) const { return inFlight_ + kPacketBytes <= window_ && pacedUntil_ <= now; }
  /// When something happens here next; what it waits for to send counts only if it is to come.
  Time nextAt(Time now) const {
    Time at = inFlight_ + kPacketBytes <= window_ && pacedUntil_ > now ? pacedUntil_ : kNever;
    if (arrived_ < sent_.size()) at = std::min(at, sent_[arrived_].arrivesAt);
    if (!sent_.empty()) at = std::min(at, sent_.front().ackedAt);
    return at;
  }
  PathView view() const {
    PathView view;
    view.id = id_;
    view.smoothedRtt = srtt_;
    view.minRtt = minRtt_;
    view.window = window_;
    view.inFlight = inFlight_;
    view.pacingRate = pacingRate();
    view.deliveryRate = static_cast<std::uint64_t>(rate_);
    view.ramping = startup_;
    view.readyAt = inFlight_ + kPacketBytes <= window_ ? pacedUntil_ : kNever;
    return view;
  }
  /// There was room and nothing to send.
  void onAppLimited() {
    if (inFlight_ + kPacketBytes <= window_)
      appLimitedUntil_ = std::max<std::uint64_t>(delivered_ + inFlight_, 1);
  }
  void send(std::uint32_t flow, std::uint32_t number, Time now) {
    if (inFlight_ == 0) deliveredAt_ = now;
    const double backlog = static_cast<double>(freeAt_ > now ? freeAt_ - now : 0) / nsPerByte_;
    const double queue = std::max(4 * static_cast<double>(delay_) / nsPerByte_, 65536.0);
    const bool lost = dead || backlog > queue;
    if (!lost)
      freeAt_ =
          std::max(freeAt_, now) + static_cast<Duration>(nsPerByte_ * static_cast<double>(kPacketBytes));
    const Time arrives = (sent_.empty() ? 0 : sent_.back().arrivesAt);
    const Time at = std::max(arrives, std::max(freeAt_, now) + delay_);
    sent_.push_back(
        {at, at + delay_, now, deliveredAt_, delivered_, appLimitedUntil_ != 0, lost, flow, number});
    inFlight_ += kPacketBytes;
    const double gap = 1e9 * static_cast<double>(kPacketBytes) /
                       static_cast<double>(std::max<std::uint64_t>(1, pacingRate()));
    pacedUntil_ = std::max(pacedUntil_, now > 1'000'000 ? now - 1'000'000 : 0) + static_cast<Duration>(gap);
  }
  template <typename Arrive, typename Acked>
  void advance(Time now, Arrive&& arrive, Acked&& acked) {
    for (; arrived_ < sent_.size() && sent_[arrived_].arrivesAt <= now; ++arrived_)
      if (!sent_[arrived_].lost) arrive(sent_[arrived_]);
    while (!sent_.empty() && sent_.front().ackedAt <= now) {
      const Sent one = sent_.front();
      if (dead) break;
      sent_.pop_front();
      --arrived_;
      inFlight_ -= kPacketBytes;
      if (one.lost) {
        ++lostInRound_;
        continue;
      }
      carried_ += kPacketBytes;
      onAck(one, now);
      acked(one);
    }
  }
  /// Bytes that arrived by it.
  std::uint64_t carried() const { return carried_; }
  bool ramping() const { return startup_; }
  /// When it counts as silent.
  Time silentAt() const { return sent_.empty() ? kNever : sent_.front().ackedAt + 20 * kMillisecond; }
  void restart(Time now) {
    const SimPath fresh(id_, megabits(), delay_);
    *this = fresh;
    freeAt_ = now;
  }

  bool dead = false;
  bool silent = false;

 private:
  std::uint64_t pacingRate() const {
    const double gain = startup_ ? 2.77 : draining_ ? 0.5 : cycle_ == 0 ? 1.25 : cycle_ == 1 ? 0.75 : 1;
    const double bw = std::max(most_[0], most_[1]);
    const double initial = static_cast<double>(kInitial) * 1e9 / static_cast<double>(minRtt_);
    return static_cast<std::uint64_t>(gain * (startup_ ? std::max(bw, initial) : bw));
  }
  void onAck(const Sent& one, Time now) {
    const Duration rtt = now - one.sentAt;
    srtt_ = (7 * srtt_ + rtt) / 8;
    minRtt_ = std::min(minRtt_, rtt);
    delivered_ += kPacketBytes;
    deliveredAt_ = now;
    if (delivered_ > appLimitedUntil_) appLimitedUntil_ = 0;
    const Duration took = now - one.deliveredAt;
    if (took >= minRtt_ / 2 && took > 0) {
      const double sample = static_cast<double>(delivered_ - one.delivered) * 1e9 / static_cast<double>(took);
      if (!one.appLimited || sample > rate_) rate_ = rate_ == 0 ? sample : (7 * rate_ + sample) / 8;
      if (!one.appLimited || sample > std::max(most_[0], most_[1])) most_[0] = std::max(most_[0], sample);
    }
    if (one.delivered >= roundEnd_) {
      roundEnd_ = delivered_;
      onRound(one.appLimited);
    }
    const double bdp = std::max(most_[0], most_[1]) * static_cast<double>(minRtt_) / 1e9;
    if (draining_ && static_cast<double>(inFlight_) <= bdp) draining_ = false;
    window_ = startup_ ? std::max<std::uint64_t>(window_ + kPacketBytes, kInitial)
                       : std::max<std::uint64_t>(static_cast<std::uint64_t>(2 * bdp), 4 * kPacketBytes);
    if (startup_)
      window_ = std::min(window_, std::max<std::uint64_t>(kInitial, static_cast<std::uint64_t>(4 * bdp)));
  }
  void onRound(bool appLimited) {
    // BBR v3 leaves its start-up when more than 2 % of a round trip were lost.
    const std::uint64_t packets = (delivered_ - roundStart_) / kPacketBytes + lostInRound_;
    if (startup_ && lostInRound_ >= 6 && lostInRound_ * 50 > packets) {
      startup_ = false;
      draining_ = true;
    }
    roundStart_ = delivered_;
    lostInRound_ = 0;
    if (++roundsInBucket_ >= 5) {
      roundsInBucket_ = 0;
      most_[1] = most_[0];
      most_[0] = 0;
      most_[0] = rate_;
    }
    cycle_ = (cycle_ + 1) % 8;
    if (!startup_ || appLimited) return;
    const double bw = std::max(most_[0], most_[1]);
    if (bw > 1.25 * fullBw_) {
      fullBw_ = bw;
      flat_ = 0;
    } else if (++flat_ >= 3) {
      startup_ = false;
      draining_ = true;
    }
  }

  static constexpr std::uint64_t kInitial = 128 * kPacketBytes;
  std::uint32_t id_;
  Duration delay_;
  double nsPerByte_ = 1;
  Time freeAt_ = 0, pacedUntil_ = 0;
  std::uint64_t window_ = kInitial, inFlight_ = 0;
  std::deque<Sent> sent_;
  std::size_t arrived_ = 0;
  Duration minRtt_ = 0, srtt_ = 0;
  std::uint64_t delivered_ = 0, appLimitedUntil_ = 0, roundEnd_ = 0, roundStart_ = 0, lostInRound_ = 0,
                carried_ = 0;
  Time deliveredAt_ = 0;
  double rate_ = 0, most_[2] = {0, 0}, fullBw_ = 0;
  unsigned roundsInBucket_ = 0, cycle_ = 2, flat_ = 0;
  bool startup_ = true, draining_ = false;
};

/// A flow; `megabits` 0: TCP (slow start, CUBIC, loss by time), else UDP at that rate.
struct SimFlow {
  FlowKind kind = FlowKind::kTcp;
  double megabits = 0;
  bool stopped = false;
  Bytes packet;
  // Sender.
  struct Out {
    Time at;
    bool done;
  };
  std::deque<Out> out;
  std::uint32_t first = 0, next = 0, recovered = 0;
  std::size_t inFlight = 0;
  double window = 10, threshold = 1e9, most = 0, rtt = 0;
  Time epoch = 0, newestAckedAt = 0, lastAck = 0, nextAt = kNever;
  // Receiver.
  std::uint64_t received = 0, reordered = 0, bytes = 0;
  std::uint32_t newest = 0;
  std::uint32_t lastPath = 0;
  unsigned moves = 0;

  void onAck(std::uint32_t number, Time now) {
    lastAck = now;
    if (number < first || number - first >= out.size() || out[number - first].done) return;
    Out& one = out[number - first];
    one.done = true;
    const auto sample = static_cast<double>(now - one.at);
    rtt = rtt == 0 ? sample : rtt + (sample - rtt) / 8;
    newestAckedAt = std::max(newestAckedAt, one.at);
    const bool limited = static_cast<double>(inFlight) > window * 0.8;
    --inFlight;
    if (!limited) return;
    if (window < threshold) {
      window += 1;
      return;
    }
    const double k = std::cbrt(most * 0.3 / 0.4);
    const double t = static_cast<double>(now - epoch) / 1e9 + rtt / 1e9;
    const double target = std::min(0.4 * std::pow(t - k, 3) + most, window * 1.5);
    window += std::max(target - window, 0.01) / window;
  }
  void findLost(Time now) {
    for (std::size_t i = 0; i < out.size() && out[i].at + static_cast<Duration>(rtt / 4) < newestAckedAt;
         ++i) {
      if (out[i].done) continue;
      out[i].done = true;
      --inFlight;
      if (first + i < recovered) continue;
      recovered = next;
      most = window;
      window = threshold = std::max(window * 0.7, 2.0);
      epoch = now;
    }
    while (!out.empty() && out.front().done) {
      out.pop_front();
      ++first;
    }
  }
  void timeOut(Time now) {
    first = next;
    out.clear();
    inFlight = 0;
    threshold = std::max(window / 2, 10.0);
    window = 10;
    lastAck = now;
  }
};

class SchedulerSim {
 public:
  struct Width {
    double megabits;
    Duration delay;
  };

  explicit SchedulerSim(SchedulerKind kind, std::span<const Width> widths)
      : pool({8192, 8}), queue(pool), scheduler(makeScheduler(kind, queue)) {
    for (const Width& width : widths) addPath(width);
  }
  SimPath& addPath(const Width& width) {
    paths.push_back(std::make_unique<SimPath>(nextId_++, width.megabits, width.delay));
    return *paths.back();
  }
  SimFlow& addFlow(double udpMegabits = 0) {
    auto flow = std::make_unique<SimFlow>();
    flow->kind = udpMegabits > 0 ? FlowKind::kUdp : FlowKind::kTcp;
    flow->megabits = udpMegabits;
    flow->packet = udp4({}, kPacketBytes);
    flow->lastAck = now;
    if (udpMegabits > 0) flow->nextAt = now;
    flows.push_back(std::move(flow));
    if (udpMegabits == 0) fill(*flows.back());
    return *flows.back();
  }

  void run(Duration time) {
    const Time end = now + time;
    while (true) {
      pull();
      Time at = end;
      for (const auto& path : paths) {
        if (path->silent) continue;
        const Time next = path->nextAt(now);
        if (next > now) at = std::min(at, next);
      }
      for (const auto& flow : flows) {
        if (!flow->stopped) at = std::min(at, flow->nextAt);
        if (flow->megabits == 0 && !flow->stopped) at = std::min(at, flow->lastAck + 400 * kMillisecond + 1);
      }
      for (const auto& path : paths)
        if (path->dead && !path->silent) at = std::min(at, path->silentAt());
      now = std::max(at, now + 1);
      if (now >= end) {
        now = end;
        return;
      }
      step();
    }
  }
  /// Mbit/s of what arrived within that time.
  double rate(Duration time) {
    const std::uint64_t before = bytes();
    run(time);
    return static_cast<double>(bytes() - before) * 8e3 / static_cast<double>(time);
  }
  std::uint64_t bytes() const {
    std::uint64_t sum = 0;
    for (const auto& flow : flows) sum += flow->bytes;
    return sum;
  }
  std::vector<PathView> views() const {
    std::vector<PathView> all;
    for (const auto& path : paths)
      if (!path->silent) all.push_back(path->view());
    return all;
  }
  void kill(std::size_t index) { paths[index]->dead = true; }
  void revive(std::size_t index) {
    paths[index]->restart(now);
    paths[index]->dead = paths[index]->silent = false;
  }
  void stopAll() {
    for (const auto& flow : flows) flow->stopped = true;
  }

  PacketPool pool;
  FairQueue queue;
  std::unique_ptr<Scheduler> scheduler;
  std::vector<std::unique_ptr<SimPath>> paths;
  std::vector<std::unique_ptr<SimFlow>> flows;
  Time now = kSecond;

 private:
  void put(SimFlow& flow) {
    const auto index = static_cast<std::uint32_t>(
        std::find_if(flows.begin(), flows.end(), [&](const auto& one) { return one.get() == &flow; }) -
        flows.begin());
    std::memcpy(&flow.packet[28], &flow.next, 4);
    ++flow.next;
    Packet* packet = pool.copy(flow.packet);
    if (packet == nullptr) {
      queue.dropFattest();
      packet = pool.copy(flow.packet);
    }
    if (packet == nullptr || !packet->segmenter.init(packet->header, packet->data)) return;
    packet->flowHash = index;
    queue.enqueue(packet, now, flow.kind);
  }
  void fill(SimFlow& flow) {
    while (!flow.stopped && static_cast<double>(flow.inFlight) < flow.window) {
      flow.out.push_back({now, false});
      ++flow.inFlight;
      put(flow);
    }
  }
  void step() {
    for (const auto& path : paths) {
      path->advance(
          now, [&](const SimPath::Sent& one) { arrive(*path, one); },
          [&](const SimPath::Sent& one) {
            SimFlow& flow = *flows[one.flow];
            if (flow.megabits > 0) return;
            flow.onAck(one.number, now);
            flow.findLost(now);
            fill(flow);
          });
      if (path->dead && !path->silent && path->silentAt() <= now) path->silent = true;
    }
    for (const auto& flow : flows) {
      if (flow->stopped) continue;
      while (flow->nextAt <= now) {
        put(*flow);
        flow->nextAt += static_cast<Duration>(8e3 * static_cast<double>(kPacketBytes) / flow->megabits);
      }
      if (flow->megabits == 0 && now - flow->lastAck > 400 * kMillisecond) {
        flow->timeOut(now);
        fill(*flow);
      }
    }
  }
  void arrive(const SimPath& path, const SimPath::Sent& one) {
    SimFlow& flow = *flows[one.flow];
    ++flow.received;
    flow.bytes += kPacketBytes;
    flow.reordered += flow.received > 1 && one.number < flow.newest;
    flow.newest = std::max(flow.newest, one.number);
    flow.moves += flow.received > 1 && flow.lastPath != path.id();
    flow.lastPath = path.id();
  }
  void pull() {
    bool sent = true;
    while (sent && !queue.empty()) {
      sent = false;
      views_.clear();
      std::size_t index = 0;
      for (const auto& path : paths) {
        if (path->silent) continue;
        const std::size_t mine = index++;
        if (!path->mayFly(now)) continue;
        views_.clear();
        for (const auto& one : paths)
          if (!one->silent) views_.push_back(one->view());
        scheduler->onPaths(views_, mine, now);
        queue.setRamping(views_[mine].ramping);
        queue.setRoundTrip(views_[mine].minRtt);
        for (int i = 0; i < 16 && path->mayFly(now); ++i) {
          const FairQueue::Head* head = scheduler->next(path->id(), now);
          if (head == nullptr) {
            path->onAppLimited();
            break;
          }
          path->send(head->packet->flowHash, numberOf(head->packet->data.data()), now);
          scheduler->onTaken(head->size);
          queue.pop();
          sent = true;
        }
      }
    }
    if (queue.empty())
      for (const auto& path : paths) path->onAppLimited();
  }

  std::uint32_t nextId_ = 0;
  std::vector<PathView> views_;
};

}  // namespace mqvpn::tunnel::test
