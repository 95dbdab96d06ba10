#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "io/tun.h"
#include "io_net_support.h"
#include "tunnel/coalesce.h"
#include "tunnel/segment.h"
#include "tunnel_segment_support.h"

using namespace mqvpn::io;
using namespace mqvpn::io::test;
using mqvpn::tunnel::Segmenter;
using mqvpn::tunnel::VnetHeader;

namespace {

/// A TUN device whose far end is the near end in disguise: what is sent to 10.9.0.2 comes back from it,
///
///     client 10.9.0.1:a ── 10.9.0.2:s ┐
///                                     ├ source and destination are swapped
///     server 10.9.0.1:s ── 10.9.0.2:a ┘
///
/// cut into packets and glued again on the way. The checksums stay right: a sum has no order.
class Mirror : mqvpn::tunnel::CoalesceSink {
 public:
  explicit Mirror(bool offload = true) : tun_(tunOrSkip({.name = "mirror%d", .offload = offload})) {
    if (!tun_) return;
    Netlink netlink;
    netlink.setMtu(tun_->name(), 1400);
    netlink.setUp(tun_->name(), true);
    netlink.addAddress(tun_->name(), prefix("10.9.0.1/24"));
    netlink.addAddress(tun_->name(), prefix("fd00:9::1/64"));
  }
  explicit operator bool() const { return tun_.has_value(); }
  const Tun& tun() const { return *tun_; }

  /// Passes on what is there.
  void run() {
    mqvpn::tunnel::CoalesceOptions options;
    options.udp = tun_->offload().udp;
    mqvpn::tunnel::Coalescer coalescer(*this, options);
    std::vector<std::vector<std::uint8_t>> packets;
    std::ptrdiff_t got = 0;
    while ((got = tun_->read(buffer_)) > 0) {
      const auto bytes = std::span(buffer_).first(static_cast<std::size_t>(got));
      const auto vnet = VnetHeader::read(bytes.first<VnetHeader::kBytes>());
      largestRead = std::max(largestRead, bytes.size());
      Segmenter segmenter;
      REQUIRE(segmenter.init(vnet, bytes.subspan(VnetHeader::kBytes)));
      for (std::size_t i = 0; i < segmenter.count(); ++i) {
        packets.emplace_back(segmenter.size(i));
        segmenter.write(i, packets.back().data());
        swapEnds(packets.back());
        largestPacket = std::max(largestPacket, packets.back().size());
      }
    }
    REQUIRE(got == -EAGAIN);
    for (const auto& packet : packets) coalescer.add(packet);
    coalescer.flush();
    REQUIRE(coalescer.counters().badChecksums == 0);
  }

  std::size_t largestRead = 0;
  std::size_t largestPacket = 0;
  std::size_t mostGlued = 0;

 private:
  static void swapEnds(std::vector<std::uint8_t>& packet) {
    const bool ipv6 = packet[0] >> 4 == 6;
    std::uint8_t* addresses = &packet[ipv6 ? 8 : 12];
    const std::size_t size = ipv6 ? 16 : 4;
    std::swap_ranges(addresses, addresses + size, addresses + size);
  }
  void onWrite(std::span<const iovec> pieces, std::size_t packets) override {
    mostGlued = std::max(mostGlued, packets);
    REQUIRE(tun_->write(pieces) == 0);
  }

  std::optional<Tun> tun_;
  std::vector<std::uint8_t> buffer_ = std::vector<std::uint8_t>(Tun::kMostBytes);
};

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
  Address(const char* text, std::uint16_t port) {
    const IpAddress parsed = ip(text);
    if (parsed.family == 4) {
      auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
      v4->sin_family = AF_INET;
      v4->sin_port = htons(port);
      std::memcpy(&v4->sin_addr, parsed.bytes.data(), 4);
      size = sizeof(*v4);
    } else {
      auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
      v6->sin6_family = AF_INET6;
      v6->sin6_port = htons(port);
      std::memcpy(&v6->sin6_addr, parsed.bytes.data(), 16);
      size = sizeof(*v6);
    }
  }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
};

Fd openSocket(int family, int type) { return Fd(socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)); }

struct Ends {
  const char* near;
  const char* far;
};
constexpr Ends kEnds[] = {{"10.9.0.1", "10.9.0.2"}, {"fd00:9::1", "fd00:9::2"}};

