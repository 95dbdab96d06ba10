#include "quic/transport_parameters.h"

#include <algorithm>
#include <limits>

namespace mqvpn::quic {

namespace {

enum : std::uint64_t {
  // RFC 9000 §18.2
  kOriginalDestinationConnectionId = 0x00,
  kMaxIdleTimeout = 0x01,
  kStatelessResetToken = 0x02,
  kMaxUdpPayloadSize = 0x03,
  kInitialMaxData = 0x04,
  kInitialMaxStreamDataBidiLocal = 0x05,
  kInitialMaxStreamDataBidiRemote = 0x06,
  kInitialMaxStreamDataUni = 0x07,
  kInitialMaxStreamsBidi = 0x08,
  kInitialMaxStreamsUni = 0x09,
  kAckDelayExponent = 0x0a,
  kMaxAckDelay = 0x0b,
  kDisableActiveMigration = 0x0c,
  kPreferredAddress = 0x0d,
  kActiveConnectionIdLimit = 0x0e,
  kInitialSourceConnectionId = 0x0f,
  kRetrySourceConnectionId = 0x10,
  // RFC 9221 §3
  kMaxDatagramFrameSize = 0x20,
  // RFC 9287 §3
  kGreaseQuicBit = 0x2ab2,
  // draft-ietf-quic-multipath-21 §2.1, draft-ietf-quic-multipath-10 §2
  kInitialMaxPathId = 0x3e,
  kInitialMaxPathIdDraft10 = 0x0f739bbc1b666d09,
};

constexpr std::uint64_t kMostStreams = std::uint64_t{1} << 60;

/// An integer parameter: where it is kept and which values are allowed.
struct Integer {
  std::uint64_t id;
  std::uint64_t TransportParameters::*value;
  std::uint64_t least;
  std::uint64_t most;
  const char* outOfRange;
};

constexpr Integer kIntegers[] = {
    {kMaxIdleTimeout, &TransportParameters::maxIdleTimeout, 0, kVarintMax, ""},
    // RFC 9000 §18.2: "Values below 1200 are invalid."
    {kMaxUdpPayloadSize, &TransportParameters::maxUdpPayloadSize, 1200, kVarintMax,
     "max_udp_payload_size below 1200"},
    {kInitialMaxData, &TransportParameters::initialMaxData, 0, kVarintMax, ""},
    {kInitialMaxStreamDataBidiLocal, &TransportParameters::initialMaxStreamDataBidiLocal, 0, kVarintMax, ""},
    {kInitialMaxStreamDataBidiRemote, &TransportParameters::initialMaxStreamDataBidiRemote, 0, kVarintMax,
     ""},
    {kInitialMaxStreamDataUni, &TransportParameters::initialMaxStreamDataUni, 0, kVarintMax, ""},
    // RFC 9000 §4.6: "If a max_streams transport parameter or a MAX_STREAMS frame is received with a value
    // greater than 2^60 […] the connection MUST be closed immediately with a connection error of type
    // TRANSPORT_PARAMETER_ERROR if the offending value was received in a transport parameter".
    {kInitialMaxStreamsBidi, &TransportParameters::initialMaxStreamsBidi, 0, kMostStreams,
     "initial_max_streams_bidi above 2^60"},
    {kInitialMaxStreamsUni, &TransportParameters::initialMaxStreamsUni, 0, kMostStreams,
     "initial_max_streams_uni above 2^60"},
    // RFC 9000 §18.2: "Values above 20 are invalid."
    {kAckDelayExponent, &TransportParameters::ackDelayExponent, 0, 20, "ack_delay_exponent above 20"},
    // "Values of 2^14 or greater are invalid."
    {kMaxAckDelay, &TransportParameters::maxAckDelay, 0, (1 << 14) - 1, "max_ack_delay of 2^14 or more"},
    // "The value of the active_connection_id_limit parameter MUST be at least 2."
    {kActiveConnectionIdLimit, &TransportParameters::activeConnectionIdLimit, 2, kVarintMax,
     "active_connection_id_limit below 2"},
    {kMaxDatagramFrameSize, &TransportParameters::maxDatagramFrameSize, 0, kVarintMax, ""},
};

/// Parameters are few and written once per connection: they go to a vector.
class ParameterWriter {
 public:
  void bytes(std::uint64_t id, Bytes value) {
    varint(id);
    varint(value.size());
    out_.insert(out_.end(), value.begin(), value.end());
  }
  void integer(std::uint64_t id, std::uint64_t value) {
    varint(id);
    varint(varintSize(value));
    varint(value);
  }
  std::vector<std::uint8_t> take() { return std::move(out_); }

