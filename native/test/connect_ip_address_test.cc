#include <doctest/doctest.h>

#include "connect_ip_support.h"

using namespace mqvpn::connect_ip;
using namespace mqvpn::connect_ip::test;

TEST_CASE("addresses are read and written") {
  for (const char* text :
       {"0.0.0.0", "10.0.0.2", "255.255.255.255", "::", "::1", "fd00::2", "2001:db8::1:0:0:1"})
    CHECK(toString(ip(text)) == text);
  CHECK(toString(ip("2001:DB8:0:0:1:0:0:1")) == "2001:db8::1:0:0:1");
  CHECK(toString(IpAddress()) == "none");
  for (const char* wrong :
       {"", "10", "10.0.0", "10.0.0.256", "10.0.0.01", "10.0.0.1 ", "::g", ":", "1::2::3", "fe80::1%lo"})
    CHECK_FALSE(parseAddress(wrong));
  CHECK_FALSE(parseAddress(std::string_view("10.0.0.1\0x", 10)));
  CHECK(IpAddress::v4(10, 1, 2, 3).v4Value() == 0x0a010203);
  CHECK((IpAddress::v4(0x0a010203) == ip("10.1.2.3")));
  CHECK(IpAddress::from(ByteVector(5)).version == 0);
}

TEST_CASE("one up and one down") {
  CHECK((ip("10.0.0.255").next() == ip("10.0.1.0")));
  CHECK((ip("10.0.1.0").previous() == ip("10.0.0.255")));
  CHECK_FALSE(ip("255.255.255.255").next());
  CHECK_FALSE(ip("::").previous());
  CHECK((ip("::ffff").next() == ip("::1:0")));
}

TEST_CASE("prefixes are read, masked and hold addresses") {
  CHECK(toString(prefix("10.0.0.0/24")) == "10.0.0.0/24");
  CHECK(prefix("10.0.0.7").length == 32);
  CHECK(prefix("fd00::/112").length == 112);
  for (const char* wrong :
       {"10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/1x", "/8", "::/0001"})
    CHECK_FALSE(parsePrefix(wrong));
  CHECK((prefix("10.0.0.7/24").masked() == prefix("10.0.0.0/24")));
  CHECK_FALSE(prefix("10.0.0.7/24").hostBitsZero());
  CHECK(prefix("10.0.0.0/24").hostBitsZero());
  CHECK((prefix("10.1.2.128/25").last() == ip("10.1.2.255")));
  CHECK((prefix("fd00::/9").last() == ip("fd7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff")));
  CHECK(prefix("10.1.2.128/25").contains(ip("10.1.2.200")));
  CHECK_FALSE(prefix("10.1.2.128/25").contains(ip("10.1.2.127")));
  CHECK_FALSE(prefix("0.0.0.0/0").contains(ip("::")));
  CHECK(prefix("0.0.0.0/0").contains(ip("255.255.255.255")));
}

TEST_CASE("ranges are written as prefixes where they are some") {
  CHECK(toString(IpRange::all(4)) == "0.0.0.0/0");
  CHECK(toString(IpRange::all(6)) == "::/0");
  CHECK(toString(IpRange::of(prefix("10.0.0.0/8"), 17)) == "10.0.0.0/8 protocol 17");
  CHECK(toString(range("10.0.0.1", "10.0.0.9")) == "10.0.0.1-10.0.0.9");
}
