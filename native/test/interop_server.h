#pragma once

#include "interop_options.h"

namespace mqvpn::test {

/// Answers requests until SIGTERM or SIGINT. Returns the exit code.
int runInteropServer(const InteropOptions& options);

}  // namespace mqvpn::test
