// Two endpoints, an application on each that does whatever the API allows, and a network that loses,
// reorders, duplicates and misjudges packets.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <span>
#include <vector>

#include "quic_streams_checker.h"

using namespace mqvpn::quic;
using namespace mqvpn::quic::test;

namespace {

using Random = std::mt19937_64;

struct Model {
  StreamLimits limits;
  std::uint64_t mostStreams = 0;
  std::uint64_t longest = 0;
  double loss = 0;
  double spurious = 0;
  double duplicate = 0;
  std::uint64_t delay = 1;
  std::size_t packet = 1200;
};

/// One end with its application.
class Side final : public StreamEvents {
 public:
  Side(bool isServer, const Model& model, Random& random)
      : checker(isServer, model.limits),
        streams(isServer, model.limits, *this),
        isServer_(isServer),
        model_(model),
        random_(random) {}

  /// What became of one direction of a stream, as the end that sends or receives sees it.
  struct Writing {
    std::uint64_t total = 0;
    std::uint64_t written = 0;
    bool finished = false;
    bool isReset = false;
    bool willReset = false;
  };
  struct Reading {
    std::uint64_t position = 0;
    bool finished = false;
    bool wasReset = false;
    bool stopped = false;
    bool willStop = false;
  };

  void act(bool draining) {
    if (!draining && opened_ < model_.mostStreams && chance(0.3)) tryOpen(chance(0.6));
    // By copy of the IDs: nothing may be erased below our feet.
    std::vector<std::uint64_t> ids;
    for (const auto& [id, state] : writing) ids.push_back(id);
    for (const std::uint64_t id : ids)
      if (draining || chance(0.5)) writeSome(id, draining);
    ids.clear();
    for (const auto& [id, state] : reading) ids.push_back(id);
    for (const std::uint64_t id : ids)
      if (draining || chance(0.3)) readSome(id, draining);
  }

  void onStreamOpened(std::uint64_t id) override {
    if (!openIds.insert(id).second) FAIL("opened twice");
    begin(id, (id & 2) == 0, true);
  }
  void onStreamReadable(std::uint64_t id) override {
    if (!openIds.count(id)) FAIL("readable after closed");
    if (chance(0.5)) readSome(id, false);
  }
  void onStreamWritable(std::uint64_t id) override {
    if (!openIds.count(id)) FAIL("writable after closed");
    if (chance(0.8)) writeSome(id, false);
  }
  void onStreamReset(std::uint64_t id, std::uint64_t) override {
    Reading& state = reading.at(id);
    if (state.wasReset || state.finished || state.stopped) FAIL("reset twice, or after the end");
    state.wasReset = true;
    if (!writing.count(id) || !chance(0.3)) return;
    streams.reset(id, 3);
    writing[id].isReset = true;
  }
  void onStopSending(std::uint64_t id, std::uint64_t) override {
    Writing& state = writing.at(id);
    if (state.isReset) FAIL("stopped twice");
    state.isReset = true;
  }
  void onStreamClosed(std::uint64_t id) override {
    if (openIds.erase(id) != 1) FAIL("closed twice");
    ++closedCount;
  }
  void onStreamsAvailable(bool bidirectional) override {
    if (!draining_ && opened_ < model_.mostStreams) tryOpen(bidirectional);
  }

  void setDraining() { draining_ = true; }

  SenderChecker checker;
  Streams streams;
  std::map<std::uint64_t, Writing> writing;
  std::map<std::uint64_t, Reading> reading;
  std::set<std::uint64_t> openIds;
  std::uint64_t closedCount = 0;

