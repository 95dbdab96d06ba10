// Sockets for both kinds of end.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <utility>

#include "io/fd.h"

namespace mqvpn::probe {

using io::Fd;

struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
};

// A numeric IPv4 or IPv6 address ("10.0.0.1", "fd00::1", "fe80::1%eth0"). Throws std::runtime_error.
Address parseAddress(const std::string& text, uint16_t port);

// A non-blocking socket that may use `bind` before the address exists on a device. Throws std::runtime_error.
Fd openSocket(int family, int type);

// Binds the address and port. Throws std::runtime_error.
void bindTo(const Fd& socket, const Address& address, const std::string& text);

uint16_t localPort(const Fd& socket);

// SO_BINDTODEVICE. A device that comes back (a VPN that started again) has another index, and the socket
// still means the old one: call before each use.
class DeviceBinding {
 public:
  explicit DeviceBinding(std::string device) : device_(std::move(device)) {}
  // 0, or the errno of why the socket is not bound to the device now.
  int apply(const Fd& socket);
  // For a new socket.
  void forget() { index_ = 0; }

 private:
  std::string device_;
  unsigned index_ = 0;
};

}  // namespace mqvpn::probe