/// A megabyte through the kernel's TCP, out of the device and into it again.
void passTcp(Mirror& mirror, const Ends& ends) {
  const Address listenAt(ends.near, 5201);
  const Fd listener = openSocket(listenAt.family(), SOCK_STREAM);
  const int on = 1;
  REQUIRE(setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0);
  REQUIRE(bind(listener.get(), listenAt.get(), listenAt.size) == 0);
  REQUIRE(listen(listener.get(), 1) == 0);
  const Fd client = openSocket(listenAt.family(), SOCK_STREAM);
  const Address near(ends.near, 0);
  const Address far(ends.far, 5201);
  REQUIRE(bind(client.get(), near.get(), near.size) == 0);
  REQUIRE(connect(client.get(), far.get(), far.size) == -1);
  REQUIRE(errno == EINPROGRESS);

  std::vector<std::uint8_t> sent(1'000'000);
  for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<std::uint8_t>(i * i >> 7);
  std::vector<std::uint8_t> received;
  std::size_t done = 0;
  Fd server;
  for (int quiet = 0; received.size() < sent.size() && quiet < 5000; ++quiet) {
    if (!server) server = Fd(accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    const ssize_t put = send(client.get(), sent.data() + done, sent.size() - done, MSG_NOSIGNAL);
    if (put > 0) done += static_cast<std::size_t>(put);
    mirror.run();
    std::array<std::uint8_t, 65536> buffer;
    ssize_t got = 0;
    while (server && (got = recv(server.get(), buffer.data(), buffer.size(), 0)) > 0) {
      received.insert(received.end(), buffer.begin(), buffer.begin() + got);
      quiet = 0;
    }
    if (put <= 0 && got <= 0) {
      pollfd one{mirror.tun().fd(), POLLIN, 0};
      poll(&one, 1, 1);
    }
  }
  CHECK(received == sent);
}

}  // namespace

TEST_SUITE_BEGIN("network");

