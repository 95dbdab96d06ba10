#include <doctest/doctest.h>

#include "link/delay_line.h"
#include "link_support.h"

using namespace mqvpn::link;
using namespace mqvpn::link::test;

TEST_CASE("the delay line gives frames back in the order of their due times") {
  TestPool pool;
  DelayLine line;
  CHECK(line.nextDue() == kNever);
  CHECK(line.pop() == nullptr);
  const Time dues[] = {50, 10, 70, 70, 20, 10, 60};
  for (std::uint64_t i = 0; i < std::size(dues); ++i) line.push(pool.frame(100, i), dues[i]);
  CHECK(line.packets() == std::size(dues));
  std::vector<std::uint64_t> order;
  while (line.packets() > 0) {
    const Time due = line.nextDue();
    Frame* frame = line.pop();
    CHECK(frame->at == due);
    order.push_back(numberOf(frame));
  }
  // Equal due times keep the order in which they came.
  CHECK(order == std::vector<std::uint64_t>{1, 5, 4, 0, 6, 2, 3});
}

TEST_CASE("frames come and go: still in order") {
  TestPool pool;
  DelayLine line;
  Random random(2);
  Time last = 0;
  for (int round = 0; round < 20'000; ++round) {
    if (line.packets() < 500 && random.chance(0.6)) {
      line.push(pool.frame(60), last + static_cast<Time>(random.uniform() * 1000));
    } else if (line.packets() > 0) {
      Frame* frame = line.pop();
      REQUIRE(frame->at >= last);
      last = frame->at;
      pool.pool.give(frame);
    }
  }
}
