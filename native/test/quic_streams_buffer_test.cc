#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "quic/crypto_stream.h"
#include "quic/receive_buffer.h"
#include "quic/send_buffer.h"
#include "quic_streams_support.h"

using namespace mqvpn::quic;
using namespace mqvpn::quic::test;

namespace {

std::uint8_t byteAt(std::uint64_t offset) {
  return static_cast<std::uint8_t>(offset * 31 + (offset >> 8) * 7);
}

std::vector<std::uint8_t> bytesAt(std::uint64_t offset, std::size_t size) {
  std::vector<std::uint8_t> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = byteAt(offset + i);
  return bytes;
}

using Random = std::mt19937_64;
std::uint64_t below(Random& random, std::uint64_t limit) { return limit == 0 ? 0 : random() % limit; }

/// REQUIRE is too slow for millions of them.
void need(bool holds) {
  if (!holds) FAIL("does not hold");
}

enum class State { kUnsent, kInFlight, kLost, kAcked };

/// One state per byte.
struct SendModel {
  std::vector<State> states;
  std::uint64_t sentEnd = 0;

  std::uint64_t ackedBelow() const {
    return static_cast<std::uint64_t>(
        std::find_if(states.begin(), states.end(), [](State s) { return s != State::kAcked; }) -
        states.begin());
  }
  std::uint64_t firstLost() const {
    return static_cast<std::uint64_t>(std::find(states.begin(), states.end(), State::kLost) - states.begin());
  }
};

}  // namespace

