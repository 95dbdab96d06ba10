#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace mqvpn::tls {

/// RFC 8446 §B.4.
enum class CipherSuite : std::uint16_t {
  kAes128GcmSha256 = 0x1301,
  kAes256GcmSha384 = 0x1302,
  kChaCha20Poly1305Sha256 = 0x1303,
};

/// RFC 9001 §4: packets and CRYPTO data belong to one of four.
enum class Level : std::uint8_t { kInitial, kEarly, kHandshake, kApplication };

/// A traffic secret (RFC 8446 §7.1): as long as the suite's hash, 32 or 48 bytes. Wiped when it goes.
class Secret {
 public:
  Secret() = default;
  Secret(CipherSuite suite, std::span<const std::uint8_t> bytes);
  Secret(const Secret&) = default;
  Secret& operator=(const Secret&) = default;
  ~Secret();

  CipherSuite suite() const { return suite_; }
  std::span<const std::uint8_t> bytes() const { return {bytes_.data(), size_}; }
  bool empty() const { return size_ == 0; }

 private:
  std::array<std::uint8_t, 48> bytes_{};
  std::uint8_t size_ = 0;
  CipherSuite suite_ = CipherSuite::kAes128GcmSha256;
};

}  // namespace mqvpn::tls
