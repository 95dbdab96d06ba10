#include "connect_ip/client_session.h"

#include <algorithm>

namespace mqvpn::connect_ip {

namespace {

using http3::Error;
using http3::ErrorCode;

Prefix requested(std::uint8_t version, const std::optional<IpAddress>& preferred) {
  // RFC 9484 §4.7.2: "If the IP address is all-zero (0.0.0.0 or ::), this indicates that the sender is
  // requesting an address of that address family but does not have a preference for a specific address."
  const bool usable = preferred && preferred->version == version;
  return Prefix::host(usable ? *preferred : IpAddress::lowest(version));
}

// RFC 9484 §4.7.2: "the IP address SHALL be all-zero, and the IP Prefix Length SHALL be the maximum length
// […] to indicate that no address was assigned."
bool isDenial(const AddressEntry& entry) {
  return entry.prefix.address.isZero() && entry.prefix.length == entry.prefix.address.bits();
}

std::uint8_t versionOf(const Prefix& prefix) { return prefix.address.version; }
std::uint8_t versionOf(const IpRange& range) { return range.start.version; }

/// RFC 9484 §4.7.1, §4.7.3: a capsule holds the full list. Deployed servers send one per family, each of
/// which would withdraw the other: what `told` says nothing of is kept then.
template <typename Item>
std::vector<Item> merged(const std::vector<Item>& before, std::vector<Item> told, Compat compat) {
  const auto isV4 = [](const Item& item) { return versionOf(item) == 4; };
  const auto v4 = static_cast<std::size_t>(std::count_if(told.begin(), told.end(), isV4));
  if (compat == Compat::kStrict || told.empty() || (v4 > 0 && v4 < told.size())) return told;
  for (const Item& item : before)
    if (isV4(item) != (v4 > 0)) told.push_back(item);
  std::stable_partition(told.begin(), told.end(), isV4);
  return told;
}

}  // namespace

ClientSession::ClientSession(http3::Connection& http, ClientEvents& events, const ClientConfig& config)
    : Session(http, 0), events_(events), config_(config) {}

bool ClientSession::start() {
  if (state_ != State::kIdle) return false;
  // RFC 9484 §4.4.
  http3::Headers headers{{":method", "CONNECT"},
                         {":protocol", "connect-ip"},
                         {":scheme", "https"},
                         {":authority", config_.authority},
                         {":path", expandTemplate(config_.uriTemplate, config_.scope)},
                         {"capsule-protocol", "?1"}};
  if (!config_.key.empty()) headers.emplace_back("authorization", "Bearer " + config_.key);
  headers.insert(headers.end(), config_.extraHeaders.begin(), config_.extraHeaders.end());
  const std::optional<std::uint64_t> streamId = http_.sendRequest(headers);
  if (!streamId) return false;
  setStream(*streamId);
  state_ = State::kWaiting;
  requestAddresses();
  return true;
}

bool ClientSession::requestAddresses() {
  if (state_ != State::kWaiting && state_ != State::kEstablished) return false;
  // RFC 9484 §4.7.1: "the endpoint that is expecting an address assignment MUST send an ADDRESS_REQUEST
  // capsule." IPv4 first: deployed servers read only one entry.
  std::vector<AddressEntry> entries;
  if (config_.wantV4) entries.push_back({nextRequestId_++, requested(4, config_.preferred4)});
  if (config_.wantV6) entries.push_back({nextRequestId_++, requested(6, config_.preferred6)});
  if (entries.empty()) return true;
  std::vector<std::uint8_t> capsule;
  appendAddressRequest(capsule, entries);
  return sendCapsules(capsule);
}

void ClientSession::finish() {
  if (state_ != State::kWaiting && state_ != State::kEstablished) return;
  state_ = State::kOver;
  http_.finish(streamId());
}

void ClientSession::onResponse(unsigned status, const http3::Headers& headers) {
  if (state_ != State::kWaiting) return;
  // RFC 9484 §4.5: "The HTTP status code on the response SHALL be in the 2xx (Successful) range." RFC 9297
  // §3.2 excludes 204, 205 and 206; the capsule-protocol field itself is a SHOULD there (§3.4).
  const bool success = status >= 200 && status <= 299 && (status < 204 || status > 206);
  if (success) {
    state_ = State::kEstablished;
    events_.onEstablished(headers);
    return;
  }
  state_ = State::kOver;
  // RFC 9484 §4.1: "the client MUST abort the request".
  http_.reset(streamId(), ErrorCode::kRequestCancelled);
  events_.onRefused(judgeRefusal(status, headers), status, "the server refused the tunnel");
}

void ClientSession::onData(std::span<std::uint8_t> bytes) {
  if (state_ != State::kEstablished) return;
  const Error error = reader_.push(bytes, *this);
  if (error && state_ == State::kEstablished) fail(error.code, error.reason);
}

void ClientSession::onFinished() {
  if (state_ != State::kEstablished) return;
  // RFC 9297 §3.3: "the last capsule on the stream was truncated, this MUST be treated as if it were a
  // malformed or incomplete message."
  if (!reader_.atBoundary()) return fail(ErrorCode::kMessageError, "the stream ends inside a capsule");
  finish();
  events_.onEnded(code(ErrorCode::kNoError), false, "the server ended the tunnel");
}

void ClientSession::onRequestFailed(std::uint64_t errorCode, bool local, std::string_view reason) {
  const State before = state_;
  if (before != State::kWaiting && before != State::kEstablished) return;
  state_ = State::kOver;
  if (before == State::kEstablished) return events_.onEnded(errorCode, local, reason);
  const auto& settings = http_.peerSettings();
  Refusal refusal = Refusal::kReset;
  if (errorCode == code(ErrorCode::kRequestRejected)) refusal = Refusal::kGoingAway;
  if (settings && !settings->enableConnectProtocol) refusal = Refusal::kNoExtendedConnect;
  events_.onRefused(refusal, 0, reason);
}

void ClientSession::fail(ErrorCode error, std::string_view reason) {
  state_ = State::kOver;
  http_.reset(streamId(), error);
  events_.onEnded(code(error), true, reason);
}

Error ClientSession::onControl(std::uint64_t type, quic::Bytes value) {
  if (state_ != State::kEstablished) return {};
  switch (static_cast<http3::CapsuleType>(type)) {
    case http3::CapsuleType::kAddressAssign:
      return onAssign(value);
    case http3::CapsuleType::kRouteAdvertisement:
      return onRoute(value);
    case http3::CapsuleType::kAddressRequest:
      return onRequest(value);
    case http3::CapsuleType::kDatagram:
      break;
  }
  return {};
}

Error ClientSession::onAssign(quic::Bytes value) {
  std::vector<AddressEntry> entries;
  if (const Error error = parseAddressAssign(value, config_.compat, entries)) return error;
  std::vector<Prefix> told;
  std::vector<std::uint8_t> denied;
  for (const AddressEntry& entry : entries) {
    if (isDenial(entry)) {
      denied.push_back(entry.prefix.address.version);
    } else if (std::find(told.begin(), told.end(), entry.prefix) == told.end()) {
      told.push_back(entry.prefix);
    }
  }
  // A capsule of nothing but denials says what is not assigned, and in tolerant mode no more than that.
  const bool onlyDenials = told.empty() && !denied.empty() && config_.compat == Compat::kTolerant;
  std::vector<Prefix> now = onlyDenials ? addresses_ : merged(addresses_, std::move(told), config_.compat);
  if (now != addresses_) {
    addresses_ = std::move(now);
    events_.onAddresses(addresses_);
  }
  for (const std::uint8_t version : denied)
    if (state_ == State::kEstablished) events_.onAddressDenied(version);
  return {};
}

Error ClientSession::onRoute(quic::Bytes value) {
  std::vector<IpRange> told;
  if (const Error error = parseRouteAdvertisement(value, told)) return error;
  std::vector<IpRange> now = merged(routes_, std::move(told), config_.compat);
  if (now == routes_) return {};
  routes_ = std::move(now);
  events_.onRoutes(routes_);
  return {};
}

// A server that wants an address of us: this end has none to give. RFC 9484 §4.7.2: "For each Requested
// Address, the receiver of the ADDRESS_REQUEST capsule SHALL respond with an Assigned Address with a matching
// Request ID."
Error ClientSession::onRequest(quic::Bytes value) {
  std::vector<AddressEntry> entries;
  if (const Error error = parseAddressRequest(value, config_.compat, entries)) return error;
  for (AddressEntry& entry : entries)
    entry.prefix = Prefix::host(IpAddress::lowest(entry.prefix.address.version));
  std::vector<std::uint8_t> capsule;
  appendAddressAssign(capsule, entries);
  if (!sendCapsules(capsule)) return {ErrorCode::kExcessiveLoad, "too many ADDRESS_REQUEST capsules"};
  return {};
}

void ClientSession::deliver(std::span<std::uint8_t> packet) {
  if (state_ == State::kEstablished) events_.onPacket(packet);
}

}  // namespace mqvpn::connect_ip
