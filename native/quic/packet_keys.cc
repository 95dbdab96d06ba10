#include "quic/packet_keys.h"

namespace mqvpn::quic {

void protectHeader(tls::HeaderKey& key, std::span<std::uint8_t> packet, std::size_t headerSize,
                   std::size_t numberSize) {
  std::uint8_t* number = packet.data() + headerSize - numberSize;
  // RFC 9001 §5.4.2: the sample is taken as if the packet number had four bytes.
  const auto mask = key.mask(number + 4);
  packet[0] = static_cast<std::uint8_t>(packet[0] ^ (mask[0] & ((packet[0] & 0x80) != 0 ? 0x0f : 0x1f)));
  for (std::size_t i = 0; i < numberSize; ++i) number[i] = static_cast<std::uint8_t>(number[i] ^ mask[1 + i]);
}

bool unprotectHeader(tls::HeaderKey& key, const PacketHeader& header, std::span<std::uint8_t> packet,
                     std::uint64_t expected, std::uint64_t& number, std::size_t& headerSize) {
  const std::size_t at = header.packetNumberOffset;
  // RFC 9001 §5.4.2: the sample is taken as if the packet number had four bytes.
  if (packet.size() < at + 4 + tls::kSampleSize) return false;
  const auto mask = key.mask(packet.data() + at + 4);
  packet[0] = static_cast<std::uint8_t>(packet[0] ^ (mask[0] & ((packet[0] & 0x80) != 0 ? 0x0f : 0x1f)));
  const std::size_t size = (packet[0] & 0x03u) + 1;
  std::uint64_t truncated = 0;
  for (std::size_t i = 0; i < size; ++i) {
    packet[at + i] = static_cast<std::uint8_t>(packet[at + i] ^ mask[1 + i]);
    truncated = truncated << 8 | packet[at + i];
  }
  number = decodePacketNumber(expected, truncated, size);
  headerSize = at + size;
  return true;
}

void OneRttKeys::installReceive(const tls::Secret& secret) {
  receiveSecret_ = secret;
  receive_.emplace(secret);
  receiveHeader_.emplace(secret);
  prepareNext();
}

void OneRttKeys::installSend(const tls::Secret& secret) {
  sendSecret_ = secret;
  send_.emplace(secret);
  sendHeader_.emplace(secret);
}

// RFC 9001 §6.3: "Endpoints responding to an apparent key update MUST NOT generate a timing side-channel
// signal that might indicate that the Key Phase bit was invalid": so the next keys are ready before they are
// needed.
void OneRttKeys::prepareNext() {
  receiveNextSecret_ = tls::nextSecret(receiveSecret_);
  receiveNext_.emplace(receiveNextSecret_);
}

OneRttKeys::Opened OneRttKeys::open(std::uint32_t pathId, std::uint64_t number, bool phaseBit,
                                    std::uint64_t lowestInPhase, std::span<const std::uint8_t> header,
                                    std::uint8_t* payload, std::size_t size, Time now, Duration pto) {
  if (phaseBit == phase()) {
    if (!receive_->open(pathId, number, header, payload, size)) {
      ++failed_;
      return Opened::kFailed;
    }
    // RFC 9001 §6.5: "An endpoint SHOULD retain old read keys for no more than three times the PTO after
    // having received a packet protected using the new keys." Until then the peer may not have heard of an
    // update that began here.
    if (receivePrevious_ && dropPreviousAt_ == kNever) dropPreviousAt_ = now + 3 * pto;
    return Opened::kOk;
  }
  // RFC 9001 §6.5: a packet number lower than any of the current phase belongs to the previous keys.
  if (receivePrevious_ && now < dropPreviousAt_ && number < lowestInPhase) {
    if (receivePrevious_->open(pathId, number, header, payload, size)) return Opened::kOk;
    ++failed_;
    return Opened::kFailed;
  }
  if (!receiveNext_->open(pathId, number, header, payload, size)) {
    ++failed_;
    return Opened::kFailed;
  }
  // RFC 9001 §6.2: "If an endpoint receives a packet [...] before it has sent any packets with updated keys",
  // the peer updated twice without awaiting confirmation.
  if (phase_ > 0 && sealed_ == 0) return Opened::kKeyUpdateError;
  follow();
  dropPreviousAt_ = now + 3 * pto;
  return Opened::kOkKeyUpdated;
}

void OneRttKeys::follow() {
  receivePrevious_ = std::move(receive_);
  receive_ = std::move(receiveNext_);
  receiveSecret_ = receiveNextSecret_;
  prepareNext();
  sendSecret_ = tls::nextSecret(sendSecret_);
  send_.emplace(sendSecret_);
  ++phase_;
  sealed_ = 0;
  confirmed_ = false;
  dropPreviousAt_ = kNever;
  updateAllowedAt_ = kNever;
}

bool OneRttKeys::mayUpdate(Time now) const {
  if (!canSend() || !canReceive()) return false;
  if (phase_ == 0) return true;
  return confirmed_ && now >= updateAllowedAt_;
}

bool OneRttKeys::shouldUpdate() const {
  // Half the limit, so that an update that has to wait for its confirmation never comes too late.
  return canSend() && sealed_ >= send_->confidentialityLimit() / 2;
}

bool OneRttKeys::exhausted() const {
  constexpr std::uint64_t kReserve = 1024;
  return canSend() && sealed_ + kReserve >= send_->confidentialityLimit();
}

void OneRttKeys::onCurrentPhaseAcked(Time now, Duration pto) {
  if (confirmed_) return;
  confirmed_ = true;
  // RFC 9001 §6.5: "Endpoints need to allow for the possibility that a peer might not be able to decrypt
  // packets that initiate a key update during the period when the peer retains old keys. Endpoints SHOULD
  // wait three times the PTO before initiating a key update after receiving an acknowledgment that confirms
  // that the previous key update was received."
  updateAllowedAt_ = now + 3 * pto;
}

bool OneRttKeys::integrityLimitReached() const {
  return canReceive() && failed_ >= receive_->integrityLimit();
}

}  // namespace mqvpn::quic