 private:
  void varint(std::uint64_t value) {
    std::array<std::uint8_t, 8> buffer;
    Writer writer(buffer);
    writer.varint(value);
    const auto written = writer.written();
    out_.insert(out_.end(), written.begin(), written.end());
  }

  std::vector<std::uint8_t> out_;
};

constexpr Error wrong(const char* reason) { return {TransportError::kTransportParameterError, reason}; }

bool readInteger(Bytes value, std::uint64_t& out) {
  Reader in(value);
  out = in.varint();
  return in.ok() && in.empty();
}

Error readConnectionId(Bytes value, std::optional<ConnectionId>& out, const char* reason) {
  if (value.size() > ConnectionId::kMaxSize) return wrong(reason);
  out.emplace(value);
  return {};
}

/// draft-ietf-quic-multipath-21 §2.1: "If an initial_max_path_id transport parameter value higher than 2^32-1
/// is received, the receiver MUST close the connection with an error of type TRANSPORT_PARAMETER_ERROR."
Error readMaxPathId(Bytes value, std::optional<std::uint64_t>& out) {
  if (!readInteger(value, out.emplace())) return wrong("initial_max_path_id is not one integer");
  if (*out > std::numeric_limits<std::uint32_t>::max()) return wrong("initial_max_path_id above 2^32-1");
  return {};
}

template <std::size_t size>
void copy(Bytes from, std::array<std::uint8_t, size>& to) {
  std::copy_n(from.begin(), std::min(size, from.size()), to.begin());
}

Error readPreferredAddress(Bytes value, std::optional<TransportParameters::PreferredAddress>& out) {
  Reader in(value);
  auto& address = out.emplace();
  copy(in.bytes(address.ipv4.size()), address.ipv4);
  address.ipv4Port = in.u16();
  copy(in.bytes(address.ipv6.size()), address.ipv6);
  address.ipv6Port = in.u16();
  const std::uint8_t idSize = in.u8();
  address.id = ConnectionId(in.bytes(idSize));
  copy(in.bytes(address.token.size()), address.token);
  if (!in.ok() || !in.empty()) return wrong("preferred_address has a wrong size");
  // RFC 9000 §18.2: "a server MUST NOT include a zero-length connection ID in this transport parameter."
  if (idSize < 1 || idSize > ConnectionId::kMaxSize)
    return wrong("preferred_address with a connection ID not of 1 to 20 bytes");
  return {};
}

std::vector<std::uint8_t> encodePreferredAddress(const TransportParameters::PreferredAddress& address) {
  std::array<std::uint8_t, 4 + 2 + 16 + 2 + 1 + ConnectionId::kMaxSize + 16> buffer;
  Writer out(buffer);
  out.bytes(address.ipv4);
  out.u16(address.ipv4Port);
  out.bytes(address.ipv6);
  out.u16(address.ipv6Port);
  out.u8(static_cast<std::uint8_t>(address.id.size()));
  out.bytes(address.id.bytes());
  out.bytes(address.token);
  return {out.written().begin(), out.written().end()};
}

bool isServerOnly(std::uint64_t id) {
  return id == kOriginalDestinationConnectionId || id == kPreferredAddress ||
         id == kRetrySourceConnectionId || id == kStatelessResetToken;
}

Error readParameter(std::uint64_t id, Bytes value, TransportParameters& out) {
  switch (id) {
    case kOriginalDestinationConnectionId:
      return readConnectionId(value, out.originalDestinationConnectionId,
                              "original_destination_connection_id above 20 bytes");
    case kInitialSourceConnectionId:
      return readConnectionId(value, out.initialSourceConnectionId,
                              "initial_source_connection_id above 20 bytes");
    case kRetrySourceConnectionId:
      return readConnectionId(value, out.retrySourceConnectionId,
                              "retry_source_connection_id above 20 bytes");
    case kStatelessResetToken:
      if (value.size() != StatelessResetToken{}.size()) return wrong("stateless_reset_token not of 16 bytes");
      copy(value, out.statelessResetToken.emplace());
      return {};
    case kDisableActiveMigration:
      out.disableActiveMigration = true;
      // RFC 9000 §18.2: "This parameter is a zero-length value."
      return value.empty() ? Error{} : wrong("disable_active_migration with a value");
    case kGreaseQuicBit:
      out.greaseQuicBit = true;
      // RFC 9287 §3: "an endpoint that understands this transport parameter MUST treat receipt of a non-empty
      // value of the transport parameter as a connection error of type TRANSPORT_PARAMETER_ERROR."
      return value.empty() ? Error{} : wrong("grease_quic_bit with a value");
    case kPreferredAddress:
      return readPreferredAddress(value, out.preferredAddress);
    case kInitialMaxPathId:
      return readMaxPathId(value, out.initialMaxPathId);
    case kInitialMaxPathIdDraft10:
      return readMaxPathId(value, out.initialMaxPathIdDraft10);
    default:
      break;
  }
  for (const Integer& integer : kIntegers) {
    if (integer.id != id) continue;
    std::uint64_t number = 0;
    if (!readInteger(value, number)) return wrong("a parameter is not one integer");
    if (number < integer.least || number > integer.most) return wrong(integer.outOfRange);
    out.*integer.value = number;
  }
  return {};
}

}  // namespace

std::vector<std::uint8_t> encodeTransportParameters(const TransportParameters& parameters,
                                                    std::optional<std::uint64_t> grease) {
  ParameterWriter out;
  if (parameters.originalDestinationConnectionId)
    out.bytes(kOriginalDestinationConnectionId, parameters.originalDestinationConnectionId->bytes());
  if (parameters.statelessResetToken) out.bytes(kStatelessResetToken, *parameters.statelessResetToken);
  const TransportParameters defaults;
  for (const Integer& integer : kIntegers) {
    const std::uint64_t value = parameters.*integer.value;
    if (value != defaults.*integer.value) out.integer(integer.id, value);
  }
  if (parameters.disableActiveMigration) out.bytes(kDisableActiveMigration, {});
  if (parameters.preferredAddress)
    out.bytes(kPreferredAddress, encodePreferredAddress(*parameters.preferredAddress));
  if (parameters.initialSourceConnectionId)
    out.bytes(kInitialSourceConnectionId, parameters.initialSourceConnectionId->bytes());
  if (parameters.retrySourceConnectionId)
    out.bytes(kRetrySourceConnectionId, parameters.retrySourceConnectionId->bytes());
  if (parameters.greaseQuicBit) out.bytes(kGreaseQuicBit, {});
  // Peers that know both drafts take the one that comes last.
  if (parameters.initialMaxPathIdDraft10)
    out.integer(kInitialMaxPathIdDraft10, *parameters.initialMaxPathIdDraft10);
  if (parameters.initialMaxPathId) out.integer(kInitialMaxPathId, *parameters.initialMaxPathId);
  if (grease) {
    // RFC 9000 §18.1: "Transport parameters with an identifier of the form "31 * N + 27" for integer values
    // of N are reserved […] and can carry arbitrary values."
    constexpr std::uint64_t mostN = (kVarintMax - 27) / 31;
    const std::uint8_t filler[8] = {};
    out.bytes(*grease % (mostN + 1) * 31 + 27, Bytes(filler).first(*grease % 8));
  }
  return out.take();
}

Error parseTransportParameters(Bytes encoded, bool fromServer, TransportParameters& out) {
  out = {};
  Reader in(encoded);
  std::vector<std::uint64_t> ids;
  while (!in.empty()) {
    const std::uint64_t id = in.varint();
    const Bytes value = in.bytes(in.varint());
    if (!in.ok()) return wrong("truncated parameter");
    // RFC 9000 §18.2: "A server MUST treat receipt of any of these transport parameters as a connection error
    // of type TRANSPORT_PARAMETER_ERROR."
    if (!fromServer && isServerOnly(id)) return wrong("a parameter that only servers send");
    if (const Error error = readParameter(id, value, out)) return error;
    ids.push_back(id);
  }
  // RFC 9000 §7.4: "An endpoint SHOULD treat receipt of duplicate transport parameters as a connection error
  // of type TRANSPORT_PARAMETER_ERROR." Those that nobody knows, too.
  std::sort(ids.begin(), ids.end());
  if (std::adjacent_find(ids.begin(), ids.end()) != ids.end()) return wrong("a parameter was sent twice");
  return {};
}

}  // namespace mqvpn::quic
