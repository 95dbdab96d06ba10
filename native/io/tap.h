#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "io/fd.h"

namespace mqvpn::io {

/// A TAP device that vanishes with this object. Each frame has a struct virtio_net_hdr of 10 bytes in front.
/// The kernel may leave checksums undone (the header says so, and a TAP that the frame is written to
/// understands it), but it cuts every frame to the device's MTU before it gets here: one read is one packet.
class Tap {
 public:
  /// Makes `device` in the network namespace of the file `netns`. Throws std::system_error that says what
  /// failed.
  Tap(const std::string& netns, const std::string& device);

  int fd() const { return fd_.get(); }
  /// Bytes read, header included, or -errno. A frame longer than `size` is cut, and then `size` is returned.
  std::ptrdiff_t read(std::uint8_t* buffer, std::size_t size) const;
  /// 0 or -errno; -EIO: the device is not up.
  int write(std::span<const iovec> pieces) const;
  void setCarrier(bool on) const;
  struct Transmission {
    /// Frames from the device's namespace that the kernel dropped in front of us.
    std::uint64_t dropped = 0;
    /// Whether the device was up and its carrier known to the kernel's queues. Otherwise they drop all that
    /// is sent, and count it too.
    bool operational = false;
  };
  /// All zero when the kernel cannot say.
  Transmission transmission() const;

 private:
  Fd fd_;
  // Of the device's namespace, so that its counters can be asked for from outside.
  Fd netlink_;
  int index_ = 0;
};

}  // namespace mqvpn::io
