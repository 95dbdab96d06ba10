#pragma once

#include "io/fd.h"

namespace mqvpn::io {

/// Turns SIGTERM and SIGINT into a readable descriptor, for this thread and those that it starts later;
/// SIGPIPE becomes an error of write.
Fd terminationSignals();

}  // namespace mqvpn::io
