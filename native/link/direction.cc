#include "link/direction.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace mqvpn::link {

namespace {

constexpr std::uint32_t kEthernetHeader = 14;
constexpr std::uint32_t kVlanTag = 4;

std::uint32_t ipBytes(Frame* frame) {
  const std::uint8_t* ethernet = frame->ethernet();
  const bool tagged =
      frame->length >= kEthernetHeader + kVlanTag && ethernet[12] == 0x81 && ethernet[13] == 0;
  const std::uint32_t header = kEthernetHeader + (tagged ? kVlanTag : 0);
  return frame->length > header ? frame->length - header : 0;
}

}  // namespace

Direction::Direction(FramePool& pool, const Spec& spec, std::uint64_t seed, std::string_view path,
                     std::string_view direction, Time now)
    : pool_(pool),
      loss_(streamSeed(seed, path, direction, "loss")),
      duplicateRandom_(streamSeed(seed, path, direction, "duplicate")),
      reorderRandom_(streamSeed(seed, path, direction, "reorder")),
      jitterRandom_(streamSeed(seed, path, direction, "jitter")) {
  apply(spec, now);
}

Direction::~Direction() { setDown(true, latestDue_); }

void Direction::configure(const Spec& spec, Time now) {
  advance(now);
  apply(spec, now);
}

void Direction::apply(const Spec& spec, Time now) {
  spec_ = spec;
  if (spec.trace != nullptr) {
    serialiser_.setTrace(spec.trace, now);
  } else {
    serialiser_.setRate(spec.rate, now);
  }
  queue_.setLimit(spec.queue);
  while (queue_.overLimit()) drop(queue_.popNewest(), counters_.dropQueue);
  codel_.configure(spec.codelTarget, spec.codelInterval);
  loss_.configure(spec.loss);
  // Three σ: see Random::normal.
  leastDelay_ = spec.reorder > 0 || spec.delay <= 3 * spec.jitter ? 0 : spec.delay - 3 * spec.jitter;
}

void Direction::setDown(bool down, Time now) {
  if (down && !down_) {
    advance(now);
    if (inService_ != nullptr) drop(inService_, counters_.dropDown);
    inService_ = nullptr;
    serialiser_.stop();
    while (Frame* frame = queue_.pop()) drop(frame, counters_.dropDown);
    while (Frame* frame = delayLine_.pop()) drop(frame, counters_.dropDown);
    latestDue_ = 0;
  }
  down_ = down;
}

void Direction::offer(Frame* frame, Time now) {
  advance(now);
  ++counters_.inPackets;
  counters_.inBytes += frame->length;
  if (down_) return drop(frame, counters_.dropDown);
  if (spec_.blackhole) return drop(frame, counters_.dropBlackhole);
  if (spec_.mtu != 0 && ipBytes(frame) > spec_.mtu) return drop(frame, counters_.dropMtu);

  if (inService_ == nullptr) {
    ++counters_.sojournPackets;
    return serve(frame, now, false);
  }
  if (!queue_.fits(frame)) return drop(frame, counters_.dropQueue);
  queue_.push(frame, now);
  counters_.queueHighWaterPackets = std::max(counters_.queueHighWaterPackets, queue_.packets());
  counters_.queueHighWaterBytes = std::max(counters_.queueHighWaterBytes, queue_.bytes());
}

void Direction::serve(Frame* frame, Time start, bool waited) {
  serialiser_.start(frame->length, start, waited);
  inService_ = frame;
  // An unlimited link is never busy: nothing may find a frame in service there.
  if (serialiser_.finish() <= start) advance(start);
}

void Direction::advance(Time now) {
  while (inService_ != nullptr && serialiser_.finish() <= now) {
    const Time end = serialiser_.finish();
    depart(std::exchange(inService_, nullptr), end);
    serialiser_.stop();

    FrameList dropped;
    Frame* frame = spec_.aqm == Aqm::kCodel ? codel_.dequeue(queue_, end, dropped) : queue_.pop();
    while (!dropped.empty()) drop(dropped.popFront(), counters_.dropAqm);
    if (frame == nullptr) continue;
    const Time sojourn = end - frame->at;
    counters_.sojournMaxNs = std::max(counters_.sojournMaxNs, sojourn);
    counters_.sojournSumNs += sojourn;
    ++counters_.sojournPackets;
    serialiser_.start(frame->length, end, true);
    inService_ = frame;
  }
}

