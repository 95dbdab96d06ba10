#pragma once

#include <string>

#include "io/fd.h"

namespace mqvpn::io {

/// While it lives, the calling thread is in the network namespace of `file` (/run/netns/NAME,
/// /proc/PID/ns/net): sockets and devices made meanwhile belong there and keep working afterwards. Throws
/// std::system_error naming the file.
class InNetns {
 public:
  explicit InNetns(const std::string& file);
  InNetns(const InNetns&) = delete;
  InNetns& operator=(const InNetns&) = delete;
  ~InNetns();

 private:
  Fd home_;
};

}  // namespace mqvpn::io
