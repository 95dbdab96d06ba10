#pragma once

#include <cstdint>
#include <string_view>

#include "quic/application.h"
#include "quic/buffer.h"
#include "quic/frames.h"
#include "quic/packet_header.h"
#include "quic/path_sender.h"
#include "quic/time.h"

namespace mqvpn::quic {

/// Sees what a connection does (qlog). There is none unless somebody asks: callers test a pointer.
class Tracer {
 public:
  virtual ~Tracer() = default;
  struct Packet {
    PacketType type = PacketType::kOneRtt;
    std::uint32_t pathId = 0;
    std::uint64_t number = 0;
    /// Bytes of UDP payload.
    std::size_t size = 0;
    /// The frames in the clear.
    Bytes payload;
    MultipathVersion multipath = MultipathVersion::kNone;
  };
  virtual void onPacketSent(const Packet& packet, Time now) = 0;
  virtual void onPacketReceived(const Packet& packet, Time now) = 0;
  /// `reason`: a trigger of qlog's quic:packet_dropped.
  virtual void onPacketDropped(std::size_t size, std::string_view reason, Time now) = 0;
  virtual void onMetrics(std::uint32_t pathId, const PathSender& sender, Time now) = 0;
  virtual void onKeyUpdated(std::uint64_t phase, bool local, Time now) = 0;
  virtual void onPathUpdated(std::uint32_t pathId, std::string_view state, Time now) = 0;
  virtual void onClosed(const CloseInfo& info, Time now) = 0;
};

}  // namespace mqvpn::quic
