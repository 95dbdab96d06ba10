#include <netinet/tcp.h>

#include <array>
#include <cerrno>
#include <optional>
#include <stdexcept>

#include "probe/clock.h"
#include "probe/end.h"
#include "probe/socket.h"
#include "probe/stream.h"

namespace mqvpn::probe {
namespace {

// How long one attempt to connect may take: SYNs go out at 0, 1 and 3 s, so paths of up to 3 s round trip
// connect, and a path that starts to work is found at most 2 s later.
constexpr int64_t kAttemptNs = 3'500'000'000;
// Between attempts that fail at once (nobody listens yet, no route yet).
constexpr int64_t kRetryNs = 20'000'000;

// Messages over TCP with TCP_NODELAY, for protocols that carry nothing else (MPTCP under mptcpize).
//
// Received times are those of reading: a stream has no time stamp per message. A connection that breaks is
// recorded
// (`b`), and a new one is made; packets that are due in between are recorded with ENOTCONN. A full socket
// buffer is EAGAIN: that packet was not sent.
class TcpEnd final : public End {
 public:
  TcpEnd(const Options& options, OnEvent onEvent)
      : End(options, std::move(onEvent)), device_(options.device), message_(options.size) {}

  uint16_t open() override {
    if (role_ == Role::kServe) {
      const Address local = parseAddress(options_.bind, options_.port);
      listener_ = openSocket(local.family(), SOCK_STREAM);
      bindTo(listener_, local, options_.bind + " port " + std::to_string(options_.port));
      if (listen(listener_.get(), 8) != 0) throw std::runtime_error("cannot listen on " + options_.bind);
      return localPort(listener_);
    }
    peer_ = parseAddress(options_.to, options_.port);
    if (!options_.bind.empty()) {
      local_ = parseAddress(options_.bind, 0);
      if (local_->family() != peer_.family()) {
        throw std::runtime_error("--bind and --to must both be IPv4 or both be IPv6");
      }
    }
    attemptNs_ = monotonicNs();
    return 0;
  }

  void wanted(std::vector<pollfd>& descriptors) const override {
    if (listener_) descriptors.push_back({listener_.get(), POLLIN, 0});
    if (candidate_) descriptors.push_back({candidate_.get(), POLLIN, 0});
    if (!connection_) return;
    const bool writable = connecting_ || !tail_.empty();
    descriptors.push_back({connection_.get(), static_cast<short>(POLLIN | (writable ? POLLOUT : 0)), 0});
  }

  int64_t deadlineNs() const override {
    const int64_t attempt = role_ == Role::kConnect && !established() ? attemptNs_ : INT64_MAX;
    return std::min(End::deadlineNs(), attempt);
  }

  void onTime(int64_t nowNs) override {
    if (schedule_.isDue(nowNs)) {
      sendNext();
      schedule_.advance(nowNs);
    }
    if (role_ == Role::kConnect && !established() && nowNs >= attemptNs_) attempt(nowNs);
  }

  void onReady(std::span<const pollfd> descriptors) override {
    for (const pollfd& d : descriptors) {
      if (d.revents == 0) continue;
      if (listener_ && d.fd == listener_.get()) {
        accept();
      } else if (candidate_ && d.fd == candidate_.get()) {
        readCandidate();
      } else if (connection_ && d.fd == connection_.get()) {
        if (connecting_) {
          finishConnect();
        } else {
          if (!flushTail()) return;
          if ((d.revents & ~POLLOUT) != 0) read();
        }
      }
    }
  }

  const char* receiveClock() const override { return "user"; }

 private:
  bool established() const { return connection_ && !connecting_; }

  void sendNext() {
    const int64_t dueNs = schedule_.dueNs();
    Packet packet{role_, options_.size, options_.session, nextSeq_++, monotonicNs()};
    const int error = put(packet);
    records_.sent({packet.seq, packet.txNs, packet.txNs - dueNs, error});
  }

  int put(const Packet& packet) {
    if (!established()) return ENOTCONN;
    if (!tail_.empty()) return EAGAIN;
    encode(packet, message_);
    const auto n = send(connection_.get(), message_.data(), message_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0) {
      const int error = errno;
      if (error != EAGAIN) breakOff(error);
      return error;
    }
    tail_.assign(message_.begin() + n, message_.end());
    return 0;
  }

