#pragma once

#include <string>

#include "connect_ip/refusal.h"
#include "quic/application.h"
#include "tunnel/events.h"

namespace mqvpn::tunnel {

/// Name of a cause as events tell it: "idle", "tls", ….
std::string causeName(const quic::CloseInfo& info);
/// "H3_NO_ERROR (0x100): server stops".
std::string describeCode(const quic::CloseInfo& info);

/// What a client's user is told when a connection ends.
ClosedEvent explainClose(const quic::CloseInfo& info);
/// …when the server refused.
ClosedEvent explainRefusal(connect_ip::Refusal refusal, unsigned status, std::string_view reason);

/// `mqvpn-network` (docs/wire.md): "10.0.0.1/24, fd00::1/112". What cannot be read is left out.
std::vector<connect_ip::Prefix> parseNetworkHeader(std::string_view value);
std::string formatNetworkHeader(std::span<const connect_ip::Prefix> network);
constexpr const char* kNetworkHeader = "mqvpn-network";
/// `mqvpn-copies` (docs/wire.md): "?1": the sender knows datagrams with context ID 2.
constexpr const char* kCopiesHeader = "mqvpn-copies";

/// `mqvpn-client` (docs/wire.md): "ID" or "ID;address=10.0.0.2": which client of its user this is, and the
/// address that it had last.
constexpr const char* kClientHeader = "mqvpn-client";
struct ClientIdentity {
  /// 1 to 64 letters, digits, - or _.
  std::string id;
  std::optional<connect_ip::IpAddress> address;
};
/// Nothing: it cannot be read.
std::optional<ClientIdentity> parseClientHeader(std::string_view value);
std::string formatClientHeader(const ClientIdentity& identity);

}  // namespace mqvpn::tunnel
