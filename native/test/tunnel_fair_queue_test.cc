#include "tunnel/fair_queue.h"

#include <doctest/doctest.h>

#include <map>
#include <optional>
#include <random>

#include "tunnel_packets.h"

using namespace mqvpn::tunnel;
using namespace mqvpn::tunnel::test;
using mqvpn::quic::Duration;
using mqvpn::quic::kMicrosecond;
using mqvpn::quic::kMillisecond;
using mqvpn::quic::kSecond;
using mqvpn::quic::Time;

namespace {

struct Out {
  std::uint32_t flow = 0;
  std::uint32_t number = 0;
  std::size_t size = 0;
  bool marked = false;
};

struct Fixture {
  explicit Fixture(FairQueueLimits limits = {}, PoolSizes sizes = {8192, 64})
      : pool(sizes), queue(pool, limits) {}

  bool put(std::uint32_t flow, std::size_t size, std::uint32_t number, Time now, std::uint8_t ecn = 0) {
    Udp udp;
    udp.from = static_cast<std::uint16_t>(flow);
    udp.ecn = ecn;
    Packet* packet = pool.copy(udp4(udp, size, number));
    if (packet == nullptr || !packet->segmenter.init(packet->header, packet->data)) return false;
    packet->flowHash = flow;
    queue.enqueue(packet, now);
    return true;
  }
  /// A USO train of `count` datagrams of `payload` bytes each.
  bool putTrain(std::uint32_t flow, std::size_t count, std::size_t payload, Time now) {
    const Bytes bytes = udp4({}, 28 + count * payload);
    VnetHeader header;
    header.flags = VnetHeader::kNeedsChecksum;
    header.gsoType = VnetHeader::kGsoUdp;
    header.gsoSize = static_cast<std::uint16_t>(payload);
    header.headerLength = 28;
    header.checksumStart = 20;
    header.checksumOffset = 6;
    std::span<std::uint8_t> buffer = pool.readBuffer();
    header.write(buffer.first<VnetHeader::kBytes>());
    std::copy(bytes.begin(), bytes.end(), buffer.begin() + VnetHeader::kBytes);
    Packet* packet = pool.commit(VnetHeader::kBytes + bytes.size());
    if (packet == nullptr || !packet->segmenter.init(packet->header, packet->data)) return false;
    packet->flowHash = flow;
    queue.enqueue(packet, now);
    return true;
  }
  std::optional<Out> take(Time now) {
    const FairQueue::Head* head = queue.peek(now);
    if (head == nullptr) return std::nullopt;
    Bytes bytes(head->size);
    REQUIRE(head->packet->segmenter.write(head->packet->index, bytes.data()) == bytes.size());
    const Out out{head->packet->flowHash, bytes.size() >= 32 ? numberOf(bytes.data()) : 0, bytes.size(),
                  head->mark};
    queue.pop();
    return out;
  }

  PacketPool pool;
  FairQueue queue;
};

}  // namespace

TEST_CASE("packets of one flow leave in their order, whatever others do") {
  Fixture fixture;
  std::mt19937 random(3);
  std::map<std::uint32_t, std::uint32_t> next, seen;
  Time now = 0;
  for (int step = 0; step < 20'000; ++step) {
    now += random() % (200 * kMicrosecond);
    const std::uint32_t flow = static_cast<std::uint32_t>(random() % 20);
    if (random() % 2 == 0) REQUIRE(fixture.put(flow, 40 + random() % 1300, ++next[flow], now));
    if (random() % 2 == 0) {
      if (const auto out = fixture.take(now)) {
        REQUIRE(out->number > seen[out->flow]);
        seen[out->flow] = out->number;
      }
    }
  }
  const auto& counters = fixture.queue.counters();
  CHECK(counters.enqueued ==
        counters.dequeued + counters.codelDrops + counters.overflow + fixture.queue.packets());
}

