#include "addon/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace mqvpn::addon {

std::optional<int> tryLock(const std::string& path) {
  // O_CLOEXEC: a child that inherited the descriptor would keep the lock after our end. O_NOFOLLOW: lock
  // files lie in folders that others may write to.
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "cannot open the lock file " + path);
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
  const int error = errno;
  close(fd);
  if (error == EWOULDBLOCK) return std::nullopt;
  throw std::system_error(error, std::generic_category(), "cannot lock " + path);
}

void unlock(int fd) {
  const int failed = flock(fd, LOCK_UN) == 0 ? 0 : errno;
  if (close(fd) != 0 || failed != 0) {
    throw std::system_error(failed != 0 ? failed : errno, std::generic_category(),
                            "cannot unlock descriptor " + std::to_string(fd));
  }
}

}  // namespace mqvpn::addon
