#include <doctest/doctest.h>

#include <random>

#include "connect_ip/capsules.h"
#include "connect_ip_support.h"
#include "http3_support.h"

using namespace mqvpn::connect_ip;
using namespace mqvpn::connect_ip::test;
using mqvpn::http3::ErrorCode;
using mqvpn::http3::test::hex;

namespace {

ErrorCode assign(std::string_view value, Compat compat = Compat::kStrict) {
  std::vector<AddressEntry> out;
  return parseAddressAssign(hex(value), compat, out).code;
}
ErrorCode request(std::string_view value) {
  std::vector<AddressEntry> out;
  return parseAddressRequest(hex(value), Compat::kStrict, out).code;
}
ErrorCode routes(std::string_view value) {
  std::vector<IpRange> out;
  return parseRouteAdvertisement(hex(value), out).code;
}

}  // namespace

TEST_CASE("ADDRESS_ASSIGN: the bytes of a deployed server") {
  std::vector<AddressEntry> out;
  REQUIRE_FALSE(parseAddressAssign(hex("00 04 0a080002 20"), Compat::kStrict, out));
  REQUIRE(out.size() == 1);
  CHECK(out[0] == AddressEntry{0, prefix("10.8.0.2/32")});
  ByteVector capsule;
  appendAddressAssign(capsule, out);
  CHECK(capsule == hex("01 07 00 04 0a080002 20"));
}

TEST_CASE("ROUTE_ADVERTISEMENT: the bytes of a deployed server") {
  std::vector<IpRange> out;
  REQUIRE_FALSE(parseRouteAdvertisement(hex("04 00000000 ffffffff 00"), out));
  CHECK(out == std::vector<IpRange>{IpRange::all(4)});
  ByteVector capsule;
  appendRouteAdvertisement(capsule, out);
  CHECK(capsule == hex("03 0a 04 00000000 ffffffff 00"));
}

TEST_CASE("addresses: versions, lengths, host bits, and no byte more or less") {
  CHECK(assign("") == ErrorCode::kNoError);
  CHECK(assign("05 06 fd000000000000000000000000000002 80") == ErrorCode::kNoError);
  CHECK(assign("00 05 0a080002 20") == ErrorCode::kMessageError);
  CHECK(assign("00 00") == ErrorCode::kMessageError);
  CHECK(assign("00 04 0a080002 21") == ErrorCode::kMessageError);
  CHECK(assign("00 06 fd000000000000000000000000000002 81") == ErrorCode::kMessageError);
  const std::string whole = "00040a08000220";
  for (std::size_t size = 2; size < whole.size(); size += 2)
    CHECK(assign(whole.substr(0, size)) == ErrorCode::kMessageError);
  CHECK(assign("00 04 0a080002 20 00") == ErrorCode::kMessageError);
  CHECK(assign("00 04 0a080002 18") == ErrorCode::kMessageError);
  CHECK(assign("00 04 0a080000 18") == ErrorCode::kNoError);
}

TEST_CASE("addresses: host bits of deployed servers are tolerated, and mean the address") {
  std::vector<AddressEntry> out;
  REQUIRE_FALSE(parseAddressAssign(hex("00 06 fd000000000000000000000000000002 70"), Compat::kTolerant, out));
  CHECK((out.at(0).prefix == prefix("fd00::2/128")));
  // A prefix that is meant stays one.
  REQUIRE_FALSE(parseAddressAssign(hex("00 06 fd000000000000000000000000010000 70"), Compat::kTolerant, out));
  CHECK((out.at(0).prefix == prefix("fd00::1:0/112")));
  CHECK(assign("00 04 0a080002 21", Compat::kTolerant) == ErrorCode::kMessageError);
}

TEST_CASE("ADDRESS_REQUEST: at least one, with IDs that are not zero and differ") {
  CHECK(request("01 04 00000000 20") == ErrorCode::kNoError);
  CHECK(request("01 04 00000000 20 02 06 00000000000000000000000000000000 80") == ErrorCode::kNoError);
  CHECK(request("") == ErrorCode::kMessageError);
  CHECK(request("00 04 00000000 20") == ErrorCode::kMessageError);
  CHECK(request("01 04 00000000 20 01 04 00000000 20") == ErrorCode::kMessageError);
  ByteVector capsule;
  const std::vector<AddressEntry> entries{{1, prefix("0.0.0.0/32")}, {300, prefix("::/128")}};
  appendAddressRequest(capsule, entries);
  CHECK(capsule == hex("02 1b 01 04 00000000 20 412c 06 00000000000000000000000000000000 80"));
}

