#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
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

/// The UDP sockets of an engine, one per link, and the batches that wait for them. A socket that takes
/// nothing for the moment holds up nobody but itself.
class ShellSockets {
 public:
  ShellSockets();

  /// Places for so many sockets, none of them open. Their index is NetworkPath::socket.
  void reserve(std::size_t count) { lanes_.resize(count); }
  /// Throws std::system_error. `tellLocal`: whether paths are told apart by our own address too, as on a
  /// server with several. In the place of what was there.
  void open(std::size_t index, const io::UdpOptions& options, bool tellLocal);
  std::size_t size() const { return lanes_.size(); }
  bool isOpen(std::size_t index) const { return lanes_[index].socket.has_value(); }
  io::UdpSocket& at(std::size_t index) { return *lanes_[index].socket; }
  const io::UdpSocket& at(std::size_t index) const { return *lanes_[index].socket; }

  /// Gives what arrived to the engine, bounded; `now` is when, and is renewed. False: there is no more.
  bool receive(std::size_t index, Engine& engine, ShellTun& tun, quic::Time& now);

  enum class Sent : std::uint8_t {
    /// The engine has nothing more for now.
    kAll,
    /// There is more; others first.
    kMore,
    /// No socket takes anything now: again when one is writable, or a moment later.
    kBlocked,
  };
  /// Sends what the engine has, bounded; renews the time as it goes.
  Sent send(Engine& engine, quic::Time& now);
  /// It has something that it could not send.
  bool isBlocked(std::size_t index) const { return !lanes_[index].held.empty(); }
  /// When a blocked socket is worth another try although nothing said so, or kNever.
  quic::Time retryAt() const;
  /// It is writable again.
  void onWritable(std::size_t index) { lanes_[index].retryAt = 0; }

  const SocketStats& stats() const { return stats_; }
  /// errno of the last path error; 0: none since the last call. For one log line, not one per packet.
  int takePathError() { return std::exchange(pathError_, 0); }

 private:
  /// Batches that one sendmmsg takes.
  static constexpr std::size_t kBatches = 8;
  /// Batches that wait for one socket while others send; more are lost, as in any full queue.
  static constexpr std::size_t kMostHeld = 8;
  struct Slot {
    std::unique_ptr<std::uint8_t[]> memory;
    quic::SendBatch batch;
    std::uint64_t owner = 0;
  };
  using SlotPtr = std::unique_ptr<Slot>;
  struct Lane {
    std::optional<io::UdpSocket> socket;
    bool tellLocal = false;
    std::deque<SlotPtr> held;
    quic::Time retryAt = quic::kNever;
  };

  SlotPtr takeSlot();
  bool allBlocked() const;
  /// Sends `slots` in order; takes what left, or is lost, off them. False: the socket takes no more now.
  bool sendOn(Lane& lane, std::deque<SlotPtr>& slots, Engine& engine, quic::Time now);
  void hold(Lane& lane, std::deque<SlotPtr>& slots, quic::Time now);

  std::vector<Lane> lanes_;
  std::vector<SlotPtr> free_;
  std::deque<SlotPtr> filled_, run_;
  int pathError_ = 0;
  SocketStats stats_;
};

}  // namespace mqvpn::tunnel
