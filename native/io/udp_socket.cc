#include "io/udp_socket.h"

#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <vector>

#include "io/udp_control.h"

namespace mqvpn::io {

namespace {

constexpr std::size_t kMessageBytes = 65536;
constexpr std::size_t kSlotBytes = UdpSocket::kHeadroom + kMessageBytes;
/// Messages per sendmmsg.
constexpr std::size_t kMostMessages = 64;

std::string describe(const UdpOptions& options) {
  return "UDP socket " + toString(options.bind) + (options.device.empty() ? "" : " on " + options.device);
}

[[noreturn]] void fail(const UdpOptions& options, const std::string& what) {
  throw std::system_error(errno, std::generic_category(), describe(options) + ": " + what);
}

bool set(const Fd& fd, int level, int name, int value) {
  return setsockopt(fd.get(), level, name, &value, sizeof(value)) == 0;
}

/// As root past net.core.rmem_max and wmem_max, else as much as they allow.
void growBuffers(const Fd& fd, int bytes) {
  if (!set(fd, SOL_SOCKET, SO_RCVBUFFORCE, bytes)) set(fd, SOL_SOCKET, SO_RCVBUF, bytes);
  if (!set(fd, SOL_SOCKET, SO_SNDBUFFORCE, bytes)) set(fd, SOL_SOCKET, SO_SNDBUF, bytes);
}

SendStatus statusOf(int error) {
  switch (error) {
    case EAGAIN:
    case ENOBUFS:
    case ENOMEM:
      return SendStatus::kWouldBlock;
    case EMSGSIZE:
      return SendStatus::kTooBig;
    default:
      return SendStatus::kPathError;
  }
}

SendResult failure(int error, std::size_t batches = 0, std::size_t bytes = 0) {
  return {statusOf(error), error, batches, bytes};
}

bool isTrain(const Outgoing& batch) { return batch.bytes.size() > batch.segmentSize; }

}  // namespace

struct UdpSocket::Rings {
  explicit Rings(std::size_t messages)
      : memory(std::make_unique_for_overwrite<std::uint8_t[]>(messages * kSlotBytes)),
        names(messages),
        controls(messages),
        pieces(messages),
        headers(messages),
        received(messages) {
    for (std::size_t i = 0; i < messages; ++i) {
      pieces[i] = {memory.get() + i * kSlotBytes + kHeadroom, kMessageBytes};
      headers[i].msg_hdr.msg_iov = &pieces[i];
      headers[i].msg_hdr.msg_iovlen = 1;
    }
  }

  std::unique_ptr<std::uint8_t[]> memory;
  std::vector<sockaddr_in6> names;
  std::vector<ReceiveControl> controls;
  std::vector<iovec> pieces;
  std::vector<mmsghdr> headers;
  std::vector<Received> received;