  // Sends the rest of a message that fitted only in part. False when the connection is gone.
  bool flushTail() {
    if (tail_.empty()) return true;
    const auto n = send(connection_.get(), tail_.data(), tail_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n >= 0) {
      tail_.erase(tail_.begin(), tail_.begin() + n);
      return true;
    }
    if (errno == EAGAIN) return true;
    breakOff(errno);
    return false;
  }

  void read() {
    const auto n = recv(connection_.get(), in_.data(), in_.size(), MSG_DONTWAIT);
    if (n < 0) {
      if (errno != EAGAIN && errno != EINTR) breakOff(errno);
      return;
    }
    // 0: the peer closed in order, which a VPN cannot do in its name.
    if (n == 0) return breakOff(0);
    const int64_t rxNs = monotonicNs();
    const bool sane = decoder_.push(std::span(in_).first(static_cast<size_t>(n)), [&](const Packet& packet) {
      if (isOurs(packet)) noteReceived(packet, rxNs, 0);
    });
    if (!sane) breakOff(EPROTO);
  }

  // A newcomer takes the place of the present connection only with its first whole message of this probe: a
  // port scan, or a check whether somebody listens here, must not break what is measured.
  void accept() {
    Fd accepted(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!accepted) return;
    candidate_ = std::move(accepted);
    candidateDecoder_.reset();
  }

  void readCandidate() {
    const auto n = recv(candidate_.get(), in_.data(), in_.size(), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    const int64_t rxNs = monotonicNs();
    std::vector<Packet> packets;
    const auto bytes = std::span(in_).first(n > 0 ? static_cast<size_t>(n) : 0);
    const bool sane = candidateDecoder_.push(bytes, [&](const Packet& packet) {
      if (isOurs(packet)) packets.push_back(packet);
    });
    if (n <= 0 || !sane) {
      candidate_ = Fd();
      return;
    }
    if (packets.empty()) return;
    // The peer connects again only when its end of the old connection is dead.
    if (connection_) breakOff(ECONNABORTED);
    connection_ = std::move(candidate_);
    begin();
    decoder_ = candidateDecoder_;  // it may hold the start of the next message
    for (const Packet& packet : packets) noteReceived(packet, rxNs, 0);
  }

  void attempt(int64_t nowNs) {
    connection_ = Fd();
    connection_ = openSocket(peer_.family(), SOCK_STREAM);
    connecting_ = true;
    device_.forget();
    const int error = device_.apply(connection_);
    if (error != 0) return retryLater(nowNs, error);
    if (local_ && bind(connection_.get(), local_->get(), local_->length) != 0)
      return retryLater(nowNs, errno);
    if (connect(connection_.get(), peer_.get(), peer_.length) == 0) return begin();
    if (errno != EINPROGRESS) return retryLater(nowNs, errno);
    attemptNs_ = nowNs + kAttemptNs;
  }

  void retryLater(int64_t nowNs, int error) {
    complainOnce(("connect to " + options_.to).c_str(), error);
    connection_ = Fd();
    connecting_ = false;
    attemptNs_ = nowNs + kRetryNs;
  }

  void finishConnect() {
    int error = 0;
    socklen_t length = sizeof error;
    getsockopt(connection_.get(), SOL_SOCKET, SO_ERROR, &error, &length);
    if (error != 0) return retryLater(monotonicNs(), error);
    begin();
  }

  void begin() {
    connecting_ = false;
    decoder_.reset();
    tail_.clear();
    const int on = 1;
    setsockopt(connection_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (schedule_.started()) return;
    startNs_ = monotonicNs();
    schedule_.start(startNs_);
  }

  void breakOff(int error) {
    const int64_t now = monotonicNs();
    records_.broken({now, error});
    connection_ = Fd();
    connecting_ = false;
    tail_.clear();
    attemptNs_ = now + kRetryNs;
  }

  DeviceBinding device_;
  Address peer_;
  std::optional<Address> local_;
  Fd listener_;
  Fd candidate_;  // accepted, nothing heard yet
  StreamDecoder candidateDecoder_;
  Fd connection_;
  bool connecting_ = false;
  int64_t attemptNs_ = INT64_MAX;
  StreamDecoder decoder_;
  std::vector<uint8_t> message_;
  std::vector<uint8_t> tail_;  // of a message that was sent in part
  std::array<uint8_t, 65536> in_;
};

}  // namespace

std::unique_ptr<End> makeTcpEnd(const Options& options, End::OnEvent onEvent) {
  return std::make_unique<TcpEnd>(options, std::move(onEvent));
}

}  // namespace mqvpn::probe
