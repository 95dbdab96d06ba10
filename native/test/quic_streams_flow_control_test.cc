#include <doctest/doctest.h>

#include "quic/flow_control.h"
#include "quic_streams_support.h"

using namespace mqvpn::quic;
using namespace mqvpn::quic::test;

TEST_CASE("a new limit is due when half the window is consumed") {
  ReceiveWindow window(1000);
  CHECK(window.limit() == 1000);
  window.consume(499);
  CHECK_FALSE(window.updateDue());
  window.consume(1);
  CHECK(window.updateDue());
  CHECK(window.update(0, 0) == 1500);
  CHECK_FALSE(window.updateDue());
}

TEST_CASE("a limit that was lost is due again, unless a newer one was sent") {
  ReceiveWindow window(1000);
  window.consume(600);
  CHECK(window.update(0, 0) == 1600);
  window.consume(600);
  CHECK(window.update(0, 0) == 2200);
  window.onLost(1600);
  CHECK_FALSE(window.updateDue());
  window.consume(10);
  window.onLost(2200);
  CHECK(window.updateDue());
  CHECK(window.update(0, 0) == 2210);
  CHECK_FALSE(window.updateDue());
}

TEST_CASE("a window that is used up once per RTT grows, at most 16 times") {
  ReceiveWindow window(1000);
  std::uint64_t now = 0;
  for (int i = 0; i < 40; ++i) {
    const std::uint64_t half = window.window() / 2;
    window.consume(half);
    now += 5 * kMs;
    window.update(10 * kMs, now);
  }
  CHECK(window.window() == 16'000);
}

TEST_CASE("a window of which half lasts longer than two RTTs stays") {
  ReceiveWindow window(1000);
  std::uint64_t now = 0;
  for (int i = 0; i < 40; ++i) {
    window.consume(500);
    now += 21 * kMs;
    window.update(10 * kMs, now);
  }
  CHECK(window.window() == 1000);
}

TEST_CASE("a window does not grow while the RTT is unknown") {
  ReceiveWindow window(1000);
  for (int i = 0; i < 40; ++i) {
    window.consume(500);
    window.update(0, 1);
  }
  CHECK(window.window() == 1000);
}

TEST_CASE("windows of nothing and of all stay within what a varint holds") {
  ReceiveWindow none(0);
  CHECK(none.limit() == 0);
  CHECK_FALSE(none.updateDue());
  ReceiveWindow all(UINT64_MAX);
  CHECK(all.limit() == kVarintMax);
  all.consume(std::uint64_t{1} << 61);
  CHECK_FALSE(all.updateDue());
}

TEST_CASE("one blocked frame per limit, and another when that was lost while still blocked") {
  PeerLimit limit(100);
  CHECK_FALSE(limit.blockedDue(false));
  CHECK(limit.blockedDue(true));
  limit.onBlockedSent();
  CHECK_FALSE(limit.blockedDue(true));
  limit.onBlockedLost(100);
  CHECK(limit.blockedDue(true));
  CHECK_FALSE(limit.blockedDue(false));
  limit.onBlockedSent();
  CHECK_FALSE(limit.raise(100));
  CHECK_FALSE(limit.raise(50));
  CHECK(limit.value() == 100);
  CHECK(limit.raise(200));
  limit.onBlockedLost(100);
  CHECK_FALSE(limit.blockedDue(false));
  CHECK(limit.blockedDue(true));
}
