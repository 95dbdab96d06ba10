#include <arpa/inet.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "io/udp_socket.h"
#include "io_net_support.h"

using namespace mqvpn::io;
using namespace mqvpn::io::test;

namespace {

SockAddr address(const char* text, std::uint16_t port = 0) {
  const IpAddress parsed = ip(text);
  return parsed.family == 4 ? SockAddr::ipv4(parsed.bytes.data(), port)
                            : SockAddr::ipv6(parsed.bytes.data(), port);
}

UdpSocket bound(const char* text, bool offload = true, bool dualStack = false) {
  UdpOptions options;
  options.bind = address(text);
  options.offload = offload;
  options.dualStack = dualStack;
  return UdpSocket(options);
}

SockAddr at(const char* text, const UdpSocket& socket) { return address(text, socket.local().port()); }

std::vector<std::uint8_t> pattern(std::size_t size) {
  std::vector<std::uint8_t> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * 31 >> 2);
  return bytes;
}

struct Arrived {
  std::vector<std::uint8_t> bytes;
  std::vector<std::size_t> sizes;
  std::size_t messages = 0;
  std::vector<Received> last;
};

/// Until `size` bytes are there.
Arrived receive(UdpSocket& socket, std::size_t size) {
  Arrived arrived;
  while (arrived.bytes.size() < size) {
    REQUIRE(awaits(socket.fd()));
    const auto messages = socket.receive();
    arrived.last.assign(messages.begin(), messages.end());
    for (const Received& message : messages) {
      ++arrived.messages;
      for (std::size_t i = 0; i < message.segments(); ++i) {
        const auto segment = message.segment(i);
        arrived.sizes.push_back(segment.size());
        arrived.bytes.insert(arrived.bytes.end(), segment.begin(), segment.end());
      }
      // Headroom and data are the caller's to write: the sanitizer would object.
      std::fill(message.data.data() - UdpSocket::kHeadroom, message.data.data() + message.data.size(),
                std::uint8_t{0xee});
    }
  }
  return arrived;
}

Outgoing train(const std::vector<std::uint8_t>& bytes, std::size_t segmentSize, const SockAddr& to) {
  Outgoing batch;
  batch.bytes = bytes;
  batch.segmentSize = segmentSize;
  batch.to = to;
  return batch;
}

/// An Ethernet device on which nobody answers.
struct SilentLan {
  std::optional<Tap> tap;
  SilentLan() {
    const std::error_code error = errorOf([&] { tap.emplace(kOwnNetns, "lan0"); });
    if (error) {
      MESSAGE("SKIPPED: /dev/net/tun: " << error.message());
      return;
    }
    Netlink netlink;
    netlink.setUp("lan0", true);
    netlink.addAddress("lan0", prefix("10.8.0.1/24"));
  }
};

}  // namespace

TEST_SUITE_BEGIN("network");

TEST_CASE("a train leaves as one message and arrives as one, cut at the right places") {
  for (const char* host : {"127.0.0.1", "::1"}) {
    CAPTURE(host);
    UdpSocket sender = bound(host);
    UdpSocket receiver = bound(host);
    REQUIRE(sender.segmentationOffload());
    REQUIRE(receiver.receiveOffload());
    const auto bytes = pattern(40 * 1400 + 77);
    Outgoing batch = train(bytes, 1400, receiver.local());
    batch.ecn = 2;
    const SendResult result = sender.send(batch);
    CHECK(result.status == SendStatus::kSent);
    CHECK(result.batches == 1);

    const Arrived arrived = receive(receiver, bytes.size());
    CHECK(arrived.bytes == bytes);
    CHECK(arrived.messages == 1);
    std::vector<std::size_t> sizes(40, 1400);
    sizes.push_back(77);
    CHECK(arrived.sizes == sizes);
    CHECK((arrived.last[0].from == sender.local()));
    CHECK((arrived.last[0].local == receiver.local()));
    CHECK(arrived.last[0].ecn == 2);
    CHECK(receiver.receive().empty());
  }
}

TEST_CASE("without offload the same train leaves and arrives datagram by datagram") {
  UdpSocket sender = bound("127.0.0.1", false);
  UdpSocket receiver = bound("127.0.0.1", false);
  CHECK_FALSE(sender.segmentationOffload());
  CHECK_FALSE(receiver.receiveOffload());
  const auto bytes = pattern(90 * 100 + 7);
  CHECK(sender.send(train(bytes, 100, receiver.local())).batches == 1);
  const Arrived arrived = receive(receiver, bytes.size());
  CHECK(arrived.bytes == bytes);
  CHECK(arrived.messages == 91);
}