  std::array<SendControl, kMostMessages> sendControls;
  std::array<sockaddr_in6, kMostMessages> sendNames;
  std::array<iovec, kMostMessages> sendPieces;
  std::array<mmsghdr, kMostMessages> sendHeaders;
};

UdpSocket::UdpSocket(UdpSocket&&) noexcept = default;
UdpSocket& UdpSocket::operator=(UdpSocket&&) noexcept = default;
UdpSocket::~UdpSocket() = default;

UdpSocket::UdpSocket(const UdpOptions& options)
    : device_(options.device),
      wildcard_(options.bind.isWildcard()),
      ipv6_(options.bind.family() == 6),
      rings_(std::make_unique<Rings>(options.messages)) {
  fd_ = Fd(socket(ipv6_ ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd_) fail(options, "socket");
  if (ipv6_ && !set(fd_, IPPROTO_IPV6, IPV6_V6ONLY, options.dualStack ? 0 : 1)) fail(options, "IPV6_V6ONLY");
  if (!device_.empty()) {
    const int error = rebindDevice();
    errno = error;
    if (error != 0) fail(options, "SO_BINDTODEVICE");
  }
  if (options.mark != 0 && !set(fd_, SOL_SOCKET, SO_MARK, static_cast<int>(options.mark)))
    fail(options, "SO_MARK");
  growBuffers(fd_, options.bufferBytes);

  // A dual-stack socket takes the options of both families, each for the packets of its own.
  const bool ipv4 = !ipv6_ || options.dualStack;
  if (ipv4) {
    if (!set(fd_, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE)) fail(options, "IP_MTU_DISCOVER");
    if (!set(fd_, IPPROTO_IP, IP_RECVTOS, 1)) fail(options, "IP_RECVTOS");
    if (wildcard_ && !set(fd_, IPPROTO_IP, IP_PKTINFO, 1)) fail(options, "IP_PKTINFO");
  }
  if (ipv6_) {
    if (!set(fd_, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE)) fail(options, "IPV6_MTU_DISCOVER");
    if (!set(fd_, IPPROTO_IPV6, IPV6_RECVTCLASS, 1)) fail(options, "IPV6_RECVTCLASS");
    if (wildcard_ && !set(fd_, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)) fail(options, "IPV6_RECVPKTINFO");
  }
  if (options.offload) {
    // Linux ≥ 4.18 and ≥ 5.0. Setting a size of 0 changes nothing, and tells whether the option is known.
    gso_ = set(fd_, IPPROTO_UDP, UDP_SEGMENT, 0);
    gro_ = set(fd_, IPPROTO_UDP, UDP_GRO, 1);
  }

  if (bind(fd_.get(), options.bind.get(), options.bind.size()) != 0) fail(options, "bind");
  sockaddr_in6 name{};
  socklen_t size = sizeof(name);
  if (getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&name), &size) != 0) fail(options, "getsockname");
  local_ = SockAddr::from(reinterpret_cast<const sockaddr*>(&name));
}

std::span<const Received> UdpSocket::receive() {
  Rings& rings = *rings_;
  const std::size_t most = rings.headers.size();
  for (std::size_t i = 0; i < most; ++i) {
    msghdr& header = rings.headers[i].msg_hdr;
    header.msg_name = &rings.names[i];
    header.msg_namelen = sizeof(sockaddr_in6);
    header.msg_control = rings.controls[i].bytes;
    header.msg_controllen = sizeof(ReceiveControl);
    header.msg_flags = 0;
  }
  // An error that waits at the socket (its device went down, say) is gone once it was reported.
  int count = -1;
  for (int attempt = 0; count < 0 && attempt < 3; ++attempt) {
    count = recvmmsg(fd_.get(), rings.headers.data(), static_cast<unsigned>(most), MSG_DONTWAIT, nullptr);
    if (count < 0 && errno == EAGAIN) break;
  }
  std::size_t kept = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(std::max(count, 0)); ++i) {
    msghdr& header = rings.headers[i].msg_hdr;
    const std::size_t size = rings.headers[i].msg_len;
    if ((header.msg_flags & MSG_TRUNC) != 0) continue;
    Received& received = rings.received[kept++];
    received = {};
    received.from = SockAddr::from(reinterpret_cast<const sockaddr*>(&rings.names[i]));
    received.local = local_;
    received.data = {static_cast<std::uint8_t*>(rings.pieces[i].iov_base), size};
    received.segmentSize = size;
    readControl(header, received);
  }
  return {rings.received.data(), kept};
}

SendResult UdpSocket::send(const Outgoing& batch) {
  if (isTrain(batch) && !gso_) return sendEach(batch);
  Rings& rings = *rings_;
  msghdr header{};
  rings.sendPieces[0] = {const_cast<std::uint8_t*>(batch.bytes.data()), batch.bytes.size()};
  prepare(header, batch, ipv6_, rings.sendNames[0], rings.sendPieces[0], rings.sendControls[0],
          isTrain(batch) ? batch.segmentSize : 0);
  ssize_t sent = -1;
  do {
    sent = sendmsg(fd_.get(), &header, MSG_DONTWAIT);
  } while (sent < 0 && errno == EINTR);
  if (sent >= 0) return {SendStatus::kSent, 0, 1, 0};
  return isTrain(batch) ? afterFailedTrain(batch, errno) : failure(errno);
}

