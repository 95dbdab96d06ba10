#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "io/tun.h"
#include "tunnel/coalesce.h"
#include "tunnel/engine.h"
#include "tunnel/tun_sink.h"

namespace mqvpn::tunnel {

struct TunStats {
  /// From the kernel's view: rx is what it got from us.
  std::uint64_t rxPackets = 0, rxBytes = 0, txPackets = 0, txBytes = 0;
  /// System calls.
  std::uint64_t reads = 0, writes = 0;
  /// The device did not take a packet (it is down).
  std::uint64_t writeErrors = 0;
};

/// The TUN device of an engine: packets that came together leave as one write.
class ShellTun final : public TunSink, private CoalesceSink {
 public:
  /// Throws std::system_error.
  explicit ShellTun(const std::string& name);

  const io::Tun& device() const { return tun_; }
  /// Reads up to `most` packets into the engine. False: the device has no more.
  bool read(Engine& engine, std::size_t most, quic::Time now);

  /// The datagrams that the engine is given next: packets inside them stay valid until flush().
  void setReceived(std::span<const std::uint8_t> data) { received_ = data; }
  void write(std::span<const std::uint8_t> packet, ChecksumState checksum) override;
  void flush() { coalescer_.flush(); }

  const TunStats& stats() const { return stats_; }

 private:
  void onWrite(std::span<const iovec> pieces, std::size_t packets) override;

  io::Tun tun_;
  Coalescer coalescer_;
  std::span<const std::uint8_t> received_;
  TunStats stats_;
};

}  // namespace mqvpn::tunnel
