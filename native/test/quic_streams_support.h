#pragma once

#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "quic/frames.h"
#include "quic/streams.h"

namespace mqvpn::quic::test {

/// Another one in each run; a failure prints it, and MQVPN_TEST_SEED=<it> runs the same again.
inline std::uint64_t streamsTestSeed() {
  static const char* given = std::getenv("MQVPN_TEST_SEED");
  static const std::uint64_t seed = given ? std::stoull(given) : std::random_device{}();
  return seed;
}

constexpr std::uint64_t kMs = 1'000'000;

/// Writes down what the application hears: "opened 0", "reset 4 17".
class RecordedEvents final : public StreamEvents {
 public:
  void onStreamOpened(std::uint64_t id) override { add("opened", id); }
  void onStreamReadable(std::uint64_t id) override { add("readable", id); }
  void onStreamWritable(std::uint64_t id) override { add("writable", id); }
  void onStreamReset(std::uint64_t id, std::uint64_t code) override { add("reset", id, code); }
  void onStopSending(std::uint64_t id, std::uint64_t code) override { add("stop", id, code); }
  void onStreamClosed(std::uint64_t id) override { add("closed", id); }
  void onStreamsAvailable(bool bidirectional) override { add("available", bidirectional ? 1 : 0); }

  /// What came since the last call.
  std::vector<std::string> take() { return std::exchange(seen_, {}); }

 private:
  template <typename... Numbers>
  void add(const char* what, Numbers... numbers) {
    std::ostringstream text;
    text << what;
    ((text << ' ' << numbers), ...);
    seen_.push_back(text.str());
  }
  std::vector<std::string> seen_;
};

using Words = std::vector<std::string>;

/// "STREAM 0 @5 +3 FIN", "MAX_DATA 100".
inline std::string streamsFrameText(const Frame& frame) {
  const auto text = [](const char* name, auto... values) {
    std::ostringstream all;
    all << name;
    ((all << ' ' << values), ...);
    return all.str();
  };
  if (const auto* f = std::get_if<StreamFrame>(&frame)) {
    std::ostringstream all;
    all << "STREAM " << f->streamId << " @" << f->offset << " +" << f->data.size() << (f->fin ? " FIN" : "");
    return all.str();
  }
  if (const auto* f = std::get_if<ResetStreamFrame>(&frame))
    return text("RESET_STREAM", f->streamId, f->errorCode, f->finalSize);
  if (const auto* f = std::get_if<StopSendingFrame>(&frame))
    return text("STOP_SENDING", f->streamId, f->errorCode);
  if (const auto* f = std::get_if<MaxDataFrame>(&frame)) return text("MAX_DATA", f->maximum);
  if (const auto* f = std::get_if<MaxStreamDataFrame>(&frame))
    return text("MAX_STREAM_DATA", f->streamId, f->maximum);
  if (const auto* f = std::get_if<MaxStreamsFrame>(&frame))
    return text(f->bidirectional ? "MAX_STREAMS_BIDI" : "MAX_STREAMS_UNI", f->maximum);
  if (const auto* f = std::get_if<DataBlockedFrame>(&frame)) return text("DATA_BLOCKED", f->limit);
  if (const auto* f = std::get_if<StreamDataBlockedFrame>(&frame))
    return text("STREAM_DATA_BLOCKED", f->streamId, f->limit);
  if (const auto* f = std::get_if<StreamsBlockedFrame>(&frame))
    return text(f->bidirectional ? "STREAMS_BLOCKED_BIDI" : "STREAMS_BLOCKED_UNI", f->limit);
  return "another frame";
}

/// One endpoint whose peer is the test.
struct TestStreams {
  explicit TestStreams(bool isServer, const StreamLimits& limits = {}) : streams(isServer, limits, events) {}

  /// Limits that a test need not think of.
  static TransportParameters wideLimits() {
    TransportParameters peer;
    peer.initialMaxData = 1 << 20;
    peer.initialMaxStreamDataBidiLocal = peer.initialMaxStreamDataBidiRemote = peer.initialMaxStreamDataUni =
        1 << 20;
    peer.initialMaxStreamsBidi = peer.initialMaxStreamsUni = 100;
    return peer;
  }

  /// Sends one packet of at most `size` bytes; what it held is in `sent`, one entry per frame.
  Words packet(std::size_t size = 1200, std::uint64_t rtt = 0, std::uint64_t now = 0) {
    std::vector<std::uint8_t> bytes(size);
    std::array<SentFrame, 64> records;
    Writer out(bytes);
    const std::size_t count = streams.writeFrames(out, records, rtt, now);
    sent.assign(records.begin(), records.begin() + static_cast<std::ptrdiff_t>(count));
    Words words;
    if (count > 0) {
      FrameReader reader(out.written(), MultipathVersion::kNone);
      Frame frame;
      while (reader.next(frame)) words.push_back(streamsFrameText(frame));
    }
    return words;
  }
  void ackAll() {
    for (const SentFrame& frame : std::exchange(sent, {})) streams.onFrameAcked(frame);
  }
  void loseAll() {
    for (const SentFrame& frame : std::exchange(sent, {})) streams.onFrameLost(frame);
  }

  std::size_t write(std::uint64_t id, std::size_t size, bool fin = false) {
    return streams.write(id, std::vector<std::uint8_t>(size, 'x'), fin);
  }
  /// Reads up to `size` bytes; the length, and "FIN" if it came.
  std::string read(std::uint64_t id, std::size_t size) {
    std::vector<std::uint8_t> out(size);
    bool fin = false;
    const std::size_t count = streams.read(id, out, fin);
    return std::to_string(count) + (fin ? " FIN" : "");
  }
  Error data(std::uint64_t id, std::uint64_t offset, std::size_t size, bool fin = false) {
    const std::vector<std::uint8_t> bytes(size, 'y');
    return streams.onStream({id, offset, fin, bytes});
  }

  RecordedEvents events;
  Streams streams;
  std::vector<SentFrame> sent;
};

}  // namespace mqvpn::quic::test

template <>
struct doctest::StringMaker<std::vector<std::string>> {
  static String convert(const std::vector<std::string>& words) {
    std::string all;
    for (const std::string& word : words) all += (all.empty() ? "" : ", ") + word;
    return ("[" + all + "]").c_str();
  }
};
