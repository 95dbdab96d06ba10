#include "io/tun.h"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

namespace mqvpn::io {

namespace {

// Missing in the headers of kernels before 6.2.
constexpr unsigned kUso4 = 0x20;
constexpr unsigned kUso6 = 0x40;

[[noreturn]] void fail(int error, const std::string& what) {
  throw std::system_error(error, std::generic_category(), what);
}

ifreq requestFor(const std::string& name) {
  ifreq request{};
  std::strncpy(request.ifr_name, name.c_str(), IFNAMSIZ - 1);
  return request;
}

bool deviceExists(const Fd& control, const std::string& name) {
  ifreq request = requestFor(name);
  return ioctl(control.get(), SIOCGIFINDEX, &request) == 0;
}

[[noreturn]] void failToOpen(int error) {
  switch (error) {
    case ENOENT:
    case ENODEV:
    case ENXIO:
      fail(error,
           "/dev/net/tun is missing: load the kernel's module (modprobe tun); in a container give it the "
           "device "
           "(docker run --device /dev/net/tun)");
    case EACCES:
    case EPERM:
      fail(error, "/dev/net/tun: no permission: run as root");
    default:
      fail(error, "/dev/net/tun");
  }
}

[[noreturn]] void failToAttach(int error, const Fd& control, const std::string& name) {
  const std::string what = "TUN device " + name;
  if (error == EPERM || error == EACCES)
    fail(error, what + ": no permission: run as root, or with the capability CAP_NET_ADMIN");
  // The kernel says EINVAL for a device of another kind, or of another number of queues.
  if (error == EBUSY || (error == EINVAL && deviceExists(control, name))) {
    fail(EBUSY, what + ": the name is in use: stop the program that made the device (or `ip link delete " +
                    name + "`), or choose another name");
  }
  fail(error, what);
}

Tun::Offload offer(const Fd& fd, const std::string& name) {
  constexpr unsigned tcp = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
  constexpr struct {
    unsigned flags;
    Tun::Offload offload;
  } steps[] = {
      {tcp | kUso4 | kUso6, {true, true, true}},
      {tcp, {true, true, false}},
      {TUN_F_CSUM, {true, false, false}},
  };
  for (const auto& step : steps) {
    if (ioctl(fd.get(), TUNSETOFFLOAD, static_cast<unsigned long>(step.flags)) == 0) return step.offload;
    if (errno != EINVAL) fail(errno, "TUN device " + name + ": TUNSETOFFLOAD");
  }
  return {};
}

}  // namespace

Tun::Tun(const TunOptions& options) {
  if (options.name.empty() || options.name.size() >= IFNAMSIZ)
    fail(EINVAL, "TUN device \"" + options.name + "\": a name has 1 to 15 characters");
  const Fd control(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!control) fail(errno, "socket");
  fd_ = Fd(open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!fd_) failToOpen(errno);

  ifreq request = requestFor(options.name);
  const int queues = options.multiQueue ? IFF_MULTI_QUEUE : 0;
  request.ifr_flags = static_cast<short>(IFF_TUN | IFF_NO_PI | IFF_VNET_HDR | queues);
  if (ioctl(fd_.get(), TUNSETIFF, &request) != 0) failToAttach(errno, control, options.name);
  name_ = request.ifr_name;

  const std::string what = "TUN device " + name_;
  int headerBytes = kVnetHeaderBytes;
  if (ioctl(fd_.get(), TUNSETVNETHDRSZ, &headerBytes) != 0) fail(errno, what + ": TUNSETVNETHDRSZ");
  if (options.offload) offload_ = offer(fd_, name_);
  request = requestFor(name_);
  request.ifr_qlen = options.queuePackets;
  if (ioctl(control.get(), SIOCSIFTXQLEN, &request) != 0) fail(errno, what + ": SIOCSIFTXQLEN");
  if (ioctl(control.get(), SIOCGIFINDEX, &request) != 0) fail(errno, what + ": SIOCGIFINDEX");
  index_ = static_cast<unsigned>(request.ifr_ifindex);
}

std::ptrdiff_t Tun::read(std::span<std::uint8_t> buffer) const {
  const ssize_t got = ::read(fd_.get(), buffer.data(), buffer.size());
  return got >= 0 ? got : -errno;
}

int Tun::write(std::span<const iovec> pieces) const {
  return ::writev(fd_.get(), pieces.data(), static_cast<int>(pieces.size())) >= 0 ? 0 : -errno;
}

}  // namespace mqvpn::io
