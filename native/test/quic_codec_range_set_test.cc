#include <doctest/doctest.h>

#include <random>
#include <set>

#include "quic/range_set.h"
#include "quic_codec_support.h"

using namespace mqvpn::quic;
using namespace mqvpn::quic::test;

namespace {

using Range = RangeSet::Range;

std::vector<Range> rangesOf(const std::set<std::uint64_t>& model) {
  std::vector<Range> ranges;
  for (const std::uint64_t value : model) {
    if (!ranges.empty() && ranges.back().high + 1 == value)
      ranges.back().high = value;
    else
      ranges.push_back({value, value});
  }
  return ranges;
}

std::vector<Range> rangesOf(const AckFrame& frame) {
  std::vector<Range> ranges;
  frame.forEachRange([&](std::uint64_t low, std::uint64_t high) { ranges.push_back({low, high}); });
  return ranges;
}

}  // namespace

namespace doctest {
template <>
struct StringMaker<std::vector<Range>> {
  static String convert(const std::vector<Range>& ranges) {
    std::ostringstream out;
    for (const Range& range : ranges) out << range.low << "-" << range.high << " ";
    return out.str().c_str();
  }
};
}  // namespace doctest

TEST_CASE("a range set agrees with a set of numbers under random operations") {
  const std::uint64_t seed = testSeed();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 60; ++round) {
    RangeSet set;
    std::set<std::uint64_t> model;
    for (int step = 0; step < 200; ++step) {
      const std::uint64_t low = random() % 100;
      const std::uint64_t high = low + random() % 8;
      switch (random() % 8) {
        case 0:
          set.remove(low, high);
          for (std::uint64_t value = low; value <= high; ++value) model.erase(value);
          break;
        case 1: {
          const std::uint64_t below = random() % 30;
          set.removeBelow(below);
          model.erase(model.begin(), model.lower_bound(below));
          break;
        }
        default: {
          const std::size_t before = model.size();
          for (std::uint64_t value = low; value <= high; ++value) model.insert(value);
          CHECK(set.add(low, high) == (model.size() > before));
        }
      }
      REQUIRE(set.ranges() == rangesOf(model));
      REQUIRE(set.empty() == model.empty());
      if (!model.empty()) {
        CHECK(set.smallest() == *model.begin());
        CHECK(set.largest() == *model.rbegin());
      }
      const std::uint64_t value = random() % 110;
      CHECK(set.contains(value) == model.contains(value));
      bool all = true;
      for (std::uint64_t i = low; i <= high; ++i) all = all && model.contains(i);
      CHECK(set.containsAll(low, high) == all);
    }
  }
}

TEST_CASE("a bounded range set keeps the highest ranges and remembers below what it forgot") {
  const std::uint64_t seed = testSeed();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (const std::size_t most : {1, 2, 5}) {
    RangeSet set(most);
    std::set<std::uint64_t> model;
    for (int step = 0; step < 2000; ++step) {
      const std::uint64_t value = random() % 1000;
      if (random() % 4 == 0) {
        set.remove(value, value + 3);
        for (std::uint64_t i = value; i <= value + 3; ++i) model.erase(i);
      } else {
        set.add(value);
        model.insert(value);
      }
      std::vector<Range> ranges = rangesOf(model);
      while (ranges.size() > most) {
        const Range lowest = ranges.front();
        ranges.erase(ranges.begin());
        model.erase(model.begin(), model.upper_bound(lowest.high));
        CHECK(set.forgottenBelow() > lowest.high);
      }
      REQUIRE(set.ranges() == ranges);
    }
  }
}

TEST_CASE("forgotten numbers are known by a mark that only rises") {
  RangeSet set(2);
  CHECK(set.forgottenBelow() == 0);
  set.add(5, 6);
  set.add(10);
  CHECK(set.forgottenBelow() == 0);
  set.add(20);
  CHECK(set.forgottenBelow() == 7);
  set.removeBelow(15);
  CHECK(set.forgottenBelow() == 15);
  set.removeBelow(3);
  CHECK(set.forgottenBelow() == 15);
  set.clear();
  CHECK(set.forgottenBelow() == 0);
  CHECK(set.empty());
}

