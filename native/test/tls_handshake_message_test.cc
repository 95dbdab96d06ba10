#include <doctest/doctest.h>

#include "test/tls_support.h"
#include "tls/handshake_message.h"

using namespace mqvpn::tls;
using mqvpn::tls::test::Bytes;
using mqvpn::tls::test::unhex;

namespace {

Bytes message(std::uint8_t type, const Bytes& body) {
  Bytes out{type, 0, static_cast<std::uint8_t>(body.size() >> 8), static_cast<std::uint8_t>(body.size())};
  out.insert(out.end(), body.begin(), body.end());
  return out;
}

// ticket_lifetime, ticket_age_add, ticket_nonce, ticket, and these extensions.
Bytes ticketMessage(const Bytes& extensions) {
  Bytes body = unhex("00001000 01020304 02aabb 0003cccccc");
  body.push_back(static_cast<std::uint8_t>(extensions.size() >> 8));
  body.push_back(static_cast<std::uint8_t>(extensions.size()));
  body.insert(body.end(), extensions.begin(), extensions.end());
  return message(4, body);
}

}  // namespace

TEST_CASE("messages are found however the bytes are cut") {
  Bytes stream = message(8, {1, 2, 3});
  for (const Bytes& next : {message(11, Bytes(300, 5)), message(20, {})}) {
    stream.insert(stream.end(), next.begin(), next.end());
  }
  for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
    MessageReader reader;
    std::vector<Bytes> found;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      std::span<const std::uint8_t> data(stream.data() + at, std::min(piece, stream.size() - at));
      while (!data.empty()) {
        const auto next = reader.next(data, MessageReader::kLongest);
        if (!next.empty()) found.emplace_back(next.begin(), next.end());
      }
    }
    CAPTURE(piece);
    CHECK(found == std::vector<Bytes>{message(8, {1, 2, 3}), message(11, Bytes(300, 5)), message(20, {})});
    CHECK_FALSE(reader.unfinished());
    CHECK_FALSE(reader.tooLong());
  }
}

TEST_CASE("a message that claims to be too long is refused by its header, before it is collected") {
  const Bytes bytes = unhex("01 004001 00");
  for (const std::size_t size : {std::size_t{4}, std::size_t{5}}) {
    MessageReader reader;
    std::span<const std::uint8_t> data(bytes.data(), size);
    CHECK(reader.next(data, MessageReader::kLongestHello).empty());
    CHECK(reader.tooLong());
  }
}

TEST_CASE("the type of a message is known from its first byte") {
  MessageReader reader;
  const Bytes bytes{13};
  std::span<const std::uint8_t> data(bytes);
  CHECK(reader.next(data, MessageReader::kLongest).empty());
  CHECK(reader.unfinished() == MessageType::kCertificateRequest);
}

TEST_CASE("each level takes only the messages that belong to it") {
  CHECK(mayReceive(true, Level::kInitial, MessageType::kClientHello));
  CHECK(mayReceive(true, Level::kHandshake, MessageType::kFinished));
  CHECK(mayReceive(false, Level::kInitial, MessageType::kServerHello));
  CHECK(mayReceive(false, Level::kHandshake, MessageType::kCertificate));
  CHECK(mayReceive(false, Level::kApplication, MessageType::kNewSessionTicket));
  for (int type = 0; type < 256; ++type) {
    const auto any = static_cast<MessageType>(type);
    CHECK_FALSE(mayReceive(true, Level::kApplication, any));
    CHECK_FALSE(mayReceive(true, Level::kEarly, any));
    CHECK_FALSE(mayReceive(false, Level::kEarly, any));
  }
  CHECK_FALSE(mayReceive(false, Level::kInitial, MessageType::kEncryptedExtensions));
  CHECK_FALSE(mayReceive(false, Level::kHandshake, MessageType::kNewSessionTicket));
  CHECK_FALSE(mayReceive(true, Level::kHandshake, MessageType::kCertificate));
}

