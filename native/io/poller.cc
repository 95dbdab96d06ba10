#include "io/poller.h"

#include <poll.h>

#include <cerrno>
#include <ctime>
#include <limits>
#include <system_error>

#include "io/clock.h"

namespace mqvpn::io {

Poller::Poller() : fd_(epoll_create1(EPOLL_CLOEXEC)) {
  if (!fd_) throw std::system_error(errno, std::generic_category(), "epoll_create1");
}

bool Poller::add(int fd, std::uint64_t tag) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = tag;
  if (epoll_ctl(fd_.get(), EPOLL_CTL_ADD, fd, &event) == 0) return true;
  if (errno == EPERM) return false;
  throw std::system_error(errno, std::generic_category(), "epoll_ctl");
}

void Poller::watchWritable(int fd, std::uint64_t tag, bool on) {
  epoll_event event{};
  event.events = on ? EPOLLIN | EPOLLOUT : EPOLLIN;
  event.data.u64 = tag;
  if (epoll_ctl(fd_.get(), EPOLL_CTL_MOD, fd, &event) != 0)
    throw std::system_error(errno, std::generic_category(), "epoll_ctl");
}

void Poller::remove(int fd) { epoll_ctl(fd_.get(), EPOLL_CTL_DEL, fd, nullptr); }

std::span<const epoll_event> Poller::wait(std::uint64_t deadlineNs) {
  timespec timeout{};
  const bool forEver = deadlineNs == std::numeric_limits<std::uint64_t>::max();
  if (!forEver) {
    const std::uint64_t now = monotonicNs();
    const std::uint64_t ns = deadlineNs > now ? deadlineNs - now : 0;
    timeout.tv_sec = static_cast<time_t>(ns / 1'000'000'000u);
    timeout.tv_nsec = static_cast<long>(ns % 1'000'000'000u);
  }
  int count = epoll_pwait2(fd_.get(), events_, kMostEvents, forEver ? nullptr : &timeout, nullptr);
  if (count < 0 && errno == ENOSYS) {
    // Before Linux 5.11. An epoll descriptor is itself pollable, and ppoll takes nanoseconds.
    pollfd self{fd_.get(), POLLIN, 0};
    ppoll(&self, 1, forEver ? nullptr : &timeout, nullptr);
    count = epoll_wait(fd_.get(), events_, kMostEvents, 0);
  }
  if (count < 0 && errno != EINTR) throw std::system_error(errno, std::generic_category(), "epoll_pwait2");
  return {events_, static_cast<std::size_t>(count > 0 ? count : 0)};
}

}  // namespace mqvpn::io
