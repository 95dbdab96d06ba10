#pragma once

#include <cstdint>
#include <cstdlib>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "quic/frames.h"

namespace mqvpn::quic::test {

/// Another one in each run; a failure prints it, and MQVPN_TEST_SEED=<it> runs the same again.
inline std::uint64_t testSeed() {
  static const char* given = std::getenv("MQVPN_TEST_SEED");
  static const std::uint64_t seed = given ? std::stoull(given) : std::random_device{}();
  return seed;
}

/// "02 00ff": white space between bytes is skipped.
inline std::vector<std::uint8_t> fromHex(std::string_view text) {
  std::vector<std::uint8_t> bytes;
  std::string digits;
  for (const char c : text)
    if (c != ' ' && c != '\n') digits.push_back(c);
  if (digits.size() % 2 != 0) throw std::invalid_argument("odd number of hex digits");
  for (std::size_t i = 0; i < digits.size(); i += 2)
    bytes.push_back(static_cast<std::uint8_t>(std::stoul(digits.substr(i, 2), nullptr, 16)));
  return bytes;
}

inline std::string toHex(Bytes bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text.push_back("0123456789abcdef"[byte >> 4]);
    text.push_back("0123456789abcdef"[byte & 15]);
  }
  return text;
}

/// Every field of a frame as text: what two equal frames agree in.
class Describe {
 public:
  std::string operator()(const PaddingFrame& f) { return text("PADDING", f.size); }
  std::string operator()(const PingFrame&) { return text("PING"); }
  std::string operator()(const AckFrame& f) {
    std::ostringstream out;
    out << text(f.pathId ? "PATH_ACK" : "ACK") << path(f.pathId) << " delay " << f.delay;
    f.forEachRange([&](std::uint64_t low, std::uint64_t high) { out << " " << low << "-" << high; });
    if (f.ecn) out << text(" ecn", f.ecn->ect0, f.ecn->ect1, f.ecn->ce);
    return out.str();
  }
  std::string operator()(const ResetStreamFrame& f) {
    return text("RESET_STREAM", f.streamId, f.errorCode, f.finalSize);
  }
  std::string operator()(const StopSendingFrame& f) { return text("STOP_SENDING", f.streamId, f.errorCode); }
  std::string operator()(const CryptoFrame& f) { return text("CRYPTO", f.offset, toHex(f.data)); }
  std::string operator()(const NewTokenFrame& f) { return text("NEW_TOKEN", toHex(f.token)); }
  std::string operator()(const StreamFrame& f) {
    return text(f.fin ? "STREAM fin" : "STREAM", f.streamId, f.offset, toHex(f.data));
  }
  std::string operator()(const MaxDataFrame& f) { return text("MAX_DATA", f.maximum); }
  std::string operator()(const MaxStreamDataFrame& f) {
    return text("MAX_STREAM_DATA", f.streamId, f.maximum);
  }
  std::string operator()(const MaxStreamsFrame& f) {
    return text(f.bidirectional ? "MAX_STREAMS bidi" : "MAX_STREAMS uni", f.maximum);
  }
  std::string operator()(const DataBlockedFrame& f) { return text("DATA_BLOCKED", f.limit); }
  std::string operator()(const StreamDataBlockedFrame& f) {
    return text("STREAM_DATA_BLOCKED", f.streamId, f.limit);
  }
  std::string operator()(const StreamsBlockedFrame& f) {
    return text(f.bidirectional ? "STREAMS_BLOCKED bidi" : "STREAMS_BLOCKED uni", f.limit);
  }
  std::string operator()(const NewConnectionIdFrame& f) {
    return text(f.pathId ? "PATH_NEW_CONNECTION_ID" : "NEW_CONNECTION_ID") + path(f.pathId) +
           text("", f.sequence, f.retirePriorTo, f.id.hex(), toHex(f.token));
  }
  std::string operator()(const RetireConnectionIdFrame& f) {
    return text(f.pathId ? "PATH_RETIRE_CONNECTION_ID" : "RETIRE_CONNECTION_ID") + path(f.pathId) +
           text("", f.sequence);
  }
  std::string operator()(const PathChallengeFrame& f) { return text("PATH_CHALLENGE", toHex(f.data)); }
  std::string operator()(const PathResponseFrame& f) { return text("PATH_RESPONSE", toHex(f.data)); }
  std::string operator()(const ConnectionCloseFrame& f) {
    return text(f.application ? "CONNECTION_CLOSE app" : "CONNECTION_CLOSE", f.errorCode, f.frameType,
                toHex(f.reason));
  }
  std::string operator()(const HandshakeDoneFrame&) { return text("HANDSHAKE_DONE"); }
  std::string operator()(const DatagramFrame& f) { return text("DATAGRAM", toHex(f.data)); }
  std::string operator()(const PathAbandonFrame& f) { return text("PATH_ABANDON", f.pathId, f.errorCode); }
  std::string operator()(const PathStatusFrame& f) {
    return text(f.available ? "PATH_STATUS_AVAILABLE" : "PATH_STATUS_BACKUP", f.pathId, f.sequence);
  }
  std::string operator()(const MaxPathIdFrame& f) { return text("MAX_PATH_ID", f.maximum); }
  std::string operator()(const PathsBlockedFrame& f) { return text("PATHS_BLOCKED", f.maximum); }
  std::string operator()(const PathCidsBlockedFrame& f) {
    return text("PATH_CIDS_BLOCKED", f.pathId, f.nextSequence);
  }

