#include "tunnel/timer_heap.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <set>
#include <vector>

using namespace mqvpn::tunnel;
using mqvpn::quic::kNever;
using mqvpn::quic::Time;

namespace {
struct Item : TimerNode {
  int number = 0;
};
}  // namespace

TEST_CASE("random deadlines that are set, changed and cleared come due in their order") {
  std::mt19937 random(1);
  std::vector<Item> items(200);
  TimerHeap<Item> heap;
  std::vector<Time> model(items.size(), kNever);
  Time now = 0;
  for (int step = 0; step < 20'000; ++step) {
    const std::size_t which = random() % items.size();
    switch (random() % 4) {
      case 0:
        heap.clear(items[which]);
        model[which] = kNever;
        break;
      case 1:
      case 2:
        model[which] = now + random() % 1000;
        heap.set(items[which], model[which]);
        break;
      default: {
        now += random() % 20;
        Time last = 0;
        while (Item* due = heap.popDue(now)) {
          const auto index = static_cast<std::size_t>(due - items.data());
          REQUIRE(model[index] <= now);
          REQUIRE(model[index] >= last);
          last = model[index];
          model[index] = kNever;
        }
      }
    }
    REQUIRE(heap.earliest() == *std::min_element(model.begin(), model.end()));
  }
}

TEST_CASE("kNever takes a timer out") {
  Item item;
  TimerHeap<Item> heap;
  heap.set(item, 5);
  heap.set(item, kNever);
  CHECK(heap.empty());
  CHECK(heap.popDue(100) == nullptr);
}
