// flock(2): an exclusive lock that ends with the process, however it ends.
#pragma once

#include <optional>
#include <string>

namespace mqvpn::addon {

// The descriptor that holds the lock; nothing when another process holds it. Creates the file. Throws
// std::system_error for every other reason.
std::optional<int> tryLock(const std::string& path);

// Releases the lock of `tryLock` and closes its descriptor. Throws std::system_error.
void unlock(int fd);

}  // namespace mqvpn::addon
