#include "addon/kernel_features.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <thread>

#include "io/fd.h"

namespace mqvpn::addon {
namespace {

using io::Fd;

// Not in the headers of every distribution that we build on.
constexpr int kUdpSegment = 103;
constexpr int kUdpGro = 104;
constexpr int kIpprotoMptcp = 262;
constexpr unsigned kTunUso4 = 0x20;
constexpr unsigned kTunUso6 = 0x40;
constexpr long kSysIoUringSetup = 425;
constexpr size_t kIoUringParamsBytes = 120;

Feature yes(std::string detail) { return {true, std::move(detail)}; }
Feature no(std::string detail) { return {false, std::move(detail)}; }
Feature fromErrno(const std::string& what, int error) { return no(what + ": " + std::strerror(error)); }

Feature capability(int number, const char* name) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> data{};
  if (syscall(SYS_capget, &header, data.data()) != 0) return fromErrno("capget", errno);
  const auto word = static_cast<size_t>(number / 32);
  const bool held = (data[word].effective & (1u << (number % 32))) != 0;
  return held ? yes("held") : no(std::string("this process lacks ") + name + ": run it with sudo");
}

// In the thread of the caller only; its namespace ends with it.
Feature ownNamespace() {
  if (unshare(CLONE_NEWNET) == 0) return yes("unshare(CLONE_NEWNET) works");
  return fromErrno("unshare(CLONE_NEWNET)", errno);
}

Fd openTun() { return Fd(open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK)); }

// Not persistent: the device ends with its descriptor.
int createTun(const Fd& fd, short flags, ifreq& request) {
  request.ifr_flags = static_cast<short>(IFF_TUN | IFF_NO_PI | flags);
  return ioctl(fd.get(), TUNSETIFF, &request) == 0 ? 0 : errno;
}

ifreq named(const char* pattern) {
  ifreq request{};
  std::strncpy(request.ifr_name, pattern, IFNAMSIZ - 1);
  return request;
}

Feature tunDevice() {
  const Fd fd = openTun();
  if (!fd) return fromErrno("open /dev/net/tun", errno);
  ifreq request = named("mqtest%d");
  const int error = createTun(fd, 0, request);
  return error == 0 ? yes("a device can be made") : fromErrno("TUNSETIFF", error);
}

Feature tunMultiQueue() {
  const Fd first = openTun();
  const Fd second = openTun();
  if (!first || !second) return fromErrno("open /dev/net/tun", errno);
  ifreq request = named("mqtest%d");
  if (const int error = createTun(first, IFF_MULTI_QUEUE, request)) return fromErrno("TUNSETIFF", error);
  // The kernel has written the device's name into the request: the same again is its second queue.
  if (const int error = createTun(second, IFF_MULTI_QUEUE, request)) return fromErrno("second queue", error);
  return yes("a second queue was attached");
}

Feature tunVnetHdr() {
  const Fd fd = openTun();
  if (!fd) return fromErrno("open /dev/net/tun", errno);
  ifreq request = named("mqtest%d");
  if (const int error = createTun(fd, IFF_VNET_HDR, request)) return fromErrno("TUNSETIFF", error);
  return yes("accepted");
}

Feature tunOffload(unsigned flags) {
  const Fd fd = openTun();
  if (!fd) return fromErrno("open /dev/net/tun", errno);
  ifreq request = named("mqtest%d");
  if (const int error = createTun(fd, IFF_VNET_HDR, request)) return fromErrno("TUNSETIFF", error);
  if (ioctl(fd.get(), TUNSETOFFLOAD, static_cast<unsigned long>(flags)) != 0) {
    return fromErrno("TUNSETOFFLOAD", errno);
  }
  return yes("accepted");
}

Feature udpOption(int option, int value, const char* name) {
  const Fd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return fromErrno("socket", errno);
  if (setsockopt(fd.get(), IPPROTO_UDP, option, &value, sizeof value) != 0) return fromErrno(name, errno);
  return yes("accepted");
}

Feature bindToDevice() {
  const Fd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return fromErrno("socket", errno);
  // "lo" is in every namespace, up or not.
  if (setsockopt(fd.get(), SOL_SOCKET, SO_BINDTODEVICE, "lo", 2) != 0)
    return fromErrno("SO_BINDTODEVICE", errno);
  return yes("accepted");
}

Feature ioUring() {
  alignas(8) std::array<char, kIoUringParamsBytes> parameters{};
  const long fd = syscall(kSysIoUringSetup, 1, parameters.data());
  if (fd >= 0) {
    close(static_cast<int>(fd));
    return yes("a ring can be made");
  }
  const int error = errno;
  Feature feature = fromErrno("io_uring_setup", error);
  if (error == EPERM) feature.detail += " (see sysctl kernel.io_uring_disabled)";
  return feature;
}

Feature mptcp() {
  const Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, kIpprotoMptcp));
  if (fd) return yes("a socket can be made");
  const int error = errno;
  Feature feature = fromErrno("socket(IPPROTO_MPTCP)", error);
  if (error == ENOPROTOOPT) feature.detail += " (see sysctl net.mptcp.enabled)";
  return feature;
}

Features ask() {
  Features features;
  // First what the rest happens in.
  features.emplace_back("netns", ownNamespace());
  features.emplace_back("capNetAdmin", capability(CAP_NET_ADMIN, "CAP_NET_ADMIN"));
  features.emplace_back("capSysAdmin", capability(CAP_SYS_ADMIN, "CAP_SYS_ADMIN"));
  features.emplace_back("tun", tunDevice());
  features.emplace_back("tunMultiQueue", tunMultiQueue());
  features.emplace_back("tunVnetHdr", tunVnetHdr());
  features.emplace_back("tunTso", tunOffload(TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6));
  features.emplace_back("tunUso", tunOffload(TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | kTunUso4 | kTunUso6));
  features.emplace_back("udpGso", udpOption(kUdpSegment, 1200, "UDP_SEGMENT"));
  features.emplace_back("udpGro", udpOption(kUdpGro, 1, "UDP_GRO"));
  features.emplace_back("bindToDevice", bindToDevice());
  features.emplace_back("ioUring", ioUring());
  features.emplace_back("mptcp", mptcp());
  return features;
}

}  // namespace

Features kernelFeatures() {
  Features features;
  std::thread thread([&] { features = ask(); });
  thread.join();
  return features;
}

}  // namespace mqvpn::addon
