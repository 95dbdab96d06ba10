#include <doctest/doctest.h>

#include <random>
#include <vector>

#include "probe/stream.h"

using namespace mqvpn::probe;

namespace {

std::vector<uint8_t> messages(size_t count, uint16_t size) {
  std::vector<uint8_t> stream;
  for (size_t seq = 0; seq < count; ++seq) {
    std::vector<uint8_t> one(size);
    encode({Role::kConnect, size, 7, seq, static_cast<int64_t>(seq) * 1000}, one);
    stream.insert(stream.end(), one.begin(), one.end());
  }
  return stream;
}

}  // namespace

TEST_CASE("messages come out whole and in order, however the stream is cut") {
  std::mt19937 random(3);
  for (const uint16_t size : {uint16_t{32}, uint16_t{33}, uint16_t{200}}) {
    for (size_t longest = 1; longest < 500; longest += 7) {
      const auto stream = messages(20, size);
      std::vector<uint64_t> seen;
      StreamDecoder decoder;
      for (size_t at = 0; at < stream.size();) {
        const size_t n = std::min(stream.size() - at, 1 + random() % longest);
        REQUIRE(
            decoder.push(std::span(stream).subspan(at, n), [&](const Packet& p) { seen.push_back(p.seq); }));
        at += n;
      }
      REQUIRE(seen.size() == 20);
      for (size_t i = 0; i < seen.size(); ++i) CHECK(seen[i] == i);
    }
  }
}

TEST_CASE("a message counts only when its last byte is there") {
  const auto stream = messages(1, 100);
  StreamDecoder decoder;
  int seen = 0;
  const auto count = [&](const Packet&) { ++seen; };
  CHECK(decoder.push(std::span(stream).first(99), count));
  CHECK(seen == 0);
  CHECK(decoder.push(std::span(stream).subspan(99), count));
  CHECK(seen == 1);
}

TEST_CASE("foreign bytes end the stream, after the good messages before them") {
  auto stream = messages(2, 64);
  stream.insert(stream.end(), 64, 'x');
  StreamDecoder decoder;
  int seen = 0;
  CHECK_FALSE(decoder.push(stream, [&](const Packet&) { ++seen; }));
  CHECK(seen == 2);
}

TEST_CASE("after a reset, a half-read message of the old connection is forgotten") {
  const auto stream = messages(1, 64);
  StreamDecoder decoder;
  int seen = 0;
  const auto count = [&](const Packet&) { ++seen; };
  decoder.push(std::span(stream).first(40), count);
  decoder.reset();
  CHECK(decoder.push(stream, count));
  CHECK(seen == 1);
}
