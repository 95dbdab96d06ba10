#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "http3/errors.h"
#include "quic/buffer.h"

namespace mqvpn::http3 {

/// RFC 9114 §7.2.4.1, RFC 9204 §5, RFC 9220 §5, RFC 9297 §2.1.1.
enum class SettingId : std::uint64_t {
  kQpackMaxTableCapacity = 0x01,
  kMaxFieldSectionSize = 0x06,
  kQpackBlockedStreams = 0x07,
  kEnableConnectProtocol = 0x08,
  kH3Datagram = 0x33,
};

/// What one end told the other in its SETTINGS frame; the defaults are those of the standards.
struct Settings {
  std::uint64_t qpackMaxTableCapacity = 0;
  std::uint64_t qpackBlockedStreams = 0;
  /// Bytes, counted as RFC 9114 §4.2.2 does (names, values, 32 per field).
  std::uint64_t maxFieldSectionSize = UINT64_MAX;
  bool enableConnectProtocol = false;
  bool h3Datagram = false;

  bool operator==(const Settings&) const = default;
};

/// The payload of a SETTINGS frame, to be kept with a resumption ticket as well (RFC 9114 §7.2.4.2).
/// `grease`: one setting that has no meaning (RFC 9114 §7.2.4.1), chosen by its value.
std::vector<std::uint8_t> encodeSettings(const Settings& settings, std::optional<std::uint64_t> grease);
Error decodeSettings(quic::Bytes payload, Settings& out);

/// Whether a server that accepted 0-RTT may send `now` after it had sent `before` (RFC 9114 §7.2.4.2, RFC
/// 9297 §2.1.1).
bool settingsCompatible(const Settings& before, const Settings& now);

}  // namespace mqvpn::http3
