// Cuts a TCP byte stream back into the probe's fixed-size messages. Sans-I/O.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>

#include "probe/packet.h"

namespace mqvpn::probe {

class StreamDecoder {
 public:
  using OnPacket = std::function<void(const Packet&)>;

  // Takes the next bytes, calls `onPacket` for each message that is now complete. False when the bytes are
  // not ours: a stream has no way to find the next message, so the connection is of no further use.
  bool push(std::span<const uint8_t> bytes, const OnPacket& onPacket);

  // Forgets a half-read message; for a new connection.
  void reset();

 private:
  std::array<uint8_t, kHeaderBytes> header_{};
  size_t headerBytes_ = 0;
  size_t fillerLeft_ = 0;
  Packet packet_;
};

}  // namespace mqvpn::probe
