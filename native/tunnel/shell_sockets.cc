#include "tunnel/shell_sockets.h"

#include <algorithm>
#include <array>
#include <utility>

#include "io/clock.h"
#include "tunnel/shell_convert.h"

namespace mqvpn::tunnel {

namespace {

/// Receive calls per turn: at full speed one brings 32 trains of up to 64 KiB. Fewer cost a wake-up more
/// often, more let what is to be sent wait.
constexpr int kReceiveRounds = 4;
/// Batches per turn.
constexpr std::size_t kMostBatches = 64;
/// Nothing announces the end of ENOBUFS; a packet queue of 1000 drains in this time at 20 Gbit/s.
constexpr quic::Duration kRetryAfter = 500 * quic::kMicrosecond;

}  // namespace

ShellSockets::ShellSockets() = default;

ShellSockets::SlotPtr ShellSockets::takeSlot() {
  if (!free_.empty()) {
    SlotPtr slot = std::move(free_.back());
    free_.pop_back();
    return slot;
  }
  auto slot = std::make_unique<Slot>();
  slot->memory = std::make_unique_for_overwrite<std::uint8_t[]>(quic::SendBatch::kMostBytes);
  slot->batch.buffer = {slot->memory.get(), quic::SendBatch::kMostBytes};
  return slot;
}

void ShellSockets::open(std::size_t index, const io::UdpOptions& options, bool tellLocal) {
  Lane& lane = lanes_[index];
  // What waited for the socket before is of a link that was away, and emplace() may throw.
  for (SlotPtr& slot : lane.held) free_.push_back(std::move(slot));
  lane.held.clear();
  lane.retryAt = quic::kNever;
  lane.socket.emplace(options);
  lane.tellLocal = tellLocal;
}

bool ShellSockets::receive(std::size_t index, Engine& engine, ShellTun& tun, quic::Time& now) {
  Lane& lane = lanes_[index];
  if (!lane.socket) return false;
  for (int round = 0; round < kReceiveRounds; ++round) {
    const std::span<const io::Received> all = lane.socket->receive();
    if (all.empty()) return false;
    ++stats_.receives;
    // What this call gave had arrived by now, and not a turn's work earlier: RTT samples hang on it.
    now = io::monotonicNs();
    for (const io::Received& one : all) {
      quic::NetworkPath path;
      path.socket = static_cast<std::uint32_t>(index);
      path.remote = toSocketAddress(one.from);
      if (lane.tellLocal) path.local = toSocketAddress(one.local);
      tun.setReceived(one.data);
      const std::size_t segments = one.segments();
      stats_.datagramsIn += segments;
      stats_.bytesIn += one.data.size();
      for (std::size_t i = 0; i < segments; ++i)
        engine.receive(one.segment(i), path, static_cast<quic::Ecn>(one.ecn & 3), now);
    }
    // The next call overwrites what was received.
    tun.flush();
    tun.setReceived({});
  }
  return true;
}

bool ShellSockets::allBlocked() const {
  bool any = false;
  // A socket that is not there takes nothing, and must not have packets produced for one that is blocked.
  for (const Lane& lane : lanes_) {
    if (!lane.socket) continue;
    if (lane.held.empty()) return false;
    any = true;
  }
  return any;
}

quic::Time ShellSockets::retryAt() const {
  quic::Time at = quic::kNever;
  for (const Lane& lane : lanes_)
    if (!lane.held.empty()) at = std::min(at, lane.retryAt);
  return at;
}

ShellSockets::Sent ShellSockets::send(Engine& engine, quic::Time& now) {
  for (Lane& lane : lanes_) {
    if (lane.held.empty() || lane.retryAt > now) continue;
    if (!sendOn(lane, lane.held, engine, now)) lane.retryAt = now + kRetryAfter;
  }
  for (std::size_t sent = 0; sent < kMostBatches; sent += kBatches) {
    if (allBlocked()) return Sent::kBlocked;
    now = io::monotonicNs();
    while (filled_.size() < kBatches) {
      SlotPtr slot = takeSlot();
      if (!engine.produce(slot->batch, slot->owner, now)) {
        free_.push_back(std::move(slot));
        break;
      }
      filled_.push_back(std::move(slot));
    }
    if (filled_.empty()) return Sent::kAll;
    while (!filled_.empty()) {
      // Batches for one socket in a row.
      const std::size_t socket = filled_.front()->batch.path.socket;
      while (!filled_.empty() && filled_.front()->batch.path.socket == socket) {
        run_.push_back(std::move(filled_.front()));
        filled_.pop_front();
      }
      if (socket >= lanes_.size() || !lanes_[socket].socket) {
        for (SlotPtr& slot : run_) free_.push_back(std::move(slot));
        run_.clear();
        continue;
      }
      Lane& lane = lanes_[socket];
      if (!lane.held.empty() || !sendOn(lane, run_, engine, now)) hold(lane, run_, now);
    }
  }
  return Sent::kMore;
}

void ShellSockets::hold(Lane& lane, std::deque<SlotPtr>& slots, quic::Time now) {
  if (lane.held.empty()) lane.retryAt = now + kRetryAfter;
  for (SlotPtr& slot : slots) {
    if (lane.held.size() < kMostHeld) {
      lane.held.push_back(std::move(slot));
      continue;
    }
    stats_.pathErrors += slot->batch.segments;
    free_.push_back(std::move(slot));
  }
  slots.clear();
}

bool ShellSockets::sendOn(Lane& lane, std::deque<SlotPtr>& slots, Engine& engine, quic::Time now) {
  std::array<io::Outgoing, kBatches> outgoing;
  const auto drop = [&] {
    free_.push_back(std::move(slots.front()));
    slots.pop_front();
  };
  while (!slots.empty()) {
    std::size_t count = 0;
    for (const SlotPtr& slot : slots) {
      if (count == outgoing.size()) break;
      const quic::SendBatch& batch = slot->batch;
      outgoing[count++] = {batch.bytes(), batch.segmentSize, toSockAddr(batch.path.remote),
                           toSockAddr(batch.path.local), static_cast<std::uint8_t>(batch.ecn)};
    }
    const io::SendResult result = lane.socket->send(std::span(outgoing).first(count));
    ++stats_.sends;
    for (std::size_t i = 0; i < result.batches; ++i) {
      stats_.datagramsOut += slots.front()->batch.segments;
      stats_.bytesOut += slots.front()->batch.used;
      drop();
    }
    if (result.status == io::SendStatus::kSent) continue;
    quic::SendBatch& failed = slots.front()->batch;
    switch (result.status) {
      case io::SendStatus::kSent:
        break;
      case io::SendStatus::kWouldBlock:
        ++stats_.waits;
        // What of it left already does not leave twice.
        std::copy(failed.buffer.begin() + static_cast<std::ptrdiff_t>(result.bytes),
                  failed.buffer.begin() + static_cast<std::ptrdiff_t>(failed.used), failed.buffer.begin());
        failed.used -= result.bytes;
        failed.segments -= failed.segmentSize > 0 ? result.bytes / failed.segmentSize : 0;
        return false;
      case io::SendStatus::kTooBig:
        engine.onTooBig(slots.front()->owner, failed.path, static_cast<std::uint32_t>(failed.segmentSize),
                        now);
        drop();
        break;
      case io::SendStatus::kPathError:
        // Lost, as on any bad network: this path's, this moment's trouble, never the connection's end.
        stats_.pathErrors += failed.segments;
        pathError_ = result.error;
        drop();
        break;
    }
  }
  return true;
}

}  // namespace mqvpn::tunnel
