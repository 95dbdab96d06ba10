#include "tunnel/shell_loop.h"

#include <algorithm>
#include <exception>
#include <string>
#include <utility>

#include "io/clock.h"
#include "io/process.h"

namespace mqvpn::tunnel {

namespace {

constexpr std::uint64_t kTagWakeup = UINT64_MAX;
constexpr std::uint64_t kTagTun = UINT64_MAX - 1;
/// Beyond: descriptors of the host.
constexpr std::uint64_t kTagExtra = std::uint64_t{1} << 32;

/// Reads of the TUN device between two rounds of sending: a megabyte when they are super-packets.
constexpr std::size_t kTunReads = 16;
/// CONNECTION_CLOSE leaves at once, unless the network takes nothing.
constexpr quic::Duration kStopWithin = 500 * quic::kMillisecond;

}  // namespace

ShellLoop::ShellLoop(LoopHost& host, ShellTun& tun, ShellSockets& sockets)
    : host_(host), tun_(tun), sockets_(sockets) {}

ShellLoop::~ShellLoop() {
  if (thread_.joinable()) {
    stop("stopped");
    thread_.join();
  }
}

void ShellLoop::start(const std::vector<int>& extraFds) {
  poller_.add(wakeup_.fd(), kTagWakeup);
  poller_.add(tun_.device().fd(), kTagTun);
  socketMore_.assign(sockets_.size(), false);
  watched_.assign(sockets_.size(), false);
  for (std::size_t i = 0; i < sockets_.size(); ++i)
    if (sockets_.isOpen(i)) watchSocket(i);
  for (const int fd : extraFds) poller_.add(fd, kTagExtra + static_cast<std::uint64_t>(fd));
  thread_ = std::thread([this] { run(); });
}

void ShellLoop::watchSocket(std::size_t index) {
  // A socket that was replaced has left the poller with its descriptor.
  watched_[index] = false;
  poller_.add(sockets_.at(index).fd(), index);
}

bool ShellLoop::post(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return false;
    tasks_.push_back(std::move(task));
  }
  wakeup_.signal();
  return true;
}

void ShellLoop::stop(std::string_view reason) {
  post([this, text = std::string(reason)] {
    if (stopping_) return;
    stopping_ = true;
    const quic::Time now = io::monotonicNs();
    stopBy_ = now + kStopWithin;
    host_.engine().close(text, now);
  });
}

void ShellLoop::join() {
  if (thread_.joinable()) thread_.join();
}

void ShellLoop::runTasks() {
  if (!wakeup_.clear()) return;
  std::vector<std::function<void()>> tasks;
  {
    const std::lock_guard lock(mutex_);
    tasks.swap(tasks_);
  }
  for (const auto& task : tasks) task();
}

void ShellLoop::run() {
  io::preciseTimers();
  try {
    while (turn()) {
    }
  } catch (const std::exception& error) {
    host_.onFailure(error.what());
  }
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    tasks_.clear();
  }
  host_.onStopped();
}

bool ShellLoop::turn() {
  const bool more =
      tunMore_ || sendMore_ || std::find(socketMore_.begin(), socketMore_.end(), true) != socketMore_.end();
  // Merging deadlines must only make them earlier.
  const quic::Time retryAt = sockets_.retryAt();
  const quic::Time deadline = more ? 0
                                   : std::min({blocked_ ? retryAt : host_.engine().deadline(), retryAt,
                                               stopBy_, host_.hostDeadline()});
  bool readTun = tunMore_;
  for (const epoll_event& event : poller_.wait(deadline)) {
    const std::uint64_t tag = event.data.u64;
    if (tag == kTagWakeup) {
      runTasks();
    } else if (tag == kTagTun) {
      readTun = true;
    } else if (tag >= kTagExtra) {
      host_.onReadable(static_cast<int>(tag - kTagExtra), io::monotonicNs());
    } else {
      if ((event.events & EPOLLOUT) != 0) sockets_.onWritable(tag);
      if ((event.events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) socketMore_[tag] = true;
    }
  }

  Engine& engine = host_.engine();
  quic::Time now = io::monotonicNs();
  if (host_.hostDeadline() <= now) host_.onHostDeadline(now);
  for (std::size_t i = 0; i < sockets_.size(); ++i)
    if (socketMore_[i]) socketMore_[i] = sockets_.receive(i, engine, tun_, now);
  if (readTun) tunMore_ = tun_.read(engine, kTunReads, now);
  if (engine.deadline() <= now) engine.onTimeout(now);
  tun_.flush();
  host_.onTurn(now);

  if (!blocked_ || sockets_.retryAt() <= now) {
    const ShellSockets::Sent sent = sockets_.send(engine, now);
    blocked_ = sent == ShellSockets::Sent::kBlocked;
    for (std::size_t i = 0; i < sockets_.size(); ++i) {
      if (!sockets_.isOpen(i) || sockets_.isBlocked(i) == watched_[i]) continue;
      watched_[i] = !watched_[i];
      poller_.watchWritable(sockets_.at(i).fd(), i, watched_[i]);
    }
    tun_.flush();
    const bool again = host_.onTurn(now);
    sendMore_ = sent == ShellSockets::Sent::kMore || again;
  }
  if (!stopping_) return true;
  return (blocked_ || sendMore_) && now < stopBy_;
}

}  // namespace mqvpn::tunnel
