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

/// A request that is one for connect-ip, of an authorized user.
struct Request {
  std::string user;
  std::string authority;
  Scope scope;
  const http3::Headers* headers = nullptr;
};

/// What a client gets. Addresses: /32 and /128, or prefixes.
struct Grant {
  Refusal refusal = Refusal::kNone;
  std::vector<Prefix> addresses;
  std::vector<IpRange> routes;
  /// Added to the response: answers to extensions of our own.
  http3::Headers extraHeaders;
};

/// Calls come from inside ServerSession's members; the callee must not destroy it.
class ServerEvents {
 public:
  virtual ~ServerEvents() = default;
  /// The user whose key this is; must take the same time for every key (constantTimeEquals over all of them).
  /// Called also with an empty key, when none was given.
  virtual std::optional<std::string> authorize(std::string_view key) = 0;
  /// Addresses and routes for the client, or a refusal (kFull…).
  virtual Grant admit(const Request& request) = 0;
  /// The answer is 200 and was sent, capsules included: the tunnel is up.
  virtual void onEstablished() = 0;
  /// The request was refused; the answer was sent.
  virtual void onRefused(Refusal refusal) = 0;
  /// An IP packet out of a DATAGRAM capsule: not checked; writable, and 16 bytes in front of it may be
  /// overwritten.
  virtual void onPacket(std::span<std::uint8_t> packet) = 0;
  /// The tunnel was up and is over: the client finished or reset the request, or broke the protocol
  /// (`local`).
  virtual void onEnded(std::uint64_t errorCode, bool local, std::string_view reason) = 0;
};

/// RFC 9484 on the server: one request. A client's own ADDRESS_ASSIGN and ROUTE_ADVERTISEMENT (network to
/// network) are checked, and have no effect.
class ServerSession final : public Session {
 public:
  ServerSession(http3::Connection& http, std::uint64_t streamId, ServerEvents& events,
                std::string_view uriTemplate = kDefaultTemplate);

  bool established() const { return state_ == State::kEstablished; }
  bool over() const { return state_ == State::kOver; }
  std::span<const Prefix> addresses() const { return addresses_; }
  /// What was advertised: the granted routes, limited to the request's scope (§4.6), ordered.
  std::span<const IpRange> routes() const { return routes_; }
  /// New addresses or routes for a living tunnel: the full lists (§4.7.1, §4.7.3).
  bool assign(std::span<const Prefix> addresses);
  bool advertise(std::span<const IpRange> routes);
  /// Ends the tunnel (FIN); onEnded() does not come.
  void finish();

  // --- from http3::Events, for this stream
  void onRequest(const http3::Headers& headers);
  void onData(std::span<std::uint8_t> bytes);
  void onFinished();
  void onRequestFailed(std::uint64_t errorCode, bool local, std::string_view reason);

 private:
  enum class State : std::uint8_t { kIdle, kEstablished, kOver };
  http3::Error onControl(std::uint64_t type, quic::Bytes value) override;
  void deliver(std::span<std::uint8_t> packet) override;
  http3::Error onAddressRequest(quic::Bytes value);
  Refusal judge(const http3::Headers& headers, Request& request);
  void accept(const Grant& grant);
  void refuse(Refusal refusal);
  bool sendAssignment(std::span<const AddressEntry> entries);
  void fail(http3::ErrorCode error, std::string_view reason);

  ServerEvents& events_;
  std::string uriTemplate_;
  State state_ = State::kIdle;
  std::vector<Prefix> addresses_;
  std::vector<IpRange> routes_;
  Scope scope_;
};

}  // namespace mqvpn::connect_ip