void Direction::depart(Frame* frame, Time at) {
  if (loss_.next()) return drop(frame, counters_.dropLoss);
  Frame* copy = nullptr;
  if (duplicateRandom_.chance(spec_.duplicate)) {
    copy = pool_.take();
    // Without a slot there is no duplicate, and the pool's exhaustion shows in dropPool at the next read.
    if (copy != nullptr) {
      copy->length = frame->length;
      std::memcpy(copy->vnetHeader(), frame->vnetHeader(), kVnetHeaderBytes + frame->length);
      ++counters_.duplicated;
    }
  }
  enterDelayLine(frame, at);
  if (copy != nullptr) enterDelayLine(copy, at);
}

void Direction::enterDelayLine(Frame* frame, Time at) {
  Time due = at;
  const bool skips = reorderRandom_.chance(spec_.reorder);
  if (!skips) {
    due += spec_.delay;
    if (spec_.jitter > 0) {
      const auto shift = std::llround(jitterRandom_.normal() * static_cast<double>(spec_.jitter));
      due = shift < 0 && static_cast<Time>(-shift) > spec_.delay ? at : due + static_cast<Time>(shift);
    }
    // In order also when the delay was just made shorter: a shorter cable does not let packets overtake
    // either.
    if (!spec_.jitterReorders) due = std::max(due, latestDue_);
  }
  if (due < latestDue_) ++counters_.reordered;
  latestDue_ = std::max(latestDue_, due);
  delayLine_.push(frame, due);
}

Frame* Direction::next(Time now) {
  advance(now);
  if (delayLine_.nextDue() > now) return nullptr;
  Frame* frame = delayLine_.pop();
  const Time late = now - frame->at;
  counters_.lateMaxNs = std::max(counters_.lateMaxNs, late);
  counters_.lateSumNs += late;
  ++counters_.outPackets;
  counters_.outBytes += frame->length;
  return frame;
}

Time Direction::deadline() const {
  // The frame in service need not be looked at before it could reach the far end: with a delay of 10 ms that
  // saves a wake-up per frame. Frames behind it are later still.
  const Time inService = inService_ == nullptr ? kNever : serialiser_.finish() + leastDelay_;
  return std::min(delayLine_.nextDue(), inService);
}

Time Direction::tolerance() const {
  // Frames that are offered late come as a burst, which must not fill a queue that they would have passed one
  // by one.
  constexpr Time queueShare = 4;
  constexpr Time delayShare = 10;
  constexpr Time unnoticed = 200 * kMicrosecond;
  Time queueTime = kNever;
  if (spec_.rate != 0 && spec_.trace == nullptr) {
    constexpr double fullFrame = 1514;
    const auto amount = static_cast<double>(spec_.queue.amount);
    const double bytes = spec_.queue.unit == QueueLimit::Unit::kBytes ? amount : amount * fullFrame;
    const double seconds = bytes * 8 / static_cast<double>(spec_.rate);
    queueTime = static_cast<Time>(std::min(seconds, 1.0) * static_cast<double>(kSecond));
  }
  return std::min(queueTime / queueShare, std::max(spec_.delay / delayShare, unnoticed));
}

void Direction::undelivered(const Frame* frame, bool farSideIsDown) {
  --counters_.outPackets;
  counters_.outBytes -= frame->length;
  ++(farSideIsDown ? counters_.dropDown : counters_.writeErrors);
}

void Direction::drop(Frame* frame, std::uint64_t& counter) {
  ++counter;
  pool_.give(frame);
}

Counters Direction::counters(Time now) {
  advance(now);
  counters_.queuePackets = queue_.packets();
  counters_.queueBytes = queue_.bytes();
  counters_.transitPackets = delayLine_.packets() + (inService_ != nullptr ? 1 : 0);
  return counters_;
}

void Direction::resetHighWater() {
  counters_.queueHighWaterPackets = queue_.packets();
  counters_.queueHighWaterBytes = queue_.bytes();
  counters_.sojournMaxNs = 0;
  counters_.lateMaxNs = 0;
}

}  // namespace mqvpn::link
