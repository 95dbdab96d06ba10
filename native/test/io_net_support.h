#pragma once

#include <doctest/doctest.h>
#include <poll.h>

#include <optional>
#include <string>
#include <system_error>

#include "io/netlink.h"
#include "io/tap.h"
#include "io/tun.h"

namespace mqvpn::io::test {

constexpr const char* kOwnNetns = "/proc/thread-self/ns/net";

/// Waits for `events` of `fd`, up to five seconds: false when they did not come.
inline bool awaits(int fd, short events = POLLIN) {
  pollfd one{fd, events, 0};
  return poll(&one, 1, 5000) == 1;
}

inline IpAddress ip(const std::string& text) { return parseIpAddress(text).value(); }
inline IpPrefix prefix(const std::string& text) { return parseIpPrefix(text).value(); }

/// The error of what throws.
template <typename Action>
std::error_code errorOf(Action action, std::string* text = nullptr) {
  try {
    action();
  } catch (const std::system_error& error) {
    if (text != nullptr) *text = error.what();
    return error.code();
  }
  return {};
}

/// Not in every container is there a TUN device.
inline std::optional<Tun> tunOrSkip(const TunOptions& options) {
  std::optional<Tun> tun;
  const std::error_code error = errorOf([&] { tun.emplace(options); });
  if (!tun && (error.value() == ENOENT || error.value() == EACCES || error.value() == EPERM)) {
    MESSAGE("SKIPPED: /dev/net/tun: " << error.message());
    return tun;
  }
  REQUIRE(tun.has_value());
  return tun;
}

}  // namespace mqvpn::io::test
