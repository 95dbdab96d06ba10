#pragma once

#include <vector>

#include "io/netlink_types.h"

struct mnl_socket;

namespace mqvpn::io {

/// Tells of links, addresses and routes that change, in the network namespace that the calling thread is in
/// at construction.
class NetlinkMonitor {
 public:
  /// Throws std::system_error.
  NetlinkMonitor();
  ~NetlinkMonitor();
  NetlinkMonitor(const NetlinkMonitor&) = delete;
  NetlinkMonitor& operator=(const NetlinkMonitor&) = delete;

  /// Readable when there are events.
  int fd() const;
  /// Adds what happened since the last call to `events`, oldest first. Never waits.
  void read(std::vector<NetlinkEvent>& events);

 private:
  mnl_socket* socket_ = nullptr;
  std::vector<char> buffer_;
};

}  // namespace mqvpn::io
