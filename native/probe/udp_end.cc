#include <time.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <stdexcept>

#include "probe/clock.h"
#include "probe/end.h"
#include "probe/peer.h"
#include "probe/socket.h"

namespace mqvpn::probe {
namespace {

constexpr int kMaxReadsPerWake = 256;  // a flood of foreign packets must not keep us from sending
constexpr int64_t kMaxPlausibleLateNs = 10'000'000'000;

// One moment on both clocks.
struct Moment {
  int64_t monotonic;
  int64_t realtime;
};

// Being interrupted between the two readings would make them two moments: they are taken again when that took
// longer than any two readings do.
Moment readClocks() {
  constexpr int64_t kAtOnceNs = 2000;
  Moment best{};
  int64_t least = INT64_MAX;
  for (int i = 0; i < 4 && least > kAtOnceNs; ++i) {
    const int64_t before = monotonicNs();
    const int64_t realtime = realtimeNs();
    const int64_t took = monotonicNs() - before;
    if (took >= least) continue;
    least = took;
    best = {before + took / 2, realtime};
  }
  return best;
}

struct Arrival {
  int64_t rxNs;
  int64_t lateNs;
};

// The time of arrival that carries the least of our own delay.
//
// Reading CLOCK_MONOTONIC after recvmsg() adds the time until this process ran: some 20 µs on an idle
// machine, milliseconds on a busy one without real-time priority; that is this tool's, not the network's. The
// kernel's time stamp (SO_TIMESTAMPNS) is taken as the packet enters the receiving host, but on
// CLOCK_REALTIME, which is slewed and set. So it is not used as a time but as an age: both clocks are read
// now, and (realtime now − stamp) is how long the packet waited for us. A clock that is set can spoil only
// the packets that wait in that moment, and then the age is not plausible and the time of reading is taken.
// The age is recorded, so nothing is hidden: RX_NS + LATE_NS is the time of reading.
Arrival arrivalTime(msghdr& message) {
  const auto [monotonic, realtime] = readClocks();
  for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS) continue;
    timespec stamp;
    std::memcpy(&stamp, CMSG_DATA(c), sizeof stamp);
    const int64_t age = realtime - (int64_t{stamp.tv_sec} * 1'000'000'000 + stamp.tv_nsec);
    if (age >= 0 && age < kMaxPlausibleLateNs) return {monotonic - age, age};
  }
  return {monotonic, 0};
}

class UdpEnd final : public End {
 public:
  UdpEnd(const Options& options, OnEvent onEvent)
      : End(options, std::move(onEvent)), device_(options.device), out_(options.size) {}

  uint16_t open() override {
    if (role_ == Role::kServe) {
      const Address local = parseAddress(options_.bind, options_.port);
      socket_ = openSocket(local.family(), SOCK_DGRAM);
      bindTo(socket_, local, options_.bind + " port " + std::to_string(options_.port));
    } else {
      peer_ = parseAddress(options_.to, options_.port);
      socket_ = openSocket(peer_.family(), SOCK_DGRAM);
      if (!options_.bind.empty()) {
        const Address local = parseAddress(options_.bind, 0);
        if (local.family() != peer_.family()) {
          throw std::runtime_error("--bind and --to must both be IPv4 or both be IPv6");
        }
        bindTo(socket_, local, options_.bind);
      }
    }
    // The socket stays unconnected. A connected one keeps the route and source address of its start, and an
    // ICMP error for an earlier packet makes the kernel refuse a later one that it never tried to send.
    const int on = 1;
    setsockopt(socket_.get(), SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    if (role_ == Role::kConnect) begin(monotonicNs());
    return localPort(socket_);
  }

  void wanted(std::vector<pollfd>& descriptors) const override {
    descriptors.push_back({socket_.get(), POLLIN, 0});
  }

  void onTime(int64_t nowNs) override {
    const int64_t dueNs = schedule_.dueNs();
    Packet packet{role_, options_.size, options_.session, nextSeq_++, 0};
    int error = device_.apply(socket_);
    packet.txNs = monotonicNs();
    if (error == 0) {
      encode(packet, out_);
      const auto n = sendto(socket_.get(), out_.data(), out_.size(), MSG_DONTWAIT, peer_.get(), peer_.length);
      error = n < 0 ? errno : 0;
    }
    records_.sent({packet.seq, packet.txNs, packet.txNs - dueNs, error});
    schedule_.advance(nowNs);
  }

  void onReady(std::span<const pollfd> descriptors) override {
    if (descriptors[0].revents == 0) return;
    for (int i = 0; i < kMaxReadsPerWake; ++i) {
      if (!readOne()) return;
    }
  }

  const char* receiveClock() const override { return "kernel"; }

 private:
  void begin(int64_t nowNs) {
    startNs_ = nowNs;
    schedule_.start(nowNs);
  }

  // False when nothing is left to read. An error is one of the path's and of that moment (ENETDOWN,
  // EHOSTUNREACH).
  bool readOne() {
    Address source;
    iovec data{in_.data(), in_.size()};
    alignas(cmsghdr) std::array<char, 256> control;
    msghdr message{};
    message.msg_name = source.get();
    message.msg_namelen = sizeof source.storage;
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const auto n = recvmsg(socket_.get(), &message, MSG_DONTWAIT);
    if (n < 0) return false;
    const Arrival arrival = arrivalTime(message);
    const auto packet = decodeDatagram(std::span(in_).first(static_cast<size_t>(n)));
    if (!isOurs(packet)) return true;
    source.length = message.msg_namelen;
    if (role_ == Role::kServe && order_.isNewest(packet->seq, arrival.rxNs)) {
      peer_ = source;
      if (!schedule_.started()) begin(monotonicNs());
    }
    noteReceived(*packet, arrival.rxNs, arrival.lateNs);
    return true;
  }

  Fd socket_;
  DeviceBinding device_;
  Address peer_;
  PeerOrder order_;
  std::vector<uint8_t> out_;
  std::array<uint8_t, 65536> in_;
};

}  // namespace

std::unique_ptr<End> makeUdpEnd(const Options& options, End::OnEvent onEvent) {
  return std::make_unique<UdpEnd>(options, std::move(onEvent));
}

}  // namespace mqvpn::probe
