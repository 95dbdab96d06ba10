#include "tunnel/shell_sockets.h"

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

}  // namespace

ShellSockets::ShellSockets() : slots_(kBatches) {
  for (Slot& slot : slots_) {
    slot.memory = std::make_unique_for_overwrite<std::uint8_t[]>(quic::SendBatch::kMostBytes);
    slot.batch.buffer = {slot.memory.get(), quic::SendBatch::kMostBytes};
  }
}

std::size_t ShellSockets::add(const io::UdpOptions& options, bool tellLocal) {
  sockets_.emplace_back(options);
  tellLocal_.push_back(tellLocal);
  return sockets_.size() - 1;
}

bool ShellSockets::receive(std::size_t index, Engine& engine, ShellTun& tun, quic::Time& now) {
  for (int round = 0; round < kReceiveRounds; ++round) {
    const std::span<const io::Received> all = sockets_[index].receive();
    if (all.empty()) return false;
    ++stats_.receives;
    // What this call gave had arrived by now, and not a turn's work earlier: RTT samples hang on it.
    now = io::monotonicNs();
    for (const io::Received& one : all) {
      quic::NetworkPath path;
      path.socket = static_cast<std::uint32_t>(index);
      path.remote = toSocketAddress(one.from);
      if (tellLocal_[index]) path.local = toSocketAddress(one.local);
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

ShellSockets::Sent ShellSockets::send(Engine& engine, quic::Time& now) {
  for (std::size_t sent = 0; sent < kMostBatches; sent += kBatches) {
    if (first_ == last_) {
      first_ = last_ = 0;
      now = io::monotonicNs();
      while (last_ < kBatches && engine.produce(slots_[last_].batch, slots_[last_].owner, now)) ++last_;
      if (last_ == 0) return Sent::kAll;
    }
    if (!sendPending(engine, now)) return Sent::kBlocked;
  }
  return Sent::kMore;
}

bool ShellSockets::sendPending(Engine& engine, quic::Time now) {
  std::array<io::Outgoing, kBatches> outgoing;
  while (first_ < last_) {
    // Batches for one socket in a row.
    const std::size_t socket = slots_[first_].batch.path.socket;
    std::size_t count = 0;
    for (std::size_t i = first_; i < last_ && slots_[i].batch.path.socket == socket; ++i) {
      const quic::SendBatch& batch = slots_[i].batch;
      outgoing[count++] = {batch.bytes(), batch.segmentSize, toSockAddr(batch.path.remote),
                           toSockAddr(batch.path.local), static_cast<std::uint8_t>(batch.ecn)};
    }
    if (socket >= sockets_.size()) {
      first_ += count;
      continue;
    }
    const io::SendResult result = sockets_[socket].send(std::span(outgoing).first(count));
    ++stats_.sends;
    for (std::size_t i = 0; i < result.batches; ++i) {
      stats_.datagramsOut += slots_[first_ + i].batch.segments;
      stats_.bytesOut += slots_[first_ + i].batch.used;
    }
    first_ += result.batches;
    if (result.status == io::SendStatus::kSent) continue;
    Slot& failed = slots_[first_];
    switch (result.status) {
      case io::SendStatus::kSent:
        break;
      case io::SendStatus::kWouldBlock: {
        ++stats_.waits;
        // What of it left already does not leave twice.
        quic::SendBatch& batch = failed.batch;
        std::copy(batch.buffer.begin() + static_cast<std::ptrdiff_t>(result.bytes),
                  batch.buffer.begin() + static_cast<std::ptrdiff_t>(batch.used), batch.buffer.begin());
        batch.used -= result.bytes;
        batch.segments -= batch.segmentSize > 0 ? result.bytes / batch.segmentSize : 0;
        blockedOn_ = socket;
        return false;
      }
      case io::SendStatus::kTooBig:
        engine.onTooBig(failed.owner, failed.batch.path, static_cast<std::uint32_t>(failed.batch.segmentSize),
                        now);
        ++first_;
        break;
      case io::SendStatus::kPathError:
        // Lost, as on any bad network: this path's, this moment's trouble, never the connection's end.
        stats_.pathErrors += failed.batch.segments;
        pathError_ = result.error;
        ++first_;
        break;
    }
  }
  return true;
}

}  // namespace mqvpn::tunnel
