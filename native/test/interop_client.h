#pragma once

#include "interop_options.h"

namespace mqvpn::test {

/// Downloads. Returns the exit code: 0 when every response arrived whole.
int runInteropClient(const InteropOptions& options);

}  // namespace mqvpn::test
