#include "tunnel/client_attempt.h"

#include "tunnel/client_engine.h"

namespace mqvpn::tunnel {

void ClientAttempt::onReady(bool early) { engine_.onReady(*this, early); }

void ClientAttempt::onEarlyDataRejected() {
  if (http_) http_->onEarlyDataRejected();
}

void ClientAttempt::onHandshakeComplete() { engine_.onHandshakeComplete(*this); }

void ClientAttempt::onDatagram(std::span<std::uint8_t> payload, const quic::PacketId& origin,
                               quic::Time now) {
  if (engine_.isCurrent(*this)) engine_.onDatagram(payload, origin, now);
}

void ClientAttempt::onDatagramAcked(std::uint64_t tag) {
  if (engine_.isCurrent(*this)) engine_.tunnel_.onDatagramAcked(tag);
}

void ClientAttempt::onDatagramLost(std::uint64_t tag) {
  if (engine_.isCurrent(*this)) engine_.tunnel_.onDatagramLost(tag);
}

void ClientAttempt::onDatagramStranded(std::uint64_t tag) {
  if (engine_.isCurrent(*this)) engine_.tunnel_.onDatagramStranded(tag);
}

void ClientAttempt::onMaxDatagramPayload(std::size_t bytes) {
  if (engine_.isCurrent(*this)) engine_.onMaxDatagramPayload(bytes);
}

void ClientAttempt::onPathChanged(std::uint32_t pathId, PathChange change, std::uint64_t code) {
  if (engine_.isCurrent(*this)) engine_.paths_.onPathChanged(pathId, change, code, engine_.now_);
}

void ClientAttempt::onPathsAvailable() {
  if (engine_.isCurrent(*this)) engine_.paths_.onPathsAvailable();
}

void ClientAttempt::onClosed(const quic::CloseInfo& info) { engine_.onClosed(*this, info); }

void ClientAttempt::onResumptionTicket(quic::Bytes ticket) {
  if (engine_.isCurrent(*this)) engine_.onResumptionTicket(ticket);
}

void ClientAttempt::onAddressToken(quic::Bytes token) {
  if (engine_.isCurrent(*this)) engine_.onAddressToken(token);
}

}  // namespace mqvpn::tunnel
