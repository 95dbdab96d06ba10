#include "io/udp_control.h"

#include <netinet/ip.h>
#include <netinet/udp.h>

#include <cstdint>
#include <cstring>

namespace mqvpn::io {

namespace {

template <typename Value>
Value valueOf(const cmsghdr* item) {
  Value value{};
  std::memcpy(&value, CMSG_DATA(item), sizeof(value));
  return value;
}

/// Appends items to a control buffer that is large enough.
class Items {
 public:
  explicit Items(SendControl& control) : control_(control) {}

  template <typename Value>
  void add(int level, int type, const Value& value) {
    auto* item = reinterpret_cast<cmsghdr*>(control_.bytes + size_);
    item->cmsg_level = level;
    item->cmsg_type = type;
    item->cmsg_len = CMSG_LEN(sizeof(value));
    std::memcpy(CMSG_DATA(item), &value, sizeof(value));
    size_ += CMSG_SPACE(sizeof(value));
  }
  std::size_t size() const { return size_; }

 private:
  SendControl& control_;
  std::size_t size_ = 0;
};

/// `address` as a socket of this family takes it. Returns its size.
socklen_t nameFor(const SockAddr& address, bool ipv6, sockaddr_in6& name) {
  if (!ipv6 || address.family() == 6) {
    std::memcpy(&name, address.get(), address.size());
    return address.size();
  }
  // IPv4 through a dual-stack socket (RFC 4291 §2.5.5.2).
  name = {};
  name.sin6_family = AF_INET6;
  name.sin6_port = htons(address.port());
  name.sin6_addr.s6_addr[10] = name.sin6_addr.s6_addr[11] = 0xff;
  std::memcpy(name.sin6_addr.s6_addr + 12, address.ip(), 4);
  return sizeof(name);
}

}  // namespace

void readControl(msghdr& message, Received& received) {
  constexpr int ecnBits = 3;
  for (const cmsghdr* item = CMSG_FIRSTHDR(&message); item != nullptr;
       item = CMSG_NXTHDR(&message, const_cast<cmsghdr*>(item))) {
    if (item->cmsg_level == IPPROTO_IP && item->cmsg_type == IP_TOS) {
      received.ecn = valueOf<std::uint8_t>(item) & ecnBits;
    } else if (item->cmsg_level == IPPROTO_IPV6 && item->cmsg_type == IPV6_TCLASS) {
      received.ecn = static_cast<std::uint8_t>(valueOf<int>(item) & ecnBits);
    } else if (item->cmsg_level == IPPROTO_IP && item->cmsg_type == IP_PKTINFO) {
      const auto info = valueOf<in_pktinfo>(item);
      received.local =
          SockAddr::ipv4(reinterpret_cast<const std::uint8_t*>(&info.ipi_addr), received.local.port());
    } else if (item->cmsg_level == IPPROTO_IPV6 && item->cmsg_type == IPV6_PKTINFO) {
      const auto info = valueOf<in6_pktinfo>(item);
      const bool linkLocal = IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr);
      received.local = SockAddr::ipv6(info.ipi6_addr.s6_addr, received.local.port(),
                                      linkLocal ? static_cast<std::uint32_t>(info.ipi6_ifindex) : 0);
    } else if (item->cmsg_level == IPPROTO_UDP && item->cmsg_type == UDP_GRO) {
      const int size = valueOf<int>(item);
      if (size > 0) received.segmentSize = static_cast<std::size_t>(size);
    }
  }
}

void prepare(msghdr& message, const Outgoing& batch, bool ipv6, sockaddr_in6& name, iovec& bytes,
             SendControl& control, std::size_t segmentSize) {
  message = {};
  message.msg_name = &name;
  message.msg_namelen = nameFor(batch.to, ipv6, name);
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  Items items(control);
  if (batch.to.family() == 4) {
    // Also of a dual-stack socket: the kernel hands a mapped destination to IPv4 with these.
    if (batch.ecn != 0) items.add(IPPROTO_IP, IP_TOS, int{batch.ecn});
    if (batch.local.family() == 4 && !batch.local.isWildcard()) {
      in_pktinfo info{};
      std::memcpy(&info.ipi_spec_dst, batch.local.ip(), 4);
      items.add(IPPROTO_IP, IP_PKTINFO, info);
    }
  } else {
    if (batch.ecn != 0) items.add(IPPROTO_IPV6, IPV6_TCLASS, int{batch.ecn});
    if (batch.local.family() == 6 && !batch.local.isWildcard()) {
      in6_pktinfo info{};
      std::memcpy(&info.ipi6_addr, batch.local.ip(), 16);
      info.ipi6_ifindex = batch.local.scope();
      items.add(IPPROTO_IPV6, IPV6_PKTINFO, info);
    }
  }
  if (segmentSize != 0) items.add(IPPROTO_UDP, UDP_SEGMENT, static_cast<std::uint16_t>(segmentSize));
  message.msg_control = items.size() == 0 ? nullptr : control.bytes;
  message.msg_controllen = items.size();
}

}  // namespace mqvpn::io