TEST_CASE("TCP of the kernel goes out in super-packets, and comes back in glued ones") {
  for (const Ends& ends : kEnds) {
    CAPTURE(ends.near);
    Mirror mirror;
    if (!mirror) return;
    REQUIRE(mirror.tun().offload().tcp);
    passTcp(mirror, ends);
    CHECK(mirror.largestRead > 20'000);
    CHECK(mirror.largestPacket == 1400);
    CHECK(mirror.mostGlued > 10);
  }
}

TEST_CASE("without offload the kernel hands out packets of the MTU, and takes what is glued nevertheless") {
  Mirror mirror(false);
  if (!mirror) return;
  CHECK_FALSE(mirror.tun().offload().checksum);
  passTcp(mirror, kEnds[0]);
  CHECK(mirror.largestRead == 1400 + Tun::kVnetHeaderBytes);
  CHECK(mirror.mostGlued > 1);
}

TEST_CASE("a train of UDP keeps its boundaries through the device") {
  for (const Ends& ends : kEnds) {
    CAPTURE(ends.near);
    Mirror mirror;
    if (!mirror) return;
    if (!mirror.tun().offload().udp) {
      MESSAGE("SKIPPED: no USO before Linux 6.2");
      return;
    }
    const Address serveAt(ends.near, 5201);
    const Fd server = openSocket(serveAt.family(), SOCK_DGRAM);
    REQUIRE(bind(server.get(), serveAt.get(), serveAt.size) == 0);
    const Fd client = openSocket(serveAt.family(), SOCK_DGRAM);
    const Address near(ends.near, 0);
    const Address far(ends.far, 5201);
    REQUIRE(bind(client.get(), near.get(), near.size) == 0);
    REQUIRE(connect(client.get(), far.get(), far.size) == 0);
    const int size = 1200;
    REQUIRE(setsockopt(client.get(), IPPROTO_UDP, UDP_SEGMENT, &size, sizeof(size)) == 0);
    std::vector<std::uint8_t> sent(20 * 1200 + 33);
    for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<std::uint8_t>(i * i >> 7);
    REQUIRE(send(client.get(), sent.data(), sent.size(), 0) == static_cast<ssize_t>(sent.size()));

    REQUIRE(awaits(mirror.tun().fd()));
    mirror.run();
    CHECK(mirror.largestRead > 20'000);
    CHECK(mirror.mostGlued == 21);
    std::vector<std::uint8_t> received;
    for (int i = 0; i < 21; ++i) {
      std::array<std::uint8_t, 2000> buffer;
      REQUIRE(awaits(server.get()));
      const ssize_t got = recv(server.get(), buffer.data(), buffer.size(), 0);
      REQUIRE(got == (i < 20 ? 1200 : 33));
      received.insert(received.end(), buffer.begin(), buffer.begin() + got);
    }
    CHECK(received == sent);
  }
}

TEST_CASE("an echo request that is written to the device is answered by the kernel") {
  Mirror mirror;
  if (!mirror) return;
  std::array<std::uint8_t, Tun::kVnetHeaderBytes + 28> ping{};
  std::uint8_t* packet = ping.data() + Tun::kVnetHeaderBytes;
  packet[0] = 0x45;
  packet[3] = 28;
  packet[8] = 64;
  packet[9] = 1;
  const std::uint8_t addresses[8] = {10, 9, 0, 2, 10, 9, 0, 1};
  std::memcpy(packet + 12, addresses, 8);
  mqvpn::tunnel::test::write16(packet + 10, 0xffff - mqvpn::tunnel::test::slowSum({packet, 20}));
  packet[20] = 8;  // echo request
  packet[25] = 42;
  mqvpn::tunnel::test::write16(packet + 22, 0xffff - mqvpn::tunnel::test::slowSum({packet + 20, 8}));
  const iovec piece{ping.data(), ping.size()};
  REQUIRE(mirror.tun().write({&piece, 1}) == 0);

  std::vector<std::uint8_t> buffer(Tun::kMostBytes);
  bool answered = false;
  // Other packets (IPv6 looks for routers) come as well.
  while (!answered && awaits(mirror.tun().fd())) {
    const std::ptrdiff_t got = mirror.tun().read(buffer);
    REQUIRE(got > 0);
    const std::uint8_t* answer = buffer.data() + Tun::kVnetHeaderBytes;
    answered = got == static_cast<std::ptrdiff_t>(ping.size()) && answer[0] == 0x45 && answer[20] == 0 &&
               answer[25] == 42;
  }
  CHECK(answered);
  CHECK(mirror.tun().read(buffer) <= 0);
}

TEST_CASE("a write before the device is up is refused, and so is what is no packet") {
  auto tun = tunOrSkip({.name = "down0"});
  if (!tun) return;
  std::array<std::uint8_t, Tun::kVnetHeaderBytes + 20> bytes{};
  const iovec piece{bytes.data(), bytes.size()};
  CHECK(tun->write({&piece, 1}) == -EINVAL);
  bytes[Tun::kVnetHeaderBytes] = 0x45;
  CHECK(tun->write({&piece, 1}) == -EIO);
  Netlink().setUp("down0", true);
  CHECK(tun->write({&piece, 1}) == 0);
  bytes[Tun::kVnetHeaderBytes] = 0x55;
  CHECK(tun->write({&piece, 1}) == -EINVAL);
}

TEST_CASE("the device vanishes with its object, and its queues are objects of the same name") {
  {
    auto tun = tunOrSkip({.name = "queues0", .multiQueue = true});
    if (!tun) return;
    CHECK(tun->name() == "queues0");
    const Tun second({.name = "queues0", .multiQueue = true});
    CHECK(second.index() == tun->index());
    tun.reset();
    CHECK(Netlink().index("queues0") == second.index());
  }
  CHECK(errorOf([] { Netlink().index("queues0"); }).value() == ENODEV);
}

TEST_CASE("errors say what to do") {
  auto tun = tunOrSkip({.name = "taken0"});
  if (!tun) return;
  std::string text;
  CHECK(errorOf([] { Tun({.name = "taken0"}); }, &text).value() == EBUSY);
  CHECK(text.find("taken0: the name is in use") != std::string::npos);
  CHECK(errorOf([] { Tun({.name = "lo"}); }, &text).value() == EBUSY);
  CHECK(text.find("choose another name") != std::string::npos);
  CHECK(errorOf([] { Tun({.name = "a-name-of-16-chars"}); }, &text).value() == EINVAL);
  CHECK(errorOf([] { Tun({.name = ""}); }, &text).value() == EINVAL);
}

TEST_SUITE_END();
