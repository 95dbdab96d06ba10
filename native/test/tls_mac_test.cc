#include <doctest/doctest.h>

#include <algorithm>

#include "test/tls_support.h"
#include "tls/mac.h"

using namespace mqvpn::tls;
using mqvpn::tls::test::Bytes;
using mqvpn::tls::test::unhex;

TEST_CASE("RFC 4231 4.2 and 4.3: HMAC-SHA-256") {
  const Bytes hi = unhex("4869205468657265");
  CHECK(std::ranges::equal(hmacSha256(Bytes(20, 0x0b), hi),
                           unhex("b0344c61d8db38535ca8afceaf0bf12b 881dc200c9833da726e9376c2e32cff7")));
  const Bytes jefe = unhex("4a656665");
  const Bytes what = unhex("7768617420646f2079612077616e7420666f72206e6f7468696e673f");
  CHECK(std::ranges::equal(hmacSha256(jefe, what),
                           unhex("5bdcc146bf60754e6a042426089575c7 5a003f089d2739839dec58b964ec3843")));
}

TEST_CASE("bytes are equal when all of them are, and there are as many") {
  CHECK(constantTimeEquals(Bytes{1, 2, 3}, Bytes{1, 2, 3}));
  CHECK(constantTimeEquals({}, {}));
  CHECK_FALSE(constantTimeEquals(Bytes{1, 2, 3}, Bytes{1, 2, 4}));
  CHECK_FALSE(constantTimeEquals(Bytes{0, 2, 3}, Bytes{1, 2, 3}));
  CHECK_FALSE(constantTimeEquals(Bytes{1, 2, 3}, Bytes{1, 2}));
  CHECK_FALSE(constantTimeEquals(Bytes{1, 2}, {}));
}

TEST_CASE("random bytes fill all of what they are given, and differ") {
  Bytes one(64);
  Bytes two(64);
  randomBytes(one);
  randomBytes(two);
  randomBytes({});
  CHECK(one != two);
  CHECK(std::count(one.begin(), one.end(), 0) < 16);
}
