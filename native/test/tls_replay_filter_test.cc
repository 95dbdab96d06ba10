#include <doctest/doctest.h>

#include "test/tls_support.h"
#include "tls/replay_filter.h"

using namespace mqvpn::tls;
using mqvpn::tls::test::Bytes;

namespace {
constexpr std::int64_t kNow = 1'800'000'000;
Bytes binder(std::uint8_t first) { return Bytes(32, first); }
}  // namespace

TEST_CASE("a ClientHello passes once") {
  ReplayFilter filter;
  CHECK(filter.add(kNow, binder(1)));
  CHECK_FALSE(filter.add(kNow, binder(1)));
  CHECK(filter.add(kNow, binder(2)));
}

TEST_CASE("a ClientHello is remembered for as long as its ticket can be used") {
  ReplayFilter filter;
  CHECK(filter.add(kNow - 10, binder(9)));
  CHECK(filter.add(kNow, binder(1)));
  CHECK_FALSE(filter.add(kNow + ReplayFilter::kMemory - 1, binder(1)));
  // Another ClientHello begins a new generation; the old one is still known, for a while.
  CHECK(filter.add(kNow + ReplayFilter::kMemory, binder(2)));
  CHECK_FALSE(filter.add(kNow + ReplayFilter::kMemory + 1, binder(1)));
  CHECK(filter.add(kNow + 2 * ReplayFilter::kMemory, binder(3)));
  CHECK(filter.add(kNow + 2 * ReplayFilter::kMemory, binder(1)));
}

TEST_CASE("a full filter refuses what is new, forgets nothing, and has room again when time has passed") {
  ReplayFilter filter(2);
  CHECK(filter.add(kNow, binder(1)));
  CHECK(filter.add(kNow, binder(2)));
  CHECK_FALSE(filter.add(kNow, binder(3)));
  CHECK_FALSE(filter.add(kNow, binder(1)));
  CHECK_FALSE(filter.add(kNow + ReplayFilter::kMemory, binder(3)));
  CHECK(filter.add(kNow + 2 * ReplayFilter::kMemory, binder(3)));
}

TEST_CASE("a binder that is too short never passes") {
  ReplayFilter filter;
  CHECK_FALSE(filter.add(kNow, Bytes(15, 1)));
}
