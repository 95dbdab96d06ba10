#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "connect_ip/client_session.h"
#include "connect_ip/server_session.h"
#include "connect_ip_support.h"
#include "http3_support.h"

namespace mqvpn::connect_ip::test {

/// The client's side: HTTP/3 events for one session, and what it says.
struct ClientSide final : http3::Events, ClientEvents {
  std::unique_ptr<ClientSession> session;
  bool established = false;
  std::optional<Refusal> refused;
  unsigned status = 0;
  std::vector<std::vector<Prefix>> addresses;
  std::vector<std::vector<IpRange>> routes;
  std::vector<std::uint8_t> denied;
  std::vector<ByteVector> packets;
  std::optional<std::pair<std::uint64_t, bool>> ended;

  void onRequest(std::uint64_t, const http3::Headers&) override {}
  void onResponse(std::uint64_t, unsigned code, const http3::Headers& headers) override {
    session->onResponse(code, headers);
  }
  void onData(std::uint64_t, std::span<std::uint8_t> bytes) override { session->onData(bytes); }
  void onFinished(std::uint64_t) override { session->onFinished(); }
  void onRequestFailed(std::uint64_t, std::uint64_t code, bool local, std::string_view reason) override {
    session->onRequestFailed(code, local, reason);
  }

  void onEstablished(const http3::Headers&) override { established = true; }
  void onRefused(Refusal refusal, unsigned code, std::string_view) override {
    refused = refusal;
    status = code;
  }
  void onAddresses(std::span<const Prefix> list) override {
    addresses.emplace_back(list.begin(), list.end());
  }
  void onRoutes(std::span<const IpRange> list) override { routes.emplace_back(list.begin(), list.end()); }
  void onAddressDenied(std::uint8_t version) override { denied.push_back(version); }
  void onPacket(std::span<std::uint8_t> packet) override {
    packets.emplace_back(packet.begin(), packet.end());
  }
  void onEnded(std::uint64_t code, bool local, std::string_view) override { ended.emplace(code, local); }
};

/// The server's side: one session per request.
struct ServerSide final : http3::Events {
  struct One final : ServerEvents {
    ServerSide& owner;
    std::unique_ptr<ServerSession> session;
    std::optional<Refusal> refused;
    bool established = false;
    Scope scope;
    std::string authority;
    std::string user;
    std::vector<ByteVector> packets;
    std::optional<std::pair<std::uint64_t, bool>> ended;
    explicit One(ServerSide& side) : owner(side) {}

    std::optional<std::string> authorize(std::string_view told) override {
      if (owner.key.empty() || constantTimeEquals(told, owner.key)) return "ann";
      return std::nullopt;
    }
    Grant admit(const Request& request) override {
      scope = request.scope;
      authority = request.authority;
      user = request.user;
      return owner.grant;
    }
    void onEstablished() override { established = true; }
    void onRefused(Refusal refusal) override { refused = refusal; }
    void onPacket(std::span<std::uint8_t> packet) override {
      packets.emplace_back(packet.begin(), packet.end());
    }
    void onEnded(std::uint64_t code, bool local, std::string_view) override { ended.emplace(code, local); }
  };

  http3::Connection* http = nullptr;
  std::string key = "secret";
  Grant grant{
      Refusal::kNone, {prefix("fd00::2"), prefix("10.0.0.2")}, {IpRange::all(6), IpRange::all(4)}, {}};
  std::map<std::uint64_t, std::unique_ptr<One>> sessions;

  void onRequest(std::uint64_t id, const http3::Headers& headers) override {
    auto& one = sessions[id] = std::make_unique<One>(*this);
    one->session = std::make_unique<ServerSession>(*http, id, *one);
    one->session->onRequest(headers);
  }
  void onResponse(std::uint64_t, unsigned, const http3::Headers&) override {}
  void onData(std::uint64_t id, std::span<std::uint8_t> bytes) override {
    sessions.at(id)->session->onData(bytes);
  }
  void onFinished(std::uint64_t id) override { sessions.at(id)->session->onFinished(); }
  void onRequestFailed(std::uint64_t id, std::uint64_t code, bool local, std::string_view reason) override {
    if (sessions.contains(id)) sessions.at(id)->session->onRequestFailed(code, local, reason);
  }
};

inline ClientConfig clientConfig() {
  ClientConfig config;
  config.authority = "vpn.example:443";
  config.key = "secret";
  return config;
}

/// A client whose server is the test.
struct LoneClient {
  http3::test::FakeTransport transport{false};
  ClientSide side;
  http3::Connection http;
  explicit LoneClient(const ClientConfig& config = clientConfig())
      : http(transport, side, {.waitForSettings = false}) {
    transport.events = &http;
    http.start();
    side.session = std::make_unique<ClientSession>(http, side, config);
    side.session->start();
  }
  void respond(const http3::Headers& headers) { transport.inject(0, http3::test::headersFrame(headers)); }
  void accept() { respond({{":status", "200"}, {"capsule-protocol", "?1"}}); }
  void data(const ByteVector& capsules, bool fin = false) {
    transport.inject(0, http3::test::frame(0, capsules), fin);
  }
};

/// A server whose client is the test.
struct LoneServer {
  http3::test::FakeTransport transport{true};
  ServerSide side;
  http3::Connection http;
  LoneServer() : http(transport, side, {}) {
    transport.events = &http;
    side.http = &http;
    side.key.clear();
    http.start();
  }
  ServerSide::One& request(const http3::Headers& headers = http3::test::connectIpRequest()) {
    transport.inject(0, http3::test::headersFrame(headers));
    return *side.sessions.at(0);
  }
  void data(const ByteVector& capsules, bool fin = false) {
    transport.inject(0, http3::test::frame(0, capsules), fin);
  }
};

/// Both.
struct Tunnel {
  ClientSide client;
  ServerSide server;
  http3::test::Joined joined{client, server};
  explicit Tunnel(const ClientConfig& config = clientConfig()) {
    server.http = &joined.serverHttp;
    client.session = std::make_unique<ClientSession>(joined.clientHttp, client, config);
  }
  void start(std::size_t most = 1 << 20) {
    joined.clientHttp.start();
    joined.serverHttp.start();
    client.session->start();
    joined.pump(most);
  }
  ServerSide::One& served() { return *server.sessions.at(0); }
};

}  // namespace mqvpn::connect_ip::test
