#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "quic/buffer.h"
#include "quic/connection_id.h"
#include "quic/errors.h"

namespace mqvpn::quic {

/// RFC 9000 §18.2: of a server that wants to be reached elsewhere. An address and port of zeros: none of that
/// family.
struct PreferredAddress {
  std::array<std::uint8_t, 4> ipv4{};
  std::uint16_t ipv4Port = 0;
  std::array<std::uint8_t, 16> ipv6{};
  std::uint16_t ipv6Port = 0;
  ConnectionId id;
  StatelessResetToken token{};
};

/// RFC 9000 §18.2, RFC 9221 §3, draft-ietf-quic-multipath §2.1, RFC 9287 (grease_quic_bit).
struct TransportParameters {
  std::optional<ConnectionId> originalDestinationConnectionId;
  /// ms; 0: none.
  std::uint64_t maxIdleTimeout = 0;
  std::optional<StatelessResetToken> statelessResetToken;
  std::uint64_t maxUdpPayloadSize = 65527;
  std::uint64_t initialMaxData = 0;
  std::uint64_t initialMaxStreamDataBidiLocal = 0;
  std::uint64_t initialMaxStreamDataBidiRemote = 0;
  std::uint64_t initialMaxStreamDataUni = 0;
  std::uint64_t initialMaxStreamsBidi = 0;
  std::uint64_t initialMaxStreamsUni = 0;
  std::uint64_t ackDelayExponent = 3;
  /// ms.
  std::uint64_t maxAckDelay = 25;
  bool disableActiveMigration = false;
  using PreferredAddress = quic::PreferredAddress;
  std::optional<PreferredAddress> preferredAddress;
  std::uint64_t activeConnectionIdLimit = 2;
  std::optional<ConnectionId> initialSourceConnectionId;
  std::optional<ConnectionId> retrySourceConnectionId;
  /// 0: DATAGRAM frames are not accepted.
  std::uint64_t maxDatagramFrameSize = 0;
  bool greaseQuicBit = false;
  /// draft-21 (0x3e) and draft-10 (0x0f739bbc1b666d09). Present: that version of multipath is offered.
  std::optional<std::uint64_t> initialMaxPathId;
  std::optional<std::uint64_t> initialMaxPathIdDraft10;
};

/// `grease`: also a reserved parameter (RFC 9000 §18.1) made of this number.
std::vector<std::uint8_t> encodeTransportParameters(const TransportParameters& parameters,
                                                    std::optional<std::uint64_t> grease = std::nullopt);

/// `fromServer`: whether the parameters that only a server sends are allowed. Duplicates, wrong sizes and
/// values out of range are kTransportParameterError; unknown ones are ignored.
Error parseTransportParameters(Bytes encoded, bool fromServer, TransportParameters& out);

}  // namespace mqvpn::quic
