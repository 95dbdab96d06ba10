#pragma once

#include <cstdint>
#include <memory>

#include "quic/connection.h"
#include "tunnel/http_host.h"

namespace mqvpn::tunnel {

class ClientEngine;

/// One try to reach the server, over one link. Several may be under way; the first to complete its handshake
/// is the client's connection, the others end. Hands what a connection says to the engine.
class ClientAttempt final : public HttpHost {
 public:
  ClientAttempt(ClientEngine& engine, std::uint32_t slot) : engine_(engine), slot_(slot) {}

  std::uint32_t slot() const { return slot_; }
  /// Null: it is over.
  quic::Connection* connection() { return connection_; }
  const quic::Connection* connection() const { return connection_; }
  void setConnection(quic::Connection* connection) { connection_ = connection; }
  std::unique_ptr<http3::Connection>& http() { return http_; }

  void onReady(bool early) override;
  void onEarlyDataRejected() override;
  void onHandshakeComplete() override;
  void onDatagram(std::span<std::uint8_t> payload, const quic::PacketId& origin, quic::Time now) override;
  void onDatagramAcked(std::uint64_t tag) override;
  void onDatagramLost(std::uint64_t tag) override;
  void onDatagramStranded(std::uint64_t tag) override;
  void onMaxDatagramPayload(std::size_t bytes) override;
  void onPathChanged(std::uint32_t pathId, PathChange change, std::uint64_t code) override;
  void onPathsAvailable() override;
  void onClosed(const quic::CloseInfo& info) override;
  void onResumptionTicket(quic::Bytes ticket) override;
  void onAddressToken(quic::Bytes token) override;

 private:
  ClientEngine& engine_;
  const std::uint32_t slot_;
  quic::Connection* connection_ = nullptr;
};

}  // namespace mqvpn::tunnel