TEST_CASE("the ends of the number space are in reach") {
  RangeSet set;
  CHECK(set.add(UINT64_MAX));
  CHECK(set.add(0));
  CHECK_FALSE(set.add(0));
  CHECK(set.add(UINT64_MAX - 1));
  CHECK(set.ranges() == std::vector<Range>{{0, 0}, {UINT64_MAX - 1, UINT64_MAX}});
  set.remove(0, UINT64_MAX - 1);
  CHECK(set.ranges() == std::vector<Range>{{UINT64_MAX, UINT64_MAX}});
  set.removeBelow(UINT64_MAX);
  CHECK(set.contains(UINT64_MAX));
  CHECK(set.add(0, UINT64_MAX));
  CHECK(set.ranges() == std::vector<Range>{{0, UINT64_MAX}});
}

TEST_CASE("an interval that ends before it begins holds nothing") {
  RangeSet set;
  set.add(1, 10);
  CHECK_FALSE(set.add(20, 19));
  set.remove(5, 4);
  CHECK(set.containsAll(30, 29));
  CHECK(set.ranges() == std::vector<Range>{{1, 10}});
}

TEST_CASE("an ACK tells the newest ranges that fit, and is read back as they were") {
  const std::uint64_t seed = testSeed();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 300; ++round) {
    RangeSet received;
    std::uint64_t value = random() % 3 == 0 ? (std::uint64_t{1} << 40) : 0;
    for (std::uint64_t i = 1 + random() % 200; i > 0; --i) {
      value += 2 + (random() % 4 == 0 ? random() % 100000 : random() % 3);
      const std::uint64_t low = value;
      value += random() % 3;
      received.add(low, value);
    }
    std::optional<std::uint32_t> pathId;
    if (random() % 2) pathId = static_cast<std::uint32_t>(random());
    std::optional<EcnCounts> ecn;
    if (random() % 2) ecn = EcnCounts{random() % 1000, random() % 10, random() % 100000};
    const auto multipath = random() % 2 ? MultipathVersion::kDraft21 : MultipathVersion::kDraft10;
    const std::uint64_t delay = random() % 20000;

    std::size_t before = 0;
    for (std::size_t room = 0; room < 1500; room += 1 + random() % 20) {
      std::vector<std::uint8_t> buffer(room);
      Writer out(buffer);
      if (!writeAck(out, received, pathId, delay, ecn, multipath)) {
        CHECK(out.size() == 0);
        CHECK(out.ok());
        CHECK(before == 0);
        continue;
      }
      REQUIRE(out.ok());
      FrameReader reader(out.written(), multipath);
      Frame frame;
      REQUIRE(reader.next(frame));
      const auto& ack = std::get<AckFrame>(frame);
      CHECK(ack.pathId == pathId);
      CHECK(ack.delay == delay);
      REQUIRE(ack.ecn.has_value() == ecn.has_value());
      if (ecn) CHECK((ack.ecn->ect0 == ecn->ect0 && ack.ecn->ect1 == ecn->ect1 && ack.ecn->ce == ecn->ce));
      const std::vector<Range> told = rangesOf(ack);
      REQUIRE(told.size() >= std::max<std::size_t>(before, 1));
      before = told.size();
      for (std::size_t i = 0; i < told.size(); ++i)
        REQUIRE(told[i] == received.ranges()[received.ranges().size() - 1 - i]);
      // One more would not have fitted.
      if (told.size() < received.ranges().size()) {
        const Range& next = received.ranges()[received.ranges().size() - 1 - told.size()];
        const std::size_t cost = varintSize(told.back().low - next.high - 2) +
                                 varintSize(next.high - next.low) + varintSize(told.size()) -
                                 varintSize(told.size() - 1);
        CHECK(out.size() + cost > room);
      }
      CHECK_FALSE(reader.next(frame));
      CHECK_FALSE(reader.error());
    }
    CHECK(before == received.ranges().size());
  }
}

TEST_CASE("an ACK of nothing, or of a path on a connection without multipath, is not written") {
  std::uint8_t buffer[100];
  Writer out(buffer);
  RangeSet set;
  CHECK_FALSE(writeAck(out, set, std::nullopt, 0, std::nullopt, MultipathVersion::kNone));
  set.add(7);
  CHECK_FALSE(writeAck(out, set, 1, 0, std::nullopt, MultipathVersion::kNone));
  CHECK(out.size() == 0);
  CHECK(writeAck(out, set, std::nullopt, 0, std::nullopt, MultipathVersion::kNone));
  CHECK(toHex(out.written()) == "0207000000");
}
