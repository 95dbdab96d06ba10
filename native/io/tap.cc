#include "io/tap.h"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "io/netns.h"

namespace mqvpn::io {

namespace {

// The ring between the kernel and us, in frames. It must hold what a sender can offer while we are not
// scheduled: 10 000 full frames are 120 ms at 1 Gbit/s. Frames in it cost memory only while they are there.
constexpr int kRingFrames = 10'000;

void check(int result, const std::string& what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
}

ifreq requestFor(const std::string& device) {
  ifreq request{};
  std::strncpy(request.ifr_name, device.c_str(), IFNAMSIZ - 1);
  return request;
}

}  // namespace

Tap::Tap(const std::string& netns, const std::string& device) {
  const InNetns there(netns);
  const std::string name = "device " + device + " in " + netns;

  fd_ = Fd(open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  check(fd_.get(), "/dev/net/tun");
  ifreq request = requestFor(device);
  request.ifr_flags = static_cast<short>(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR);
  check(ioctl(fd_.get(), TUNSETIFF, &request), name);
  // Checksums only. Without TSO and USO the kernel segments before it hands us anything, as a real link needs
  // it.
  check(ioctl(fd_.get(), TUNSETOFFLOAD, TUN_F_CSUM), name + ": TUNSETOFFLOAD");

  const Fd control(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  check(control.get(), name + ": socket");
  request = requestFor(device);
  request.ifr_qlen = kRingFrames;
  check(ioctl(control.get(), SIOCSIFTXQLEN, &request), name + ": SIOCSIFTXQLEN");
  check(ioctl(control.get(), SIOCGIFINDEX, &request), name + ": SIOCGIFINDEX");
  index_ = request.ifr_ifindex;

  netlink_ = Fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  check(netlink_.get(), name + ": netlink socket");
}

std::ptrdiff_t Tap::read(std::uint8_t* buffer, std::size_t size) const {
  const ssize_t got = ::read(fd_.get(), buffer, size);
  return got >= 0 ? got : -errno;
}

int Tap::write(std::span<const iovec> pieces) const {
  return ::writev(fd_.get(), pieces.data(), static_cast<int>(pieces.size())) >= 0 ? 0 : -errno;
}

void Tap::setCarrier(bool on) const {
  int value = on ? 1 : 0;
  check(ioctl(fd_.get(), TUNSETCARRIER, &value), "TUNSETCARRIER");
}

Tap::Transmission Tap::transmission() const {
  struct {
    nlmsghdr header;
    ifinfomsg link;
  } request{};
  request.header.nlmsg_len = sizeof(request);
  request.header.nlmsg_type = RTM_GETLINK;
  request.header.nlmsg_flags = NLM_F_REQUEST;
  request.link.ifi_index = index_;
  if (send(netlink_.get(), &request, sizeof(request), 0) < 0) return {};

  alignas(nlmsghdr) char answer[16384];
  const ssize_t got = recv(netlink_.get(), answer, sizeof(answer), 0);
  auto left = static_cast<unsigned>(got > 0 ? got : 0);
  const auto* header = reinterpret_cast<const nlmsghdr*>(answer);
  if (!NLMSG_OK(header, left) || header->nlmsg_type != RTM_NEWLINK) return {};

  Transmission found;
  const auto* link = static_cast<const ifinfomsg*>(NLMSG_DATA(header));
  bool carrier = false;
  const auto* attribute = IFLA_RTA(link);
  for (auto bytes = static_cast<unsigned>(IFLA_PAYLOAD(header)); RTA_OK(attribute, bytes);
       attribute = RTA_NEXT(attribute, bytes)) {
    if (attribute->rta_type == IFLA_STATS64) {
      // The kernel may be older than our header and send less of the structure.
      rtnl_link_stats64 stats{};
      std::memcpy(&stats, RTA_DATA(attribute), std::min<std::size_t>(sizeof(stats), RTA_PAYLOAD(attribute)));
      found.dropped = stats.tx_dropped;
    } else if (attribute->rta_type == IFLA_OPERSTATE) {
      // RFC 2863: up, or unknown: a carrier that never changed is not announced.
      const std::uint8_t state = *static_cast<const std::uint8_t*>(RTA_DATA(attribute));
      carrier = state == IF_OPER_UP || state == IF_OPER_UNKNOWN;
    }
  }
  found.operational = carrier && (link->ifi_flags & IFF_UP) != 0;
  return found;
}

}  // namespace mqvpn::io
