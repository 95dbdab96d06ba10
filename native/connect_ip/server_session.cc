#include "connect_ip/server_session.h"

#include <algorithm>

namespace mqvpn::connect_ip {

namespace {

using http3::Error;
using http3::ErrorCode;

/// The credentials of "Bearer …" (RFC 6750 §2.1); empty: none. RFC 9110 §11.1: the scheme is
/// case-insensitive.
std::string_view bearerOf(const http3::Headers& headers) {
  const std::string* field = http3::findHeader(headers, "authorization");
  static constexpr std::string_view kScheme = "bearer ";
  if (field == nullptr || field->size() <= kScheme.size()) return {};
  for (std::size_t i = 0; i < kScheme.size(); ++i) {
    const char c = (*field)[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c) != kScheme[i]) return {};
  }
  std::string_view key = *field;
  key.remove_prefix(kScheme.size());
  while (key.starts_with(' ')) key.remove_prefix(1);
  return key;
}

/// RFC 9484 §4.6: what of the granted routes is within the request's scope, in the order of §4.7.3.
std::vector<IpRange> within(std::span<const IpRange> routes, const Scope& scope) {
  std::vector<IpRange> limited;
  for (IpRange range : routes) {
    if (scope.kind == Scope::Kind::kPrefix) {
      if (range.start.version != scope.prefix.address.version) continue;
      range.start = std::max(range.start, scope.prefix.first());
      range.end = std::min(range.end, scope.prefix.last());
      if (range.start > range.end) continue;
    }
    if (scope.protocol && *scope.protocol != 0) {
      if (range.protocol != 0 && range.protocol != *scope.protocol) continue;
      range.protocol = *scope.protocol;
    }
    limited.push_back(range);
  }
  orderRanges(limited);
  return limited;
}

std::vector<Prefix> v4First(std::span<const Prefix> prefixes) {
  std::vector<Prefix> sorted(prefixes.begin(), prefixes.end());
  std::stable_partition(sorted.begin(), sorted.end(), [](const Prefix& p) { return p.address.version == 4; });
  return sorted;
}

std::vector<AddressEntry> unsolicited(std::span<const Prefix> prefixes) {
  std::vector<AddressEntry> entries;
  for (const Prefix& prefix : prefixes) entries.push_back({0, prefix});
  return entries;
}

}  // namespace

ServerSession::ServerSession(http3::Connection& http, std::uint64_t streamId, ServerEvents& events,
                             std::string_view uriTemplate)
    : Session(http, streamId), events_(events), uriTemplate_(uriTemplate) {}

Refusal ServerSession::judge(const http3::Headers& headers, Request& request) {
  // checkRequest() has seen to it that :protocol comes with CONNECT, :scheme, :path and an authority.
  const std::string* protocol = http3::findHeader(headers, ":protocol");
  if (protocol == nullptr)
    return *http3::findHeader(headers, ":method") == "CONNECT" ? Refusal::kBadRequest : Refusal::kNotFound;
  // RFC 9220 §3: "the server SHOULD respond to the request with a 501 (Not Implemented) status code".
  if (*protocol != "connect-ip") return Refusal::kWrongProtocol;
  const std::string& path = *http3::findHeader(headers, ":path");
  if (!pathMatches(path, uriTemplate_)) return Refusal::kNotFound;
  if (http3::countHeader(headers, "authorization") > 1) return Refusal::kBadRequest;
  const std::string_view key = bearerOf(headers);
  const std::optional<std::string> user = events_.authorize(key);
  if (!user) return key.empty() ? Refusal::kMissingKey : Refusal::kWrongKey;
  // RFC 9484 §4.1: "IP proxies MUST validate whether the decoded "target" and "ipproto" variables meet the
  // requirements in Section 4.6."
  const std::optional<Scope> scope = parsePath(path, uriTemplate_);
  if (!scope) return Refusal::kBadRequest;
  if (scope->kind == Scope::Kind::kHostname) return Refusal::kUnsupportedTarget;
  request.user = *user;
  request.scope = *scope;
  request.headers = &headers;
  const std::string* authority = http3::findHeader(headers, ":authority");
  if (authority == nullptr) authority = http3::findHeader(headers, "host");
  if (authority != nullptr) request.authority = *authority;
  return Refusal::kNone;
}

void ServerSession::onRequest(const http3::Headers& headers) {
  if (state_ != State::kIdle) return;
  Request request;
  const Refusal refusal = judge(headers, request);
  if (refusal != Refusal::kNone) return refuse(refusal);
  scope_ = request.scope;
  const Grant grant = events_.admit(request);
  if (grant.refusal != Refusal::kNone) return refuse(grant.refusal);
  accept(grant);
}

