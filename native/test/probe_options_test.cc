#include <doctest/doctest.h>

#include <initializer_list>
#include <vector>

#include "probe/options.h"

using namespace mqvpn::probe;

namespace {

std::string problemOf(std::initializer_list<const char*> arguments) {
  const auto parsed = parseOptions(std::vector<const char*>(arguments));
  const auto* problem = std::get_if<std::string>(&parsed);
  return problem ? *problem : "(none)";
}

}  // namespace

TEST_CASE("a full command line is read") {
  const auto parsed = parseOptions(std::vector<const char*>{
      "connect", "--to", "10.0.0.1", "--port", "7000", "--bind", "10.0.0.2", "--device", "wan0", "--tcp",
      "--session", "99", "--interval-us", "1000", "--size", "32", "--out", "f"});
  REQUIRE(std::holds_alternative<Options>(parsed));
  const auto& o = std::get<Options>(parsed);
  CHECK(o.command == Command::kConnect);
  CHECK(o.to == "10.0.0.1");
  CHECK(o.port == 7000);
  CHECK(o.bind == "10.0.0.2");
  CHECK(o.device == "wan0");
  CHECK(o.tcp);
  CHECK(o.session == 99);
  CHECK(o.intervalNs == 1'000'000);
  CHECK(o.size == 32);
  CHECK(o.out == "f");
}

TEST_CASE("help is asked for in several ways") {
  for (const char* word : {"--help", "-h", "help"}) CHECK(problemOf({word}) == "(none)");
  CHECK(problemOf({"serve", "--help"}) == "(none)");
}

TEST_CASE("every refusal names the option and what would be right") {
  CHECK(problemOf({}) == "a command is missing: serve, connect or self");
  CHECK(problemOf({"listen"}) == "unknown command \"listen\": serve, connect or self");
  CHECK(problemOf({"serve", "--port", "1", "--out", "f"}) == "serve needs --bind ADDR");
  CHECK(problemOf({"serve", "--bind", "::", "--out", "f"}) == "serve needs --port P");
  CHECK(problemOf({"connect", "--to", "::1", "--port", "0", "--out", "f"}) ==
        "connect needs --port P (from 1)");
  CHECK(problemOf({"connect", "--to", "::1", "--port", "9"}) == "connect needs --out FILE");
  CHECK(problemOf({"self"}) == "self needs --count N");
  CHECK(problemOf({"self", "--count"}) == "--count is unknown or lacks its value");
  CHECK(problemOf({"self", "--colour", "red"}) == "unknown option --colour");
  CHECK(problemOf({"self", "--interval-us", "999"}) ==
        "--interval-us is \"999\": must be a whole number from 1000 to 1000000 microseconds");
  CHECK(problemOf({"self", "--size", "31"}) ==
        "--size is \"31\": must be a whole number from 32 to 65507 bytes");
  CHECK(problemOf({"self", "--count", "12x"}) ==
        "--count is \"12x\": must be a whole number from 1 to 10000000 packets");
  CHECK(problemOf({"serve", "--device", "a-name-that-is-too-long"}) ==
        "--device must be a device name of 1 to 15 characters");
}

TEST_CASE("both ends of each range are taken") {
  for (const char* us : {"1000", "1000000"})
    CHECK(problemOf({"self", "--count", "1", "--interval-us", us}) == "(none)");
  for (const char* size : {"32", "65507"})
    CHECK(problemOf({"self", "--count", "1", "--size", size}) == "(none)");
}
