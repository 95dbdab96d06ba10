#pragma once

#include <cstdint>
#include <span>

namespace mqvpn::test {

/// The body of every response: what byte `offset` is does not depend on the length.
inline void fillBody(std::span<std::uint8_t> out, std::uint64_t offset) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::uint64_t at = offset + i;
    out[i] = static_cast<std::uint8_t>(at * 7 + (at >> 8) * 13 + (at >> 16) * 29);
  }
}

}  // namespace mqvpn::test
