#include "io/wakeup.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

namespace mqvpn::io {

Wakeup::Wakeup() : fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (!fd_) throw std::system_error(errno, std::generic_category(), "eventfd");
}

void Wakeup::signal() const {
  // It fails only when the counter is full, and then the descriptor is readable as it is.
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t put = ::write(fd_.get(), &one, sizeof(one));
}

bool Wakeup::clear() const {
  std::uint64_t count = 0;
  return ::read(fd_.get(), &count, sizeof(count)) == sizeof(count);
}

}  // namespace mqvpn::io
