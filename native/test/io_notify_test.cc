#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>
#include <system_error>

#include "io/fd.h"
#include "io/notify.h"

using namespace mqvpn::io;

namespace {

/// What a service manager has: a datagram socket with a name.
class Manager {
 public:
  explicit Manager(const std::string& name) : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    const bool abstract = name[0] == '@';
    if (abstract) address.sun_path[0] = '\0';
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size() + (abstract ? 0 : 1));
    REQUIRE(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), length) == 0);
  }

  std::string receive() {
    std::array<char, 4096> buffer{};
    const ssize_t size = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    return size < 0 ? "nothing" : std::string(buffer.data(), static_cast<std::size_t>(size));
  }

 private:
  Fd fd_;
};

class Folder {
 public:
  Folder() { REQUIRE(::mkdtemp(path_.data()) != nullptr); }
  ~Folder() {
    ::unlink(file().c_str());
    ::rmdir(path_.c_str());
  }
  std::string file() const { return path_ + "/notify"; }

 private:
  std::string path_ = "/tmp/mqvpn-notify-XXXXXX";
};

int errorOf(const std::string& path) {
  try {
    notify(path, "READY=1");
    return 0;
  } catch (const std::system_error& error) {
    return error.code().value();
  }
}

}  // namespace

TEST_CASE("a service manager gets each text as one datagram, under a path and under an abstract name") {
  const Folder folder;
  const std::string abstract = "@mqvpn-notify-test-" + std::to_string(::getpid());
  for (const std::string& name : {folder.file(), abstract}) {
    CAPTURE(name);
    Manager manager(name);
    notify(name, "READY=1\nSTATUS=listening");
    notify(name, "WATCHDOG=1");
    CHECK(manager.receive() == "READY=1\nSTATUS=listening");
    CHECK(manager.receive() == "WATCHDOG=1");
    CHECK(manager.receive() == "nothing");
  }
}

TEST_CASE("a name that no socket can have is refused, and one that nobody has is told") {
  CHECK(errorOf("") == EINVAL);
  CHECK(errorOf("/") == EINVAL);
  CHECK(errorOf("@") == EINVAL);
  CHECK(errorOf("relative/notify") == EINVAL);
  CHECK(errorOf(std::string("/tmp/a\0b", 8)) == EINVAL);
  CHECK(errorOf("/" + std::string(107, 'x')) == ENAMETOOLONG);
  CHECK(errorOf("@" + std::string(108, 'x')) == ENAMETOOLONG);
  CHECK(errorOf("/tmp/mqvpn-notify-nobody/socket") == ENOENT);
  CHECK(errorOf("@mqvpn-notify-nobody-" + std::to_string(::getpid())) == ECONNREFUSED);
}

TEST_CASE("a manager that does not read makes the service fail, never wait") {
  const Folder folder;
  const Manager manager(folder.file());
  int error = 0;
  for (int i = 0; i < 100'000 && error == 0; ++i) error = errorOf(folder.file());
  CHECK(error == EAGAIN);
}