void ServerSession::accept(const Grant& grant) {
  addresses_ = v4First(grant.addresses);
  routes_ = within(grant.routes, scope_);
  http3::Headers headers{{":status", "200"}, {"capsule-protocol", "?1"}};
  headers.insert(headers.end(), grant.extraHeaders.begin(), grant.extraHeaders.end());
  state_ = State::kEstablished;
  // Unprompted (RFC 9484 §4.7.1), for it spares a round trip, and deployed clients never ask. Each capsule
  // has a DATA frame of its own, as deployed servers do it.
  std::vector<std::uint8_t> routes;
  appendRouteAdvertisement(routes, routes_);
  if (!http_.sendResponse(streamId(), headers) || !sendAssignment(unsolicited(addresses_)) ||
      !sendCapsules(routes))
    return fail(ErrorCode::kInternalError, "the response could not be sent");
  events_.onEstablished();
}

void ServerSession::refuse(Refusal refusal) {
  state_ = State::kOver;
  http_.sendResponse(streamId(), refusalHeaders(refusal), true);
  http_.ignoreRest(streamId());
  events_.onRefused(refusal);
}

bool ServerSession::sendAssignment(std::span<const AddressEntry> entries) {
  std::vector<std::uint8_t> capsule;
  appendAddressAssign(capsule, entries);
  return sendCapsules(capsule);
}

bool ServerSession::assign(std::span<const Prefix> addresses) {
  if (state_ != State::kEstablished) return false;
  addresses_ = v4First(addresses);
  return sendAssignment(unsolicited(addresses_));
}

bool ServerSession::advertise(std::span<const IpRange> routes) {
  if (state_ != State::kEstablished) return false;
  routes_ = within(routes, scope_);
  std::vector<std::uint8_t> capsule;
  appendRouteAdvertisement(capsule, routes_);
  return sendCapsules(capsule);
}

void ServerSession::finish() {
  if (state_ != State::kEstablished) return;
  state_ = State::kOver;
  http_.finish(streamId());
  http_.ignoreRest(streamId());
}

void ServerSession::onData(std::span<std::uint8_t> bytes) {
  if (state_ != State::kEstablished) return;
  const Error error = reader_.push(bytes, *this);
  if (error && state_ == State::kEstablished) fail(error.code, error.reason);
}

void ServerSession::onFinished() {
  if (state_ != State::kEstablished) return;
  // RFC 9297 §3.3.
  if (!reader_.atBoundary()) return fail(ErrorCode::kMessageError, "the stream ends inside a capsule");
  finish();
  events_.onEnded(code(ErrorCode::kNoError), false, "the client ended the tunnel");
}

void ServerSession::onRequestFailed(std::uint64_t errorCode, bool local, std::string_view reason) {
  const bool wasUp = state_ == State::kEstablished;
  state_ = State::kOver;
  if (wasUp) events_.onEnded(errorCode, local, reason);
}

void ServerSession::fail(ErrorCode error, std::string_view reason) {
  state_ = State::kOver;
  http_.reset(streamId(), error);
  events_.onEnded(code(error), true, reason);
}

Error ServerSession::onControl(std::uint64_t type, quic::Bytes value) {
  if (state_ != State::kEstablished) return {};
  // What a client assigns or advertises (RFC 9484 §8.2: network to network) must be right, and is not used.
  std::vector<AddressEntry> entries;
  std::vector<IpRange> ranges;
  switch (static_cast<http3::CapsuleType>(type)) {
    case http3::CapsuleType::kAddressRequest:
      return onAddressRequest(value);
    case http3::CapsuleType::kAddressAssign:
      return parseAddressAssign(value, Compat::kTolerant, entries);
    case http3::CapsuleType::kRouteAdvertisement:
      return parseRouteAdvertisement(value, ranges);
    case http3::CapsuleType::kDatagram:
      break;
  }
  return {};
}

// RFC 9484 §4.7.2: "For each Requested Address, the receiver of the ADDRESS_REQUEST capsule SHALL respond
// with an Assigned Address with a matching Request ID." The capsule holds the full list as ever; each address
// answers one request, and a request that finds none left is denied.
Error ServerSession::onAddressRequest(quic::Bytes value) {
  std::vector<AddressEntry> asked;
  if (const Error error = parseAddressRequest(value, Compat::kTolerant, asked)) return error;
  std::vector<AddressEntry> answer = unsolicited(addresses_);
  std::vector<AddressEntry> denials;
  for (const AddressEntry& request : asked) {
    const std::uint8_t version = request.prefix.address.version;
    const auto free = std::find_if(answer.begin(), answer.end(), [version](const AddressEntry& entry) {
      return entry.requestId == 0 && entry.prefix.address.version == version;
    });
    if (free != answer.end()) {
      free->requestId = request.requestId;
    } else {
      denials.push_back({request.requestId, Prefix::host(IpAddress::lowest(version))});
    }
  }
  answer.insert(answer.end(), denials.begin(), denials.end());
  if (!sendAssignment(answer)) return {ErrorCode::kExcessiveLoad, "too many ADDRESS_REQUEST capsules"};
  return {};
}

void ServerSession::deliver(std::span<std::uint8_t> packet) {
  if (state_ == State::kEstablished) events_.onPacket(packet);
}

}  // namespace mqvpn::connect_ip
