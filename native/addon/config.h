#pragma once

#include <string>
#include <vector>

#include "tunnel/events.h"
#include "tunnel/shell.h"

namespace mqvpn::addon {

/// What JavaScript asked for, as JSON text. All throw std::invalid_argument that names the key: what is
/// missing or of a wrong type is refused, though JavaScript has checked it before.
tunnel::ShellServerConfig parseServerConfig(const std::string& text);
tunnel::ShellClientConfig parseClientConfig(const std::string& text);
/// "users" of a server's configuration, or of a command.
std::vector<tunnel::User> parseUsers(const std::string& text);
/// "logLevel" of either.
tunnel::LogLevel parseLogLevel(const std::string& text);

}  // namespace mqvpn::addon
