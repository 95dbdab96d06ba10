#include <doctest/doctest.h>

#include "link/serialiser.h"
#include "link_support.h"

using namespace mqvpn::link;
using namespace mqvpn::link::test;

TEST_CASE("a frame takes its bits at the rate, and the next one starts where it ended") {
  Serialiser line;
  line.setRate(1'000'000'000, 0);
  CHECK(line.finish() == kNever);
  line.start(kFull, 500, false);
  CHECK(line.finish() == 500 + 12'112);
  line.start(kFull, line.finish(), true);
  CHECK(line.finish() == 500 + 2 * 12'112);
}

TEST_CASE("fractions of a nanosecond add up: the long-run rate is exact") {
  // 1514 bytes at 300 Mbit/s are 40 373.3 ns; a clock that cut each would be a frame too fast after 5 s.
  for (const std::uint64_t rate : {1'000'000u, 3'000'001u, 299'999'999u, 300'000'000u, 999'999'937u}) {
    Serialiser line;
    line.setRate(rate, 0);
    constexpr std::uint64_t frames = 1'000'000;
    line.start(kFull, 0, false);
    for (std::uint64_t i = 1; i < frames; ++i) line.start(kFull, line.finish(), true);
    const auto exact = static_cast<Time>(static_cast<unsigned __int128>(frames) * kFull * 8 * kSecond / rate);
    CHECK(line.finish() == exact);
  }
}

TEST_CASE("an unlimited line takes no time") {
  Serialiser line;
  line.start(kFull, 77, false);
  CHECK(line.finish() == 77);
}

TEST_CASE("a new rate holds for the bits that are still to be sent") {
  Serialiser line;
  line.setRate(12'112'000, 0);  // a full frame per ms
  line.start(kFull, 0, false);
  line.setRate(6'056'000, kMillisecond / 4);
  CHECK(line.finish() == kMillisecond / 4 + kMillisecond * 3 / 2);
  line.setRate(0, kMillisecond);
  CHECK(line.finish() == kMillisecond);
}

TEST_CASE("the same rate again changes nothing") {
  Serialiser line;
  line.setRate(299'999'999, 0);
  line.start(kFull, 0, false);
  const Time before = line.finish();
  line.setRate(299'999'999, before / 2);
  CHECK(line.finish() == before);
}

TEST_CASE("a trace: one full frame per opportunity, those that pass while nobody waits are lost") {
  Serialiser line;
  line.setTrace(traceOf("1\n3\n3\n10\n"), 0);
  line.start(kFull, 0, false);
  CHECK(line.finish() == 1 * kMillisecond);
  line.start(kFull, line.finish(), true);
  CHECK(line.finish() == 3 * kMillisecond);
  line.start(kFull, line.finish(), true);  // the second one at 3 ms
  CHECK(line.finish() == 3 * kMillisecond);
  line.start(kFull, line.finish(), true);
  CHECK(line.finish() == 10 * kMillisecond);
  line.start(kFull, line.finish(), true);  // the next round
  CHECK(line.finish() == 11 * kMillisecond);
  line.stop();
  // One that comes exactly at an opportunity is too late for it.
  line.start(kFull, 13 * kMillisecond, false);
  CHECK(line.finish() == 20 * kMillisecond);
}

TEST_CASE("small frames share an opportunity, large ones take several") {
  Serialiser line;
  line.setTrace(traceOf("5\n10\n15\n20\n"), 0);
  line.start(500, 0, false);
  CHECK(line.finish() == 5 * kMillisecond);
  line.start(1014, line.finish(), true);
  CHECK(line.finish() == 5 * kMillisecond);
  line.start(1514 * 2 + 1, line.finish(), true);
  CHECK(line.finish() == 20 * kMillisecond);
  line.start(1513, line.finish(), true);
  CHECK(line.finish() == 20 * kMillisecond);
}

TEST_CASE("a trace is counted from when it was set, for as long as you like") {
  Serialiser line;
  const Time start = 1'000'000 * kSecond;
  line.setTrace(traceOf("7\n"), start);
  line.start(kFull, start + 3600 * kSecond + 1, false);
  const Time period = 7 * kMillisecond;
  CHECK(line.finish() == start + (3600 * kSecond / period + 1) * period);
}

TEST_CASE("from rate to trace and back, the frame in service keeps what it has sent") {
  Serialiser line;
  line.setRate(12'112'000, 0);
  line.start(kFull, 0, false);
  line.setTrace(traceOf("10\n"), kMillisecond / 2);
  CHECK(line.finish() == kMillisecond / 2 + 10 * kMillisecond);  // half a frame, in one opportunity
  line.setRate(12'112'000, 5 * kMillisecond);
  CHECK(line.finish() == 5 * kMillisecond + kMillisecond / 2);

  line.stop();
  line.setTrace(traceOf("1\n2\n3\n"), 0);
  line.start(3 * kFull, 0, false);
  CHECK(line.finish() == 3 * kMillisecond);
  line.setRate(12'112'000, 2 * kMillisecond);  // two opportunities are gone
  CHECK(line.finish() == 3 * kMillisecond);
}
