#include <doctest/doctest.h>

#include "link/trace.h"
#include "link_support.h"

using namespace mqvpn::link;
using namespace mqvpn::link::test;

namespace {
std::string problemOf(const std::string& text) {
  auto parsed = Trace::parse(text);
  auto* problem = std::get_if<std::string>(&parsed);
  return problem != nullptr ? *problem : "";
}
}  // namespace

TEST_CASE("a trace repeats with the last time stamp as its period") {
  const auto trace = traceOf("0\n4\n4\n10");
  CHECK(trace->size() == 4);
  CHECK(trace->period() == 10 * kMillisecond);
  CHECK(trace->timeOf(0) == 0);
  CHECK(trace->timeOf(3) == 10 * kMillisecond);
  CHECK(trace->timeOf(4) == 10 * kMillisecond);
  CHECK(trace->timeOf(5) == 14 * kMillisecond);
}

TEST_CASE("firstAfter finds the first later opportunity, across the wrap") {
  const auto trace = traceOf("0\n4\n4\n10\n");
  CHECK(trace->firstAfter(0) == 1);
  CHECK(trace->firstAfter(4 * kMillisecond - 1) == 1);
  CHECK(trace->firstAfter(4 * kMillisecond) == 3);
  // Number 4 is offset 0 of the second round, at the same moment as number 3.
  CHECK(trace->firstAfter(10 * kMillisecond - 1) == 3);
  CHECK(trace->firstAfter(10 * kMillisecond) == 5);
  CHECK(trace->firstAfter(10'000 * kMillisecond + 5 * kMillisecond) == 4003);
  for (Time time = 0; time < 40 * kMillisecond; time += kMillisecond / 2) {
    const std::uint64_t first = trace->firstAfter(time);
    CHECK(trace->timeOf(first) > time);
    if (first > 0) CHECK(trace->timeOf(first - 1) <= time);
  }
}

TEST_CASE("blank lines and Windows line ends are fine") { CHECK(traceOf("1\r\n\r\n  2 \n\n")->size() == 2); }

TEST_CASE("what is wrong with a trace is said with its line") {
  CHECK(problemOf("") == "trace: no time stamp in it, expected one in ms per line");
  CHECK(problemOf("\n\n") == "trace: no time stamp in it, expected one in ms per line");
  CHECK(problemOf("0\n0\n") == "trace: it lasts 0 ms, expected a last time stamp above 0");
  CHECK(problemOf("1\n\nx\n") == "trace: line 3 is \"x\", expected a time stamp in ms, 0 to 86400000");
  CHECK(problemOf("1.5").find("line 1 is \"1.5\"") != std::string::npos);
  CHECK(problemOf("-1").find("line 1") != std::string::npos);
  CHECK(problemOf("99999999999999999999999").find("line 1") != std::string::npos);
  CHECK(problemOf("86400001").find("line 1") != std::string::npos);
  CHECK(problemOf("5\n4\n") ==
        "trace: line 2 is \"4\", expected a time stamp that is not before the previous one");
  CHECK(problemOf(std::string("\x01\xff\n", 3)).find("\"??\"") != std::string::npos);
}
