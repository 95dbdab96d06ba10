#include "io/netlink_monitor.h"

#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "io/netlink_parse.h"

namespace mqvpn::io {

namespace {

constexpr std::size_t kBufferBytes = 32768;
// A routing daemon that loads a full table must not make us lose the event of a link that goes down.
constexpr int kSocketBytes = 1 << 20;

}  // namespace

NetlinkMonitor::NetlinkMonitor()
    : socket_(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK)), buffer_(kBufferBytes) {
  if (socket_ == nullptr) throw std::system_error(errno, std::generic_category(), "netlink monitor");
  const int bytes = kSocketBytes;
  setsockopt(fd(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
  constexpr unsigned groups =
      RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE;
  if (mnl_socket_bind(socket_, groups, MNL_SOCKET_AUTOPID) < 0) {
    const int error = errno;
    mnl_socket_close(socket_);
    throw std::system_error(error, std::generic_category(), "netlink monitor: bind");
  }
}

NetlinkMonitor::~NetlinkMonitor() { mnl_socket_close(socket_); }

int NetlinkMonitor::fd() const { return mnl_socket_get_fd(socket_); }

void NetlinkMonitor::read(std::vector<NetlinkEvent>& events) {
  for (;;) {
    const ssize_t got = mnl_socket_recvfrom(socket_, buffer_.data(), buffer_.size());
    if (got > 0) {
      parseEvents({buffer_.data(), static_cast<std::size_t>(got)}, events);
      continue;
    }
    if (got < 0 && errno == EINTR) continue;
    // ENOBUFS: the kernel dropped events because we did not read. ENOSPC: one did not fit the buffer.
    if (got < 0 && (errno == ENOBUFS || errno == ENOSPC)) {
      events.emplace_back(std::in_place_type<EventsLost>);
      continue;
    }
    return;
  }
}

}  // namespace mqvpn::io
