#include <doctest/doctest.h>

#include "connect_ip/early_datagrams.h"
#include "connect_ip_support.h"

using namespace mqvpn::connect_ip;
using namespace mqvpn::connect_ip::test;
using namespace mqvpn::quic;

namespace {

std::vector<ByteVector> drained(EarlyDatagrams& early, std::uint64_t streamId, Time now) {
  std::vector<ByteVector> out;
  early.drain(streamId, now, [&](std::span<std::uint8_t> payload) {
    out.emplace_back(payload.begin(), payload.end());
    std::fill(payload.data() - 16, payload.data() + payload.size(), std::uint8_t{0xee});
  });
  return out;
}

}  // namespace

TEST_CASE("early datagrams are handed over in order, each stream's own, once") {
  EarlyDatagrams early;
  CHECK(early.hold(0, ByteVector{1}, 10));
  CHECK(early.hold(4, ByteVector{2, 2}, 11));
  CHECK(early.hold(0, ByteVector{3, 3, 3}, 12));
  CHECK(drained(early, 0, 13) == std::vector<ByteVector>{{1}, {3, 3, 3}});
  CHECK(drained(early, 0, 13).empty());
  CHECK_FALSE(early.empty());
  CHECK(drained(early, 4, 13) == std::vector<ByteVector>{{2, 2}});
  CHECK(early.empty());
  CHECK(early.dropped() == 0);
}

TEST_CASE("early datagrams are bounded in number, in bytes and in age") {
  EarlyDatagrams many;
  for (std::size_t i = 0; i < EarlyDatagrams::kMaxCount; ++i) CHECK(many.hold(0, ByteVector{1}, 1));
  CHECK_FALSE(many.hold(0, ByteVector{1}, 1));
  CHECK(many.dropped() == 1);

  EarlyDatagrams large;
  CHECK(large.hold(0, ByteVector(EarlyDatagrams::kMaxBytes - 10), 1));
  CHECK_FALSE(large.hold(0, ByteVector(11), 1));
  CHECK(large.hold(0, ByteVector(10), 1));

  EarlyDatagrams old;
  CHECK(old.hold(0, ByteVector{1}, kSecond));
  CHECK(old.hold(0, ByteVector{2}, kSecond + EarlyDatagrams::kMaxAge));
  CHECK(drained(old, 0, kSecond + EarlyDatagrams::kMaxAge + 1) == std::vector<ByteVector>{{2}});
  CHECK(old.dropped() == 1);
  // What expired has made room.
  CHECK(large.hold(0, ByteVector(EarlyDatagrams::kMaxBytes), 1 + EarlyDatagrams::kMaxAge + 1));
}
