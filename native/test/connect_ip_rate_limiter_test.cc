#include <doctest/doctest.h>

#include "connect_ip/rate_limiter.h"

using namespace mqvpn::connect_ip;
using namespace mqvpn::quic;

namespace {

int taken(RateLimiter& limiter, Time now, int tries) {
  int count = 0;
  for (int i = 0; i < tries; ++i) count += limiter.take(now) ? 1 : 0;
  return count;
}

}  // namespace

TEST_CASE("a burst goes at once, then as many as the rate") {
  RateLimiter limiter(100, 10);
  const Time start = 12345 * kSecond;
  CHECK(taken(limiter, start, 100) == 10);
  CHECK(taken(limiter, start + 9 * kMillisecond, 100) == 0);
  CHECK(taken(limiter, start + 10 * kMillisecond, 100) == 1);
  CHECK(taken(limiter, start + 60 * kMillisecond, 100) == 5);
  CHECK(taken(limiter, start + 10 * kSecond, 100) == 10);
}

TEST_CASE("fractions of a token are not lost") {
  RateLimiter limiter(100, 5);
  Time now = kSecond;
  CHECK(taken(limiter, now, 5) == 5);
  int count = 0;
  for (int i = 0; i < 1000; ++i) count += limiter.take(now += 3 * kMillisecond) ? 1 : 0;
  CHECK(count == 300);
}

TEST_CASE("a clock that stands still or goes back gives nothing") {
  RateLimiter limiter(1000, 1);
  CHECK(limiter.take(kSecond));
  CHECK_FALSE(limiter.take(kSecond));
  CHECK_FALSE(limiter.take(0));
  CHECK(limiter.take(kSecond + kMillisecond));
}
