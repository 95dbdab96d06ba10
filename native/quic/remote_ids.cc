#include "quic/remote_ids.h"

#include <algorithm>

#include "tls/mac.h"

namespace mqvpn::quic {

void RemoteIds::setFirst(const ConnectionId& id, const std::optional<StatelessResetToken>& token) {
  // A client learns the server's chosen ID, and later the token, in steps.
  if (!entries_.empty() && entries_.front().sequence == 0) {
    entries_.front().id = id;
    if (token) entries_.front().token = token;
    return;
  }
  if (entries_.empty() && seen_.add(0)) entries_.push_back({0, id, token});
}

Error RemoteIds::onNewConnectionId(const NewConnectionIdFrame& frame) {
  // RFC 9000 §19.15: "An endpoint that is sending packets with a zero-length Destination Connection ID MUST
  // treat receipt of a NEW_CONNECTION_ID frame as a connection error of type PROTOCOL_VIOLATION."
  if (!entries_.empty() && entries_.front().id.empty())
    return {TransportError::kProtocolViolation, "a new connection ID although IDs are zero-length"};
  for (const Entry& entry : entries_) {
    const bool sameId = entry.id == frame.id;
    const bool sameSequence = entry.sequence == frame.sequence;
    // RFC 9000 §19.15: "Transmission errors, timeouts, and retransmissions might cause the same
    // NEW_CONNECTION_ID frame to be received multiple times." Different IDs under one number, or one ID under
    // two, are an error.
    if (sameId != sameSequence)
      return {TransportError::kProtocolViolation, "connection ID and sequence number do not belong together"};
    if (sameId && entry.token && *entry.token != frame.token)
      return {TransportError::kProtocolViolation, "another reset token for a known connection ID"};
  }
  const bool hadAny = !entries_.empty();
  const bool known = std::any_of(entries_.begin(), entries_.end(),
                                 [&](const Entry& entry) { return entry.sequence == frame.sequence; });
  if (frame.retirePriorTo > retirePriorTo_) {
    retirePriorTo_ = frame.retirePriorTo;
    std::erase_if(entries_, [&](const Entry& entry) {
      if (entry.sequence >= retirePriorTo_) return false;
      retire_.push_back(entry.sequence);
      return true;
    });
  }
  // A frame that was sent twice, of an ID that may be in use, or retired meanwhile.
  if (known || !seen_.add(frame.sequence)) {
    // Only a peer that repeats an old frame with a higher Retire Prior To, which a retransmission never has,
    // can take away the last ID so.
    if (hadAny && entries_.empty())
      return {TransportError::kProtocolViolation, "all connection IDs are to be retired, without a new one"};
    return {};
  }
  // RFC 9000 §19.15: "An endpoint that receives a NEW_CONNECTION_ID frame with a sequence number smaller than
  // the Retire Prior To field of a previously received NEW_CONNECTION_ID frame MUST send a corresponding
  // RETIRE_CONNECTION_ID frame"
  if (frame.sequence < retirePriorTo_) {
    retire_.push_back(frame.sequence);
    return {};
  }
  // The one in use stays in front; the others wait in their order.
  const auto spares = entries_.begin() + (entries_.empty() ? 0 : 1);
  const auto at = std::find_if(spares, entries_.end(),
                               [&](const Entry& entry) { return entry.sequence > frame.sequence; });
  entries_.insert(at, {frame.sequence, frame.id, frame.token});
  // RFC 9000 §5.1.1: "an endpoint MUST close the connection with an error of type CONNECTION_ID_LIMIT_ERROR"
  if (entries_.size() > limit_)
    return {TransportError::kConnectionIdLimitError,
            "more connection IDs than our active_connection_id_limit"};
  // RFC 9000 §5.1.2: "An endpoint SHOULD limit the number of connection IDs it has retired locally for which
  // RETIRE_CONNECTION_ID frames have not yet been acknowledged."
  if (retire_.size() > limit_ * 8)
    return {TransportError::kConnectionIdLimitError, "more connection IDs to retire than can be told"};
  return {};
}

void RemoteIds::retirementLost(std::uint64_t sequence) {
  if (std::find(retire_.begin(), retire_.end(), sequence) == retire_.end()) retire_.push_back(sequence);
}

bool RemoteIds::rotate() {
  if (!canRotate()) return false;
  retire_.push_back(entries_.front().sequence);
  entries_.erase(entries_.begin());
  return true;
}

bool RemoteIds::isResetToken(const StatelessResetToken& token) const {
  // RFC 9000 §10.3.1: "An endpoint MUST NOT check for any stateless reset tokens associated with connection
  // IDs it has not used or for connection IDs that have been retired." "When comparing a datagram to
  // stateless reset token values, endpoints MUST perform the comparison without leaking information about the
  // value".
  return !entries_.empty() && entries_.front().token &&
         tls::constantTimeEquals(*entries_.front().token, token);
}

}  // namespace mqvpn::quic
