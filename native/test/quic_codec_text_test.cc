// What people read: addresses, connection IDs, names of errors.

#include <doctest/doctest.h>

#include <string>

#include "quic/address.h"
#include "quic/connection_id.h"
#include "quic/errors.h"
#include "quic_codec_support.h"

using namespace mqvpn::quic;
using namespace mqvpn::quic::test;
using namespace std::string_view_literals;

TEST_CASE("addresses are read and written") {
  for (const char* text : {"192.0.2.1:443", "0.0.0.0:0", "255.255.255.255:65535", "[2001:db8::1]:443",
                           "[::]:1", "[fe80::1%7]:443", "[::ffff:192.0.2.1]:443"}) {
    CAPTURE(std::string(text));
    const auto address = parseSocketAddress(text);
    REQUIRE(address);
    CHECK(toString(*address) == text);
  }
  const auto v4 = *parseSocketAddress("192.0.2.1:443");
  CHECK(v4.family == 4);
  CHECK(v4.port == 443);
  CHECK(toHex(Bytes(v4.ip)) == "c0000201000000000000000000000000");
  const auto v6 = *parseSocketAddress("[fe80::1%7]:443");
  CHECK(v6.family == 6);
  CHECK(v6.scope == 7);
  CHECK(toHex(Bytes(v6.ip)) == "fe800000000000000000000000000001");
  CHECK(toString(SocketAddress{}) == "unknown");
  CHECK(toString(*parseSocketAddress("[2001:0DB8:0:0::1]:0443")) == "[2001:db8::1]:443");
}

TEST_CASE("what is no address is refused") {
  for (const std::string_view text : {""sv,
                                      ":"sv,
                                      ":443"sv,
                                      "192.0.2.1"sv,
                                      "192.0.2.1:"sv,
                                      "192.0.2.1:65536"sv,
                                      "192.0.2.1:-1"sv,
                                      "192.0.2.1:+1"sv,
                                      "192.0.2.1: 1"sv,
                                      "192.0.2.1:1x"sv,
                                      "192.0.2.1:99999999999999999999"sv,
                                      "192.0.2:443"sv,
                                      "192.0.2.256:443"sv,
                                      "host:443"sv,
                                      "2001:db8::1:443"sv,
                                      "[2001:db8::1]"sv,
                                      "[2001:db8::1"sv,
                                      "[]:443"sv,
                                      "[192.0.2.1]:443"sv,
                                      "[fe80::1%]:443"sv,
                                      "[fe80::1%eth0]:443"sv,
                                      "[fe80::1%4294967296]:443"sv,
                                      "[::1]443"sv,
                                      "[::1\0]:443"sv,
                                      "192.0.2.1\0:443"sv}) {
    CAPTURE(std::string(text));
    CHECK_FALSE(parseSocketAddress(text));
  }
}

TEST_CASE("connection IDs hold up to 20 bytes and print as hex") {
  CHECK(ConnectionId().hex() == "");
  CHECK(ConnectionId(fromHex("00c0ffee")).hex() == "00c0ffee");
  CHECK(ConnectionId(fromHex(std::string(44, 'a'))).size() == 20);
  // Trailing zeros count.
  CHECK(ConnectionId(fromHex("01")) != ConnectionId(fromHex("0100")));
}

TEST_CASE("error codes have names") {
  CHECK(transportErrorName(0) == "NO_ERROR (0x0)");
  CHECK(transportErrorName(0xa) == "PROTOCOL_VIOLATION (0xa)");
  CHECK(transportErrorName(0x12a) == "CRYPTO_ERROR 42: bad_certificate (0x12a)");
  CHECK(transportErrorName(0x178) == "CRYPTO_ERROR 120: no_application_protocol (0x178)");
  CHECK(transportErrorName(0x1ff) == "CRYPTO_ERROR 255 (0x1ff)");
  CHECK(transportErrorName(0x3e77) == "NO_CID_AVAILABLE_FOR_PATH (0x3e77)");
  CHECK(transportErrorName(0x200) == "unknown error (0x200)");
  CHECK(transportErrorName(UINT64_MAX) == "unknown error (0xffffffffffffffff)");
}