 private:
  template <typename... Values>
  static std::string text(const char* name, const Values&... values) {
    std::ostringstream out;
    out << name;
    ((out << " " << values), ...);
    return out.str();
  }
  static std::string path(const std::optional<std::uint32_t>& id) { return id ? text(" path", *id) : ""; }
};

inline std::string describe(const Frame& frame) { return std::visit(Describe{}, frame); }

/// Random frames whose fields cover all sizes of varints. Spans point into buffers that live as long as this.
class RandomFrames {
 public:
  explicit RandomFrames(std::uint64_t seed) : random_(seed) {}

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  bool coin() { return below(2) == 1; }
  /// At most `most`; often at the edges of the four sizes.
  std::uint64_t varint(std::uint64_t most = kVarintMax) {
    constexpr std::uint64_t ends[] = {63, 16383, 1073741823, kVarintMax};
    const std::uint64_t end = ends[below(4)];
    const std::uint64_t value = below(4) == 0 ? end + below(2) : below(end) + 1;
    return value > most ? below(most) + 1 : value;
  }
  std::uint32_t pathId() { return static_cast<std::uint32_t>(varint(UINT32_MAX)); }
  Bytes bytes(std::size_t least, std::size_t most) {
    buffers_.emplace_back(least + below(most - least + 1));
    for (std::uint8_t& byte : buffers_.back()) byte = static_cast<std::uint8_t>(random_());
    return buffers_.back();
  }

  /// Of the alternative with this index in Frame.
  Frame frame(std::size_t index, bool multipath);

 private:
  std::optional<std::uint32_t> maybePath(bool multipath) {
    return multipath && coin() ? std::optional(pathId()) : std::nullopt;
  }
  template <std::size_t size>
  void fill(std::array<std::uint8_t, size>& out) {
    for (std::uint8_t& byte : out) byte = static_cast<std::uint8_t>(random_());
  }
  AckFrame ack(bool multipath);

  std::mt19937_64 random_;
  std::vector<std::vector<std::uint8_t>> buffers_;
};

inline AckFrame RandomFrames::ack(bool multipath) {
  AckFrame frame;
  frame.pathId = maybePath(multipath);
  frame.largest = varint();
  frame.delay = varint();
  frame.firstRange = below(std::min<std::uint64_t>(frame.largest, 1000) + 1);
  std::uint64_t low = frame.largest - frame.firstRange;
  std::vector<std::uint8_t> ranges(400);
  Writer out(ranges);
  for (std::uint64_t i = below(20); i > 0 && low >= 2; --i) {
    const std::uint64_t gap = below(std::min<std::uint64_t>(low - 1, 20000));
    low -= gap + 2;
    const std::uint64_t length = below(std::min<std::uint64_t>(low, 100) + 1);
    low -= length;
    out.varint(gap);
    out.varint(length);
    ++frame.rangeCount;
  }
  ranges.resize(out.size());
  buffers_.push_back(std::move(ranges));
  frame.ranges = buffers_.back();
  if (coin()) frame.ecn = EcnCounts{varint(), varint(), varint()};
  return frame;
}

inline Frame RandomFrames::frame(std::size_t index, bool multipath) {
  switch (index) {
    case 0:
      return PaddingFrame{1 + below(40)};
    case 1:
      return PingFrame{};
    case 2:
      return ack(multipath);
    case 3:
      return ResetStreamFrame{varint(), varint(), varint()};
    case 4:
      return StopSendingFrame{varint(), varint()};
    case 5:
      return CryptoFrame{varint(kVarintMax - 100), bytes(0, 100)};
    case 6:
      return NewTokenFrame{bytes(1, 80)};
    case 7:
      return StreamFrame{varint(), varint(kVarintMax - 100), coin(), bytes(0, 100)};
    case 8:
      return MaxDataFrame{varint()};
    case 9:
      return MaxStreamDataFrame{varint(), varint()};
    case 10:
      return MaxStreamsFrame{coin(), varint(std::uint64_t{1} << 60)};
    case 11:
      return DataBlockedFrame{varint()};
    case 12:
      return StreamDataBlockedFrame{varint(), varint()};
    case 13:
      return StreamsBlockedFrame{coin(), varint(std::uint64_t{1} << 60)};
    case 14: {
      NewConnectionIdFrame frame{maybePath(multipath), varint(), 0, ConnectionId(bytes(1, 20)), {}};
      frame.retirePriorTo = varint(frame.sequence);
      fill(frame.token);
      return frame;
    }
    case 15:
      return RetireConnectionIdFrame{maybePath(multipath), varint()};
    case 16: {
      PathChallengeFrame frame;
      fill(frame.data);
      return frame;
    }
    case 17: {
      PathResponseFrame frame;
      fill(frame.data);
      return frame;
    }
    case 18: {
      const bool application = coin();
      return ConnectionCloseFrame{application, varint(), application ? 0 : varint(), bytes(0, 60)};
    }
    case 19:
      return HandshakeDoneFrame{};
    case 20:
      return DatagramFrame{bytes(0, 300)};
    case 21:
      return PathAbandonFrame{pathId(), varint()};
    case 22:
      return PathStatusFrame{pathId(), varint(), coin()};
    case 23:
      return MaxPathIdFrame{pathId()};
    case 24:
      return PathsBlockedFrame{pathId()};
    default:
      return PathCidsBlockedFrame{pathId(), varint()};
  }
}

}  // namespace mqvpn::quic::test
