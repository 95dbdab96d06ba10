#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "io/fd.h"
#include "io/sock_addr.h"

namespace mqvpn::io {

struct UdpOptions {
  /// Address and port to bind. Its family is the socket's. Port 0: the kernel chooses. All-zero address: any.
  SockAddr bind;
  /// A wildcard IPv6 socket that takes IPv4 as well. Peers are then still seen as plain IPv4 addresses.
  bool dualStack = false;
  /// SO_BINDTODEVICE: packets leave and arrive through this device only. Empty: any.
  std::string device;
  /// SO_MARK, for policy routing. 0: none.
  std::uint32_t mark = 0;
  /// Bytes of socket buffer that are asked for. 8 MiB hold 10 ms at 6 Gbit/s.
  int bufferBytes = 8 << 20;
  /// Messages that one receive() takes at most; each has 64 KiB of buffer.
  std::size_t messages = 32;
  /// UDP_GRO and UDP_SEGMENT. False: one packet per message, as with a kernel that has neither.
  bool offload = true;
};

/// What arrived in one message: one UDP datagram, or a train of them that the kernel glued (UDP_GRO).
struct Received {
  SockAddr from;
  /// Which of our addresses it was sent to, and our port.
  SockAddr local;
  /// RFC 3168 §5, of every datagram in the train: 0 not-ECT, 1 ECT(1), 2 ECT(0), 3 CE.
  std::uint8_t ecn = 0;
  /// Writable, with UdpSocket::kHeadroom writable bytes in front. Valid until the next receive().
  std::span<std::uint8_t> data;
  /// Every datagram has this many bytes, but the last, which may be shorter. Never 0, unless data is empty.
  std::size_t segmentSize = 0;

  std::size_t segments() const {
    return segmentSize == 0 ? 0 : (data.size() + segmentSize - 1) / segmentSize;
  }
  std::span<std::uint8_t> segment(std::size_t index) const {
    const std::size_t at = index * segmentSize;
    return data.subspan(at, data.size() - at < segmentSize ? data.size() - at : segmentSize);
  }
};

/// Datagrams for one address that leave with one system call: all have `segmentSize` bytes, but the last,
/// which may be shorter. At most 64 of them and at most 65 000 bytes (UDP_SEGMENT's limits).
struct Outgoing {
  std::span<const std::uint8_t> bytes;
  std::size_t segmentSize = 0;
  SockAddr to;
  /// Which of our addresses it leaves from. Empty: the bound one, or the kernel's choice.
  SockAddr local;
  std::uint8_t ecn = 0;
};

enum class SendStatus : std::uint8_t {
  kSent,
  /// EAGAIN: wait until the socket is writable. ENOBUFS: a queue below is full, which nothing announces: try
  /// again a moment later.
  kWouldBlock,
  /// EMSGSIZE: a datagram is larger than the device's MTU.
  kTooBig,
  /// ENETUNREACH, EPERM, ENETDOWN, EINVAL (the local address is gone), …: this path's, this moment's.
  kPathError,
};

/// No failure is fatal to the socket.
struct SendResult {
  SendStatus status = SendStatus::kSent;
  /// errno; 0 when sent.
  int error = 0;
  /// Batches that left completely. The failure is that of the next one.
  std::size_t batches = 0;
  /// Bytes of that next one that left nevertheless (whole datagrams; only without offload).
  std::size_t bytes = 0;
};

/// A non-blocking UDP socket for QUIC: DF is set and the kernel's idea of the path MTU is ignored (RFC 9000
/// §14: the datagrams "MUST NOT be fragmented at the IP layer"), ECN is seen and set per batch, trains of
/// datagrams pass the kernel as one packet.
class UdpSocket {
 public:
  /// Room in front of each received message.
  static constexpr std::size_t kHeadroom = 64;

  /// Throws std::system_error that says what failed, with the address and the device.
  explicit UdpSocket(const UdpOptions& options);
  UdpSocket(UdpSocket&&) noexcept;
  UdpSocket& operator=(UdpSocket&&) noexcept;
  ~UdpSocket();

  int fd() const { return fd_.get(); }
  /// Address and port that it is bound to.
  const SockAddr& local() const { return local_; }

  /// What is there, up to `messages`. Empty: nothing. As many as that: there may be more.
  std::span<const Received> receive();
  SendResult send(const Outgoing& batch);
  SendResult send(std::span<const Outgoing> batches);

  /// False since the kernel or the device refused UDP_SEGMENT: each datagram is then sent by itself.
  bool segmentationOffload() const { return gso_; }
  /// Whether the kernel glues what it receives.
  bool receiveOffload() const { return gro_; }
  /// Bytes of receive buffer that the kernel granted (it counts its own overhead in).
  int receiveBuffer() const;
  /// Datagrams that the kernel dropped because the receive buffer was full.
  std::uint64_t dropped() const;
  /// Binds to the device again: one that was away and came back has a new index, and the socket still means
  /// the old one. 0 or errno.
  int rebindDevice();

 private:
  struct Rings;

  SendResult sendEach(const Outgoing& batch);
  SendResult afterFailedTrain(const Outgoing& batch, int error);

  Fd fd_;
  SockAddr local_;
  std::string device_;
  bool wildcard_ = false;
  bool ipv6_ = false;
  bool gso_ = false;
  bool gro_ = false;
  std::unique_ptr<Rings> rings_;
};

}  // namespace mqvpn::io
