#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

#include "tunnel/received_copies.h"
#include "tunnel/sent_copies.h"
#include "tunnel/twins.h"

using namespace mqvpn;
using namespace mqvpn::tunnel;
using quic::kMillisecond;
using quic::kSecond;
using quic::PacketId;

namespace {

std::vector<std::uint8_t> packetOf(std::uint64_t number, std::size_t size) {
  std::vector<std::uint8_t> packet(size);
  for (std::size_t i = 0; i < size; ++i) packet[i] = static_cast<std::uint8_t>(number * 31 + i);
  return packet;
}

bool equals(std::span<const std::uint8_t> a, const std::vector<std::uint8_t>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

}  // namespace

TEST_CASE("what was in flight on a dead path is offered to the others, oldest first, once") {
  SentCopies copies;
  const auto first = copies.add(packetOf(1, 100), {0, 10}, false, 1000);
  const auto second = copies.add(packetOf(2, 1400), {0, 11}, false, 1000);
  const auto other = copies.add(packetOf(3, 50), {1, 10}, false, 1000);
  CHECK(!copies.waiting());
  copies.onStranded(second);
  copies.onStranded(first);
  CHECK(copies.waiting());
  CHECK(!copies.next(0, false, 2000));
  auto copy = copies.next(1, false, 2000);
  REQUIRE(copy);
  CHECK(copy->original == PacketId{0, 10});
  CHECK(equals(copy->packet, packetOf(1, 100)));
  // It stays until it has left.
  CHECK(copies.next(2, false, 2000)->original == PacketId{0, 10});
  copies.pop();
  CHECK(copies.next(1, false, 2000)->original == PacketId{0, 11});
  copies.pop();
  CHECK(!copies.waiting());
  copies.onStranded(first);
  CHECK(!copies.waiting());
  copies.onAcked(other);
  copies.onStranded(other);
  CHECK(!copies.waiting());
}

TEST_CASE("an acknowledgement that comes late takes a copy back, a loss does not") {
  SentCopies copies;
  const auto a = copies.add(packetOf(1, 100), {0, 1}, false, 0);
  const auto b = copies.add(packetOf(2, 100), {0, 2}, false, 0);
  copies.onStranded(a);
  copies.onStranded(b);
  copies.onAcked(a);
  copies.onLost(b);
  CHECK(copies.next(1, false, 1)->original == PacketId{0, 2});
  copies.pop();
  CHECK(!copies.waiting());
  const auto c = copies.add(packetOf(3, 100), {0, 3}, false, 0);
  copies.onLost(c);
  copies.onStranded(c);
  CHECK(!copies.waiting());
}

TEST_CASE("packets of sparse flows leave again before those of bulk") {
  SentCopies copies;
  const auto bulk = copies.add(packetOf(1, 100), {0, 1}, false, 0);
  const auto sparse = copies.add(packetOf(2, 100), {0, 2}, true, 0);
  copies.onStranded(bulk);
  CHECK(!copies.sparseWaiting());
  copies.onStranded(sparse);
  CHECK(copies.sparseWaiting());
  CHECK(!copies.next(0, true, 1));
  CHECK(copies.next(1, true, 1)->original == PacketId{0, 2});
  copies.pop();
  CHECK(!copies.sparseWaiting());
  CHECK(!copies.next(1, true, 1));
  CHECK(copies.next(1, false, 1)->original == PacketId{0, 1});
}

TEST_CASE("what is just young enough is sent again, what is just too old is not") {
  for (const bool old : {false, true}) {
    SentCopies copies;
    copies.onStranded(copies.add(packetOf(1, 100), {0, 1}, false, kSecond));
    CHECK(copies.next(1, false, kSecond + SentCopies::kMostAge - (old ? 0 : 1)).has_value() == !old);
    CHECK(copies.waiting() == !old);
  }
}

TEST_CASE("memory grows to what is in flight, and not beyond its bound") {
  SentCopies copies;
  CHECK(copies.memoryBytes() == 0);
  for (std::uint64_t i = 0; i < 30; ++i) copies.onAcked(copies.add(packetOf(i, 1400), {0, i}, false, i));
  CHECK(copies.memoryBytes() < 100'000);
  std::uint64_t newest = 0;
  for (std::uint64_t i = 0; i < 10'000; ++i) newest = copies.add(packetOf(i, 1400), {0, i}, false, 1000);
  CHECK(copies.memoryBytes() < SentCopies::kMostBytes + (2 << 20));
  copies.onStranded(newest);
  CHECK(equals(copies.next(1, false, 1000)->packet, packetOf(9999, 1400)));
  copies.clear();
  CHECK(copies.memoryBytes() == 0);
  CHECK(!copies.waiting());
  // Tags of before the clearing mean nothing any more.
  copies.onStranded(newest);
  CHECK(!copies.waiting());
}

TEST_CASE("random operations: every copy has the bytes of its packet, and none is offered twice") {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    SentCopies copies;
    struct Known {
      std::uint64_t number;
      std::size_t size;
      PacketId carrier;
      bool settled = false;
    };
    std::map<std::uint64_t, Known> known;
    std::map<std::uint64_t, unsigned> offered;
    quic::Time now = 0;
    for (std::uint64_t step = 0; step < 3000; ++step) {
      now += random() % (kMillisecond / 2);
      const std::size_t size = 20 + random() % (seed % 3 == 0 ? 9000 : 1400);
      const PacketId carrier{static_cast<std::uint32_t>(random() % 3), step};
      const std::uint64_t tag = copies.add(packetOf(step, size), carrier, false, now);
      REQUIRE(tag != 0);
      known[tag] = {step, size, carrier};
      const std::uint64_t some = tag - random() % std::min<std::uint64_t>(tag, 500);
      switch (random() % 6) {
        case 0:
          copies.onAcked(some);
          known[some].settled = true;
          break;
        case 1:
          copies.onLost(some);
          break;
        case 2:
          for (std::uint64_t t = some; t <= tag; ++t) copies.onStranded(t);
          break;
        case 3:
          while (const auto copy = copies.next(1, false, now)) {
            const auto found = std::find_if(known.begin(), known.end(), [&](const auto& one) {
              return one.second.carrier == copy->original;
            });
            REQUIRE(found != known.end());
            CHECK(copy->original.path != 1);
            CHECK(!found->second.settled);
            CHECK(equals(copy->packet, packetOf(found->second.number, found->second.size)));
            CHECK(++offered[found->first] == 1);
            copies.pop();
            if (random() % 8 == 0) break;
          }
          break;
        default:
          break;
      }
    }
  }
}

TEST_CASE("what comes after its copy is known, once, for a while") {
  const std::vector<std::uint8_t> one{1, 2, 3}, other{1, 2, 4};
  ReceivedCopies copies;
  CHECK(!copies.covers({0, 5}, one, 0));
  copies.add({0, 5}, one, kSecond);
  CHECK(!copies.covers({1, 5}, one, kSecond));
  CHECK(!copies.covers({0, 6}, one, kSecond));
  // The packet carries more than what was copied.
  CHECK(!copies.covers({0, 5}, other, kSecond));
  CHECK(copies.covers({0, 5}, one, kSecond));
  CHECK(!copies.covers({0, 5}, one, kSecond));
  // The same twice, in one packet.
  copies.add({0, 6}, one, kSecond);
  copies.add({0, 6}, one, kSecond);
  CHECK(copies.covers({0, 6}, one, kSecond));
  CHECK(copies.covers({0, 6}, one, kSecond));
  CHECK(!copies.covers({0, 6}, one, kSecond));
  copies.add({0, 7}, one, 2 * kSecond);
  CHECK(copies.covers({0, 7}, one, 2 * kSecond + ReceivedCopies::kRemembered));
  copies.add({0, 8}, one, 3 * kSecond);
  CHECK(!copies.covers({0, 8}, one, 3 * kSecond + 2 * ReceivedCopies::kRemembered));
  CHECK(copies.size() == 0);
  // Copies that never end, each faster than its packet, are not kept for ever.
  for (std::uint64_t i = 0; i < 1000; ++i) copies.add({2, i}, one, 10 * kSecond + i * 10 * kMillisecond);
  CHECK(copies.size() <= 2 * ReceivedCopies::kRemembered / (10 * kMillisecond) + 1);
  copies.clear();
  for (std::uint64_t i = 0; i < 2 * ReceivedCopies::kMost; ++i) copies.add({3, i}, one, 30 * kSecond);
  CHECK(copies.size() == ReceivedCopies::kMost);
}

static bool leavesTwice(Twins& twins, TwinRecord& flow, std::span<const std::uint8_t> packet,
                        quic::Time now) {
  return twins.isSmall(flow, packet.size(), now) && twins.take(flow, packet, now);
}

TEST_CASE("flows that send little leave twice, large ones do not, and together they stay within the budget") {
  const auto udpOf = [](std::size_t size) {
    std::vector<std::uint8_t> packet(size);
    packet[0] = 0x45;
    packet[9] = 17;
    return packet;
  };
  Twins twins;
  TwinRecord call, bulk;
  const auto small = udpOf(200), large = udpOf(1300);
  std::uint64_t calls = 0, callTwins = 0, bulkTwins = 0;
  for (quic::Time now = kSecond; now < 11 * kSecond; now += kMillisecond) {
    if (now % (20 * kMillisecond) == 0) {
      ++calls;
      if (leavesTwice(twins, call, small, now)) ++callTwins;
    }
    if (leavesTwice(twins, bulk, large, now)) ++bulkTwins;
  }
  CHECK(callTwins == calls);
  // The first packets, as those of a connection that begins.
  CHECK(bulkTwins == 3);
  // After a pause it begins anew.
  CHECK(leavesTwice(twins, bulk, large, 13 * kSecond));
  // Very many small flows together.
  std::vector<TwinRecord> many(1000);
  const auto tiny = udpOf(100);
  std::uint64_t bytes = 0, taken = 0;
  for (quic::Time now = 20 * kSecond; now < 30 * kSecond; now += 20 * kMillisecond)
    for (TwinRecord& one : many) {
      bytes += 100;
      if (leavesTwice(twins, one, tiny, now)) taken += 100;
    }
  CHECK(taken > 0);
  CHECK(taken <= Twins::kMostCredit + bytes / Twins::kPart + 10 * Twins::kBytesPerSecond);
}

TEST_CASE("a TCP acknowledgement without data leaves once; what opens, closes or carries something twice") {
  std::vector<std::uint8_t> v4(40), v6(60);
  v4[0] = 0x45;
  v4[9] = 6;
  v6[0] = 0x60;
  v6[6] = 6;
  for (auto* packet : {&v4, &v6}) {
    const std::size_t tcp = packet->size() - 20;
    (*packet)[tcp + 12] = 5 << 4;
    Twins twins;
    TwinRecord flow;
    const auto leavesTwice = [&](std::uint8_t flags) {
      (*packet)[tcp + 13] = flags;
      return twins.take(flow, *packet, kSecond);
    };
    CHECK(!leavesTwice(0x10));
    CHECK(leavesTwice(0x02));
    CHECK(leavesTwice(0x11));
    CHECK(leavesTwice(0x14));
    packet->push_back(0);
    CHECK(leavesTwice(0x10));
    // Cut short.
    packet->resize(tcp + 19);
    CHECK(twins.take(flow, *packet, kSecond));
  }
}
