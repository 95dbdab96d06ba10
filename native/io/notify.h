#pragma once

#include <string>
#include <string_view>

namespace mqvpn::io {

/// Sends one datagram to a Unix socket: how a service tells its manager how it is (sd_notify(3)), and what Node cannot do.
/// A path that begins with '@' is a name in the abstract namespace. Never waits. Throws std::system_error; ENAMETOOLONG
/// for a path that no socket can have, EAGAIN when the receiver does not read.
void notify(const std::string& socketPath, std::string_view text);

}  // namespace mqvpn::io
