// Any sequence of frames from the peer, calls of the application and fates of packets: errors at most, and
// memory within the limits.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "quic/streams.h"

using namespace mqvpn::quic;

namespace {

constexpr std::uint64_t kMostStreams = 8;

struct Application final : StreamEvents {
  void onStreamOpened(std::uint64_t) override {}
  void onStreamReadable(std::uint64_t id) override {
    if (!reads) return;
    std::array<std::uint8_t, 64> out;
    bool fin = false;
    while (streams->read(id, out, fin) > 0) {
    }
  }
  void onStreamWritable(std::uint64_t id) override { streams->write(id, {}, true); }
  void onStreamReset(std::uint64_t id, std::uint64_t code) override { streams->reset(id, code); }
  void onStopSending(std::uint64_t id, std::uint64_t code) override { streams->stopSending(id, code); }
  void onStreamClosed(std::uint64_t) override {}
  void onStreamsAvailable(bool bidirectional) override { streams->open(bidirectional); }

  Streams* streams = nullptr;
  bool reads = true;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Reader in(Bytes(data, size));
  StreamLimits limits;
  limits.connectionWindow = 16 * 1024;
  limits.streamWindow = 4 * 1024;
  limits.maxBidi = limits.maxUni = kMostStreams;
  limits.sendBuffer = 4 * 1024;
  TransportParameters peer;
  peer.initialMaxData = 8 * 1024;
  peer.initialMaxStreamDataBidiLocal = peer.initialMaxStreamDataBidiRemote = peer.initialMaxStreamDataUni =
      2048;
  peer.initialMaxStreamsBidi = peer.initialMaxStreamsUni = 3;

  Application application;
  const std::uint8_t flags = in.u8();
  application.reads = flags & 2;
  Streams streams(flags & 1, limits, application);
  application.streams = &streams;
  streams.setPeerLimits(peer);

  static const std::array<std::uint8_t, 4096> kData{};
  std::vector<SentFrame> sent;
  std::uint64_t now = 0;
  std::uint64_t opened = 0;
  // Small numbers hit more often than those of eight bytes.
  const auto number = [&in] {
    const std::uint8_t kind = in.u8();
    return kind < 200 ? std::uint64_t{kind} : kind < 250 ? std::uint64_t{in.u16()} : in.u64() >> 2;
  };
  while (in.ok() && !in.empty()) {
    Error error;
    const std::uint8_t action = in.u8();
    switch (action % 18) {
      case 0: {
        StreamFrame frame{number(), number(), (action & 0x80) != 0, {}};
        frame.data = Bytes(kData).first(number() % kData.size());
        error = streams.onStream(frame);
        break;
      }
      case 1:
        error = streams.onResetStream({number(), number(), number()});
        break;
      case 2:
        error = streams.onStopSending({number(), number()});
        break;
      case 3:
        error = streams.onMaxData({number()});
        break;
      case 4:
        error = streams.onMaxStreamData({number(), number()});
        break;
      case 5:
        error = streams.onMaxStreams({(action & 0x80) != 0, number()});
        break;
      case 6:
        error = streams.onStreamDataBlocked({number(), number()});
        break;
      case 7:
        error = streams.onStreamsBlocked({(action & 0x80) != 0, number()});
        break;
      case 8:
        // The peer may allow any number; an application stops somewhere.
        if (opened < 64 && streams.open(action & 0x80)) ++opened;
        break;
      case 9:
        streams.write(number(), Bytes(kData).first(number() % kData.size()), action & 0x80);
        break;
      case 10: {
        std::array<std::uint8_t, 512> out;
        bool fin = false;
        streams.read(number(), std::span(out).first(number() % out.size()), fin);
        break;
      }
      case 11:
        streams.reset(number(), 1);
        break;
      case 12:
        streams.stopSending(number(), 2);
        break;
      case 13:
      case 14: {
        std::array<std::uint8_t, 1200> bytes;
        std::array<SentFrame, 32> records;
        Writer out(std::span<std::uint8_t>(bytes).first(number() % bytes.size()));
        const bool has = streams.hasFrames();
        now += number() * 1000;
        const std::size_t count = streams.writeFrames(out, records, 20'000'000, now);
        if (count > 0 && !has) std::abort();
        if (has && count == 0 && out.room() > 64) std::abort();
        sent.insert(sent.end(), records.begin(), records.begin() + static_cast<std::ptrdiff_t>(count));
        break;
      }
      case 15:
      case 16: {
        if (sent.empty()) break;
        // Also twice, and after the other.
        const SentFrame frame = sent[number() % sent.size()];
        if (action & 0x80)
          streams.onFrameLost(frame);
        else
          streams.onFrameAcked(frame);
        break;
      }
      default:
        streams.restart();
        if (action & 0x80) streams.setPeerLimits(peer);
        break;
    }
    const std::size_t most = 16 * limits.connectionWindow * 5 / 4 +
                             (opened + 2 * kMostStreams) * (limits.sendBuffer * 5 / 4 + 9 * 1024) + 8192;
    if (streams.memoryBytes() > most) std::abort();
    if (error) break;
  }
  return 0;
}
