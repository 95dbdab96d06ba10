#include <doctest/doctest.h>

#include "quic/transport_parameters.h"
#include "quic_codec_support.h"

using namespace mqvpn::quic;
using namespace mqvpn::quic::test;

namespace {

std::string describe(const TransportParameters& p) {
  std::ostringstream out;
  const auto id = [&](const std::optional<ConnectionId>& value) {
    if (value)
      out << "[" << value->hex() << "] ";
    else
      out << "none ";
  };
  const auto number = [&](const std::optional<std::uint64_t>& value) {
    out << (value ? std::to_string(*value) : "none") << " ";
  };
  id(p.originalDestinationConnectionId);
  id(p.initialSourceConnectionId);
  id(p.retrySourceConnectionId);
  out << (p.statelessResetToken ? toHex(*p.statelessResetToken) : "none") << " ";
  for (const std::uint64_t value :
       {p.maxIdleTimeout, p.maxUdpPayloadSize, p.initialMaxData, p.initialMaxStreamDataBidiLocal,
        p.initialMaxStreamDataBidiRemote, p.initialMaxStreamDataUni, p.initialMaxStreamsBidi,
        p.initialMaxStreamsUni, p.ackDelayExponent, p.maxAckDelay, p.activeConnectionIdLimit,
        p.maxDatagramFrameSize})
    out << value << " ";
  out << p.disableActiveMigration << p.greaseQuicBit << " ";
  if (const auto& a = p.preferredAddress)
    out << toHex(a->ipv4) << ":" << a->ipv4Port << " " << toHex(a->ipv6) << ":" << a->ipv6Port << " "
        << a->id.hex() << " " << toHex(a->token) << " ";
  number(p.initialMaxPathId);
  number(p.initialMaxPathIdDraft10);
  return out.str();
}

Error parse(const std::string& hex, bool fromServer = true) {
  TransportParameters out;
  const Error error = parseTransportParameters(fromHex(hex), fromServer, out);
  if (error) CHECK(std::string(error.reason) != "");
  return error;
}

bool refused(const std::string& hex, bool fromServer = true) {
  const Error error = parse(hex, fromServer);
  if (error) CHECK(error.code == TransportError::kTransportParameterError);
  return static_cast<bool>(error);
}

TransportParameters randomParameters(RandomFrames& random) {
  TransportParameters p;
  const auto maybe = [&](std::uint64_t& value, std::uint64_t least, std::uint64_t most) {
    if (random.coin()) value = std::max(random.varint(most), least);
  };
  if (random.coin()) p.originalDestinationConnectionId.emplace(random.bytes(0, 20));
  if (random.coin()) p.initialSourceConnectionId.emplace(random.bytes(0, 20));
  if (random.coin()) p.retrySourceConnectionId.emplace(random.bytes(0, 20));
  if (random.coin()) p.statelessResetToken.emplace().fill(static_cast<std::uint8_t>(random.below(256)));
  maybe(p.maxIdleTimeout, 0, kVarintMax);
  maybe(p.maxUdpPayloadSize, 1200, kVarintMax);
  maybe(p.initialMaxData, 0, kVarintMax);
  maybe(p.initialMaxStreamDataBidiLocal, 0, kVarintMax);
  maybe(p.initialMaxStreamDataBidiRemote, 0, kVarintMax);
  maybe(p.initialMaxStreamDataUni, 0, kVarintMax);
  maybe(p.initialMaxStreamsBidi, 0, std::uint64_t{1} << 60);
  maybe(p.initialMaxStreamsUni, 0, std::uint64_t{1} << 60);
  maybe(p.ackDelayExponent, 0, 20);
  maybe(p.maxAckDelay, 0, (1 << 14) - 1);
  maybe(p.activeConnectionIdLimit, 2, kVarintMax);
  maybe(p.maxDatagramFrameSize, 0, kVarintMax);
  p.disableActiveMigration = random.coin();
  p.greaseQuicBit = random.coin();
  if (random.coin()) {
    auto& address = p.preferredAddress.emplace();
    address.ipv4 = {192, 0, 2, static_cast<std::uint8_t>(random.below(256))};
    address.ipv4Port = static_cast<std::uint16_t>(random.below(65536));
    address.ipv6[15] = static_cast<std::uint8_t>(random.below(256));
    address.ipv6Port = static_cast<std::uint16_t>(random.below(65536));
    address.id = ConnectionId(random.bytes(1, 20));
    address.token.fill(static_cast<std::uint8_t>(random.below(256)));
  }
  if (random.coin()) p.initialMaxPathId = random.pathId();
  if (random.coin()) p.initialMaxPathIdDraft10 = random.pathId();
  return p;
}

}  // namespace

