#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "tls/secret.h"

namespace mqvpn::tls {

/// HKDF-Expand-Label of RFC 8446 §7.1 with an empty context; `label` is without "tls13 ". The suite's hash.
void expandLabel(const Secret& secret, std::string_view label, std::span<std::uint8_t> out);

struct InitialSecrets {
  Secret client;
  Secret server;
};
/// RFC 9001 §5.2, of QUIC version 1.
InitialSecrets initialSecrets(std::span<const std::uint8_t> destinationConnectionId);

/// RFC 9001 §6.1: secret_<n+1> = HKDF-Expand-Label(secret_<n>, "quic ku", "", Hash.length).
Secret nextSecret(const Secret& secret);

constexpr std::size_t kRetryTagSize = 16;
/// RFC 9001 §5.8. `retry` is the Retry packet without its tag.
std::array<std::uint8_t, kRetryTagSize> retryIntegrityTag(
    std::span<const std::uint8_t> originalDestinationConnectionId, std::span<const std::uint8_t> retry);

}  // namespace mqvpn::tls
