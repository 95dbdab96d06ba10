// Version Negotiation, Retry, Stateless Reset.

#include <doctest/doctest.h>

#include <algorithm>

#include "quic/packet_header.h"
#include "quic_codec_support.h"

using namespace mqvpn::quic;
using namespace mqvpn::quic::test;

namespace {

ConnectionId idOf(std::string_view hex) { return ConnectionId(fromHex(hex)); }

}  // namespace

TEST_CASE("an answer to an unknown version swaps the IDs and offers version 1 and a reserved version") {
  PacketHeader received;
  received.version = 0x12345678;
  received.destination = idOf("aabbcc");
  received.source = idOf("0102");
  for (unsigned random = 0; random < 256; ++random) {
    const auto packet = versionNegotiationPacket(received, static_cast<std::uint8_t>(random));
    const auto header = parsePacketHeader(packet, 0);
    REQUIRE(header);
    CHECK(header->type == PacketType::kVersionNegotiation);
    CHECK(header->fixedBit);
    CHECK(header->destination == received.source);
    CHECK(header->source == received.destination);
    CHECK(header->size == packet.size());
    const auto versions = parseVersionNegotiation(packet);
    REQUIRE(versions);
    CHECK(versions->size() == 2);
    CHECK(std::count(versions->begin(), versions->end(), kVersion1) == 1);
    CHECK(std::any_of(versions->begin(), versions->end(),
                      [](std::uint32_t version) { return (version & 0x0f0f0f0f) == 0x0a0a0a0a; }));
  }
}

TEST_CASE("the version that the client asked for is never offered") {
  for (unsigned random = 0; random < 256; ++random) {
    for (const std::uint32_t asked : {0x0a0a0a0au, 0x1a1a1a1au, 0xfafafafau}) {
      PacketHeader received;
      received.version = asked;
      const auto versions =
          parseVersionNegotiation(versionNegotiationPacket(received, static_cast<std::uint8_t>(random)));
      REQUIRE(versions);
      CHECK(std::count(versions->begin(), versions->end(), asked) == 0);
    }
  }
}

TEST_CASE("a Version Negotiation packet has a list of whole versions") {
  CHECK(parseVersionNegotiation(fromHex("80 00000000 01 aa 02 bbcc 00000001 0a0a0a0a")) ==
        std::vector<std::uint32_t>{1, 0x0a0a0a0a});
  // RFC 8999 allows IDs of 255 bytes.
  CHECK(parseVersionNegotiation(fromHex("80 00000000 ff" + std::string(510, 'a') + "00 00000001")));
  for (const char* wrong : {"", "80", "80 00000000", "80 00000000 00 00", "80 00000000 00 00 000000",
                            "80 00000000 00 00 0000000100", "80 00000000 05 aa", "80 00000001 00 00 00000001",
                            "00 00000000 00 00 00000001"}) {
    CAPTURE(std::string(wrong));
    CHECK_FALSE(parseVersionNegotiation(fromHex(wrong)));
  }
}

TEST_CASE("the Retry packet of RFC 9001 A.4 is written and accepted") {
  const auto sample = fromHex("ff000000010008f067a5502a4262b5746f6b656e04a265ba2eff4d829058fb3f0f2496ba");
  const ConnectionId original = idOf("8394c8f03e515708");
  const auto token = fromHex("746f6b656e");
  CHECK(toHex(retryPacket(ConnectionId(), idOf("f067a5502a4262b5"), token, original, 0xff)) == toHex(sample));
  const auto retry = parseRetry(sample, original);
  REQUIRE(retry);
  CHECK(retry->source == idOf("f067a5502a4262b5"));
  CHECK(toHex(retry->token) == "746f6b656e");
}

TEST_CASE("a Retry packet that was changed, cut, or answers another ID is dropped") {
  const ConnectionId original = idOf("8394c8f03e515708");
  const auto packet = retryPacket(idOf("01020304"), idOf("aabb"), fromHex("c0ffee"), original, 0);
  REQUIRE(parseRetry(packet, original));
  CHECK_FALSE(parseRetry(packet, idOf("8394c8f03e515709")));
  for (std::size_t i = 0; i < packet.size(); ++i) {
    auto changed = packet;
    changed[i] ^= 0x10;
    CHECK_FALSE(parseRetry(changed, original));
    const std::vector<std::uint8_t> cut(packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(i));
    CHECK_FALSE(parseRetry(cut, original));
  }
}

TEST_CASE("a Retry packet without a token is dropped though its tag is right") {
  const ConnectionId original = idOf("8394c8f03e515708");
  CHECK_FALSE(parseRetry(retryPacket(ConnectionId(), idOf("aabb"), {}, original, 0), original));
}

TEST_CASE("a stateless reset looks like a short packet and ends with the token") {
  StatelessResetToken token;
  for (std::size_t i = 0; i < token.size(); ++i) token[i] = static_cast<std::uint8_t>(0xa0 + i);
  const auto random = fromHex("ff112233445566778899");
  for (const std::size_t size : {0, 20, 21, 22, 43, 1200}) {
    const auto packet = statelessResetPacket(size, token, random);
    CHECK(packet.size() == std::max<std::size_t>(size, 21));
    CHECK((packet[0] & 0xc0) == 0x40);
    CHECK((packet[0] & 0x3f) == 0x3f);
    CHECK(toHex(Bytes(packet).subspan(1, 4)) == "11223344");
    CHECK(std::equal(token.begin(), token.end(), packet.end() - 16));
    CHECK(parsePacketHeader(packet, 4)->type == PacketType::kOneRtt);
  }
}
