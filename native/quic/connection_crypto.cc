// The TLS handshake inside a connection: keys, transport parameters, resumption (RFC 9001, RFC 9000 §7).
#include <algorithm>

#include "quic/connection.h"

namespace mqvpn::quic {
namespace {

constexpr std::uint8_t kTicketVersion = 1;

std::size_t indexOf(tls::Level level) { return level == tls::Level::kInitial ? 0 : 1; }

}  // namespace

void Connection::onSecret(tls::Level level, tls::Direction direction, const tls::Secret& secret) {
  const bool receiving = direction == tls::Direction::kReceive;
  switch (level) {
    case tls::Level::kInitial:
      break;
    case tls::Level::kEarly:
      early_ = std::make_unique<PacketKeys>(secret);
      break;
    case tls::Level::kHandshake: {
      Space& space = handshake_[1];
      (receiving ? space.receive : space.send) = std::make_unique<PacketKeys>(secret);
      break;
    }
    case tls::Level::kApplication:
      if (receiving) {
        keys_.installReceive(secret);
      } else {
        keys_.installSend(secret);
        // RFC 9001 §4.9.3: "a client SHOULD discard 0-RTT keys as soon as it installs 1-RTT keys"
        if (!isServer_) early_.reset();
      }
      break;
  }
}

void Connection::onCryptoData(tls::Level level, std::span<const std::uint8_t> data) {
  (level == tls::Level::kApplication ? appCrypto_ : handshake_[indexOf(level)].crypto).write(data);
}

bool Connection::onTransportParameters(std::span<const std::uint8_t> encoded) {
  TransportParameters peer;
  Error error = parseTransportParameters(encoded, !isServer_, peer);
  if (!error) error = checkPeerParameters(peer);
  if (error) {
    closeWithError(error, frame_type::kCrypto);
    return false;
  }
  peer_ = peer;
  peerKnown_ = true;
  streams_.setPeerLimits(peer_);
  if (!isServer_ && peer_.statelessResetToken)
    primary().remoteIds.setFirst(primary().remoteIds.current(), peer_.statelessResetToken);
  startMultipath();
  primary().sender.setMaxAckDelay(peer_.maxAckDelay * kMillisecond);
  primary().mtu.setMost(largestMtu(settings_.maxUdpPayload), now_);
  restartIdleTimer(true);
  return true;
}

Error Connection::checkPeerParameters(const TransportParameters& peer) const {
  // RFC 9000 §7.3: "An endpoint MUST treat the following as a connection error of type
  // TRANSPORT_PARAMETER_ERROR or PROTOCOL_VIOLATION: [...] a mismatch between values received from a peer in
  // these transport parameters and the value sent in the corresponding Destination or Source Connection ID
  // fields of Initial packets."
  const auto wrong = [](const char* reason) {
    return Error{TransportError::kTransportParameterError, reason};
  };
  if (!peer.initialSourceConnectionId || *peer.initialSourceConnectionId != firstRemoteId_)
    return wrong("initial_source_connection_id is not the one of the Initial packets");
  // draft-ietf-quic-multipath-21 §2.1: with "a zero-length connection ID, the receiver MUST treat this as a
  // connection error of type PROTOCOL_VIOLATION".
  if (own_.initialMaxPathId && peer.initialMaxPathId && firstRemoteId_.empty())
    return {TransportError::kProtocolViolation, "multipath with a zero-length connection ID"};
  if (isServer_) return {};
  if (!peer.originalDestinationConnectionId || *peer.originalDestinationConnectionId != originalDestination_)
    return wrong("original_destination_connection_id is not the one that was sent to");
  if (peer.retrySourceConnectionId != retrySource_)
    return wrong("retry_source_connection_id does not fit the Retry packet");
  return {};
}

void Connection::feedTls(tls::Level level) {
  CryptoStream& stream = level == tls::Level::kApplication ? appCrypto_ : handshake_[indexOf(level)].crypto;
  while (!isClosing()) {
    const Bytes data = stream.readable();
    if (data.empty()) break;
    if (!tls_) {
      // RFC 9001 §6: "Endpoints MUST treat the receipt of a TLS KeyUpdate message as a connection error of
      // type 0x010a". A client has nothing else to say to TLS after the handshake either.
      constexpr std::uint64_t kUnexpectedMessage = 0x010a;
      close(CloseInfo::Cause::kProtocolError, false, kUnexpectedMessage, frame_type::kCrypto,
            "a TLS message after the handshake");
      return;
    }
    inTls_ = true;
    const bool ok = tls_->feed(level, data);
    inTls_ = false;
    stream.consume(data.size());
    if (!ok) {
      onTlsFailure();
      return;
    }
  }
  if (!isClosing()) onTlsProgress();
}

void Connection::onTlsFailure() {
  // RFC 9001 §4.8: CRYPTO_ERROR is 0x0100 + the alert, but for what RFC 9001 makes another error.
  const auto& failure = tls_->failure();
  close(CloseInfo::Cause::kProtocolError, false,
        failure ? failure->errorCode : static_cast<std::uint64_t>(TransportError::kInternalError),
        frame_type::kCrypto, failure ? failure->message : "TLS failed");
}

void Connection::onTlsProgress() {
  if (!readyTold_ && keys_.canSend() && peerKnown_) {
    readyTold_ = true;
    updateMaxDatagramPayload();
    events_.onReady(false);
    if (isClosing()) return;
  }
  if (!handshakeComplete_ && tls_->complete()) {
    handshakeComplete_ = true;
    handshakeDeadline_ = kNever;
    resumed_ = tls_->resumed();
    earlyDataAccepted_ = tls_->earlyDataAccepted();
    if (!isServer_ && earlyOffered_) {
      if (!earlyDataAccepted_) {
        rejectEarlyData();
      } else if (const Error error = checkNotReduced(peer_)) {
        closeWithError(error, frame_type::kCrypto);
      } else {
        updateMaxDatagramPayload();
      }
      if (isClosing()) return;
    }
    if (isServer_) {
      // RFC 9001 §4.1.2: "At the server, [the handshake is considered confirmed] when the TLS handshake
      // completes."
      handshakeDoneDue_ = true;
      newTokenDue_ = !newToken_.empty();
      if (settings_.autoTicket) sendTicket();
      confirmHandshake();
    }
    if (isClosing()) return;
    events_.onHandshakeComplete();
  }
  if (!isServer_ && handshakeComplete_ && !isClosing()) {
    const auto ticket = tls_->newTicket();
    if (!ticket.empty()) events_.onResumptionTicket(wrapTicket(ticket));
  }
  if (!isClosing()) replayKept();
}

bool Connection::sendTicket() {
  if (!isServer_ || !handshakeComplete_ || !tls_ || inTls_ || isClosing()) return false;
  inTls_ = true;
  const bool sent = tls_->sendTicket();
  inTls_ = false;
  // An idle connection should not cost what only a handshake needs.
  tls_.reset();
  return sent;
}

void Connection::confirmHandshake() {
  if (handshakeConfirmed_) return;
  handshakeConfirmed_ = true;
  // RFC 9001 §4.9.2: "An endpoint MUST discard its Handshake keys when the TLS handshake is confirmed"
  discardSpace(tls::Level::kInitial);
  discardSpace(tls::Level::kHandshake);
  if (isServer_ && early_) discardEarlyAt_ = now_ + 3 * largestPto();
  // RFC 9000 §5.1.1: "An endpoint SHOULD ensure that its peer has a sufficient number of available and unused
  // connection IDs."
  issueIds(primary());
  issueSpareIds();
}

void Connection::discardSpace(tls::Level level) {
  Space& space = handshake_[indexOf(level)];
  if (space.discarded) return;
  space.discarded = true;
  space.sent.discard(primary().sender);
  space.receive.reset();
  space.send.reset();
  space.crypto = {};
  space.probes = 0;
  // RFC 9002 §6.2.2: "When Initial or Handshake packet protection keys are discarded, the PTO and loss
  // detection timers MUST be reset"
  primary().sender.setPtoCount(0);
}

// --- resumption: the ticket that the application keeps is
//       version (1 byte), size of the remembered parameters (varint), the parameters, the TLS ticket

std::vector<std::uint8_t> Connection::wrapTicket(Bytes tlsTicket) const {
  // RFC 9000 §7.4.1: "To enable 0-RTT, endpoints store the values of the server transport parameters with any
  // session tickets"; those that "MUST NOT" be remembered are left out.
  TransportParameters remembered = peer_;
  remembered.originalDestinationConnectionId.reset();
  remembered.initialSourceConnectionId.reset();
  remembered.retrySourceConnectionId.reset();
  remembered.statelessResetToken.reset();
  remembered.preferredAddress.reset();
  // draft-ietf-quic-multipath-21 §2.1: "MUST NOT be remembered for use in a subsequent connection".
  remembered.initialMaxPathId.reset();
  remembered.initialMaxPathIdDraft10.reset();
  remembered.ackDelayExponent = 3;
  remembered.maxAckDelay = 25;
  const auto encoded = encodeTransportParameters(remembered);
  std::vector<std::uint8_t> all(1 + 8 + encoded.size() + tlsTicket.size());
  Writer out(all);
  out.u8(kTicketVersion);
  out.varint(encoded.size());
  out.bytes(encoded);
  out.bytes(tlsTicket);
  all.resize(out.size());
  return all;
}

Bytes Connection::unwrapTicket(Bytes ticket, std::optional<TransportParameters>& remembered) {
  Reader in(ticket);
  if (in.u8() != kTicketVersion) return {};
  const Bytes encoded = in.bytes(in.varint());
  TransportParameters parameters;
  if (!in.ok() || in.empty() || parseTransportParameters(encoded, true, parameters)) return {};
  remembered = parameters;
  return in.rest();
}

Error Connection::checkNotReduced(const TransportParameters& peer) const {
  // RFC 9000 §7.4.1: "If 0-RTT data is accepted by the server, the server MUST NOT reduce any limits or alter
  // any values that might be violated by the client with its 0-RTT data."
  const TransportParameters& old = remembered_;
  const bool reduced = peer.activeConnectionIdLimit < old.activeConnectionIdLimit ||
                       peer.initialMaxData < old.initialMaxData ||
                       peer.initialMaxStreamDataBidiLocal < old.initialMaxStreamDataBidiLocal ||
                       peer.initialMaxStreamDataBidiRemote < old.initialMaxStreamDataBidiRemote ||
                       peer.initialMaxStreamDataUni < old.initialMaxStreamDataUni ||
                       peer.initialMaxStreamsBidi < old.initialMaxStreamsBidi ||
                       peer.initialMaxStreamsUni < old.initialMaxStreamsUni ||
                       peer.maxDatagramFrameSize < old.maxDatagramFrameSize;
  if (!reduced) return {};
  return {TransportError::kProtocolViolation, "0-RTT was accepted with limits below the remembered ones"};
}

void Connection::rejectEarlyData() {
  earlyOffered_ = false;
  // RFC 9001 §4.6.2 (rejection): "the client [...] MUST reset the state of all streams": the streams' bytes
  // are sent again.
  primary().sent.loseAll(primary().sender, *this);
  streams_.restart();
  streams_.setPeerLimits(peer_);
  updateMaxDatagramPayload();
  events_.onEarlyDataRejected();
}

}  // namespace mqvpn::quic
