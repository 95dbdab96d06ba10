#include <doctest/doctest.h>

#include "probe/peer.h"
#include "probe/schedule.h"

using namespace mqvpn::probe;

TEST_CASE("lateness does not move the later due times") {
  Schedule schedule(10);
  CHECK_FALSE(schedule.isDue(1'000'000));
  schedule.start(1000);
  for (int64_t n = 0; n < 100; ++n) {
    CHECK(schedule.dueNs() == 1000 + 10 * n);
    CHECK_FALSE(schedule.isDue(schedule.dueNs() - 1));
    CHECK(schedule.isDue(schedule.dueNs()));
    schedule.advance(schedule.dueNs() + n % 10);
  }
  CHECK(schedule.skipped() == 0);
}

TEST_CASE("slots that passed during a stall are counted and left out, on the same grid") {
  Schedule schedule(10);
  schedule.start(0);
  schedule.advance(9);
  CHECK(schedule.dueNs() == 10);
  schedule.advance(19);  // less than an interval behind: the slot at 20 is still to come
  CHECK(schedule.dueNs() == 20);
  CHECK(schedule.skipped() == 0);
  schedule.advance(45);  // the slot at 20 was served at 45: 30 has passed, 40 is the present one
  CHECK(schedule.dueNs() == 40);
  CHECK(schedule.skipped() == 1);
}

TEST_CASE("the newest address is that of the highest sequence number") {
  PeerOrder order;
  CHECK(order.isNewest(5, 0));
  CHECK_FALSE(order.isNewest(4, 1));
  CHECK_FALSE(order.isNewest(5, 2));  // a duplicate, perhaps from the old path
  CHECK(order.isNewest(6, 3));
}

TEST_CASE("a peer that started again is followed after a silence") {
  PeerOrder order;
  CHECK(order.isNewest(1000, 0));
  CHECK_FALSE(order.isNewest(0, PeerOrder::kSilenceNs));
  CHECK(order.isNewest(0, PeerOrder::kSilenceNs + 1));
  CHECK(order.isNewest(1, PeerOrder::kSilenceNs + 2));
}