TEST_CASE("routes: order, overlaps, and ranges that go forward") {
  CHECK(routes("") == ErrorCode::kNoError);
  CHECK(routes("04 0a000000 0a0000ff 00 04 0a000100 0a0001ff 00") == ErrorCode::kNoError);
  CHECK(routes("04 0a000001 0a000000 00") == ErrorCode::kMessageError);
  CHECK(routes("05 0a000000 0a000000 00") == ErrorCode::kMessageError);
  CHECK(routes("04 0a000000 0a000000") == ErrorCode::kMessageError);
  CHECK(routes("04 0a000000 0a000000 00 00") == ErrorCode::kMessageError);
  const std::string v6 = "06 fd000000000000000000000000000000 fd0000000000000000000000000000ff 00";
  CHECK(routes("04 00000000 ffffffff 00" + v6) == ErrorCode::kNoError);
  CHECK(routes(v6 + "04 00000000 ffffffff 00") == ErrorCode::kMessageError);
  // The same end and start, overlapping, the wrong way round.
  CHECK(routes("04 0a000000 0a0000ff 00 04 0a0000ff 0a0001ff 00") == ErrorCode::kMessageError);
  CHECK(routes("04 0a000100 0a0001ff 00 04 0a000000 0a0000ff 00") == ErrorCode::kMessageError);
  // Protocols in order; each has its own ranges.
  CHECK(routes("04 0a000000 0a0000ff 06 04 0a000000 0a0000ff 11") == ErrorCode::kNoError);
  CHECK(routes("04 0a000000 0a0000ff 11 04 0a000000 0a0000ff 06") == ErrorCode::kMessageError);
  // One for all protocols around one for a single protocol.
  CHECK(routes("04 0a000000 0a0000ff 00 04 0a000010 0a000020 11") == ErrorCode::kMessageError);
  CHECK(routes("04 0a000000 0a0000ff 00 04 0a000100 0a000120 11") == ErrorCode::kNoError);
}

TEST_CASE("capsules with very many entries are refused") {
  ByteVector many;
  for (std::size_t i = 0; i <= kMaxEntries; ++i)
    many = mqvpn::http3::test::operator+(std::move(many), hex("00 04 0a080002 20"));
  std::vector<AddressEntry> out;
  CHECK(parseAddressAssign(many, Compat::kStrict, out).code == ErrorCode::kExcessiveLoad);
  many.erase(many.end() - 7, many.end());
  CHECK_FALSE(parseAddressAssign(many, Compat::kStrict, out));
  CHECK(out.size() == kMaxEntries);
}

TEST_CASE("ranges are put in order, joined, and cut where a general one covers them") {
  std::vector<IpRange> ranges{IpRange::of(prefix("::/0")),      range("10.0.0.5", "10.0.0.9"),
                              range("10.0.0.0", "10.0.0.4"),    range("10.0.0.8", "10.0.0.20", 17),
                              range("10.0.0.2", "10.0.0.3", 6), range("9.0.0.9", "9.0.0.1")};
  orderRanges(ranges);
  CHECK(ranges == std::vector<IpRange>{range("10.0.0.0", "10.0.0.9"), range("10.0.0.10", "10.0.0.20", 17),
                                       IpRange::all(6)});
}

TEST_CASE("whatever ranges are ordered, the result may be sent and means the same") {
  std::mt19937 random(7);
  for (int round = 0; round < 500; ++round) {
    std::vector<IpRange> ranges;
    for (int i = 0; i < 12; ++i) {
      const std::uint8_t version = random() % 3 == 0 ? 6 : 4;
      IpAddress start = IpAddress::lowest(version);
      IpAddress end = start;
      start.bytes[start.size() - 1] = static_cast<std::uint8_t>(random() % 40);
      end.bytes[end.size() - 1] = static_cast<std::uint8_t>(start.bytes[start.size() - 1] + random() % 12);
      if (random() % 10 == 0) end = IpAddress::highest(version);
      ranges.push_back({start, end, static_cast<std::uint8_t>(random() % 3)});
    }
    std::vector<IpRange> ordered = ranges;
    orderRanges(ordered);
    ByteVector capsule;
    appendRouteAdvertisement(capsule, ordered);
    const std::size_t header = capsule.size() < 2 + 64 ? 2 : 3;
    std::vector<IpRange> read;
    REQUIRE_FALSE(parseRouteAdvertisement(mqvpn::quic::Bytes(capsule).subspan(header), read));
    CHECK(read == ordered);
    const auto allows = [](const std::vector<IpRange>& list, const IpAddress& address,
                           std::uint8_t protocol) {
      return std::any_of(list.begin(), list.end(), [&](const IpRange& r) {
        return r.start <= address && address <= r.end && r.start.version == address.version &&
               (r.protocol == 0 || r.protocol == protocol);
      });
    };
    for (const std::uint8_t version : {std::uint8_t{4}, std::uint8_t{6}}) {
      IpAddress address = IpAddress::lowest(version);
      for (std::uint8_t last = 0; last < 60; ++last) {
        address.bytes[address.size() - 1] = last;
        for (std::uint8_t protocol = 1; protocol < 4; ++protocol)
          REQUIRE(allows(ranges, address, protocol) == allows(ordered, address, protocol));
      }
    }
  }
}
