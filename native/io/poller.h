#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <span>

#include "io/fd.h"

namespace mqvpn::io {

/// Waits for readable (and, where asked for, writable) descriptors until a time in ns of CLOCK_MONOTONIC.
class Poller {
 public:
  Poller();
  /// Reports `tag` when `fd` is readable or at its end. False when the kernel cannot poll it (a plain file:
  /// always readable).
  bool add(int fd, std::uint64_t tag);
  /// Whether `fd`, which was added, is also reported while it is writable (EPOLLOUT in the event).
  void watchWritable(int fd, std::uint64_t tag, bool on);
  void remove(int fd);
  /// The tags (data.u64) of what is ready. `deadlineNs` UINT64_MAX: for ever; in the past: look only.
  std::span<const epoll_event> wait(std::uint64_t deadlineNs);

 private:
  Fd fd_;
  static constexpr int kMostEvents = 64;
  epoll_event events_[kMostEvents];
};

}  // namespace mqvpn::io
