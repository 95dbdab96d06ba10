#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "quic_streams_support.h"

namespace mqvpn::quic::test {

inline std::uint8_t patternByte(std::uint64_t id, bool fromServer, std::uint64_t offset) {
  return static_cast<std::uint8_t>(id * 131 + (fromServer ? 17 : 0) + offset * 7 + (offset >> 8) * 13);
}

inline std::vector<std::uint8_t> patternBytes(std::uint64_t id, bool fromServer, std::uint64_t offset,
                                              std::size_t size) {
  std::vector<std::uint8_t> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = patternByte(id, fromServer, offset + i);
  return bytes;
}

/// Watches all that one endpoint sends and all that reaches it, and keeps its own account of what it may
/// send. Knows nothing of the code under test but the frames.
class SenderChecker {
 public:
  /// `limits`: the peer's.
  SenderChecker(bool isServer, const StreamLimits& limits) : isServer_(isServer), limits_(limits) {
    maxData_ = limits.connectionWindow;
    maxStreams_[0] = limits.maxBidi;
    maxStreams_[1] = limits.maxUni;
  }

  void onSent(Bytes packet) {
    FrameReader reader(packet, MultipathVersion::kNone);
    Frame frame;
    while (reader.next(frame)) std::visit([this](const auto& f) { check(f); }, frame);
    need(!reader.error(), "packet that cannot be parsed");
    need(sentTotal_ <= maxData_, "more than MAX_DATA");
  }
  void onDelivered(Bytes packet) {
    FrameReader reader(packet, MultipathVersion::kNone);
    Frame frame;
    while (reader.next(frame)) std::visit([this](const auto& f) { learn(f); }, frame);
  }
  void onLost(const SentFrame& frame) {
    using Kind = SentFrame::Kind;
    if (frame.kind == Kind::kDataBlocked) ++mayBlock_[{0, 0, frame.offset}];
    if (frame.kind == Kind::kStreamDataBlocked) ++mayBlock_[{1, frame.id, frame.offset}];
    if (frame.kind == Kind::kStreamsBlocked) ++mayBlock_[{2, frame.flag, frame.offset}];
  }

 private:
  struct Sent {
    std::uint64_t highest = 0;
    std::optional<std::uint64_t> finalSize;
    std::optional<std::pair<std::uint64_t, std::uint64_t>> reset;
  };

  static void need(bool holds, const char* what) {
    if (!holds) FAIL(what);
  }
  bool isOurs(std::uint64_t id) const { return ((id & 1) != 0) == isServer_; }
  static std::size_t kindOf(std::uint64_t id) { return id >> 1 & 1; }

  void mayMention(std::uint64_t id) const {
    if (isOurs(id))
      need(id >> 2 < maxStreams_[kindOf(id)], "a stream above MAX_STREAMS");
    else
      need(id >> 2 < peerOpened_[kindOf(id)], "a stream that the peer did not open");
  }
  void raise(std::uint64_t id, std::uint64_t end) {
    Sent& sent = sent_[id];
    const auto limit = maxStreamData_.find(id);
    need(end <= (limit == maxStreamData_.end() ? limits_.streamWindow
                                               : std::max(limit->second, limits_.streamWindow)),
         "more than MAX_STREAM_DATA");
    need(!sent.finalSize || end <= *sent.finalSize, "data beyond the final size");
    if (end > sent.highest) sentTotal_ += end - sent.highest;
    sent.highest = std::max(sent.highest, end);
  }
  void blocked(int scope, std::uint64_t id, std::uint64_t limit) {
    const auto key = std::make_tuple(scope, id, limit);
    const auto [entry, isNew] = mayBlock_.try_emplace(key, 1);
    need(entry->second-- > 0, "blocked twice for one limit");
  }

