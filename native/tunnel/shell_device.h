#pragma once

#include <string>

#include "tunnel/shell_network.h"
#include "tunnel/shell_tun.h"

namespace mqvpn::tunnel {

/// A TUN device and what hangs on it in the kernel's tables. It may pass from one engine to the next, so that
/// connections through the tunnel outlive that of the tunnel, and nothing takes another way meanwhile.
struct ShellDevice {
  /// Throws std::system_error.
  explicit ShellDevice(const std::string& name) : tun(name), network(tun.device()) {}

  ShellTun tun;
  ShellNetwork network;
};

}  // namespace mqvpn::tunnel
