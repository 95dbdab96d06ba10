#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "connect_ip/refusal.h"
#include "connect_ip/session.h"
#include "connect_ip/template.h"

namespace mqvpn::connect_ip {

/// Calls come from inside ClientSession's members; the callee must not destroy it. Exactly one of onRefused()
/// and onEstablished() comes, or onEnded() alone when the connection is lost before.
class ClientEvents {
 public:
  virtual ~ClientEvents() = default;
  /// 2xx. Addresses follow.
  virtual void onEstablished(const http3::Headers& response) = 0;
  /// There will be no tunnel. `status` 0: no answer came. The request is over.
  virtual void onRefused(Refusal refusal, unsigned status, std::string_view reason) = 0;
  /// The full list of what is assigned now; what is missing from it was withdrawn (RFC 9484 §4.7.1). Only
  /// when it changed.
  virtual void onAddresses(std::span<const Prefix> addresses) = 0;
  /// The full list of where the server routes to (§4.7.3), ordered. Only when it changed.
  virtual void onRoutes(std::span<const IpRange> routes) = 0;
  /// The server answered that it does not assign an address of this family (§4.7.2).
  virtual void onAddressDenied(std::uint8_t version) = 0;
  /// An IP packet out of a DATAGRAM capsule: not checked; writable, and 16 bytes in front of it may be
  /// overwritten.
  virtual void onPacket(std::span<std::uint8_t> packet) = 0;
  /// The tunnel was up and is over: the server finished or reset the request, or broke the protocol
  /// (`local`).
  virtual void onEnded(std::uint64_t errorCode, bool local, std::string_view reason) = 0;
};

struct ClientConfig {
  /// "host:port".
  std::string authority;
  std::string uriTemplate = std::string(kDefaultTemplate);
  Scope scope;
  /// Without it no authorization header is sent.
  std::string key;
  /// Sent at the end, names in lower case: negotiation of our own extensions.
  http3::Headers extraHeaders;
  bool wantV4 = true;
  bool wantV6 = true;
  /// What to ask for, e.g. the former address; nothing: no preference.
  std::optional<IpAddress> preferred4;
  std::optional<IpAddress> preferred6;
  /// kTolerant: host bits are masked; a capsule with addresses or routes of one family only leaves the other
  /// family's alone (upstream sends one capsule per family), but an empty one still withdraws all.
  Compat compat = Compat::kTolerant;
};

/// RFC 9484 on the client: one request, its addresses and routes.
class ClientSession final : public Session {
 public:
  ClientSession(http3::Connection& http, ClientEvents& events, const ClientConfig& config);

  /// Sends the request and, without waiting for the answer, ADDRESS_REQUEST. False: HTTP/3 has no stream now
  /// (see http3::Connection::sendRequest).
  bool start();
  bool established() const { return state_ == State::kEstablished; }
  bool over() const { return state_ == State::kOver; }
  std::span<const Prefix> addresses() const { return addresses_; }
  std::span<const IpRange> routes() const { return routes_; }
  /// Asks once more, under new request IDs (§4.7.2).
  bool requestAddresses();
  /// Ends the request (FIN); onEnded() does not come.
  void finish();

  // --- from http3::Events, for this stream
  void onResponse(unsigned status, const http3::Headers& headers);
  void onData(std::span<std::uint8_t> bytes);
  void onFinished();
  void onRequestFailed(std::uint64_t errorCode, bool local, std::string_view reason);

 private:
  enum class State : std::uint8_t { kIdle, kWaiting, kEstablished, kOver };
  http3::Error onControl(std::uint64_t type, quic::Bytes value) override;
  void deliver(std::span<std::uint8_t> packet) override;
  http3::Error onAssign(quic::Bytes value);
  http3::Error onRoute(quic::Bytes value);
  http3::Error onRequest(quic::Bytes value);
  void fail(http3::ErrorCode error, std::string_view reason);

  ClientEvents& events_;
  ClientConfig config_;
  State state_ = State::kIdle;
  std::uint64_t nextRequestId_ = 1;
  std::vector<Prefix> addresses_;
  std::vector<IpRange> routes_;
};

}  // namespace mqvpn::connect_ip
