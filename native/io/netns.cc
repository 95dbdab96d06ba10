#include "io/netns.h"

#include <fcntl.h>
#include <sched.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

namespace mqvpn::io {

InNetns::InNetns(const std::string& file) : home_(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)) {
  if (!home_) throw std::system_error(errno, std::generic_category(), "/proc/thread-self/ns/net");
  const Fd target(open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!target || setns(target.get(), CLONE_NEWNET) != 0) {
    throw std::system_error(errno, std::generic_category(), "network namespace " + file);
  }
}

InNetns::~InNetns() {
  if (setns(home_.get(), CLONE_NEWNET) == 0) return;
  // Everything after this would happen in somebody else's namespace.
  std::perror("cannot return to the own network namespace");
  std::abort();
}

}  // namespace mqvpn::io