 private:
  bool chance(double share) { return static_cast<double>(random_() % 10'000) < share * 10'000; }
  std::uint64_t below(std::uint64_t limit) { return limit == 0 ? 0 : random_() % limit; }

  void tryOpen(bool bidirectional) {
    const auto id = streams.open(bidirectional);
    if (!id) return;
    ++opened_;
    openIds.insert(*id);
    begin(*id, true, bidirectional);
  }
  void begin(std::uint64_t id, bool writes, bool reads) {
    if (writes) {
      Writing& state = writing[id];
      state.total = chance(0.15) ? 0 : below(model_.longest);
      state.willReset = chance(0.1);
    }
    if (reads) reading[id].willStop = chance(0.1);
  }
  void writeSome(std::uint64_t id, bool all) {
    Writing& state = writing.at(id);
    if (state.finished || state.isReset) return;
    if (state.willReset && (chance(0.1) || all)) {
      streams.reset(id, 4);
      state.isReset = true;
      return;
    }
    const std::uint64_t left = state.total - state.written;
    const std::uint64_t size = all ? left : std::min(left, below(left + 200));
    const bool fin = size == left && (all || chance(0.7));
    const std::size_t room = streams.writableBytes(id);
    const std::size_t taken =
        streams.write(id, patternBytes(id, isServer_, state.written, static_cast<std::size_t>(size)), fin);
    if (taken != std::min<std::uint64_t>(size, room)) FAIL("writableBytes() was wrong");
    state.written += taken;
    state.finished = fin && taken == size;
  }
  void readSome(std::uint64_t id, bool all) {
    Reading& state = reading.at(id);
    if (state.willStop && !state.stopped && !state.finished && !state.wasReset && (all || chance(0.1))) {
      streams.stopSending(id, 5);
      state.stopped = true;
      return;
    }
    std::array<std::uint8_t, 4096> buffer;
    const auto out = std::span(buffer).first(all ? buffer.size() : below(buffer.size()));
    bool fin = false;
    const std::size_t count = streams.read(id, out, fin);
    const auto wanted = patternBytes(id, !isServer_, state.position, count);
    if (!std::equal(wanted.begin(), wanted.end(), out.begin())) FAIL("wrong bytes read");
    if (count > 0 && (state.finished || state.wasReset || state.stopped)) FAIL("read after the end");
    state.position += count;
    if (fin && state.finished) FAIL("the end came twice");
    state.finished = state.finished || fin;
  }

  bool isServer_;
  const Model& model_;
  Random& random_;
  std::uint64_t opened_ = 0;
  bool draining_ = false;
};

class Pair {
 public:
  explicit Pair(std::uint64_t seed) : random_(seed) {
    model_.limits.connectionWindow = 1 + random_() % 20'000;
    model_.limits.streamWindow = 1 + random_() % 8'000;
    model_.limits.maxBidi = 1 + random_() % 8;
    model_.limits.maxUni = random_() % 5;
    model_.limits.sendBuffer = 1 + random_() % 6'000;
    model_.mostStreams = 1 + random_() % 20;
    model_.longest = random_() % 2 ? 10'000 : 300;
    // Tiny windows are slow: a packet per byte.
    if (std::min({model_.limits.connectionWindow, model_.limits.streamWindow, model_.limits.sendBuffer}) <
        200)
      model_.longest = std::min<std::uint64_t>(model_.longest, 500);
    const auto upTo = [this](double most) { return most * static_cast<double>(random_() % 1000) / 1000; };
    model_.loss = random_() % 3 ? upTo(0.4) : 0;
    model_.spurious = random_() % 3 ? upTo(0.3) : 0;
    model_.duplicate = random_() % 3 ? upTo(0.3) : 0;
    model_.delay = 1 + random_() % 12;
    model_.packet = random_() % 4 ? 1200 : 60;
    for (const bool isServer : {false, true})
      sides_[isServer] = std::make_unique<Side>(isServer, model_, random_);
    for (const bool isServer : {false, true}) {
      TransportParameters peer;
      sides_[!isServer]->streams.describe(peer);
      sides_[isServer]->streams.setPeerLimits(peer);
    }
  }

  void run() {
    for (step_ = 0; step_ < 80; ++step_) round(false);
    model_.loss = model_.spurious = 0;
    for (auto& side : sides_) side->setDraining();
    // A byte per round trip is the slowest that there is.
    // Twice quiet: what came in the first such round, the applications answer in the second.
    for (int quiet = 0; quiet < 2 && step_ < 100'000; ++step_) {
      round(true);
      const bool idle = tasks_.empty() && !sides_[0]->streams.hasFrames() && !sides_[1]->streams.hasFrames();
      quiet = idle ? quiet + 1 : 0;
    }
    CHECK(tasks_.empty());
    // What the last reads closed is reported from the next on…().
    for (auto& side : sides_) CHECK_FALSE(side->streams.onMaxData({0}));
    verify();
  }

 private:
  enum class What { kDeliver, kAck, kLose };
  struct Packet {
    bool fromServer = false;
    std::vector<std::uint8_t> bytes;
    std::vector<SentFrame> sent;
  };
  struct Task {
    What what;
    std::shared_ptr<Packet> packet;
  };

