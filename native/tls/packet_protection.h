#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "tls/secret.h"

namespace mqvpn::tls {

constexpr std::size_t kTagSize = 16;
constexpr std::size_t kSampleSize = 16;

using Nonce = std::array<std::uint8_t, 12>;

/// draft-ietf-quic-multipath-21 §2.4: "a 96-bit Path-and-Packet-Number (PPN) is composed of the 32 bits of
/// the path ID in network byte order, two zero bits, and the 62 bits of the reconstructed QUIC packet number
/// in network byte order […] The exclusive OR of the padded packet number and the IV forms the AEAD nonce."
/// Every suite of ours has an IV of 96 bits, so there is nothing to pad. Path 0 gives the nonce of RFC 9001
/// §5.3.
constexpr Nonce packetNonce(const Nonce& iv, std::uint32_t pathId, std::uint64_t packetNumber) {
  Nonce nonce = iv;
  for (std::size_t i = 0; i < 4; ++i) nonce[i] ^= static_cast<std::uint8_t>(pathId >> (24 - 8 * i));
  for (std::size_t i = 0; i < 8; ++i) nonce[4 + i] ^= static_cast<std::uint8_t>(packetNumber >> (56 - 8 * i));
  return nonce;
}

/// AEAD key and IV of one direction and one key phase (RFC 9001 §5.3, draft-ietf-quic-multipath-21 §2.4
/// "nonce").
class PacketKey {
 public:
  /// Throws std::runtime_error when GnuTLS has no memory or lacks the cipher.
  explicit PacketKey(const Secret& secret);
  PacketKey(PacketKey&&) noexcept;
  PacketKey& operator=(PacketKey&&) noexcept;
  ~PacketKey();

  /// Encrypts `payload` in place; the 16 bytes behind it take the tag. `pathId` is 0 for all packets but
  /// 1-RTT packets of a multipath connection. The header is the associated data, unprotected.
  void seal(std::uint32_t pathId, std::uint64_t packetNumber, std::span<const std::uint8_t> header,
            std::uint8_t* payload, std::size_t payloadSize);
  /// Decrypts in place. `size` counts the tag. False: not authentic, and what was there is spoiled.
  [[nodiscard]] bool open(std::uint32_t pathId, std::uint64_t packetNumber,
                          std::span<const std::uint8_t> header, std::uint8_t* payload, std::size_t size);

  /// Packets that may be sealed with one key, and that may fail to open (RFC 9001 §6.6).
  std::uint64_t confidentialityLimit() const;
  std::uint64_t integrityLimit() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The key of header protection (RFC 9001 §5.4). It does not change with key updates.
class HeaderKey {
 public:
  explicit HeaderKey(const Secret& secret);
  HeaderKey(HeaderKey&&) noexcept;
  HeaderKey& operator=(HeaderKey&&) noexcept;
  ~HeaderKey();

  /// The five bytes that a header is masked with. `sample` has kSampleSize bytes.
  std::array<std::uint8_t, 5> mask(const std::uint8_t* sample);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mqvpn::tls