TEST_CASE("every value of ECN arrives as it was sent, over both families") {
  for (const char* host : {"127.0.0.1", "::1"}) {
    UdpSocket sender = bound(host);
    UdpSocket receiver = bound(host);
    for (std::uint8_t ecn = 0; ecn < 4; ++ecn) {
      const auto bytes = pattern(100);
      Outgoing batch = train(bytes, 100, receiver.local());
      batch.ecn = ecn;
      REQUIRE(sender.send(batch).status == SendStatus::kSent);
      CHECK(receive(receiver, 100).last[0].ecn == ecn);
    }
  }
}

TEST_CASE("a wildcard socket tells which address was asked, and answers from it") {
  struct Case {
    const char* any;
    const char* asked;
    const char* asking;
    bool dualStack;
  };
  for (const Case& one : {Case{"0.0.0.0", "127.0.0.5", "127.0.0.1", false}, Case{"::", "::1", "::1", false},
                          Case{"::", "127.0.0.5", "127.0.0.1", true}, Case{"::", "::1", "::1", true}}) {
    CAPTURE(one.any);
    CAPTURE(one.asked);
    UdpSocket server = bound(one.any, true, one.dualStack);
    UdpSocket client = bound(one.asking);
    const auto bytes = pattern(3000);
    Outgoing question = train(bytes, 1000, at(one.asked, server));
    question.ecn = 1;
    REQUIRE(client.send(question).status == SendStatus::kSent);
    const Arrived arrived = receive(server, 3000);
    CHECK((arrived.last[0].local == at(one.asked, server)));
    CHECK((arrived.last[0].from == client.local()));
    CHECK(arrived.last[0].ecn == 1);
    CHECK(arrived.messages == 1);

    Outgoing answer = train(bytes, 1000, arrived.last[0].from);
    answer.local = arrived.last[0].local;
    answer.ecn = 2;
    REQUIRE(server.send(answer).status == SendStatus::kSent);
    const Arrived back = receive(client, 3000);
    CHECK((back.last[0].from == at(one.asked, server)));
    CHECK(back.last[0].ecn == 2);
    CHECK(back.bytes == bytes);
  }
}

TEST_CASE("many batches leave with one call, single datagrams among trains") {
  for (const bool offload : {true, false}) {
    UdpSocket sender = bound("127.0.0.1", offload);
    UdpSocket receiver = bound("127.0.0.1");
    const auto bytes = pattern(5000);
    std::vector<Outgoing> batches;
    std::size_t total = 0;
    for (std::size_t i = 0; i < 100; ++i) {
      batches.push_back(train(bytes, i % 3 == 0 ? 5000 : 1000, receiver.local()));
      batches.back().bytes = std::span(bytes).first(i % 3 == 0 ? 500 : 5000);
      total += batches.back().bytes.size();
    }
    const SendResult result = sender.send(batches);
    CHECK(result.status == SendStatus::kSent);
    CHECK(result.batches == 100);
    CHECK(receive(receiver, total).bytes.size() == total);
  }
}

TEST_CASE("a batch that the kernel will not cut goes out one by one, and from then on all do") {
  UdpSocket sender = bound("127.0.0.1");
  UdpSocket receiver = bound("127.0.0.1");
  // More segments than any kernel cuts.
  const auto bytes = pattern(200 * 10);
  CHECK(sender.send(train(bytes, 10, receiver.local())).status == SendStatus::kSent);
  CHECK_FALSE(sender.segmentationOffload());
  CHECK(receive(receiver, bytes.size()).sizes == std::vector<std::size_t>(200, 10));
  CHECK(sender.send(train(bytes, 100, receiver.local())).status == SendStatus::kSent);
  CHECK(receive(receiver, bytes.size()).sizes == std::vector<std::size_t>(20, 100));
}

TEST_CASE("a datagram over the MTU is too big, and says nothing about offload") {
  Netlink netlink;
  const std::uint32_t mtu = netlink.link("lo").mtu;
  netlink.setMtu("lo", 1500);
  for (const char* host : {"127.0.0.1", "::1"}) {
    UdpSocket sender = bound(host);
    UdpSocket receiver = bound(host);
    const auto bytes = pattern(6000);
    for (const std::size_t size : {std::size_t{6000}, std::size_t{2000}}) {
      const SendResult result = sender.send(train(bytes, size, receiver.local()));
      CHECK(result.status == SendStatus::kTooBig);
      CHECK(result.error == EMSGSIZE);
      CHECK(result.batches == 0);
    }
    CHECK(sender.segmentationOffload());

    // The batches before it left, and those behind it may still be sent.
    const std::vector<Outgoing> batches{train(bytes, 1000, receiver.local()),
                                        train(bytes, 2000, receiver.local()),
                                        train(bytes, 1000, receiver.local())};
    const SendResult result = sender.send(batches);
    CHECK(result.status == SendStatus::kTooBig);
    CHECK(result.batches == 1);
    CHECK(receive(receiver, 6000).bytes == bytes);
  }
  netlink.setMtu("lo", mtu);
}