SendResult UdpSocket::afterFailedTrain(const Outgoing& batch, int error) {
  // EIO: the device computes no checksums, so the kernel will not cut for it. EINVAL: the kernel cuts fewer
  // segments than these; or (before Linux 6.14) one is larger than the MTU; or the local address is gone.
  // Only when they go out one by one was it the cutting.
  if (error != EIO && error != EINVAL) return failure(error);
  const SendResult result = sendEach(batch);
  if (result.batches == 1 || result.bytes > 0) gso_ = false;
  return result;
}

SendResult UdpSocket::sendEach(const Outgoing& batch) {
  Rings& rings = *rings_;
  std::size_t done = 0;
  while (done < batch.bytes.size()) {
    std::size_t count = 0;
    for (std::size_t at = done; at < batch.bytes.size() && count < kMostMessages; at += batch.segmentSize) {
      Outgoing one = batch;
      one.bytes = batch.bytes.subspan(at, std::min(batch.segmentSize, batch.bytes.size() - at));
      rings.sendPieces[count] = {const_cast<std::uint8_t*>(one.bytes.data()), one.bytes.size()};
      prepare(rings.sendHeaders[count].msg_hdr, one, ipv6_, rings.sendNames[count], rings.sendPieces[count],
              rings.sendControls[count], 0);
      ++count;
    }
    const int sent =
        sendmmsg(fd_.get(), rings.sendHeaders.data(), static_cast<unsigned>(count), MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return failure(errno, 0, done);
    done = std::min(batch.bytes.size(), done + static_cast<std::size_t>(sent) * batch.segmentSize);
  }
  return {SendStatus::kSent, 0, 1, 0};
}

SendResult UdpSocket::send(std::span<const Outgoing> batches) {
  Rings& rings = *rings_;
  std::size_t done = 0;
  while (done < batches.size()) {
    std::size_t count = 0;
    while (done + count < batches.size() && count < kMostMessages) {
      const Outgoing& batch = batches[done + count];
      if (isTrain(batch) && !gso_) break;
      rings.sendPieces[count] = {const_cast<std::uint8_t*>(batch.bytes.data()), batch.bytes.size()};
      prepare(rings.sendHeaders[count].msg_hdr, batch, ipv6_, rings.sendNames[count], rings.sendPieces[count],
              rings.sendControls[count], isTrain(batch) ? batch.segmentSize : 0);
      ++count;
    }
    const int sent = count == 0 ? 0
                                : sendmmsg(fd_.get(), rings.sendHeaders.data(), static_cast<unsigned>(count),
                                           MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) continue;
    if (sent > 0) {
      done += static_cast<std::size_t>(sent);
      continue;
    }
    // The next one is a train that must go one by one, or failed: alone it tells why.
    SendResult result = send(batches[done]);
    if (result.status != SendStatus::kSent) {
      result.batches = done;
      return result;
    }
    ++done;
  }
  return {SendStatus::kSent, 0, done, 0};
}

int UdpSocket::receiveBuffer() const {
  int bytes = 0;
  socklen_t size = sizeof(bytes);
  getsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &bytes, &size);
  return bytes;
}

std::uint64_t UdpSocket::dropped() const {
  // SK_MEMINFO_DROPS of linux/sock_diag.h.
  constexpr std::size_t drops = 8;
  std::array<std::uint32_t, 9> counters{};
  socklen_t size = sizeof(counters);
  if (getsockopt(fd_.get(), SOL_SOCKET, SO_MEMINFO, counters.data(), &size) != 0) return 0;
  return counters[drops];
}

int UdpSocket::rebindDevice() {
  if (device_.empty()) return 0;
  const auto size = static_cast<socklen_t>(device_.size());
  return setsockopt(fd_.get(), SOL_SOCKET, SO_BINDTODEVICE, device_.data(), size) == 0 ? 0 : errno;
}

}  // namespace mqvpn::io
