#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "quic/connection_id.h"
#include "quic/errors.h"
#include "quic/frames.h"
#include "quic/range_set.h"

namespace mqvpn::quic {

/// The connection IDs that the peer issued for one path: this end sends to them (RFC 9000 §5.1.1, §5.1.2).
class RemoteIds {
 public:
  /// As many as this end takes: our active_connection_id_limit.
  explicit RemoteIds(std::size_t limit) : limit_(limit) {}

  /// Sequence number 0, which has no frame of its own. An empty ID stays the only one.
  void setFirst(const ConnectionId& id, const std::optional<StatelessResetToken>& token);
  Error onNewConnectionId(const NewConnectionIdFrame& frame);

  bool any() const { return !entries_.empty(); }
  /// The ID to send to. There must be one.
  const ConnectionId& current() const { return entries_.front().id; }
  /// An unused one can be had.
  bool canRotate() const { return entries_.size() > 1; }
  /// Sends to the next one from now on, and retires the one used so far.
  bool rotate();
  /// What the next one would be, for a probe of a new network path; the current one stays in use elsewhere.
  const ConnectionId* spare() const { return entries_.size() > 1 ? &entries_[1].id : nullptr; }
  bool isResetToken(const StatelessResetToken& token) const;

  /// Sequence numbers for RETIRE_CONNECTION_ID frames to send.
  bool hasPendingRetirements() const { return !retire_.empty(); }
  std::uint64_t nextRetirement() const { return retire_.back(); }
  void retirementSent() { retire_.pop_back(); }
  void retirementLost(std::uint64_t sequence);
  std::size_t active() const { return entries_.size(); }

 private:
  struct Entry {
    std::uint64_t sequence;
    ConnectionId id;
    std::optional<StatelessResetToken> token;
  };
  std::size_t limit_;
  /// The first is in use.
  std::vector<Entry> entries_;
  std::vector<std::uint64_t> retire_;
  std::uint64_t retirePriorTo_ = 0;
  /// Sequence numbers that were told; the lowest gaps are forgotten.
  RangeSet seen_{32};
};

}  // namespace mqvpn::quic