TEST_CASE("where there is no way, the path failed, and the socket lives on") {
  UdpSocket sender = bound("0.0.0.0");
  UdpSocket receiver = bound("127.0.0.1");
  const auto bytes = pattern(3000);
  const SendResult unreachable = sender.send(train(bytes, 1000, address("203.0.113.1", 9)));
  CHECK(unreachable.status == SendStatus::kPathError);
  CHECK(unreachable.error == ENETUNREACH);
  Outgoing foreign = train(bytes, 1000, receiver.local());
  foreign.local = address("203.0.113.2");
  CHECK(sender.send(foreign).status == SendStatus::kPathError);
  CHECK(sender.segmentationOffload());
  CHECK(sender.send(train(bytes, 1000, receiver.local())).status == SendStatus::kSent);
  CHECK(receive(receiver, 3000).bytes == bytes);
}

TEST_CASE("a full socket would block, and becomes writable when there is room") {
  SilentLan lan;
  if (!lan.tap) return;
  for (const bool offload : {true, false}) {
    Netlink().setUp("lan0", true);
    UdpOptions options;
    options.bind = address("10.8.0.1");
    options.bufferBytes = 1;
    options.offload = offload;
    UdpSocket sender(options);
    // Packets wait for an answer to ARP, and count against the socket meanwhile.
    const auto bytes = pattern(10 * 1000);
    SendResult result;
    for (int i = 0; i < 100 && result.status == SendStatus::kSent; ++i)
      result = sender.send(train(bytes, 1000, address("10.8.0.9", 9)));
    CHECK(result.status == SendStatus::kWouldBlock);
    CHECK(result.error == EAGAIN);
    CHECK(result.batches == 0);
    // Whole datagrams of the batch that was cut short.
    CHECK(result.bytes < bytes.size());
    CHECK(result.bytes % 1000 == 0);
    CHECK(sender.segmentationOffload() == offload);
    // A device that goes down forgets who was asked, and drops what waits for them.
    Netlink().setUp("lan0", false);
    CHECK(awaits(sender.fd(), POLLOUT));
  }
}

TEST_CASE("a socket that is bound to a device uses that device only") {
  SilentLan lan;
  if (!lan.tap) return;
  UdpOptions options;
  options.bind = address("0.0.0.0");
  options.device = "lan0";
  options.mark = 7;
  UdpSocket sender(options);
  UdpSocket receiver = bound("127.0.0.1");
  const auto bytes = pattern(100);
  sender.send(train(bytes, 100, receiver.local()));
  CHECK(receiver.receive().empty());
  CHECK(sender.rebindDevice() == 0);
  lan.tap.reset();
  CHECK(sender.rebindDevice() == ENODEV);

  std::string text;
  CHECK(errorOf([&] { UdpSocket gone(options); }, &text).value() == ENODEV);
  CHECK(text.find("lan0") != std::string::npos);
}

TEST_CASE("a port that is taken is an error that names it") {
  UdpSocket first = bound("127.0.0.1");
  UdpOptions options;
  options.bind = first.local();
  std::string text;
  CHECK(errorOf([&] { UdpSocket second(options); }, &text).value() == EADDRINUSE);
  CHECK(text.find(toString(first.local())) != std::string::npos);
}

TEST_CASE("what does not fit the receive buffer is counted") {
  UdpSocket sender = bound("127.0.0.1");
  UdpOptions options;
  options.bind = address("127.0.0.1");
  options.bufferBytes = 1;
  UdpSocket receiver(options);
  CHECK(receiver.receiveBuffer() < 10'000);
  CHECK(receiver.dropped() == 0);
  const auto bytes = pattern(20'000);
  for (int i = 0; i < 10; ++i) sender.send(train(bytes, 1000, receiver.local()));
  CHECK(receiver.dropped() > 0);
  CHECK(bound("127.0.0.1").receiveBuffer() > 100'000);
}

TEST_SUITE_END();
