#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "quic/connection_id.h"
#include "quic/tracer.h"

namespace mqvpn::quic {

/// Writes what a connection does as JSON text sequence (draft-ietf-quic-qlog-main-schema §11.2, RFC 7464): a
/// record separator, an object, a line feed. Contents of streams, datagrams and tokens are never written,
/// only sizes.
class Qlog final : public Tracer {
 public:
  /// `sink` takes whole records; where they go is its business. `start`: times count from there.
  Qlog(std::function<void(std::string_view)> sink, bool isServer, const ConnectionId& originalDestination,
       Time start);

  void onPacketSent(const Packet& packet, Time now) override;
  void onPacketReceived(const Packet& packet, Time now) override;
  void onPacketDropped(std::size_t size, std::string_view reason, Time now) override;
  void onMetrics(std::uint32_t pathId, const PathSender& sender, Time now) override;
  void onKeyUpdated(std::uint64_t phase, bool local, Time now) override;
  void onPathUpdated(std::uint32_t pathId, std::string_view state, Time now) override;
  void onClosed(const CloseInfo& info, Time now) override;

 private:
  void packet(std::string_view name, const Packet& packet, Time now);
  void event(std::string_view name, std::string_view data, Time now);

  std::function<void(std::string_view)> sink_;
  Time start_;
};

}  // namespace mqvpn::quic
