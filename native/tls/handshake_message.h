#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tls/secret.h"

namespace mqvpn::tls {

/// RFC 8446 §4, those that have a place in QUIC.
enum class MessageType : std::uint8_t {
  kClientHello = 1,
  kServerHello = 2,
  kNewSessionTicket = 4,
  kEncryptedExtensions = 8,
  kCertificate = 11,
  kCertificateRequest = 13,
  kCertificateVerify = 15,
  kFinished = 20,
};

/// Whether TLS may send that message to us in CRYPTO frames of that level.
bool mayReceive(bool isServer, Level level, MessageType type);

/// Cuts the CRYPTO bytes of one level into handshake messages, so that the TLS library only ever sees whole
/// ones. That makes it independent of how the bytes are cut into frames, shows messages that have no place at
/// a level, and shows bytes that are left when the level ends.
class MessageReader {
 public:
  /// A certificate chain is some 5 KB; a message longer than this is an attack on our memory.
  static constexpr std::size_t kLongest = 128 * 1024;
  /// What a client may make a server keep before anything is known about it: a ClientHello is 0.3–2 KB.
  static constexpr std::size_t kLongestHello = 16 * 1024;

  /// The next whole message with its 4-byte header, and `data` without what was taken of it. Valid until the
  /// next call. Empty: all of `data` was taken, and more is needed, or the message is too long.
  std::span<const std::uint8_t> next(std::span<const std::uint8_t>& data, std::size_t longest);

  /// The type of the message that is not complete yet.
  std::optional<MessageType> unfinished() const;
  bool tooLong() const { return tooLong_; }

 private:
  std::vector<std::uint8_t> buffer_;
  bool given_ = false;
  bool tooLong_ = false;
};

constexpr std::size_t kMessageHeaderSize = 4;

// The functions below believe none of the lengths in what they are given.

/// RFC 8446 §4.1.3: what a ServerHello or HelloRetryRequest chose; `body` is the message without its header.
/// None: malformed, or a suite that we do not use.
std::optional<CipherSuite> serverHelloSuite(std::span<const std::uint8_t> body);

// The others take a whole message, with its header.

/// RFC 8446 §4.1.3: whether a ServerHello is a HelloRetryRequest.
bool isRetryRequest(std::span<const std::uint8_t> serverHello);

/// RFC 8446 §4.1.2: whether legacy_session_id of a ClientHello is not empty.
bool hasSessionId(std::span<const std::uint8_t> clientHello);

constexpr std::uint16_t kExtensionPreSharedKey = 41;
constexpr std::uint16_t kExtensionEarlyData = 42;
constexpr std::uint16_t kExtensionSupportedVersions = 43;
/// Whether a ClientHello has that extension.
bool hasExtension(std::span<const std::uint8_t> clientHello, std::uint16_t type);

/// Whether a ClientHello has a key share for the first of its groups (RFC 8446 §4.2.7) that is also among
/// `groups`. If not, the server has to ask for one with a HelloRetryRequest.
bool hasKeyShare(std::span<const std::uint8_t> clientHello, std::span<const std::uint16_t> groups);

enum class TicketEarlyData : std::uint8_t { kNo, kYes, kWrongLimit, kMalformed };
/// RFC 9001 §4.6.1: what a NewSessionTicket says about 0-RTT.
TicketEarlyData ticketEarlyData(std::span<const std::uint8_t> newSessionTicket);

}  // namespace mqvpn::tls
