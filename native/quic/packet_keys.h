#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "quic/packet_header.h"
#include "quic/time.h"
#include "tls/key_schedule.h"
#include "tls/packet_protection.h"

namespace mqvpn::quic {

/// Packet and header protection of one level and direction (RFC 9001 §5).
struct PacketKeys {
  explicit PacketKeys(const tls::Secret& secret) : packet(secret), header(secret) {}
  tls::PacketKey packet;
  tls::HeaderKey header;
};

/// RFC 9001 §5.4.1: masks the first byte and the packet number, which ends the header. The payload is sealed.
void protectHeader(tls::HeaderKey& key, std::span<std::uint8_t> packet, std::size_t headerSize,
                   std::size_t numberSize);

/// The reverse, and the packet number in full: `expected` is one more than the largest so far. False: too
/// short.
bool unprotectHeader(tls::HeaderKey& key, const PacketHeader& header, std::span<std::uint8_t> packet,
                     std::uint64_t expected, std::uint64_t& number, std::size_t& headerSize);

/// The keys of 1-RTT packets and their updates (RFC 9001 §6).
class OneRttKeys {
 public:
  void installReceive(const tls::Secret& secret);
  void installSend(const tls::Secret& secret);
  bool canReceive() const { return receive_.has_value(); }
  bool canSend() const { return send_.has_value(); }

  bool phase() const { return phase_ & 1; }
  std::uint64_t updates() const { return phase_; }

  tls::HeaderKey& receiveHeader() { return *receiveHeader_; }
  tls::HeaderKey& sendHeader() { return *sendHeader_; }
  tls::PacketKey& send() { return *send_; }

  enum class Opened : std::uint8_t { kFailed, kOk, kOkKeyUpdated, kKeyUpdateError };
  /// Decrypts with the keys that the Key Phase bit and the packet number select. kOkKeyUpdated: the peer
  /// began the next phase, and this end's own keys follow (§6.2). `lowestInPhase` is per packet number space:
  /// the lowest number that was opened with the current keys; the caller keeps it.
  Opened open(std::uint32_t pathId, std::uint64_t number, bool phaseBit, std::uint64_t lowestInPhase,
              std::span<const std::uint8_t> header, std::uint8_t* payload, std::size_t size, Time now,
              Duration pto);

  /// Whether this end may begin the next phase: the last one is confirmed, and old keys are gone (§6.1,
  /// §6.5).
  bool mayUpdate(Time now) const;
  /// Enough packets were sealed that the next phase should begin (§6.6).
  bool shouldUpdate() const;
  void update() { follow(); }
  /// The limit is all but reached: what is left is for CONNECTION_CLOSE (§6.6).
  bool exhausted() const;
  /// An acknowledgement arrived for a packet that was sealed in the current phase.
  void onCurrentPhaseAcked(Time now, Duration pto);
  void countSealed() { ++sealed_; }
  /// A packet failed to open: too many mean AEAD_LIMIT_REACHED (§6.6).
  bool integrityLimitReached() const;

 private:
  void follow();
  void prepareNext();

  std::optional<tls::PacketKey> receive_;
  std::optional<tls::PacketKey> receiveNext_;
  std::optional<tls::PacketKey> receivePrevious_;
  std::optional<tls::PacketKey> send_;
  std::optional<tls::HeaderKey> receiveHeader_;
  std::optional<tls::HeaderKey> sendHeader_;
  tls::Secret receiveSecret_;
  tls::Secret receiveNextSecret_;
  tls::Secret sendSecret_;
  std::uint64_t phase_ = 0;
  std::uint64_t sealed_ = 0;
  std::uint64_t failed_ = 0;
  bool confirmed_ = false;
  /// When another update may begin at the earliest.
  Time updateAllowedAt_ = 0;
  Time dropPreviousAt_ = kNever;
};

}  // namespace mqvpn::quic