  bool chance(double share) { return static_cast<double>(random_() % 10'000) < share * 10'000; }
  std::uint64_t soon(std::uint64_t from) { return from + 1 + random_() % model_.delay; }
  void at(std::uint64_t when, What what, const std::shared_ptr<Packet>& packet) {
    tasks_.emplace(when, Task{what, packet});
  }

  void round(bool draining) {
    for (auto& side : sides_) side->act(draining);
    for (const bool isServer : {false, true}) {
      const std::uint64_t most = draining ? 20 : random_() % 4;
      for (std::uint64_t i = 0; i < most && send(isServer); ++i) {
      }
    }
    while (!tasks_.empty() && tasks_.begin()->first <= step_) {
      const Task task = tasks_.begin()->second;
      tasks_.erase(tasks_.begin());
      perform(task);
    }
    for (const auto& side : sides_) {
      // Windows grow up to 16 times; both directions; a block or two for each stream and part.
      const std::uint64_t most = (16 * model_.limits.connectionWindow) * 5 / 4 +
                                 side->openIds.size() * (model_.limits.sendBuffer * 5 / 4 + 9 * 1024) + 4096;
      if (side->streams.memoryBytes() > most) FAIL("too much memory");
    }
  }

  bool send(bool isServer) {
    Streams& streams = sides_[isServer]->streams;
    auto packet = std::make_shared<Packet>();
    packet->fromServer = isServer;
    packet->bytes.resize(model_.packet);
    packet->sent.resize(1 + random_() % 20);
    Writer out(packet->bytes);
    const bool has = streams.hasFrames();
    const std::size_t count = streams.writeFrames(out, packet->sent, model_.delay * kMs, step_ * kMs);
    if (has != (count > 0)) FAIL("hasFrames() and writeFrames() disagree");
    if (count == 0) return false;
    packet->bytes.resize(out.size());
    packet->sent.resize(count);
    sides_[isServer]->checker.onSent(packet->bytes);
    if (chance(model_.loss)) {
      at(soon(soon(step_)), What::kLose, packet);
      return true;
    }
    const std::uint64_t arrival = soon(step_);
    at(arrival, What::kDeliver, packet);
    if (chance(model_.duplicate)) at(soon(soon(arrival)), What::kDeliver, packet);
    const std::uint64_t answer = soon(arrival);
    if (!chance(model_.spurious)) {
      at(answer, What::kAck, packet);
    } else {
      // Declared lost although it arrives; the acknowledgement may come after all.
      at(soon(step_), What::kLose, packet);
      if (chance(0.5)) at(answer + model_.delay, What::kAck, packet);
    }
    return true;
  }

  void perform(const Task& task) {
    const bool fromServer = task.packet->fromServer;
    Side& sender = *sides_[fromServer];
    Side& receiver = *sides_[!fromServer];
    switch (task.what) {
      case What::kDeliver: {
        receiver.checker.onDelivered(task.packet->bytes);
        FrameReader reader(task.packet->bytes, MultipathVersion::kNone);
        Frame frame;
        while (reader.next(frame)) {
          const Error error = deliver(receiver.streams, frame);
          if (error) FAIL(error.reason);
        }
        return;
      }
      case What::kAck:
        for (const SentFrame& frame : task.packet->sent) sender.streams.onFrameAcked(frame);
        return;
      case What::kLose:
        for (const SentFrame& frame : task.packet->sent) {
          sender.checker.onLost(frame);
          sender.streams.onFrameLost(frame);
        }
        return;
    }
  }

  static Error deliver(Streams& to, const Frame& frame) {
    if (const auto* f = std::get_if<StreamFrame>(&frame)) return to.onStream(*f);
    if (const auto* f = std::get_if<ResetStreamFrame>(&frame)) return to.onResetStream(*f);
    if (const auto* f = std::get_if<StopSendingFrame>(&frame)) return to.onStopSending(*f);
    if (const auto* f = std::get_if<MaxDataFrame>(&frame)) return to.onMaxData(*f);
    if (const auto* f = std::get_if<MaxStreamDataFrame>(&frame)) return to.onMaxStreamData(*f);
    if (const auto* f = std::get_if<MaxStreamsFrame>(&frame)) return to.onMaxStreams(*f);
    if (const auto* f = std::get_if<StreamDataBlockedFrame>(&frame)) return to.onStreamDataBlocked(*f);
    if (const auto* f = std::get_if<StreamsBlockedFrame>(&frame)) return to.onStreamsBlocked(*f);
    return {};
  }

  void verify() {
    for (const bool isServer : {false, true}) {
      const Side& from = *sides_[isServer];
      const Side& to = *sides_[!isServer];
      CHECK(from.openIds.empty());
      CHECK(from.streams.openCount() == 0);
      CHECK(from.closedCount > 0);
      CHECK(from.streams.memoryBytes() < sizeof(Streams) + 512);
      for (const auto& [id, sent] : from.writing) {
        CAPTURE(id);
        REQUIRE(to.reading.count(id) == 1);
        const Side::Reading& got = to.reading.at(id);
        REQUIRE(got.position <= sent.written);
        if (got.finished) REQUIRE(got.position == sent.total);
        if (!sent.isReset && !got.stopped) REQUIRE((sent.finished && got.finished));
        REQUIRE((got.finished || got.stopped || got.wasReset));
      }
      CHECK(from.writing.size() == to.reading.size());
    }
  }

  Random random_;
  Model model_;
  std::array<std::unique_ptr<Side>, 2> sides_;
  std::multimap<std::uint64_t, Task> tasks_;
  std::uint64_t step_ = 0;
};

}  // namespace

TEST_CASE("every byte of every stream arrives once, within the limits, over any network; all closes") {
  for (std::uint64_t i = 0; i < 2000; ++i) {
    const std::uint64_t seed = streamsTestSeed() + i;
    CAPTURE(seed);
    Pair(seed).run();
  }
}
