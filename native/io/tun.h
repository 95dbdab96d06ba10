#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "io/fd.h"

namespace mqvpn::io {

struct TunOptions {
  /// At most 15 characters. "mqvpn%d": the kernel puts a number in.
  std::string name;
  /// IFF_MULTI_QUEUE: further Tun objects of the same name are further queues of the same device.
  bool multiQueue = false;
  /// Ask for packets of up to 64 KiB and for undone checksums. False: each packet is plain.
  bool offload = true;
  /// Packets that wait for us; when it is full the kernel drops silently.
  int queuePackets = 1000;
};

/// A TUN device (layer 3) that vanishes with its last object. In front of each packet stands a struct
/// virtio_net_hdr of kVnetHeaderBytes; with offload the packet may be a TCP or UDP packet of up to 64 KiB
/// that is still to be cut, in both directions (see tunnel/segment.h, tunnel/coalesce.h).
class Tun {
 public:
  static constexpr std::size_t kVnetHeaderBytes = 10;
  /// What a read may give at most.
  static constexpr std::size_t kMostBytes = kVnetHeaderBytes + 65535;

  /// Throws std::system_error whose text says what to do.
  explicit Tun(const TunOptions& options);

  int fd() const { return fd_.get(); }
  const std::string& name() const { return name_; }
  unsigned index() const { return index_; }

  /// One packet with its header: bytes, or -errno (-EAGAIN: nothing is there).
  std::ptrdiff_t read(std::span<std::uint8_t> buffer) const;
  /// One packet with its header, in pieces. 0 or -errno; -EIO: the device is not up; -EINVAL: malformed.
  int write(std::span<const iovec> pieces) const;

  struct Offload {
    bool checksum = false;
    bool tcp = false;
    /// Linux ≥ 6.2. Only then may UDP trains be written.
    bool udp = false;
  };
  Offload offload() const { return offload_; }

 private:
  Fd fd_;
  std::string name_;
  unsigned index_ = 0;
  Offload offload_;
};

}  // namespace mqvpn::io
