#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "quic/connection_id.h"
#include "quic/errors.h"

namespace mqvpn::quic {

class Connection;

/// Issues connection IDs that lead to one connection, and forgets them; the endpoint that sorts incoming
/// datagrams does it.
class IdRegistry {
 public:
  virtual ~IdRegistry() = default;
  /// A new ID that leads to `owner` from now on, and its stateless reset token (RFC 9000 §10.3.2).
  virtual ConnectionId issue(Connection& owner, StatelessResetToken& token) = 0;
  virtual void retire(const ConnectionId& id) = 0;
};

/// The connection IDs that this end issued for one path: the peer sends to them (RFC 9000 §5.1.1).
class LocalIds {
 public:
  struct Entry {
    std::uint64_t sequence;
    ConnectionId id;
    StatelessResetToken token;
    /// A NEW_CONNECTION_ID frame is to be sent (again).
    bool pending;
    bool acknowledged;
  };

  void add(const ConnectionId& id, const StatelessResetToken& token, bool announce);
  bool contains(const ConnectionId& id) const;
  std::uint64_t nextSequence() const { return next_; }
  std::size_t active() const { return entries_.size(); }
  /// The peer has one of them for sure.
  bool anyAcknowledged() const;
  const std::vector<Entry>& entries() const { return entries_; }
  Entry* find(std::uint64_t sequence);
  /// The peer's RETIRE_CONNECTION_ID. `usedBy`: the ID that the frame's packet was sent to. Gives the ID to
  /// forget.
  Error retire(std::uint64_t sequence, const ConnectionId& usedBy, std::optional<ConnectionId>& retired);
  bool hasPending() const;
  void onFrameLost(std::uint64_t sequence);
  void onFrameAcked(std::uint64_t sequence);

 private:
  std::vector<Entry> entries_;
  std::uint64_t next_ = 0;
};

}  // namespace mqvpn::quic