TEST_CASE("flows share the link by bytes, whatever the size of their packets") {
  Fixture fixture;
  std::map<std::uint32_t, std::uint64_t> bytes;
  const std::map<std::uint32_t, std::size_t> sizes{{1, 1400}, {2, 700}, {3, 200}};
  for (int step = 0; step < 3000; ++step) {
    // Each keeps a backlog.
    for (const auto& [flow, size] : sizes) {
      while (fixture.queue.bytes() < 60'000) fixture.put(flow, size, 0, 0);
      if (step % 2 == 0) fixture.put(flow, size, 0, 0);
    }
    const auto out = fixture.take(0);
    REQUIRE(out);
    if (step > 500) bytes[out->flow] += out->size;
  }
  // Only the first two always had a backlog by bytes.
  CHECK(static_cast<double>(bytes[1]) / static_cast<double>(bytes[2]) == doctest::Approx(1).epsilon(0.1));
}

TEST_CASE("a sparse flow passes a saturated one at once") {
  Fixture fixture;
  for (std::uint32_t i = 0; i < 500; ++i) fixture.put(1, 1400, i, 0);
  for (int i = 0; i < 10; ++i) fixture.take(kMillisecond);
  fixture.put(2, 100, 7, 2 * kMillisecond);
  CHECK(fixture.take(2 * kMillisecond)->flow == 2);
}

TEST_CASE("a flow that sends a packet each time it is served does not keep the priority of a new one") {
  Fixture fixture;
  for (std::uint32_t i = 0; i < 200; ++i) fixture.put(1, 1400, i, 0);
  int served = 0;
  for (int i = 0; i < 100; ++i) {
    fixture.put(2, 1400, 0, 0);
    if (fixture.take(0)->flow == 2) ++served;
  }
  CHECK(served >= 40);
  CHECK(served <= 60);
}

TEST_CASE("a persistent queue is brought down by CoDel: drops, or marks where the sender speaks ECN") {
  for (const bool ecn : {false, true}) {
    Fixture fixture({64 << 20, 100'000});
    // 10 % more than the link takes, for 5 s; 1 packet each ms leaves.
    Time now = 0;
    std::uint32_t number = 0;
    std::uint64_t marks = 0;
    for (int ms = 0; ms < 5000; ++ms, now += kMillisecond) {
      fixture.put(1, 1200, ++number, now, ecn ? 2 : 0);
      if (ms % 10 == 0) fixture.put(1, 1200, ++number, now, ecn ? 2 : 0);
      if (const auto out = fixture.take(now)) marks += out->marked;
    }
    const auto& counters = fixture.queue.counters();
    CAPTURE(ecn);
    if (ecn) {
      CHECK(counters.codelDrops == 0);
      CHECK(marks == counters.marks);
      CHECK(marks > 50);
    } else {
      CHECK(counters.marks == 0);
      CHECK(counters.codelDrops > 50);
    }
    CHECK(counters.overflow == 0);
  }
}

TEST_CASE("nothing is dropped for waiting while the window that drains the queue still grows") {
  Fixture fixture;
  fixture.queue.setRamping(true);
  std::uint32_t number = 0;
  Time now = 0;
  // Half a second of a queue that CoDel would not bear.
  for (int i = 0; i < 500; ++i, now += kMillisecond) {
    fixture.put(1, 1000, number++, now);
    fixture.put(1, 1000, number++, now);
    REQUIRE(fixture.take(now));
  }
  CHECK(fixture.queue.counters().codelDrops == 0);
  fixture.queue.setRamping(false);
  for (int i = 0; i < 500; ++i, now += kMillisecond) {
    fixture.put(1, 1000, number++, now);
    fixture.take(now);
  }
  CHECK(fixture.queue.counters().codelDrops > 0);
}

TEST_CASE("the bounds hold, and the fattest flow pays for them") {
  Fixture fixture({100'000, 200});
  for (std::uint32_t i = 0; i < 20; ++i) fixture.put(2, 500, i, 0);
  for (std::uint32_t i = 0; i < 5000; ++i) {
    fixture.put(1, 1400, i, 0);
    REQUIRE(fixture.queue.bytes() <= 100'000);
    REQUIRE(fixture.queue.packets() <= 200);
  }
  CHECK(fixture.queue.counters().overflow > 4900);
  int small = 0;
  while (const auto out = fixture.take(0)) small += out->flow == 2;
  CHECK(small == 20);
}

TEST_CASE("the segments of a super-packet leave one by one, in turns with other flows") {
  Fixture fixture;
  fixture.queue.setQuantum(1000);
  REQUIRE(fixture.putTrain(1, 10, 1000, 0));
  for (std::uint32_t i = 0; i < 10; ++i) fixture.put(2, 1000, i, 0);
  CHECK(fixture.queue.packets() == 20);
  const std::uint64_t bytes = fixture.queue.bytes();
  CHECK(bytes == 10 * 1028 + 10 * 1000);
  std::map<std::uint32_t, int> firstTen;
  for (int i = 0; i < 10; ++i) ++firstTen[fixture.take(0)->flow];
  CHECK(firstTen[1] >= 4);
  CHECK(firstTen[2] >= 4);
  while (fixture.take(0)) {
  }
  CHECK(fixture.queue.bytes() == 0);
  CHECK(fixture.pool.freeLarge() == 64);
}

TEST_CASE("an overflow takes segments off a super-packet, and frees it with the last") {
  Fixture fixture({20'000, 1000});
  for (int i = 0; i < 20; ++i) {
    REQUIRE(fixture.putTrain(1, 9, 1000, 0));
    REQUIRE(fixture.queue.bytes() <= 20'000);
  }
  while (fixture.take(0)) {
  }
  CHECK(fixture.pool.freeLarge() == 64);
  CHECK(fixture.pool.freeSmall() == 8192);
}

TEST_CASE("peek answers the same until something was taken, also when packets come in between") {
  Fixture fixture;
  fixture.put(1, 1400, 1, 0);
  const Packet* first = fixture.queue.peek(0)->packet;
  fixture.put(2, 60, 2, 0);
  CHECK(fixture.queue.peek(300 * kMillisecond)->packet == first);
}

TEST_CASE("a head that was dropped between peek and pop is not told again") {
  Fixture fixture;
  for (std::uint32_t i = 1; i <= 4; ++i) fixture.put(1, 1400, i, 0);
  REQUIRE(fixture.queue.peek(0));
  fixture.queue.dropFattest();
  const auto out = fixture.take(0);
  REQUIRE(out);
  CHECK(out->number == 3);
}

TEST_CASE("an empty queue gives its memory back, and works again afterwards") {
  Fixture fixture;
  const std::size_t before = fixture.queue.memoryBytes();
  for (std::uint32_t flow = 0; flow < 300; ++flow) fixture.put(flow, 100, 0, 0);
  fixture.queue.shrink();
  CHECK(fixture.queue.packets() == 300);
  while (fixture.take(0)) {
  }
  CHECK(fixture.queue.memoryBytes() > before + 2048);
  fixture.queue.shrink();
  CHECK(fixture.queue.memoryBytes() == before);
  fixture.put(5, 100, 42, 0);
  CHECK(fixture.take(0)->number == 42);
}

TEST_CASE("random operations never lose count of bytes, packets or slots") {
  Fixture fixture({30'000, 64}, {128, 8});
  std::mt19937 random(11);
  Time now = 0;
  for (int step = 0; step < 30'000; ++step) {
    now += random() % kMillisecond;
    switch (random() % 8) {
      case 0:
        fixture.putTrain(static_cast<std::uint32_t>(random() % 5), 2 + random() % 8, 500, now);
        break;
      case 1:
      case 2:
      case 3:
        fixture.put(static_cast<std::uint32_t>(random() % 2000), 28 + random() % 1400, 0, now,
                    random() % 2 ? 2 : 0);
        break;
      case 4:
        fixture.queue.dropFattest();
        break;
      case 5:
        if (random() % 50 == 0) fixture.queue.clear();
        if (random() % 50 == 0) fixture.queue.shrink();
        break;
      default:
        if (const FairQueue::Head* head = fixture.queue.peek(now)) {
          REQUIRE(head->packet->size() == head->size);
          fixture.queue.pop();
        }
    }
    REQUIRE(fixture.queue.bytes() <= 30'000);
    REQUIRE(fixture.queue.packets() <= 64);
  }
  while (fixture.take(now)) {
  }
  CHECK(fixture.queue.bytes() == 0);
  CHECK(fixture.pool.freeSmall() == 128);
  CHECK(fixture.pool.freeLarge() == 8);
}

TEST_CASE("lanes are queues of their own, and a flow moves from one to another in its order") {
  struct ByFlow final : FlowPlacer {
    Lane place(FlowRecord&, Time) override { return lane; }
    Lane lane = 1;
  } placer;
  Fixture fixture;
  fixture.queue.setPlacer(&placer);
  const auto takeFrom = [&](Lane lane) -> std::optional<Out> {
    const FairQueue::Head* head = fixture.queue.peek(lane, 0);
    if (head == nullptr) return std::nullopt;
    Bytes bytes(head->size);
    head->packet->segmenter.write(head->packet->index, bytes.data());
    const Out out{head->packet->flowHash, numberOf(bytes.data()), bytes.size(), head->mark};
    fixture.queue.pop();
    return out;
  };
  for (std::uint32_t i = 1; i <= 4; ++i) fixture.put(1, 1000, i, 0);
  placer.lane = 2;
  for (std::uint32_t i = 1; i <= 4; ++i) fixture.put(2, 1000, i, 0);
  CHECK_FALSE(takeFrom(kSharedLane));
  CHECK(takeFrom(1)->flow == 1);
  CHECK(takeFrom(2)->flow == 2);
  // Both lanes have told their heads; the last is taken.
  CHECK(fixture.queue.peek(1, 0)->packet->flowHash == 1);
  CHECK(takeFrom(2)->number == 2);
  fixture.queue.move(0, 2);
  CHECK_FALSE(takeFrom(1));
  CHECK(fixture.queue.flowsIn(2) == 2);
  std::map<std::uint32_t, std::uint32_t> last{{1, 1}, {2, 2}};
  for (int i = 0; i < 3; ++i) {
    const auto out = takeFrom(2);
    REQUIRE(out);
    CHECK(out->number == ++last[out->flow]);
  }
  fixture.queue.moveAll(2, [](const FlowRecord&) { return Lane{3}; });
  CHECK_FALSE(takeFrom(2));
  while (const auto out = takeFrom(3)) CHECK(out->number == ++last[out->flow]);
  CHECK(last[1] == 4);
  CHECK(last[2] == 4);
  CHECK(fixture.queue.empty());
}