TEST_CASE("transport parameters come back as they were written") {
  const std::uint64_t seed = testSeed();
  CAPTURE(seed);
  RandomFrames random(seed);
  for (int round = 0; round < 500; ++round) {
    const TransportParameters parameters = randomParameters(random);
    const auto grease = random.coin() ? std::optional(random.varint(UINT64_MAX)) : std::nullopt;
    const auto encoded = encodeTransportParameters(parameters, grease);
    TransportParameters read;
    const Error error = parseTransportParameters(encoded, true, read);
    CAPTURE(std::string(error.reason));
    CHECK_FALSE(error);
    CHECK(describe(read) == describe(parameters));
  }
}

TEST_CASE("nothing encodes to nothing, and means the defaults of RFC 9000") {
  CHECK(encodeTransportParameters({}).empty());
  TransportParameters out;
  out.initialMaxData = 7;
  out.maxAckDelay = 7;
  CHECK_FALSE(parseTransportParameters({}, true, out));
  CHECK(describe(out) == describe(TransportParameters{}));
  CHECK(out.maxUdpPayloadSize == 65527);
  CHECK(out.ackDelayExponent == 3);
  CHECK(out.maxAckDelay == 25);
  CHECK(out.activeConnectionIdLimit == 2);
}

TEST_CASE("the parameters have the bytes that their RFCs and drafts show") {
  TransportParameters parameters;
  parameters.maxIdleTimeout = 30000;
  parameters.initialMaxData = 1 << 20;
  parameters.disableActiveMigration = true;
  parameters.initialSourceConnectionId.emplace(fromHex("c0ffee"));
  parameters.maxDatagramFrameSize = 65535;
  parameters.greaseQuicBit = true;
  parameters.initialMaxPathId = 8;
  parameters.initialMaxPathIdDraft10 = 4;
  CHECK(toHex(encodeTransportParameters(parameters)) ==
        toHex(fromHex("01 04 80007530  04 04 80100000  20 04 8000ffff  0c 00  0f 03 c0ffee  6ab2 00  "
                      "cf739bbc1b666d09 01 04"
                      "3e 01 08")));
}

TEST_CASE("a reserved parameter is of the form 31 N + 27 and is ignored") {
  for (const std::uint64_t number : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{12345}, UINT64_MAX}) {
    const auto encoded = encodeTransportParameters({}, number);
    Reader in(encoded);
    CHECK((in.varint() - 27) % 31 == 0);
    in.skip(in.varint());
    CHECK(in.ok());
    CHECK(in.empty());
    TransportParameters out;
    CHECK_FALSE(parseTransportParameters(encoded, false, out));
    CHECK(describe(out) == describe(TransportParameters{}));
  }
}

TEST_CASE("parameters of others are ignored, whatever their value") {
  CHECK_FALSE(refused("5000 00 7128 03 aabbcc 8fec002 0 00 13 01 00 0e 01 08"));
}

TEST_CASE("a parameter that comes twice is an error, known or not") {
  CHECK(refused("01 01 05 01 01 05"));
  CHECK(refused("0c 00 04 01 05 0c 00"));
  CHECK(refused("5000 00 01 01 05 5000 00"));
  // The same number in more bytes is the same parameter.
  CHECK(refused("01 01 05 4001 01 05"));
  CHECK_FALSE(refused("01 01 05 02 10 000102030405060708090a0b0c0d0e0f"));
}

