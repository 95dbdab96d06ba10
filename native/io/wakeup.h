#pragma once

#include "io/fd.h"

namespace mqvpn::io {

/// Wakes a thread that waits in Poller::wait, from any other thread. An eventfd.
class Wakeup {
 public:
  /// Throws std::system_error.
  Wakeup();
  /// To be added to the poller.
  int fd() const { return fd_.get(); }
  /// From any thread; signals that were not seen yet become one.
  void signal() const;
  /// In the thread that was woken: whether there was a signal since the last call.
  bool clear() const;

 private:
  Fd fd_;
};

}  // namespace mqvpn::io