TEST_CASE("the suite of a ServerHello") {
  Bytes body = unhex("0303");
  body.resize(2 + 32, 0xee);
  const Bytes rest = unhex("00 1302 00 0000");
  body.insert(body.end(), rest.begin(), rest.end());
  CHECK(serverHelloSuite(body) == CipherSuite::kAes256GcmSha384);
  CHECK_FALSE(serverHelloSuite(std::span(body).first(36)));
  body[36] = 0x04;
  CHECK_FALSE(serverHelloSuite(body));
}

TEST_CASE("the extensions of a ClientHello") {
  Bytes body = unhex("0303");
  body.resize(2 + 32, 0xee);
  const Bytes rest = unhex("00 0002 1301 01 00 0009 002a 0000 0029 0001 ff");
  body.insert(body.end(), rest.begin(), rest.end());
  const Bytes hello = message(1, body);
  CHECK(hasExtension(hello, kExtensionEarlyData));
  CHECK(hasExtension(hello, kExtensionPreSharedKey));
  CHECK_FALSE(hasExtension(hello, 0x39));
  CHECK_FALSE(hasSessionId(hello));
  for (std::size_t size = 0; size < hello.size() - 1; ++size) {
    CHECK_FALSE(hasExtension(std::span(hello).first(size), kExtensionPreSharedKey));
  }
  body[34] = 1;
  CHECK(hasSessionId(message(1, body)));
}

TEST_CASE("whether a ClientHello has the key share that the server will want") {
  const auto hello = [](const char* groups, const char* shares) {
    Bytes body = unhex("0303");
    body.resize(2 + 32, 0xee);
    Bytes extensions = unhex(std::string("000a") + groups + "0033" + shares);
    const Bytes middle = unhex("00 0002 1301 01 00 00");
    body.insert(body.end(), middle.begin(), middle.end());
    body.push_back(static_cast<std::uint8_t>(extensions.size()));
    body.insert(body.end(), extensions.begin(), extensions.end());
    return message(1, body);
  };
  constexpr std::uint16_t ours[] = {29, 23, 24};
  // Groups: an unknown one, P-256, X25519. Shares: for the unknown one and P-256.
  const Bytes good = hello("0008 0006 1234 0017 001d", "000c 000a 1234 0001 aa 0017 0001 bb");
  CHECK(hasKeyShare(good, ours));
  CHECK_FALSE(hasKeyShare(good, std::span(ours).subspan(2)));
  // A share for X25519 does not help when P-256 is chosen.
  CHECK_FALSE(hasKeyShare(hello("0006 0004 0017 001d", "0007 0005 001d 0001 bb"), ours));
  CHECK_FALSE(hasKeyShare(hello("0004 0002 1234", "0007 0005 1234 0001 bb"), ours));
  CHECK_FALSE(hasKeyShare(good, {}));
  for (std::size_t size = 0; size < good.size() - 3; ++size) {
    CHECK_FALSE(hasKeyShare(std::span(good).first(size), ours));
  }
}

TEST_CASE("what a ticket says about 0-RTT") {
  CHECK(ticketEarlyData(ticketMessage({})) == TicketEarlyData::kNo);
  CHECK(ticketEarlyData(ticketMessage(unhex("002a0004ffffffff"))) == TicketEarlyData::kYes);
  CHECK(ticketEarlyData(ticketMessage(unhex("1234000199 002a0004ffffffff"))) == TicketEarlyData::kYes);
  CHECK(ticketEarlyData(ticketMessage(unhex("002a000400004000"))) == TicketEarlyData::kWrongLimit);
  CHECK(ticketEarlyData(ticketMessage(unhex("002a0002ffff"))) == TicketEarlyData::kWrongLimit);
  CHECK(ticketEarlyData(Bytes{4, 0, 0, 1, 0}) == TicketEarlyData::kMalformed);
  Bytes cut = ticketMessage(unhex("002a0004ffffffff"));
  cut.pop_back();
  CHECK(ticketEarlyData(cut) == TicketEarlyData::kMalformed);
}
