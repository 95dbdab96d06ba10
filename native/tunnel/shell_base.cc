#include "tunnel/shell_base.h"

#include <algorithm>
#include <cstring>

#include "io/clock.h"
#include "tunnel/shell_convert.h"

namespace mqvpn::tunnel {

namespace {

/// A failing device fails with each packet; a person wants to read it once.
constexpr quic::Duration kPathErrorEvery = 10 * quic::kSecond;
/// RFC 9000 §14: "maximum datagram size of at least 1200 bytes"; jumbo frames beyond this are of no use in a
/// tunnel.
constexpr std::uint32_t kLeastPayload = 1200, kMostPayload = 9172;

}  // namespace

std::uint32_t udpPayload(std::uint32_t linkMtu, std::uint8_t family) {
  const std::uint32_t headers = (family == 6 ? 40u : 20u) + 8u;
  return std::clamp(linkMtu > headers ? linkMtu - headers : 0, kLeastPayload, kMostPayload);
}

ShellBase::ShellBase(const std::string& tunName, OnEvent onEvent, std::shared_ptr<ShellDevice> kept)
    : onEvent_(std::move(onEvent)),
      device_(kept ? std::move(kept) : std::make_shared<ShellDevice>(tunName)),
      tun_(device_->tun),
      network_(device_->network) {}

bool ShellBase::onTurn(quic::Time now) {
  bool called = false;
  // Handling one may bring others.
  for (std::size_t i = 0; i < pending_.size(); ++i) {
    const Event event = std::move(pending_[i]);
    called |= handle(event, now);
  }
  pending_.clear();
  if (!segmentationTold_ && sockets_.stats().datagramsOut > 1) {
    segmentationTold_ = true;
    tellOffloads();
  }
  if (const int error = sockets_.takePathError(); error != 0) {
    onPathError(now);
    if (pathErrorAt_ == 0 || now - pathErrorAt_ > kPathErrorEvery) {
      pathErrorAt_ = now;
      log(LogLevel::kWarn, std::string("sending fails for the moment: ") + std::strerror(error));
    }
  }
  return called;
}

bool ShellBase::handle(const Event& event, quic::Time) {
  tell(event);
  return false;
}

void ShellBase::onFailure(const std::string& message) {
  log(LogLevel::kError, "the event loop ends: " + message);
}

void ShellBase::onStopped() {
  onTurn(io::monotonicNs());
  if (!keepDevice_) network_.remove();
  // Nothing is told after this.
  onEvent_ = {};
  if (done_) done_();
}

void ShellBase::tellOffloads() {
  const io::Tun::Offload offload = tun_.device().offload();
  if (!offload.tcp)
    log(LogLevel::kInfo, "this kernel's TUN device passes no large packets: more work per packet");
  for (std::size_t i = 0; i < sockets_.size(); ++i) {
    if (!sockets_.isOpen(i)) continue;
    if (!sockets_.at(i).segmentationOffload())
      log(LogLevel::kInfo, "UDP_SEGMENT is not to be had here: each packet costs a system call of its own");
    if (!sockets_.at(i).receiveOffload())
      log(LogLevel::kInfo, "UDP_GRO is not to be had here: more work per packet");
  }
}

bool ShellBase::status(std::function<void(ShellStatus)> answer) {
  return loop().post([this, answer = std::move(answer)] {
    ShellStatus status;
    status.server = isServer();
    status.tunName = tun_.device().name();
    status.tunMtu = tunMtu_;
    status.tunOffload = tun_.device().offload().tcp;
    status.tun = tun_.stats();
    status.sockets = sockets_.stats();
    for (std::size_t i = 0; i < sockets_.size(); ++i) {
      if (!sockets_.isOpen(i)) {
        status.socket.push_back({"", deviceNames_[i], false, false, 0});
        continue;
      }
      const io::UdpSocket& socket = sockets_.at(i);
      status.socket.push_back({io::toString(socket.local()),
                               i < deviceNames_.size() ? deviceNames_[i] : std::string(),
                               socket.segmentationOffload(), socket.receiveOffload(), socket.dropped()});
    }
    status.engine = engine().status(io::monotonicNs());
    answer(std::move(status));
  });
}

void ShellBase::stop(bool keepDevice, std::function<void()> done) {
  loop().post([this, keepDevice, done = std::move(done)]() mutable {
    keepDevice_ = keepDevice;
    done_ = std::move(done);
  });
  loop().stop(isServer() ? "the server stops" : "the client stops");
}

}  // namespace mqvpn::tunnel