  void check(const StreamFrame& f) {
    mayMention(f.streamId);
    need(isOurs(f.streamId) || kindOf(f.streamId) == 0, "data on a receive-only stream");
    Sent& sent = sent_[f.streamId];
    need(!sent.reset, "STREAM after RESET_STREAM");
    raise(f.streamId, f.offset + f.data.size());
    const auto wanted = patternBytes(f.streamId, isServer_, f.offset, f.data.size());
    need(std::equal(wanted.begin(), wanted.end(), f.data.begin()), "wrong bytes");
    if (!f.fin) return;
    need(!sent.finalSize || *sent.finalSize == f.offset + f.data.size(), "FIN moved");
    need(f.offset + f.data.size() >= sent.highest, "FIN below what was sent");
    sent.finalSize = f.offset + f.data.size();
  }
  void check(const ResetStreamFrame& f) {
    mayMention(f.streamId);
    Sent& sent = sent_[f.streamId];
    const auto content = std::make_pair(f.errorCode, f.finalSize);
    need(!sent.reset || *sent.reset == content, "RESET_STREAM changed");
    need(f.finalSize == sent.highest, "the final size is not what was sent");
    sent.reset = content;
  }
  void check(const StopSendingFrame& f) {
    mayMention(f.streamId);
    need(!isOurs(f.streamId) || kindOf(f.streamId) == 0, "STOP_SENDING for a send-only stream");
    need(!peerReset_[f.streamId], "STOP_SENDING after RESET_STREAM");
  }
  void check(const MaxStreamDataFrame& f) {
    mayMention(f.streamId);
    need(!peerFinal_[f.streamId], "MAX_STREAM_DATA although the final size is known");
    std::uint64_t& last = ourMaxStreamData_[f.streamId];
    need(f.maximum >= last, "MAX_STREAM_DATA went down");
    last = f.maximum;
  }
  void check(const MaxDataFrame& f) {
    need(f.maximum >= ourMaxData_, "MAX_DATA went down");
    ourMaxData_ = f.maximum;
  }
  void check(const MaxStreamsFrame&) {}
  void check(const DataBlockedFrame& f) {
    need(f.limit == maxData_ && sentTotal_ == maxData_, "DATA_BLOCKED without need");
    blocked(0, 0, f.limit);
  }
  void check(const StreamDataBlockedFrame& f) {
    need(sent_[f.streamId].highest == f.limit, "STREAM_DATA_BLOCKED without need");
    need(!sent_[f.streamId].reset, "STREAM_DATA_BLOCKED after RESET_STREAM");
    blocked(1, f.streamId, f.limit);
  }
  void check(const StreamsBlockedFrame& f) {
    need(f.limit == maxStreams_[f.bidirectional ? 0 : 1], "STREAMS_BLOCKED at another limit");
    blocked(2, f.bidirectional, f.limit);
  }
  template <typename Other>
  void check(const Other&) {
    FAIL("a frame that is none of streams");
  }

  void learnId(std::uint64_t id) {
    if (!isOurs(id)) peerOpened_[kindOf(id)] = std::max(peerOpened_[kindOf(id)], (id >> 2) + 1);
  }
  void learn(const MaxDataFrame& f) { maxData_ = std::max(maxData_, f.maximum); }
  void learn(const MaxStreamDataFrame& f) {
    learnId(f.streamId);
    maxStreamData_[f.streamId] = std::max(maxStreamData_[f.streamId], f.maximum);
  }
  void learn(const MaxStreamsFrame& f) {
    std::uint64_t& most = maxStreams_[f.bidirectional ? 0 : 1];
    most = std::max(most, f.maximum);
  }
  void learn(const StreamFrame& f) {
    learnId(f.streamId);
    if (f.fin) peerFinal_[f.streamId] = true;
  }
  void learn(const ResetStreamFrame& f) {
    learnId(f.streamId);
    peerFinal_[f.streamId] = peerReset_[f.streamId] = true;
  }
  void learn(const StopSendingFrame& f) { learnId(f.streamId); }
  void learn(const StreamDataBlockedFrame& f) { learnId(f.streamId); }
  template <typename Other>
  void learn(const Other&) {}

  bool isServer_;
  StreamLimits limits_;
  std::map<std::uint64_t, Sent> sent_;
  std::uint64_t sentTotal_ = 0;
  std::uint64_t maxData_ = 0;
  std::map<std::uint64_t, std::uint64_t> maxStreamData_;
  std::uint64_t maxStreams_[2] = {};
  std::uint64_t peerOpened_[2] = {};
  std::map<std::uint64_t, bool> peerFinal_;
  std::map<std::uint64_t, bool> peerReset_;
  std::map<std::uint64_t, std::uint64_t> ourMaxStreamData_;
  std::uint64_t ourMaxData_ = 0;
  /// How many more blocked frames there may be: scope, ID, limit.
  std::map<std::tuple<int, std::uint64_t, std::uint64_t>, int> mayBlock_;
};

}  // namespace mqvpn::quic::test
