#include <arpa/inet.h>
#include <doctest/doctest.h>

#include "io/netlink_types.h"
#include "io/sock_addr.h"

using namespace mqvpn::io;

TEST_CASE("an address is written as in a URL, and an IPv4-mapped one is IPv4") {
  const std::uint8_t four[4] = {192, 0, 2, 1};
  const SockAddr v4 = SockAddr::ipv4(four, 443);
  CHECK(toString(v4) == "192.0.2.1:443");
  CHECK(v4.family() == 4);
  CHECK(v4.port() == 443);

  std::uint8_t six[16] = {0xfe, 0x80};
  six[15] = 1;
  const SockAddr v6 = SockAddr::ipv6(six, 4433, 2);
  CHECK(toString(v6) == "[fe80::1%2]:4433");
  CHECK(v6.scope() == 2);
  CHECK((SockAddr::from(v6.get()) == v6));

  const std::uint8_t mapped[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1};
  CHECK((SockAddr::ipv6(mapped, 443) == v4));
}

TEST_CASE("only an all-zero address is the wildcard") {
  const std::uint8_t zero[16] = {};
  std::uint8_t one[16] = {};
  one[15] = 1;
  CHECK(SockAddr::ipv4(zero, 443).isWildcard());
  CHECK(SockAddr::ipv6(zero, 0).isWildcard());
  CHECK_FALSE(SockAddr::ipv4(one + 12, 0).isWildcard());
  CHECK_FALSE(SockAddr::ipv6(one, 0).isWildcard());
  CHECK(SockAddr().empty());
  CHECK(toString(SockAddr()) == "unknown");
}

TEST_CASE("prefixes are read as they are written, and nothing else is") {
  for (const char* text : {"0.0.0.0/0", "10.0.0.7/24", "192.0.2.1/32", "::/0", "2001:db8::1/128"}) {
    const auto prefix = parseIpPrefix(text);
    REQUIRE(prefix);
    CHECK(toString(*prefix) == text);
  }
  CHECK(toString(*parseIpPrefix("10.0.0.7")) == "10.0.0.7/32");
  for (const char* text : {"", "/", "10.0.0.0/33", "10.0.0/8", "::/129", "::1/", "::1/-1", "::1/1x", "a"})
    CHECK_FALSE(parseIpPrefix(text));
}
