#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

#include "quic/connection.h"
#include "quic/tracer.h"

namespace mqvpn::test {

/// One line of JSON on stdout, at once.
void say(std::string_view event, nlohmann::json fields = nlohmann::json::object());
nlohmann::json describe(const quic::CloseInfo& info);
/// What a test wants to know of a connection at its end.
nlohmann::json describe(const quic::ConnectionStats& stats);

/// Says key updates and what becomes of network paths.
class SayingTracer final : public quic::Tracer {
 public:
  void onPacketSent(const Packet&, quic::Time) override {}
  void onPacketReceived(const Packet&, quic::Time) override {}
  void onPacketDropped(std::size_t, std::string_view, quic::Time) override {}
  void onMetrics(std::uint32_t, const quic::PathSender&, quic::Time) override {}
  void onKeyUpdated(std::uint64_t phase, bool local, quic::Time) override;
  void onPathUpdated(std::uint32_t pathId, std::string_view state, quic::Time) override;
  void onClosed(const quic::CloseInfo&, quic::Time) override {}
};

}  // namespace mqvpn::test
