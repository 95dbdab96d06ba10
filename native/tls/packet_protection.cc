#include "tls/packet_protection.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "tls/key_schedule.h"
#include "tls/suite.h"

namespace mqvpn::tls {

namespace {

constexpr std::size_t kLongestKey = 32;

/// A key derived from a secret, wiped when it goes.
class DerivedKey {
 public:
  DerivedKey(const Secret& secret, std::string_view label) : size_(parametersOf(secret.suite()).keySize) {
    expandLabel(secret, label, {bytes_.data(), size_});
  }
  DerivedKey(const DerivedKey&) = delete;
  DerivedKey& operator=(const DerivedKey&) = delete;
  ~DerivedKey() { gnutls_memset(bytes_.data(), 0, bytes_.size()); }
  gnutls_datum_t datum() const { return datumOf({bytes_.data(), size_}); }

 private:
  std::array<std::uint8_t, kLongestKey> bytes_{};
  std::size_t size_;
};

void check(int result, const char* what) {
  if (result < 0) throw std::runtime_error(std::string(what) + ": " + gnutls_strerror(result));
}

}  // namespace

struct PacketKey::Impl {
  explicit Impl(const Secret& secret) : parameters(parametersOf(secret.suite())) {
    expandLabel(secret, "quic iv", iv);
    const DerivedKey key(secret, "quic key");
    const gnutls_datum_t datum = key.datum();
    check(gnutls_aead_cipher_init(&cipher, parameters.aead, &datum), "packet protection key");
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    gnutls_aead_cipher_deinit(cipher);
    gnutls_memset(iv.data(), 0, iv.size());
  }

  const SuiteParameters& parameters;
  Nonce iv{};
  gnutls_aead_cipher_hd_t cipher = nullptr;
};

PacketKey::PacketKey(const Secret& secret) : impl_(std::make_unique<Impl>(secret)) {}
PacketKey::PacketKey(PacketKey&&) noexcept = default;
PacketKey& PacketKey::operator=(PacketKey&&) noexcept = default;
PacketKey::~PacketKey() = default;

void PacketKey::seal(std::uint32_t pathId, std::uint64_t packetNumber, std::span<const std::uint8_t> header,
                     std::uint8_t* payload, std::size_t payloadSize) {
  const Nonce nonce = packetNonce(impl_->iv, pathId, packetNumber);
  std::size_t sealedSize = payloadSize + kTagSize;
  const int result =
      gnutls_aead_cipher_encrypt(impl_->cipher, nonce.data(), nonce.size(), header.data(), header.size(),
                                 kTagSize, payload, payloadSize, payload, &sealedSize);
  // Does not happen. If it ever did, what leaves must not be plaintext; the peer drops zeros.
  if (result < 0) std::fill_n(payload, payloadSize + kTagSize, std::uint8_t{0});
}

bool PacketKey::open(std::uint32_t pathId, std::uint64_t packetNumber, std::span<const std::uint8_t> header,
                     std::uint8_t* payload, std::size_t size) {
  if (size < kTagSize) return false;
  const Nonce nonce = packetNonce(impl_->iv, pathId, packetNumber);
  std::size_t openedSize = size - kTagSize;
  return gnutls_aead_cipher_decrypt(impl_->cipher, nonce.data(), nonce.size(), header.data(), header.size(),
                                    kTagSize, payload, size, payload, &openedSize) == 0;
}

std::uint64_t PacketKey::confidentialityLimit() const { return impl_->parameters.confidentialityLimit; }
std::uint64_t PacketKey::integrityLimit() const { return impl_->parameters.integrityLimit; }

struct HeaderKey::Impl {
  explicit Impl(const Secret& secret) {
    const DerivedKey key(secret, "quic hp");
    const gnutls_datum_t datum = key.datum();
    std::array<std::uint8_t, kSampleSize> zero{};
    const gnutls_datum_t iv = datumOf(zero);
    check(gnutls_cipher_init(&cipher, parametersOf(secret.suite()).headerCipher, &datum, &iv),
          "header protection key");
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() { gnutls_cipher_deinit(cipher); }

  gnutls_cipher_hd_t cipher = nullptr;
};

HeaderKey::HeaderKey(const Secret& secret) : impl_(std::make_unique<Impl>(secret)) {}
HeaderKey::HeaderKey(HeaderKey&&) noexcept = default;
HeaderKey& HeaderKey::operator=(HeaderKey&&) noexcept = default;
HeaderKey::~HeaderKey() = default;

std::array<std::uint8_t, 5> HeaderKey::mask(const std::uint8_t* sample) {
  // The sample goes in as the IV and zeros are encrypted, for every suite.
  // RFC 9001 §5.4.3: "mask = AES-ECB(hp_key, sample)". One block of CBC is ECB(IV ⊕ plaintext); GnuTLS has no
  // ECB. RFC 9001 §5.4.4: "The first 4 bytes of the sampled ciphertext are the block counter. […] The
  // remaining 12 bytes are used as the nonce. […] The header protection mask is five bytes of zeros
  // encrypted". CHACHA20_32 takes both as its IV.
  std::array<std::uint8_t, kSampleSize> iv;
  std::copy_n(sample, iv.size(), iv.begin());
  std::array<std::uint8_t, kSampleSize> block{};
  gnutls_cipher_set_iv(impl_->cipher, iv.data(), iv.size());
  gnutls_cipher_encrypt2(impl_->cipher, block.data(), block.size(), block.data(), block.size());
  return {block[0], block[1], block[2], block[3], block[4]};
}

}  // namespace mqvpn::tls
