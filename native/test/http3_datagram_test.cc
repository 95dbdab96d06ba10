#include <doctest/doctest.h>

#include "http3/datagram.h"
#include "http3_support.h"

using namespace mqvpn::http3;
using namespace mqvpn::http3::test;

TEST_CASE("a datagram's prefix is a quarter of its stream's ID") {
  std::uint8_t out[8];
  for (const std::uint64_t streamId :
       {std::uint64_t{0}, std::uint64_t{4}, std::uint64_t{252}, std::uint64_t{256}, std::uint64_t{65536},
        (std::uint64_t{1} << 62) - 4}) {
    const std::size_t size = writeDatagramPrefix(out, streamId);
    ByteVector frame = ByteVector(out, out + size) + hex("00 45");
    Datagram datagram;
    REQUIRE_FALSE(parseDatagram(frame, datagram));
    CHECK(datagram.streamId == streamId);
    CHECK(ByteVector(datagram.payload.begin(), datagram.payload.end()) == hex("0045"));
  }
}

TEST_CASE("a datagram without payload is one, without an ID it is none") {
  Datagram datagram;
  ByteVector empty;
  CHECK(parseDatagram(empty, datagram).code == ErrorCode::kDatagramError);
  ByteVector cut = hex("40");
  CHECK(parseDatagram(cut, datagram).code == ErrorCode::kDatagramError);
  ByteVector bare = hex("01");
  CHECK_FALSE(parseDatagram(bare, datagram));
  CHECK(datagram.streamId == 4);
  CHECK(datagram.payload.empty());
}

TEST_CASE("a Quarter Stream ID above 2^60-1 is an error") {
  Datagram datagram;
  ByteVector largest = hex("cfffffffffffffff");
  CHECK_FALSE(parseDatagram(largest, datagram));
  ByteVector beyond = hex("d000000000000000");
  CHECK(parseDatagram(beyond, datagram).code == ErrorCode::kDatagramError);
}
