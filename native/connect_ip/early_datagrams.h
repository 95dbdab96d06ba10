#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <utility>
#include <vector>

#include "quic/time.h"

namespace mqvpn::connect_ip {

/// HTTP Datagrams that came before their request (RFC 9297 §2.1: "buffer it temporarily (on the order of a
/// round trip)"), or before its answer. One per connection, bounded in every respect.
class EarlyDatagrams {
 public:
  static constexpr std::size_t kMaxCount = 32;
  static constexpr std::size_t kMaxBytes = 48 * 1024;
  static constexpr quic::Duration kMaxAge = 500 * quic::kMillisecond;

  /// False: no room, dropped.
  bool hold(std::uint64_t streamId, std::span<const std::uint8_t> payload, quic::Time now) {
    expire(now);
    if (held_.size() >= kMaxCount || payload.size() > kMaxBytes - bytes_) {
      ++dropped_;
      return false;
    }
    held_.push_back({streamId, now, std::vector<std::uint8_t>(kHeadroom + payload.size())});
    std::copy(payload.begin(), payload.end(), held_.back().data.begin() + kHeadroom);
    bytes_ += payload.size();
    return true;
  }

  /// Hands over what was held for the stream, in its order: `deliver(std::span<std::uint8_t> payload)`; as
  /// everywhere, 16 bytes in front of it may be overwritten.
  template <typename Deliver>
  void drain(std::uint64_t streamId, quic::Time now, Deliver&& deliver) {
    expire(now);
    std::deque<Held> all = std::exchange(held_, {});
    bytes_ = 0;
    for (Held& one : all) {
      if (one.streamId == streamId) {
        deliver(std::span(one.data).subspan(kHeadroom));
      } else {
        bytes_ += one.data.size() - kHeadroom;
        held_.push_back(std::move(one));
      }
    }
  }

  bool empty() const { return held_.empty(); }
  /// For lack of room or for age.
  std::uint64_t dropped() const { return dropped_; }

 private:
  static constexpr std::size_t kHeadroom = 16;
  struct Held {
    std::uint64_t streamId;
    quic::Time at;
    std::vector<std::uint8_t> data;
  };
  void expire(quic::Time now) {
    while (!held_.empty() && now - held_.front().at > kMaxAge) {
      bytes_ -= held_.front().data.size() - kHeadroom;
      held_.pop_front();
      ++dropped_;
    }
  }

  std::deque<Held> held_;
  std::size_t bytes_ = 0;
  std::uint64_t dropped_ = 0;
};

}  // namespace mqvpn::connect_ip
