// The ancillary data of UDP messages.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cstddef>

#include "io/udp_socket.h"

namespace mqvpn::io {

/// Room for what may come with a message: local address of both families, traffic class, segment size.
struct ReceiveControl {
  alignas(cmsghdr) char bytes[CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(in_pktinfo)) +
                              2 * CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(int))];
};
struct SendControl {
  alignas(cmsghdr) char bytes[CMSG_SPACE(sizeof(in6_pktinfo)) + 2 * CMSG_SPACE(sizeof(int))];
};

/// Fills in local address, ECN and segment size, as far as the message tells.
void readControl(msghdr& message, Received& received);

/// Makes `message` send `bytes`, which has the batch's bytes. `ipv6`: the family of the socket.
/// `segmentSize` 0: one datagram.
void prepare(msghdr& message, const Outgoing& batch, bool ipv6, sockaddr_in6& name, iovec& bytes,
             SendControl& control, std::size_t segmentSize);

}  // namespace mqvpn::io
