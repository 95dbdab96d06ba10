#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "quic/send_batch.h"
#include "quic/time.h"
#include "tunnel/status.h"

namespace mqvpn::tunnel {

/// One end of the VPN, without sockets, devices and clocks: what the outer shell (or a simulation) drives.
/// After each batch of calls: produce() until it returns false, then deadline().
class Engine {
 public:
  virtual ~Engine() = default;

  /// One UDP datagram; it is decrypted in place.
  virtual void receive(std::span<std::uint8_t> datagram, const quic::NetworkPath& network, quic::Ecn ecn,
                       quic::Time now) = 0;
  /// Where the next packet of the TUN device is to be read to, its vnet header first.
  virtual std::span<std::uint8_t> tunBuffer() = 0;
  /// So many bytes were read there.
  virtual void onTunRead(std::size_t bytes, quic::Time now) = 0;
  /// Fills an empty batch. `owner` names the connection that it is of, for onTooBig(). False: nothing to send
  /// now.
  virtual bool produce(quic::SendBatch& batch, std::uint64_t& owner, quic::Time now) = 0;
  /// The kernel said EMSGSIZE for a datagram of this size.
  virtual void onTooBig(std::uint64_t owner, const quic::NetworkPath& network, std::uint32_t size,
                        quic::Time now) = 0;
  /// When onTimeout() has something to do without another event, or kNever.
  virtual quic::Time deadline() const = 0;
  virtual void onTimeout(quic::Time now) = 0;

  /// Ends all connections with CONNECTION_CLOSE, which produce() gives.
  virtual void close(std::string_view reason, quic::Time now) = 0;
  virtual EngineStatus status(quic::Time now) const = 0;
};

}  // namespace mqvpn::tunnel
