// Varints, packet numbers and packet headers.

#include <doctest/doctest.h>

#include <random>

#include "quic/packet_header.h"
#include "quic_codec_support.h"

using namespace mqvpn::quic;
using namespace mqvpn::quic::test;

namespace {

ConnectionId idOf(std::string_view hex) { return ConnectionId(fromHex(hex)); }

}  // namespace

TEST_CASE("varints decode as in RFC 9000 A.1") {
  const auto decode = [](const char* hex) {
    const auto bytes = fromHex(hex);
    Reader in(bytes);
    const std::uint64_t value = in.varint();
    CHECK(in.ok());
    CHECK(in.empty());
    return value;
  };
  CHECK(decode("c2197c5eff14e88c") == 151'288'809'941'952'652);
  CHECK(decode("9d7f3e7d") == 494'878'333);
  CHECK(decode("7bbd") == 15'293);
  CHECK(decode("25") == 37);
  CHECK(decode("4025") == 37);
}

TEST_CASE("varints are written in the fewest bytes and come back") {
  for (const auto& [value, hex] : {std::pair<std::uint64_t, const char*>{0, "00"},
                                   {63, "3f"},
                                   {64, "4040"},
                                   {16383, "7fff"},
                                   {16384, "80004000"},
                                   {1073741823, "bfffffff"},
                                   {1073741824, "c000000040000000"},
                                   {kVarintMax, "ffffffffffffffff"}}) {
    std::uint8_t buffer[8];
    Writer out(buffer);
    out.varint(value);
    CHECK(toHex(out.written()) == hex);
    CHECK(varintSize(value) == out.size());
    Reader in(out.written());
    CHECK(in.varint() == value);
  }
  std::uint8_t buffer[4];
  Writer out(buffer);
  out.varint(5, 4);
  CHECK(toHex(out.written()) == "80000005");
}

TEST_CASE("a varint that is cut fails the reader for good") {
  for (const char* hex : {"", "40", "9d7f3e", "c2197c5eff14e8"}) {
    const auto bytes = fromHex(hex);
    Reader in(bytes);
    CHECK(in.varint() == 0);
    CHECK_FALSE(in.ok());
    CHECK(in.u8() == 0);
    CHECK(in.bytes(0).empty());
    CHECK_FALSE(in.ok());
  }
}

TEST_CASE("packet numbers take the size of RFC 9000 A.2") {
  CHECK(packetNumberSize(0xac5c02, 0xabe8b3) == 2);
  CHECK(packetNumberSize(0xace8fe, 0xabe8b3) == 3);
}

TEST_CASE("packet numbers cover more than twice what is not acknowledged") {
  CHECK(packetNumberSize(0, UINT64_MAX) == 1);
  CHECK(packetNumberSize(126, UINT64_MAX) == 1);
  CHECK(packetNumberSize(127, UINT64_MAX) == 2);
  CHECK(packetNumberSize(1127, 1000) == 1);
  CHECK(packetNumberSize(1128, 1000) == 2);
  CHECK(packetNumberSize(33767, 1000) == 2);
  CHECK(packetNumberSize(33768, 1000) == 3);
  CHECK(packetNumberSize(8389607, 1000) == 3);
  CHECK(packetNumberSize(8389608, 1000) == 4);
}

TEST_CASE("packet numbers decode as in RFC 9000 A.3") {
  CHECK(decodePacketNumber(0xa82f30eb, 0x9b32, 2) == 0xa82f9b32);
}

TEST_CASE("a packet number that is encoded in the size for it decodes to itself") {
  const std::uint64_t seed = testSeed();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 20000; ++i) {
    const std::uint64_t acked = random() >> (2 + random() % 60);
    const std::uint64_t number = std::min(acked + 1 + (random() >> (42 + random() % 22)), kVarintMax);
    const std::size_t size = packetNumberSize(number, acked);
    const std::uint64_t truncated = number & ((std::uint64_t{1} << 8 * size) - 1);
    // The receiver has got something between the packet that was acknowledged and this one.
    const std::uint64_t largest = acked + (number == acked ? 0 : random() % (number - acked));
    CAPTURE(acked);
    CAPTURE(number);
    CHECK(decodePacketNumber(largest + 1, truncated, size) == number);
  }
  CHECK(decodePacketNumber(0, 200, 1) == 200);
  CHECK(decodePacketNumber(kVarintMax + 1, 0xff, 1) == kVarintMax);
  CHECK(decodePacketNumber(kVarintMax, 0x01, 1) == (kVarintMax & ~std::uint64_t{0xff}) + 1);
}

TEST_CASE("long headers come back as they were written") {
  const std::uint64_t seed = testSeed();
  CAPTURE(seed);
  RandomFrames random(seed);
  for (int i = 0; i < 300; ++i) {
    for (const PacketType type : {PacketType::kInitial, PacketType::kZeroRtt, PacketType::kHandshake}) {
      const ConnectionId destination(random.bytes(0, 20));
      const ConnectionId source(random.bytes(0, 20));
      const Bytes token = type == PacketType::kInitial ? random.bytes(0, 100) : Bytes{};
      const std::size_t numberSize = 1 + random.below(4);
      const std::size_t payload = random.below(1200);
      std::uint8_t buffer[1600] = {};
      Writer out(buffer);
      const std::size_t lengthField =
          writeLongHeader(out, type, destination, source, token, 0x01020304, numberSize);
      const std::size_t headerSize = out.size();
      setLength(buffer + lengthField, numberSize + payload);
      out.zeros(payload);
      const std::size_t size = out.size();
      out.zeros(30);
      REQUIRE(out.ok());

      const auto header = parsePacketHeader(out.written(), 8);
      REQUIRE(header);
      CHECK(header->type == type);
      CHECK(header->fixedBit);
      CHECK(header->version == kVersion1);
      CHECK(header->destination == destination);
      CHECK(header->source == source);
      CHECK(toHex(header->token) == toHex(token));
      CHECK(header->packetNumberOffset == headerSize - numberSize);
      CHECK(header->size == size);
      CHECK((buffer[0] & 0x0f) == numberSize - 1);
      CHECK(toHex(Bytes(buffer).subspan(header->packetNumberOffset, numberSize)) ==
            toHex(fromHex("01020304")).substr(8 - 2 * numberSize));

      // Without its last byte, the Length field is a lie.
      CHECK_FALSE(parsePacketHeader(out.written().first(size - 1), 8));
      for (std::size_t cut = 0; cut < header->packetNumberOffset; ++cut) {
        const std::vector<std::uint8_t> copy(buffer, buffer + cut);
        CHECK_FALSE(parsePacketHeader(copy, 8));
      }
    }
  }
}

TEST_CASE("the client Initial of RFC 9001 A.2 has the header that the RFC shows") {
  std::uint8_t buffer[1200] = {};
  Writer out(buffer);
  const std::size_t lengthField =
      writeLongHeader(out, PacketType::kInitial, idOf("8394c8f03e515708"), ConnectionId(), {}, 2, 4);
  setLength(buffer + lengthField, 1182);
  CHECK(toHex(out.written()) == "c300000001088394c8f03e5157080000449e00000002");
  const auto header = parsePacketHeader(buffer, 0);
  REQUIRE(header);
  CHECK(header->packetNumberOffset == 18);
  CHECK(header->size == 1200);
}

TEST_CASE("short headers come back as they were written") {
  const ConnectionId id = idOf("0102030405060708");
  std::uint8_t buffer[60] = {};
  Writer out(buffer);
  writeShortHeader(out, id, false, false, 654360564, 3);
  CHECK(toHex(out.written()) == "42010203040506070800bff4");
  Writer flags(buffer);
  writeShortHeader(flags, id, true, true, 7, 1);
  CHECK(toHex(flags.written()) == "64010203040506070807");

  const auto header = parsePacketHeader(buffer, 8);
  REQUIRE(header);
  CHECK(header->type == PacketType::kOneRtt);
  CHECK(header->fixedBit);
  CHECK(header->version == 0);
  CHECK(header->destination == id);
  CHECK(header->source.empty());
  CHECK(header->packetNumberOffset == 9);
  CHECK(header->size == 60);
}

TEST_CASE("a short header needs its connection ID") {
  std::uint8_t buffer[30] = {0x40};
  CHECK_FALSE(parsePacketHeader({}, 0));
  CHECK(parsePacketHeader(Bytes(buffer, 1), 0));
  CHECK_FALSE(parsePacketHeader(Bytes(buffer, 8), 8));
  CHECK(parsePacketHeader(Bytes(buffer, 9), 8));
  CHECK_FALSE(parsePacketHeader(buffer, 21));
}

TEST_CASE("a packet without the fixed bit is read, and says so") {
  auto bytes = fromHex("2300000001 00 00 00 05 0000000000");
  CHECK_FALSE(parsePacketHeader(bytes, 0)->fixedBit);
  bytes[0] = 0x83;
  const auto header = parsePacketHeader(bytes, 0);
  REQUIRE(header);
  CHECK_FALSE(header->fixedBit);
  CHECK(header->type == PacketType::kInitial);
  bytes[0] = 0xc3;
  CHECK(parsePacketHeader(bytes, 0)->fixedBit);
}

TEST_CASE("connection IDs above 20 bytes give nothing in any version") {
  const std::string id20(40, 'a');
  for (const char* version : {"00000001", "00000000", "1a2a3a4a"}) {
    CAPTURE(std::string(version));
    const std::string start = std::string("c0") + version;
    const std::string end = " 00 04 00000000";
    CHECK(parsePacketHeader(fromHex(start + "14" + id20 + "14" + id20 + end), 0));
    CHECK_FALSE(parsePacketHeader(fromHex(start + "15 aa" + id20 + "14" + id20 + end), 0));
    CHECK_FALSE(parsePacketHeader(fromHex(start + "14" + id20 + "15 aa" + id20 + end), 0));
  }
}

TEST_CASE("of an unknown version only the invariant fields are read") {
  const auto bytes = fromHex("d0 1a2a3a4a 02 aabb 01 cc ff ff ff");
  const auto header = parsePacketHeader(bytes, 8);
  REQUIRE(header);
  CHECK(header->version == 0x1a2a3a4a);
  CHECK(header->destination == idOf("aabb"));
  CHECK(header->source == idOf("cc"));
  CHECK(header->token.empty());
  CHECK(header->size == bytes.size());
  // Nobody finds a packet number to remove a mask from.
  CHECK(header->packetNumberOffset == bytes.size());
}

TEST_CASE("lengths beyond the datagram give nothing") {
  CHECK(parsePacketHeader(fromHex("c000000001 00 00 01 aa 01 00"), 0));
  CHECK_FALSE(parsePacketHeader(fromHex("c000000001 00 00 01 aa 02 00"), 0));
  CHECK_FALSE(parsePacketHeader(fromHex("c000000001 00 00 7fff aa 01 00"), 0));
  CHECK_FALSE(parsePacketHeader(fromHex("c000000001 00 00 ffffffffffffffff aa 01 00"), 0));
  CHECK_FALSE(parsePacketHeader(fromHex("e000000001 00 00 ffffffffffffffff"), 0));
}
