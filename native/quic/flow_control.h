#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "quic/buffer.h"
#include "quic/time.h"

namespace mqvpn::quic {

/// What we let the peer send: of one stream or of the connection (RFC 9000 §4.1, §4.2). A new limit is due
/// when half the window has been consumed.
///
/// Auto-tuning: a window of which half is gone within two RTTs limits the sender (a window that just suffices
/// is used up once per RTT), so it doubles, up to kMostGrowth times.
class ReceiveWindow {
 public:
  static constexpr std::uint64_t kMostGrowth = 16;

  explicit ReceiveWindow(std::uint64_t window)
      : window_(std::min(window, kVarintMax)),
        mostWindow_(window > kVarintMax / kMostGrowth ? kVarintMax : window * kMostGrowth),
        limit_(window_) {}

  /// What the peer has been told.
  std::uint64_t limit() const { return limit_; }
  std::uint64_t window() const { return window_; }
  void consume(std::uint64_t size) { consumed_ += size; }

  bool updateDue() const { return lost_ || nextLimit() - limit_ >= std::max<std::uint64_t>(window_ / 2, 1); }
  /// The limit to send now; it binds from here on. `rtt` 0: unknown.
  std::uint64_t update(Duration rtt, Time now);
  /// MAX_DATA or MAX_STREAM_DATA with this limit was lost. RFC 9000 §13.3: "an updated value is sent when the
  /// packet containing the most recent […] frame […] is lost".
  void onLost(std::uint64_t limit) { lost_ = lost_ || limit == limit_; }

 private:
  std::uint64_t nextLimit() const { return std::max(limit_, std::min(consumed_ + window_, kVarintMax)); }

  std::uint64_t window_;
  std::uint64_t mostWindow_;
  std::uint64_t limit_;
  std::uint64_t consumed_ = 0;
  bool lost_ = false;
  /// The update before.
  Time updatedAt_ = kNever;
  std::uint64_t consumedThen_ = 0;
};

/// A limit that the peer set, and that it was told, once per limit, that it blocks us: DATA_BLOCKED,
/// STREAM_DATA_BLOCKED or STREAMS_BLOCKED.
class PeerLimit {
 public:
  explicit PeerLimit(std::uint64_t value = 0) : value_(value) {}

  std::uint64_t value() const { return value_; }
  /// RFC 9000 §4.1: "A sender MUST ignore any MAX_STREAM_DATA or MAX_DATA frames that do not increase flow
  /// control limits." False: it does not.
  bool raise(std::uint64_t value) {
    if (value <= value_) return false;
    value_ = value;
    return true;
  }
  /// Of a new start (0-RTT was rejected): may be lower.
  void replace(std::uint64_t value) {
    value_ = value;
    told_.reset();
  }

  /// `blocked`: whether the limit hinders us.
  bool blockedDue(bool blocked) const { return blocked && told_ != value_; }
  void onBlockedSent() { told_ = value_; }
  /// RFC 9000 §13.3: "A new frame is sent if a packet containing the most recent frame for a scope is lost,
  /// but only while the endpoint is blocked on the corresponding limit."
  void onBlockedLost(std::uint64_t limit) {
    if (told_ == limit) told_.reset();
  }

 private:
  std::uint64_t value_;
  std::optional<std::uint64_t> told_;
};

}  // namespace mqvpn::quic
