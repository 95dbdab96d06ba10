#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tls/secret.h"

namespace mqvpn::tls {

/// What a client keeps to resume a session. Contains secrets.
struct Ticket {
  CipherSuite suite = CipherSuite::kAes128GcmSha256;
  /// RFC 9001 §4.6.1: the server is willing to take 0-RTT.
  bool earlyData = false;
  std::string alpn;
  /// GnuTLS's own format.
  std::vector<std::uint8_t> session;
};

/// "mqt1" ‖ suite (2) ‖ flags (1; bit 0: early data) ‖ ALPN length (1) ‖ ALPN ‖ session length (4) ‖ session
/// ‖ the first 8 bytes of SHA-256 over all that. Numbers are big-endian.
std::vector<std::uint8_t> encodeTicket(const Ticket& ticket);

/// None: not a ticket, of another version, or damaged. The checksum keeps a damaged file from reaching
/// GnuTLS, where it would become a handshake that fails instead of one without resumption.
std::optional<Ticket> decodeTicket(std::span<const std::uint8_t> bytes);

}  // namespace mqvpn::tls
