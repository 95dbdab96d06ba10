#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "io/udp_socket.h"
#include "tunnel/engine.h"
#include "tunnel/shell_tun.h"

namespace mqvpn::tunnel {

struct SocketStats {
  std::uint64_t datagramsIn = 0, bytesIn = 0, datagramsOut = 0, bytesOut = 0;
  /// System calls.
  std::uint64_t receives = 0, sends = 0;
  /// ENOBUFS, EAGAIN: sent later. Datagrams that errors of the path swallowed.
  std::uint64_t waits = 0, pathErrors = 0;
};

/// The UDP sockets of an engine, one per path device, and the batches that wait for them.
class ShellSockets {
 public:
  ShellSockets();

  /// Its index is NetworkPath::socket. Throws std::system_error. `tellLocal`: whether paths are told apart by
  /// our own address too, as on a server with several.
  std::size_t add(const io::UdpOptions& options, bool tellLocal);
  std::size_t size() const { return sockets_.size(); }
  io::UdpSocket& at(std::size_t index) { return sockets_[index]; }
  const io::UdpSocket& at(std::size_t index) const { return sockets_[index]; }

  /// Gives what arrived to the engine, bounded; `now` is when, and is renewed. False: there is no more.
  bool receive(std::size_t index, Engine& engine, ShellTun& tun, quic::Time& now);

  enum class Sent : std::uint8_t {
    /// The engine has nothing more for now.
    kAll,
    /// There is more; others first.
    kMore,
    /// A socket takes no more now: again when it is writable, or a moment later.
    kBlocked,
  };
  /// Sends what the engine has, bounded; renews the time as it goes.
  Sent send(Engine& engine, quic::Time& now);
  /// Which socket kBlocked was about.
  std::size_t blockedOn() const { return blockedOn_; }

  const SocketStats& stats() const { return stats_; }
  /// errno of the last path error; 0: none since the last call. For one log line, not one per packet.
  int takePathError() { return std::exchange(pathError_, 0); }

 private:
  /// Batches that one sendmmsg takes.
  static constexpr std::size_t kBatches = 8;
  struct Slot {
    std::unique_ptr<std::uint8_t[]> memory;
    quic::SendBatch batch;
    std::uint64_t owner = 0;
  };

  /// Of the batches first_ … last_. False: blocked.
  bool sendPending(Engine& engine, quic::Time now);

  std::vector<io::UdpSocket> sockets_;
  std::vector<bool> tellLocal_;
  std::vector<Slot> slots_;
  /// Filled and not yet sent.
  std::size_t first_ = 0, last_ = 0;
  std::size_t blockedOn_ = 0;
  int pathError_ = 0;
  SocketStats stats_;
};

}  // namespace mqvpn::tunnel
