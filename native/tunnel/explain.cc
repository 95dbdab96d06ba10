#include "tunnel/explain.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "http3/errors.h"
#include "quic/errors.h"

namespace mqvpn::tunnel {

using connect_ip::Refusal;
using Cause = quic::CloseInfo::Cause;

namespace {

bool isTls(const quic::CloseInfo& info) {
  return !info.application && info.errorCode >= 0x100 && info.errorCode < 0x200;
}

std::string hex(std::uint64_t code) {
  std::array<char, 24> text;
  std::snprintf(text.data(), text.size(), "0x%llx", static_cast<unsigned long long>(code));
  return text.data();
}

bool isServerLeaving(const quic::CloseInfo& info) {
  return info.application && info.errorCode == http3::code(http3::ErrorCode::kNoError);
}

}  // namespace

std::string causeName(const quic::CloseInfo& info) {
  if (isTls(info)) return "tls";
  switch (info.cause) {
    case Cause::kLocal:
      return "local";
    case Cause::kPeer:
      return "peer";
    case Cause::kIdleTimeout:
      return "idle";
    case Cause::kHandshakeTimeout:
      return "handshake-timeout";
    case Cause::kStatelessReset:
      return "stateless-reset";
    case Cause::kVersionMismatch:
      return "version";
    case Cause::kProtocolError:
      break;
  }
  return "protocol";
}

std::string describeCode(const quic::CloseInfo& info) {
  std::string text = info.application
                         ? std::string(http3::errorName(info.errorCode)) + " (" + hex(info.errorCode) + ")"
                         : quic::transportErrorName(info.errorCode);
  if (!info.reason.empty()) text += ": " + info.reason;
  return text;
}

ClosedEvent explainClose(const quic::CloseInfo& info) {
  ClosedEvent event;
  event.cause = causeName(info);
  event.code = info.errorCode;
  event.retryable = true;
  if (isTls(info)) {
    event.retryable = info.cause == Cause::kPeer;
    event.message = info.cause == Cause::kPeer ? "the server ended the TLS handshake: " + describeCode(info)
                                               : "the TLS handshake failed: " +
                                                     (info.reason.empty() ? describeCode(info) : info.reason);
    return event;
  }
  switch (info.cause) {
    case Cause::kLocal:
      event.message = info.reason.empty() ? "closed" : info.reason;
      event.retryable = false;
      break;
    case Cause::kPeer:
      event.message = isServerLeaving(info) ? "the server closed the connection" +
                                                  (info.reason.empty() ? "" : ": " + info.reason)
                                            : "the server closed the connection with " + describeCode(info);
      break;
    case Cause::kIdleTimeout:
      event.message = "the server was not heard of for the idle time-out: the network or the server is down";
      break;
    case Cause::kHandshakeTimeout:
      event.message =
          "no answer from the server: check its address and port, that it runs, and that no firewall drops "
          "UDP in between";
      break;
    case Cause::kStatelessReset:
      event.message = "the server does not know this connection any more (it was restarted)";
      break;
    case Cause::kVersionMismatch:
      event.message = "the server does not speak QUIC version 1";
      event.retryable = false;
      break;
    case Cause::kProtocolError:
      event.message = "the server broke the protocol: " + describeCode(info);
      break;
  }
  return event;
}

ClosedEvent explainRefusal(Refusal refusal, unsigned status, std::string_view reason) {
  ClosedEvent event;
  event.cause = "refused";
  event.refusal = refusal;
  event.code = status;
  event.retryable = connect_ip::refusalRetryable(refusal);
  switch (refusal) {
    case Refusal::kMissingKey:
      event.message = "the server wants a key: give the one that its administrator gave you";
      break;
    case Refusal::kWrongKey:
      event.message = "the server does not accept this key: compare it with the server's";
      break;
    case Refusal::kFull:
      event.message = "the server has no free address: all of its clients' places are taken; try again later";
      break;
    case Refusal::kWrongProtocol:
    case Refusal::kNoExtendedConnect:
      event.message = "the server is no MASQUE CONNECT-IP server: check address and port";
      break;
    case Refusal::kNotFound:
      event.message = "the server offers no IP proxying under /.well-known/masque/ip";
      break;
    case Refusal::kBadRequest:
      event.message = "the server takes the request for malformed";
      break;
    case Refusal::kUnsupportedTarget:
      event.message = "the server does not proxy to what was asked for";
      break;
    case Refusal::kGoingAway:
      event.message = "the server is about to stop";
      break;
    case Refusal::kReset:
      event.message = "the server ended the request without an answer (older servers do so with a wrong key)";
      break;
    case Refusal::kNone:
    case Refusal::kOther:
      event.message = "the server refused with status " + std::to_string(status);
      break;
  }
  if (!reason.empty()) event.message += " (" + std::string(reason) + ")";
  return event;
}

std::vector<connect_ip::Prefix> parseNetworkHeader(std::string_view value) {
  std::vector<connect_ip::Prefix> network;
  while (!value.empty() && network.size() < 2) {
    const std::size_t comma = std::min(value.find(','), value.size());
    std::string_view one = value.substr(0, comma);
    value.remove_prefix(std::min(comma + 1, value.size()));
    while (!one.empty() && one.front() == ' ') one.remove_prefix(1);
    while (!one.empty() && one.back() == ' ') one.remove_suffix(1);
    if (const auto prefix = connect_ip::parsePrefix(one)) network.push_back(*prefix);
  }
  return network;
}

std::string formatNetworkHeader(std::span<const connect_ip::Prefix> network) {
  std::string text;
  for (const connect_ip::Prefix& prefix : network) {
    if (!text.empty()) text += ", ";
    text += connect_ip::toString(prefix);
  }
  return text;
}

std::optional<ClientIdentity> parseClientHeader(std::string_view value) {
  constexpr std::size_t kMostId = 64;
  constexpr std::string_view kAddress = ";address=";
  ClientIdentity identity;
  const std::size_t end = value.find(';');
  identity.id = value.substr(0, end);
  const bool plain = std::all_of(identity.id.begin(), identity.id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
  if (identity.id.empty() || identity.id.size() > kMostId || !plain) return std::nullopt;
  if (end == std::string_view::npos) return identity;
  const std::string_view rest = value.substr(end);
  if (!rest.starts_with(kAddress)) return std::nullopt;
  const auto prefix = connect_ip::parsePrefix(std::string(rest.substr(kAddress.size())) + "/32");
  if (!prefix || prefix->address.version != 4) return std::nullopt;
  identity.address = prefix->address;
  return identity;
}

std::string formatClientHeader(const ClientIdentity& identity) {
  std::string text = identity.id;
  if (identity.address) {
    const std::string prefix = connect_ip::toString(connect_ip::Prefix::host(*identity.address));
    text += ";address=" + prefix.substr(0, prefix.find('/'));
  }
  return text;
}

}  // namespace mqvpn::tunnel
