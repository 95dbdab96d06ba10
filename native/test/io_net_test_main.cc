// These tests make devices, addresses and routes, so they run in a network namespace of their own.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "io/netlink.h"

namespace {

constexpr int kSkipped = 77;  // SKIP_RETURN_CODE in io/CMakeLists.txt

bool writeFile(const char* file, const std::string& text) {
  const int fd = open(file, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool written = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(fd);
  return written;
}

/// As root, or as root of a user namespace where the system lets everybody make one.
bool enterNetns() {
  const unsigned user = getuid();
  const unsigned group = getgid();
  if (unshare(CLONE_NEWNET) == 0) return true;
  if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) return false;
  return writeFile("/proc/self/setgroups", "deny") &&
         writeFile("/proc/self/uid_map", "0 " + std::to_string(user) + " 1") &&
         writeFile("/proc/self/gid_map", "0 " + std::to_string(group) + " 1");
}

}  // namespace

int main(int argc, char** argv) {
  doctest::Context context(argc, argv);
  const bool permitted = enterNetns();
  if (permitted) {
    mqvpn::io::Netlink().setUp("lo", true);
  } else {
    std::printf("SKIPPED: all tests that need a network namespace (%s): run as root\n", std::strerror(errno));
    context.addFilter("test-suite-exclude", "network");
  }
  const int failed = context.run();
  return failed != 0 || permitted ? failed : kSkipped;
}
