#include "tunnel/shell_tun.h"

#include <functional>

namespace mqvpn::tunnel {

namespace {

io::TunOptions optionsFor(const std::string& name) {
  io::TunOptions options;
  options.name = name;
  return options;
}

}  // namespace

ShellTun::ShellTun(const std::string& name)
    : tun_(optionsFor(name)), coalescer_(*this, {.tcp = tun_.offload().tcp, .udp = tun_.offload().udp}) {}

bool ShellTun::read(Engine& engine, std::size_t most, quic::Time now) {
  for (std::size_t i = 0; i < most; ++i) {
    const std::ptrdiff_t size = tun_.read(engine.tunBuffer());
    if (size <= 0) return false;
    ++stats_.reads;
    ++stats_.txPackets;
    stats_.txBytes += static_cast<std::uint64_t>(size) - VnetHeader::kBytes;
    engine.onTunRead(static_cast<std::size_t>(size), now);
  }
  return true;
}

void ShellTun::write(std::span<const std::uint8_t> packet, ChecksumState checksum) {
  ++stats_.rxPackets;
  stats_.rxBytes += packet.size();
  coalescer_.add(packet, checksum);
  // std::less: the pointers may belong to different objects.
  const std::less<const std::uint8_t*> before;
  const bool stays = !received_.empty() && !before(packet.data(), received_.data()) &&
                     !before(received_.data() + received_.size(), packet.data() + packet.size());
  if (!stays) coalescer_.flush();
}

void ShellTun::onWrite(std::span<const iovec> pieces, std::size_t packets) {
  ++stats_.writes;
  if (tun_.write(pieces) != 0) stats_.writeErrors += packets;
}

}  // namespace mqvpn::tunnel
