#include "io/notify.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <system_error>

#include "io/fd.h"

namespace mqvpn::io {
namespace {

[[noreturn]] void fail(int error, const std::string& socketPath) {
  throw std::system_error(error, std::generic_category(), socketPath);
}

}  // namespace

void notify(const std::string& socketPath, std::string_view text) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const bool abstract = socketPath.starts_with('@');
  // sd_notify(3): an absolute path, or an abstract name. Anything else would be taken from the working directory.
  if (!abstract && !socketPath.starts_with('/')) fail(EINVAL, socketPath);
  if (socketPath.size() < 2 || socketPath.find('\0') != std::string::npos) fail(EINVAL, socketPath);
  // A path ends with a NUL, which must fit as well; an abstract name begins with one instead.
  if (socketPath.size() + (abstract ? 0 : 1) > sizeof(address.sun_path)) fail(ENAMETOOLONG, socketPath);
  std::copy(socketPath.begin(), socketPath.end(), address.sun_path);
  if (abstract) address.sun_path[0] = '\0';
  // All bytes of an abstract name count, so the length must be exact (unix(7)).
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socketPath.size() + (abstract ? 0 : 1));

  const Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) fail(errno, socketPath);
  const ssize_t sent = ::sendto(fd.get(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                                reinterpret_cast<const sockaddr*>(&address), length);
  // A datagram goes as a whole or not at all.
  if (sent < 0) fail(errno, socketPath);
}

}  // namespace mqvpn::io
