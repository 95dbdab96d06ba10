#pragma once

// Traffic inside the tunnel: connections that behave as TCP does, and UDP at a constant rate.

#include <algorithm>
#include <cmath>
#include <deque>

#include "tunnel_sim.h"

namespace mqvpn::tunnel::test {

/// What comes in for one flow, and one that sends.
class Flow {
 public:
  Flow(Sim& sim, Host& from, Client& to, std::uint16_t port) : sim_(sim), from_(from), to_(to), port_(port) {}
  virtual ~Flow() = default;
  virtual void start() = 0;
  virtual void stop() { stopped_ = true; }
  virtual bool onPacket(std::span<const std::uint8_t> packet, bool atReceiver) = 0;
  std::uint16_t port() const { return port_; }
  std::uint64_t bytes() const { return bytes_; }
  std::uint64_t reordered() const { return reordered_; }

 protected:
  /// IPv4, 20 bytes of a transport header, then `number`.
  Bytes make(std::uint8_t protocol, std::uint32_t source, std::uint32_t destination, std::size_t size) const {
    Udp udp;
    udp.source = source;
    udp.destination = destination;
    udp.from = udp.to = port_;
    Bytes packet = udp4(udp, size);
    packet[9] = protocol;
    packet[32] = 0x50;
    finish4(packet);
    return packet;
  }
  void arrived(std::uint32_t number, std::size_t size) {
    bytes_ += size;
    reordered_ += number < newest_;
    newest_ = std::max(newest_, number);
  }

  Sim& sim_;
  Host& from_;
  Client& to_;
  const std::uint16_t port_;
  bool stopped_ = false;
  std::uint64_t bytes_ = 0, reordered_ = 0;
  std::uint32_t newest_ = 0;
};

/// From the internet behind the server to a client. Slow start, CUBIC (RFC 9438), loss by time (RFC 8985).
class TcpFlow final : public Flow {
 public:
  using Flow::Flow;
  static constexpr std::size_t kSize = 1360;

  void start() override {
    data_ = make(6, kInternet, to_.inner(), kSize);
    ack_ = make(6, to_.inner(), kInternet, 60);
    lastAck_ = sim_.now();
    fill();
    watch();
  }
  bool onPacket(std::span<const std::uint8_t> packet, bool atReceiver) override {
    std::uint32_t number = 0, other = 0;
    std::memcpy(&number, packet.data() + 40, 4);
    if (atReceiver) {
      arrived(number, packet.size());
      held_.push_back(number);
      if (held_.size() == 2) acknowledge();
    } else {
      std::memcpy(&other, packet.data() + 44, 4);
      onAck(number);
      onAck(other);
      findLost();
      fill();
    }
    return true;
  }

 private:
  struct Sent {
    Time at;
    bool done;
  };

  void acknowledge() {
    std::memcpy(&ack_[40], &held_[0], 4);
    std::memcpy(&ack_[44], &held_[1], 4);
    held_.clear();
    sim_.at(sim_.now(), [this] { to_.send(ack_); });
  }
  void fill() {
    while (!stopped_ && static_cast<double>(inFlight_) < window_) {
      std::memcpy(&data_[40], &next_, 4);
      ++next_;
      ++inFlight_;
      sent_.push_back({sim_.now(), false});
      from_.send(data_);
    }
  }
  void onAck(std::uint32_t number) {
    lastAck_ = sim_.now();
    if (number < first_ || number - first_ >= sent_.size() || sent_[number - first_].done) return;
    Sent& one = sent_[number - first_];
    one.done = true;
    const auto sample = static_cast<double>(sim_.now() - one.at);
    rtt_ = rtt_ == 0 ? sample : rtt_ + (sample - rtt_) / 8;
    newestAckedAt_ = std::max(newestAckedAt_, one.at);
    const bool limited = static_cast<double>(inFlight_) > window_ * 0.8;
    --inFlight_;
    if (!limited) return;
    if (window_ < threshold_) {
      window_ += 1;
    } else {
      const double k = std::cbrt(most_ * 0.3 / 0.4);
      const double t = static_cast<double>(sim_.now() - epoch_ + static_cast<Duration>(rtt_)) / 1e9;
      const double target = std::min(0.4 * std::pow(t - k, 3) + most_, window_ * 1.5);
      window_ += std::max(target - window_, 0.01) / window_;
    }
  }
  void findLost() {
    for (std::size_t i = 0;
         i < sent_.size() && sent_[i].at + static_cast<Duration>(rtt_ / 4) < newestAckedAt_; ++i) {
      if (sent_[i].done) continue;
      sent_[i].done = true;
      --inFlight_;
      if (first_ + i < recovered_) continue;
      recovered_ = next_;
      most_ = window_;
      window_ = threshold_ = std::max(window_ * 0.7, 2.0);
      epoch_ = sim_.now();
    }
    while (!sent_.empty() && sent_.front().done) {
      sent_.pop_front();
      ++first_;
    }
  }
  void watch() {
    if (stopped_) return;
    if (sim_.now() - lastAck_ > 400 * kMillisecond) {
      first_ = next_;
      sent_.clear();
      inFlight_ = 0;
      threshold_ = std::max(window_ / 2, 10.0);
      window_ = 10;
      lastAck_ = sim_.now();
      fill();
    }
    sim_.at(sim_.now() + 50 * kMillisecond, [this] { watch(); });
  }

  Bytes data_, ack_;
  std::vector<std::uint32_t> held_;
  std::deque<Sent> sent_;
  std::uint32_t first_ = 0, next_ = 0, recovered_ = 0;
  std::size_t inFlight_ = 0;
  double window_ = 10, threshold_ = 1e9, most_ = 0, rtt_ = 0;
  Time epoch_ = 0, newestAckedAt_ = 0, lastAck_ = 0;
};

class UdpFlow final : public Flow {
 public:
  static constexpr std::size_t kSize = 1200;

  UdpFlow(Sim& sim, Host& from, Client& to, std::uint16_t port, double bitsPerSecond)
      : Flow(sim, from, to, port), gap_(static_cast<Duration>(kSize * 8e9 / bitsPerSecond)) {}
  void start() override {
    data_ = make(17, kInternet, to_.inner(), kSize);
    send();
  }
  bool onPacket(std::span<const std::uint8_t> packet, bool) override {
    std::uint32_t number = 0;
    std::memcpy(&number, packet.data() + 40, 4);
    arrived(number, packet.size());
    packets_ += number >= countFrom_;
    return true;
  }
  std::uint64_t sent() const { return number_ - countFrom_; }
  /// Of those sent since forgetLosses().
  std::uint64_t lost() const { return number_ - countFrom_ - packets_; }
  /// Counts anew what is sent from now on.
  void forgetLosses() {
    countFrom_ = number_;
    packets_ = 0;
  }

 private:
  void send() {
    if (stopped_) return;
    std::memcpy(&data_[40], &number_, 4);
    ++number_;
    from_.send(data_);
    sim_.at(sim_.now() + gap_, [this] { send(); });
  }

  const Duration gap_;
  Bytes data_;
  std::uint32_t number_ = 0, countFrom_ = 0;
  std::uint64_t packets_ = 0;
};

}  // namespace mqvpn::tunnel::test
