#pragma once

#include <gnutls/gnutls.h>

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "tls/session.h"

namespace mqvpn::tls {

using Fingerprint = std::array<std::uint8_t, 32>;

/// SHA-256 over the DER of a certificate: what a pin is.
Fingerprint fingerprint(std::span<const std::uint8_t> der);

/// Lower case, without separators.
std::string hex(std::span<const std::uint8_t> bytes);

/// Whether a host is an IPv4 or IPv6 address rather than a name.
bool isIpLiteral(const std::string& host);

/// Whether the peer's own certificate has that fingerprint. Takes the same time wherever they differ.
bool matchesPin(gnutls_session_t session, const Fingerprint& pin);

/// What to say about a peer whose certificate was refused. `name` is what it should have been for.
Failure explainRefusal(gnutls_session_t session, const ClientConfig& config, const std::string& name);

}  // namespace mqvpn::tls
