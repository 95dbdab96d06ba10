#include <doctest/doctest.h>

#include "quic/rtt.h"

using namespace mqvpn::quic;

TEST_CASE("the first RTT sample sets everything (RFC 9002 5.3)") {
  Rtt rtt;
  CHECK(rtt.smoothed() == 333 * kMillisecond);
  CHECK(rtt.variation() == 333 * kMillisecond / 2);
  CHECK_FALSE(rtt.hasSample());
  CHECK(rtt.firstSampleAt() == kNever);
  rtt.sample(100 * kMillisecond, 20 * kMillisecond, 7 * kSecond);
  CHECK(rtt.hasSample());
  CHECK(rtt.firstSampleAt() == 7 * kSecond);
  CHECK(rtt.latest() == 100 * kMillisecond);
  CHECK(rtt.smoothed() == 100 * kMillisecond);
  CHECK(rtt.variation() == 50 * kMillisecond);
  CHECK(rtt.minimum() == 100 * kMillisecond);
}

TEST_CASE("later samples are smoothed, with the peer's delay taken off (RFC 9002 5.3)") {
  Rtt rtt;
  rtt.sample(100 * kMillisecond, 0, 1);
  rtt.sample(180 * kMillisecond, 20 * kMillisecond, 2);
  // adjusted 160; rttvar = 3/4 * 50 + 1/4 * |100 - 160|; smoothed = 7/8 * 100 + 1/8 * 160
  CHECK(rtt.variation() == 52'500 * kMicrosecond);
  CHECK(rtt.smoothed() == 107'500 * kMicrosecond);
  CHECK(rtt.minimum() == 100 * kMillisecond);
}

TEST_CASE("a delay that would bring the sample below the minimum is not taken off (RFC 9002 5.3)") {
  Rtt rtt;
  rtt.sample(100 * kMillisecond, 0, 1);
  rtt.sample(110 * kMillisecond, 25 * kMillisecond, 2);
  CHECK(rtt.smoothed() == 101'250 * kMicrosecond);
}

TEST_CASE("the minimum ignores the peer's delay, and follows a stale one upwards (RFC 9002 5.2)") {
  Rtt rtt;
  rtt.sample(100 * kMillisecond, 0, 1);
  rtt.sample(90 * kMillisecond, 50 * kMillisecond, 2);
  CHECK(rtt.minimum() == 90 * kMillisecond);
  rtt.resetMinimum();
  rtt.sample(200 * kMillisecond, 0, 3);
  CHECK(rtt.minimum() == 200 * kMillisecond);
  rtt.sample(220 * kMillisecond, 0, 4);
  CHECK(rtt.minimum() == 200 * kMillisecond);
}

TEST_CASE("the PTO has the granularity as its least variation (RFC 9002 6.2.1)") {
  Rtt rtt;
  CHECK(rtt.pto(0) == 999 * kMillisecond);
  rtt.sample(100 * kMillisecond, 0, 1);
  CHECK(rtt.pto(25 * kMillisecond) == 325 * kMillisecond);
  for (int i = 0; i < 200; ++i) rtt.sample(100 * kMillisecond, 0, 1);
  CHECK(rtt.pto(25 * kMillisecond) == 126 * kMillisecond);
}