TEST_CASE("SendBuffer behaves as one state per byte") {
  for (std::uint64_t round = 0; round < 150; ++round) {
    const std::uint64_t seed = streamsTestSeed() + round;
    CAPTURE(seed);
    Random random(seed);
    SendBuffer buffer;
    SendModel model;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> sent;
    const std::uint64_t largest = random() % 2 ? 20 : 2000;
    for (int step = 0; step < 150; ++step) {
      switch (below(random, 6)) {
        case 0: {
          const std::size_t size = below(random, 2 * largest);
          buffer.append(bytesAt(buffer.end(), size));
          model.states.resize(model.states.size() + size, State::kUnsent);
          break;
        }
        case 1:
        case 2: {
          const std::uint64_t limit = below(random, model.states.size() + 10);
          const auto chunk = buffer.next(limit);
          const std::uint64_t lost = model.firstLost();
          if (lost < model.states.size()) {
            need(chunk.has_value());
            need(chunk->isRetransmission);
            need(chunk->offset == lost);
          } else if (model.sentEnd < std::min<std::uint64_t>(limit, model.states.size())) {
            need(chunk.has_value());
            need(!chunk->isRetransmission);
            need(chunk->offset == model.sentEnd);
            // Not more than any packet takes.
            need(chunk->size ==
                 std::min<std::uint64_t>({limit, model.states.size(), model.sentEnd + 65'536}) -
                     model.sentEnd);
          } else {
            need(!chunk);
            break;
          }
          std::vector<std::uint8_t> out(1 + below(random, std::min<std::uint64_t>(chunk->size, largest)));
          buffer.take(chunk->offset, out);
          need(out == bytesAt(chunk->offset, out.size()));
          for (std::size_t i = 0; i < out.size(); ++i) {
            State& state = model.states[chunk->offset + i];
            need(state == (chunk->isRetransmission ? State::kLost : State::kUnsent));
            state = State::kInFlight;
          }
          if (!chunk->isRetransmission) model.sentEnd += out.size();
          sent.emplace_back(chunk->offset, out.size());
          break;
        }
        case 3:
        case 4: {
          if (sent.empty()) break;
          const auto [offset, size] = sent[below(random, sent.size())];
          const bool acked = random() % 2;
          if (acked)
            buffer.onAcked(offset, size);
          else
            buffer.onLost(offset, size);
          for (std::uint64_t i = offset; i < offset + size; ++i) {
            if (i >= model.sentEnd) continue;
            if (acked)
              model.states[i] = State::kAcked;
            else if (model.states[i] == State::kInFlight)
              model.states[i] = State::kLost;
          }
          break;
        }
        default: {
          if (below(random, 20) != 0) break;
          buffer.restart();
          model.sentEnd = model.ackedBelow();
          std::fill(model.states.begin() + static_cast<std::ptrdiff_t>(model.sentEnd), model.states.end(),
                    State::kUnsent);
          break;
        }
      }
      need(buffer.end() == model.states.size());
      need(buffer.sentEnd() == model.sentEnd);
      need(buffer.acknowledgedBelow() == model.ackedBelow());
      need(buffer.hasLost() == (model.firstLost() < model.states.size()));
      need(buffer.memoryBytes() <= buffer.buffered() * 5 / 4 + 3 * 2700 + buffer.buffered() / 100);
    }
    buffer.onAcked(0, buffer.sentEnd());
    while (const auto chunk = buffer.next(UINT64_MAX)) {
      std::vector<std::uint8_t> out(chunk->size);
      buffer.take(chunk->offset, out);
      buffer.onAcked(chunk->offset, chunk->size);
    }
    CHECK(buffer.allAcknowledged());
    CHECK(buffer.memoryBytes() == 0);
  }
}

TEST_CASE("ReceiveBuffer gives each byte once and in order, whatever the pieces") {
  for (std::uint64_t round = 0; round < 150; ++round) {
    const std::uint64_t seed = streamsTestSeed() + round;
    CAPTURE(seed);
    Random random(seed);
    ReceiveBuffer buffer;
    const std::uint64_t total = 1 + below(random, 4000);
    const std::uint64_t window = 1 + below(random, 4000);
    const std::uint64_t largest = 1 + below(random, random() % 2 ? 30 : 3000);
    std::vector<bool> arrived(total, false);
    std::uint64_t position = 0;
    std::uint64_t highest = 0;
    std::uint64_t gap = 0;
    while (position < total) {
      // Mostly anywhere in the window; sometimes what is missing first, so that the test ends.
      const std::uint64_t open = std::min(total, position + window);
      std::uint64_t start = position > 100 ? position - 100 : 0;
      start += below(random, open - start);
      if (below(random, 3) == 0)
        start =
            static_cast<std::uint64_t>(std::find(arrived.begin(), arrived.end(), false) - arrived.begin());
      if (start < open) {
        const std::size_t size = below(random, std::min(largest, open - start) + 1);
        buffer.insert(start, bytesAt(start, size));
        std::fill_n(arrived.begin() + static_cast<std::ptrdiff_t>(start), size, true);
        if (size > 0) highest = std::max(highest, start + size);
      }
      while (gap < total && arrived[gap]) ++gap;
      need(buffer.contiguous() == gap);
      need(buffer.highest() == highest);
      need(buffer.readable().empty() == (position == gap));
      need(buffer.memoryBytes() <= (highest - position) * 9 / 8 + 3 * 2400 + (highest - position) / 100);
      if (below(random, 4) != 0) continue;
      const Bytes piece = buffer.readable();
      need(position + piece.size() <= gap);
      need(std::equal(piece.begin(), piece.end(), bytesAt(position, piece.size()).begin()));
      const std::size_t count = below(random, piece.size() + 1);
      buffer.consume(count);
      position += count;
      need(buffer.position() == position);
    }
    CHECK(buffer.memoryBytes() == 0);
  }
}

TEST_CASE("every second byte of a large window costs little memory and no more than linear time") {
  constexpr std::uint64_t kWindow = 1 << 20;
  ReceiveBuffer buffer;
  // From the top, the worst order for anything sorted. Quadratic work would take hours.
  for (std::uint64_t at = kWindow; at > 2; at -= 2) buffer.insert(at - 1, bytesAt(at - 1, 1));
  CHECK(buffer.memoryBytes() < kWindow * 5 / 4);
  CHECK(buffer.readable().empty());
  for (std::uint64_t at = 0; at < kWindow; at += 2) buffer.insert(at, bytesAt(at, 1));
  buffer.insert(1, bytesAt(1, 1));
  CHECK(buffer.contiguous() == kWindow);

  SendBuffer out;
  out.append(bytesAt(0, kWindow));
  while (const auto chunk = out.next(UINT64_MAX)) {
    std::vector<std::uint8_t> taken(chunk->size);
    out.take(chunk->offset, taken);
  }
  for (std::uint64_t at = kWindow; at > 0; at -= 2) out.onAcked(at - 1, 1);
  CHECK(out.memoryBytes() < kWindow * 4 / 3);
  for (std::uint64_t at = 0; at < kWindow; at += 2) out.onAcked(at, 1);
  CHECK(out.allAcknowledged());
}

TEST_CASE("CRYPTO data is ordered, and too much ahead is CRYPTO_BUFFER_EXCEEDED") {
  CryptoStream stream;
  CHECK_FALSE(stream.receive(4000, bytesAt(4000, 96)));
  CHECK(stream.readable().empty());
  CHECK_FALSE(stream.receive(0, bytesAt(0, 4000)));
  std::uint64_t position = 0;
  while (!stream.readable().empty()) {
    const Bytes piece = stream.readable();
    CHECK(std::equal(piece.begin(), piece.end(), bytesAt(position, piece.size()).begin()));
    position += piece.size();
    stream.consume(piece.size());
  }
  CHECK(position == 4096);
  const std::uint64_t most = position + CryptoStream::kMostBuffered;
  CHECK_FALSE(stream.receive(most - 1, bytesAt(most - 1, 1)));
  CHECK(stream.receive(most - 1, bytesAt(most - 1, 2)).code == TransportError::kCryptoBufferExceeded);
  CHECK(stream.receive(kVarintMax - 1, bytesAt(0, 1)).code == TransportError::kCryptoBufferExceeded);
  CHECK(stream.memoryBytes() < 8192);
}

TEST_CASE("a CryptoStream that is replaced by a new one starts again") {
  CryptoStream stream;
  stream.write(bytesAt(0, 5000));
  CHECK_FALSE(stream.receive(0, bytesAt(0, 10)));
  stream = {};
  CHECK(stream.readable().empty());
  CHECK(stream.out().end() == 0);
  CHECK(stream.memoryBytes() == 0);
}
