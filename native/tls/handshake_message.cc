#include "tls/handshake_message.h"

#include <algorithm>

#include "tls/suite.h"

namespace mqvpn::tls {

namespace {

/// Reads big-endian numbers and vectors; past the end it gives zeros and empty vectors, and says so.
class Cursor {
 public:
  explicit Cursor(std::span<const std::uint8_t> bytes) : rest_(bytes) {}

  std::span<const std::uint8_t> take(std::size_t size) {
    if (size > rest_.size()) {
      ok_ = false;
      rest_ = {};
      return {};
    }
    const auto taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }
  std::uint32_t number(std::size_t bytes) {
    std::uint32_t value = 0;
    for (const std::uint8_t byte : take(bytes)) value = value << 8 | byte;
    return value;
  }
  /// A vector of RFC 8446 §3.4 whose length has that many bytes.
  Cursor vector(std::size_t lengthBytes) {
    const std::size_t size = number(lengthBytes);
    return Cursor(take(size));
  }
  std::size_t size() const { return rest_.size(); }
  bool empty() const { return rest_.empty(); }
  bool ok() const { return ok_; }

 private:
  std::span<const std::uint8_t> rest_;
  bool ok_ = true;
};

// RFC 8446 §4.2: "struct { ExtensionType extension_type; opaque extension_data<0..2^16-1>; } Extension;"
std::optional<Cursor> findExtension(Cursor extensions, std::uint16_t wanted) {
  while (!extensions.empty()) {
    const std::uint32_t type = extensions.number(2);
    const Cursor data = extensions.vector(2);
    if (!extensions.ok()) return std::nullopt;
    if (type == wanted) return data;
  }
  return std::nullopt;
}

constexpr std::size_t kVersionAndRandom = 2 + 32;
constexpr std::uint16_t kExtensionSupportedGroups = 10;
constexpr std::uint16_t kExtensionKeyShare = 51;

std::optional<Cursor> helloExtension(std::span<const std::uint8_t> clientHello, std::uint16_t type) {
  Cursor cursor(clientHello);
  cursor.take(kMessageHeaderSize + kVersionAndRandom);
  cursor.vector(1);  // legacy_session_id
  cursor.vector(2);  // cipher_suites
  cursor.vector(1);  // legacy_compression_methods
  return findExtension(cursor.vector(2), type);
}

}  // namespace

bool mayReceive(bool isServer, Level level, MessageType type) {
  switch (level) {
    case Level::kInitial:
      return type == (isServer ? MessageType::kClientHello : MessageType::kServerHello);
    case Level::kEarly:
      return false;
    case Level::kHandshake:
      // We ask no client for a certificate.
      if (isServer) return type == MessageType::kFinished;
      switch (type) {
        case MessageType::kEncryptedExtensions:
        case MessageType::kCertificate:
        case MessageType::kCertificateRequest:
        case MessageType::kCertificateVerify:
        case MessageType::kFinished:
          return true;
        default:
          return false;
      }
    case Level::kApplication:
      return !isServer && type == MessageType::kNewSessionTicket;
  }
  return false;
}

std::span<const std::uint8_t> MessageReader::next(std::span<const std::uint8_t>& data, std::size_t longest) {
  if (given_) {
    buffer_.clear();
    given_ = false;
  }
  const auto messageSize = [](std::span<const std::uint8_t> header) {
    return kMessageHeaderSize + (std::size_t{header[1]} << 16 | std::size_t{header[2]} << 8 | header[3]);
  };
  // The usual case: a whole message in one piece is not copied.
  if (buffer_.empty() && data.size() >= kMessageHeaderSize && data.size() >= messageSize(data) &&
      messageSize(data) <= longest) {
    const auto message = data.first(messageSize(data));
    data = data.subspan(message.size());
    return message;
  }
  const auto fillTo = [&](std::size_t size) {
    const auto piece = data.first(std::min(data.size(), size - buffer_.size()));
    buffer_.insert(buffer_.end(), piece.begin(), piece.end());
    data = data.subspan(piece.size());
    return buffer_.size() == size;
  };
  if (buffer_.size() < kMessageHeaderSize && !fillTo(kMessageHeaderSize)) return {};
  const std::size_t size = messageSize(buffer_);
  if (size > longest) {
    tooLong_ = true;
    return {};
  }
  given_ = fillTo(size);
  return given_ ? std::span<const std::uint8_t>(buffer_) : std::span<const std::uint8_t>();
}

std::optional<MessageType> MessageReader::unfinished() const {
  if (buffer_.empty() || given_) return std::nullopt;
  return static_cast<MessageType>(buffer_.front());
}

std::optional<CipherSuite> serverHelloSuite(std::span<const std::uint8_t> body) {
  Cursor cursor(body);
  cursor.take(kVersionAndRandom);
  cursor.vector(1);  // legacy_session_id_echo
  return suiteOf(static_cast<std::uint16_t>(cursor.number(2)));
}

bool isRetryRequest(std::span<const std::uint8_t> serverHello) {
  // RFC 8446 §4.1.3: "the HelloRetryRequest message uses the same structure as the ServerHello, but with
  // Random set to the special value of the SHA-256 of "HelloRetryRequest"".
  static constexpr std::uint8_t random[] = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c,
                                            0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb,
                                            0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};
  Cursor cursor(serverHello);
  cursor.take(kMessageHeaderSize + 2);
  return std::ranges::equal(cursor.take(sizeof random), random);
}

bool hasSessionId(std::span<const std::uint8_t> clientHello) {
  Cursor cursor(clientHello);
  cursor.take(kMessageHeaderSize + kVersionAndRandom);
  return cursor.number(1) != 0;
}

bool hasExtension(std::span<const std::uint8_t> clientHello, std::uint16_t type) {
  return helloExtension(clientHello, type).has_value();
}

bool hasKeyShare(std::span<const std::uint8_t> clientHello, std::span<const std::uint16_t> groups) {
  std::optional<Cursor> offered = helloExtension(clientHello, kExtensionSupportedGroups);
  std::optional<Cursor> shares = helloExtension(clientHello, kExtensionKeyShare);
  if (!offered || !shares) return false;
  std::uint32_t group = 0;
  Cursor offeredGroups = offered->vector(2);
  while (std::ranges::find(groups, group) == groups.end()) {
    if (offeredGroups.empty()) return false;
    group = offeredGroups.number(2);
  }
  // RFC 8446 §4.2.8: "struct { NamedGroup group; opaque key_exchange<1..2^16-1>; } KeyShareEntry;"
  Cursor entries = shares->vector(2);
  while (!entries.empty()) {
    if (entries.number(2) == group) return true;
    entries.vector(2);
  }
  return false;
}

TicketEarlyData ticketEarlyData(std::span<const std::uint8_t> newSessionTicket) {
  Cursor cursor(newSessionTicket);
  cursor.take(kMessageHeaderSize);
  cursor.take(4 + 4);  // ticket_lifetime, ticket_age_add
  cursor.vector(1);    // ticket_nonce
  cursor.vector(2);    // ticket
  const Cursor extensions = cursor.vector(2);
  if (!cursor.ok()) return TicketEarlyData::kMalformed;
  std::optional<Cursor> limit = findExtension(extensions, kExtensionEarlyData);
  if (!limit) return TicketEarlyData::kNo;
  // RFC 9001 §4.6.1: "a sentinel value 0xffffffff to indicate that the server is willing to accept QUIC 0-RTT
  // data"
  return limit->size() == 4 && limit->number(4) == 0xffffffff ? TicketEarlyData::kYes
                                                              : TicketEarlyData::kWrongLimit;
}

}  // namespace mqvpn::tls
