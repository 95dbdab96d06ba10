#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

#include "tunnel/received_copies.h"
#include "tunnel/sent_copies.h"

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

TEST_CASE("a packet that comes after its copy is known, for a while") {
  ReceivedCopies copies;
  CHECK(!copies.covers({0, 5}, 0));
  copies.add({0, 5}, kSecond);
  CHECK(copies.covers({0, 5}, kSecond));
  CHECK(copies.covers({0, 5}, kSecond + ReceivedCopies::kRemembered));
  CHECK(!copies.covers({1, 5}, kSecond));
  CHECK(!copies.covers({0, 6}, kSecond));
  CHECK(!copies.covers({0, 5}, kSecond + ReceivedCopies::kRemembered + 1));
  CHECK(copies.size() == 0);
  for (std::uint64_t i = 0; i < 2 * ReceivedCopies::kMost; ++i) copies.add({3, i}, 5 * kSecond);
  CHECK(copies.size() == ReceivedCopies::kMost);
}
