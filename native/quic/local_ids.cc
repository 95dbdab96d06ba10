#include "quic/local_ids.h"

#include <algorithm>

namespace mqvpn::quic {

void LocalIds::add(const ConnectionId& id, const StatelessResetToken& token, bool announce) {
  entries_.push_back({next_++, id, token, announce, !announce});
}

bool LocalIds::contains(const ConnectionId& id) const {
  return std::any_of(entries_.begin(), entries_.end(), [&](const Entry& entry) { return entry.id == id; });
}

LocalIds::Entry* LocalIds::find(std::uint64_t sequence) {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Entry& entry) { return entry.sequence == sequence; });
  return found == entries_.end() ? nullptr : &*found;
}

Error LocalIds::retire(std::uint64_t sequence, const ConnectionId& usedBy,
                       std::optional<ConnectionId>& retired) {
  // RFC 9000 §19.16: "Receipt of a RETIRE_CONNECTION_ID frame containing a sequence number greater than any
  // previously sent to the peer MUST be treated as a connection error of type PROTOCOL_VIOLATION."
  if (sequence >= next_)
    return {TransportError::kProtocolViolation, "retired a connection ID that was never issued"};
  const Entry* entry = find(sequence);
  if (entry == nullptr) return {};
  // RFC 9000 §19.16: "The sequence number specified in a RETIRE_CONNECTION_ID frame MUST NOT refer to the
  // Destination Connection ID field of the packet in which the frame is contained."
  if (entry->id == usedBy)
    return {TransportError::kProtocolViolation, "retired the connection ID that the packet was sent to"};
  retired = entry->id;
  entries_.erase(entries_.begin() + (entry - entries_.data()));
  return {};
}

bool LocalIds::hasPending() const {
  return std::any_of(entries_.begin(), entries_.end(), [](const Entry& entry) { return entry.pending; });
}

bool LocalIds::anyAcknowledged() const {
  return std::any_of(entries_.begin(), entries_.end(), [](const Entry& entry) { return entry.acknowledged; });
}

void LocalIds::onFrameLost(std::uint64_t sequence) {
  if (Entry* entry = find(sequence); entry != nullptr && !entry->acknowledged) entry->pending = true;
}

void LocalIds::onFrameAcked(std::uint64_t sequence) {
  if (Entry* entry = find(sequence); entry != nullptr) {
    entry->acknowledged = true;
    entry->pending = false;
  }
}

}  // namespace mqvpn::quic
