#pragma once

#include <cstdint>
#include <span>

namespace mqvpn::quic {

/// Unpredictable bytes: the system's in a program, seeded ones in a simulation.
class RandomSource {
 public:
  virtual ~RandomSource() = default;
  virtual void fill(std::span<std::uint8_t> out) = 0;

  std::uint64_t u64() {
    std::uint8_t bytes[8];
    fill(bytes);
    std::uint64_t value = 0;
    for (const std::uint8_t byte : bytes) value = value << 8 | byte;
    return value;
  }
  /// [0, limit); the bias is below 2^-32 for the small limits that callers have.
  std::uint64_t below(std::uint64_t limit) { return limit == 0 ? 0 : u64() % limit; }
};

/// tls::randomBytes().
RandomSource& systemRandom();

}  // namespace mqvpn::quic
