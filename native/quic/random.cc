#include "quic/random.h"

#include "tls/mac.h"

namespace mqvpn::quic {

RandomSource& systemRandom() {
  struct System final : RandomSource {
    void fill(std::span<std::uint8_t> out) override { tls::randomBytes(out); }
  };
  static System system;
  return system;
}

}  // namespace mqvpn::quic
