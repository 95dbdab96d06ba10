#include <doctest/doctest.h>

#include "connect_ip/template.h"
#include "connect_ip_support.h"

using namespace mqvpn::connect_ip;
using namespace mqvpn::connect_ip::test;

namespace {

std::string pathOf(const std::string& target, const std::string& protocol) {
  return "/.well-known/masque/ip/" + target + "/" + protocol + "/";
}

}  // namespace

TEST_CASE("the default template with wildcards is what every client sends") {
  CHECK(expandTemplate(kDefaultTemplate, {}) == "/.well-known/masque/ip/*/*/");
  CHECK(parsePath("/.well-known/masque/ip/*/*/") == Scope());
  CHECK(parsePath("/.well-known/masque/ip/%2A/%2a/") == Scope());
}

TEST_CASE("targets and protocols survive the path") {
  Scope scope;
  scope.kind = Scope::Kind::kPrefix;
  scope.protocol = std::uint8_t{17};
  for (const char* text :
       {"192.0.2.0/24", "192.0.2.7/32", "2001:db8::/32", "2001:db8::42/128", "0.0.0.0/0"}) {
    scope.prefix = prefix(text);
    CHECK(parsePath(expandTemplate(kDefaultTemplate, scope)) == scope);
  }
  // RFC 9484 §4.6: "2001%3Adb8%3A%3A42".
  scope.prefix = prefix("2001:db8::42");
  CHECK(expandTemplate(kDefaultTemplate, scope) == pathOf("2001%3Adb8%3A%3A42", "17"));
  scope = {};
  scope.kind = Scope::Kind::kHostname;
  scope.hostname = "target.example";
  CHECK(parsePath(expandTemplate(kDefaultTemplate, scope)) == scope);
}

TEST_CASE("other templates, in the path and in a query") {
  const Scope any;
  CHECK(expandTemplate("/ip?t={target}&i={ipproto}", any) == "/ip?t=*&i=*");
  CHECK(parsePath("/ip?t=10.0.0.1&i=6", "/ip?t={target}&i={ipproto}")->protocol == 6);
  CHECK(expandTemplate("/fixed?user=bob", any) == "/fixed?user=bob");
  CHECK(parsePath("/fixed?user=bob", "/fixed?user=bob") == any);
  CHECK_FALSE(pathMatches("/fixed?user=eve", "/fixed?user=bob"));
  CHECK(expandTemplate("/a/{other}/{target}/", any) == "/a//*/");
}

TEST_CASE("paths of other resources do not match") {
  for (const char* path :
       {"/", "", "/.well-known/masque/ip/*/*", "/.well-known/masque/ip/*/*/x", "/.well-known/masque/ip/",
        "/.well-known/masque/udp/a/1/", "/.well-known/masque/ip/*/*/?x"})
    CHECK_FALSE(pathMatches(path));
  CHECK(pathMatches("/.well-known/masque/ip///"));
}

TEST_CASE("variables that break RFC 9484 §4.6 are refused") {
  for (const char* target : {"", "10.0.0.1%2F24", "10.0.0.0%2F33", "2001%3Adb8%3A%3A%2F129", "%", "%2", "%zz",
                             "a%2Fb", "host%20name", "fe80%3A%3A1%25lo", "-%00"}) {
    CHECK(pathMatches(pathOf(target, "*")));
    CHECK_FALSE(parsePath(pathOf(target, "*")));
  }
  for (const char* protocol : {"", "256", "-1", "+1", "1x", "0001", "%2B1"})
    CHECK_FALSE(parsePath(pathOf("*", protocol)));
  CHECK(parsePath(pathOf("*", "0"))->protocol == 0);
  CHECK(parsePath(pathOf("*", "255"))->protocol == 255);
  CHECK_FALSE(parsePath(pathOf(std::string(254, 'a'), "*")));
  CHECK(parsePath(pathOf(std::string(253, 'a'), "*"))->kind == Scope::Kind::kHostname);
}
