#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "quic/connection.h"
#include "quic/sent_packet.h"

namespace mqvpn::quic {

/// A truncated packet number never takes more.
constexpr std::size_t kMostNumberSize = 4;
constexpr std::size_t kTag = tls::kTagSize;
/// Room for what one packet may carry of frames whose fate matters; a packet of many small datagrams has the
/// most.
constexpr std::size_t kMostFrames = 64;
/// What goes into one packet.
struct Connection::Build {
  /// ACK and control frames; else DATAGRAM frames alone.
  bool control = false;
  /// Also those that belong to no path: streams, connection IDs.
  bool connection = false;
  bool ack = false;
  bool datagrams = false;
  /// Not ack-eliciting otherwise, but a probe or a keep-alive.
  bool ping = false;
  /// A probe on a path that does not answer.
  bool onSilentPath = false;
  std::size_t padTo = 0;
  /// However much that is.
  bool mustPad = false;

  std::array<SentFrame, kMostFrames> frames;
  std::size_t count = 0;
  bool ackEliciting = false;
  bool inFlight = false;
  bool wroteAck = false;
  bool isMtuProbe = false;

  void add(const SentFrame& frame) {
    frames[count++] = frame;
    ackEliciting = inFlight = true;
  }
  std::span<SentFrame> room() { return std::span(frames).subspan(count); }
  bool full() const { return count + 4 >= frames.size(); }
};

}  // namespace mqvpn::quic
