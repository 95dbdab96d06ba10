#pragma once

#include <string>

#include "tunnel/events.h"
#include "tunnel/shell.h"

namespace mqvpn::addon {

/// What JavaScript is told, as JSON text (addon-interface). `tunName`: the engine's device. Empty: it is not
/// told of.
std::string eventJson(const tunnel::Event& event, const std::string& tunName);
std::string statusJson(const tunnel::ShellStatus& status);

}  // namespace mqvpn::addon