TEST_CASE("parameters of servers are an error from a client") {
  const std::string token = "000102030405060708090a0b0c0d0e0f";
  for (const std::string& parameter :
       {std::string("00 01 aa"), "02 10" + token, std::string("10 01 aa"),
        "0d 2a c0000201 01bb 00000000000000000000000000000000 0000 01 aa" + token}) {
    CAPTURE(parameter);
    CHECK_FALSE(refused(parameter, true));
    CHECK(refused(parameter, false));
  }
  CHECK_FALSE(refused("0f 01 aa", false));
}

TEST_CASE("an integer fills its parameter exactly") {
  for (const char* id :
       {"01", "03", "04", "05", "06", "07", "08", "09", "0a", "0b", "0e", "20", "3e", "cf739bbc1b666d09"}) {
    CAPTURE(std::string(id));
    CHECK(refused(std::string(id) + "00"));
    CHECK(refused(std::string(id) + "01 45"));
    CHECK(refused(std::string(id) + "03 450000"));
  }
  CHECK_FALSE(refused("03 02 45dc"));
  // In more bytes than needed.
  CHECK_FALSE(refused("0a 04 80000005"));
}

TEST_CASE("integers out of their range are an error") {
  CHECK_FALSE(refused("03 02 44b0"));
  CHECK(refused("03 02 44af"));
  CHECK_FALSE(refused("08 08 d000000000000000"));
  CHECK(refused("08 08 d000000000000001"));
  CHECK_FALSE(refused("09 08 d000000000000000"));
  CHECK(refused("09 08 d000000000000001"));
  CHECK_FALSE(refused("0a 01 14"));
  CHECK(refused("0a 01 15"));
  CHECK_FALSE(refused("0b 02 7fff"));
  CHECK(refused("0b 04 80004000"));
  CHECK_FALSE(refused("0e 01 02"));
  CHECK(refused("0e 01 01"));
  for (const char* id : {"3e", "cf739bbc1b666d09"}) {
    CHECK_FALSE(refused(std::string(id) + "08 c0000000ffffffff"));
    CHECK(refused(std::string(id) + "08 c000000100000000"));
  }
}

TEST_CASE("values of a fixed size have that size") {
  CHECK(refused("02 0f 000102030405060708090a0b0c0d0e"));
  CHECK(refused("02 11 000102030405060708090a0b0c0d0e0f10"));
  CHECK(refused("0c 01 00"));
  CHECK(refused("6ab2 01 00"));
  for (const char* id : {"00", "0f", "10"}) {
    CHECK_FALSE(refused(std::string(id) + "00"));
    CHECK_FALSE(refused(std::string(id) + "14" + std::string(40, 'a')));
    CHECK(refused(std::string(id) + "15" + std::string(42, 'a')));
  }
}

TEST_CASE("a preferred address has an ID of 1 to 20 bytes and nothing behind its token") {
  const std::string start = "c0000201 01bb 00000000000000000000000000000000 0000 ";
  const std::string token = "000102030405060708090a0b0c0d0e0f";
  CHECK_FALSE(refused("0d 2a" + start + "01 aa" + token));
  CHECK_FALSE(refused("0d 3d" + start + "14" + std::string(40, 'a') + token));
  CHECK(refused("0d 29" + start + "00" + token));
  CHECK(refused("0d 3e" + start + "15" + std::string(42, 'a') + token));
  CHECK(refused("0d 2b" + start + "01 aa" + token + "00"));
  CHECK(refused("0d 29" + start + "01 aa" + token.substr(2)));
  CHECK(refused("0d 00"));
}

TEST_CASE("parameters cut anywhere are an error or fewer parameters") {
  const std::uint64_t seed = testSeed();
  CAPTURE(seed);
  RandomFrames random(seed);
  const auto encoded = encodeTransportParameters(randomParameters(random));
  for (std::size_t size = 0; size < encoded.size(); ++size) {
    const std::vector<std::uint8_t> cut(encoded.begin(), encoded.begin() + static_cast<std::ptrdiff_t>(size));
    TransportParameters out;
    const Error error = parseTransportParameters(cut, true, out);
    if (error)
      CHECK(error.code == TransportError::kTransportParameterError);
    else
      CHECK(encodeTransportParameters(out).size() == size);
  }
}
