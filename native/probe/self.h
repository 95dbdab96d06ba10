#pragma once

#include <string>

#include "probe/options.h"

namespace mqvpn::probe {

// Runs both ends over loopback in this network namespace and returns, as one JSON line, how exact this tool
// is here: whatever it finds is its own error. Throws std::runtime_error.
std::string measureSelf(const Options& options);

}  // namespace mqvpn::probe
