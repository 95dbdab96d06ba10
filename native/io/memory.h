#pragma once

#include <cstddef>
#include <span>

namespace mqvpn::io {

/// Zeroed address space that takes memory page by page as it is touched, and is kept until the process ends.
/// Throws std::system_error.
std::span<std::byte> reserveMemory(std::size_t bytes);

}  // namespace mqvpn::io
