#include <doctest/doctest.h>

#include "http3/qpack.h"
#include "http3_support.h"

using namespace mqvpn::http3;
using namespace mqvpn::http3::test;

namespace {

Headers decoded(const ByteVector& section) {
  QpackDecoder decoder;
  Headers headers;
  REQUIRE(decoder.decode(0, section, 32768, headers) == QpackDecoder::Result::kOk);
  return headers;
}

QpackDecoder::Result resultOf(const ByteVector& section, std::uint64_t most = 32768) {
  QpackDecoder decoder;
  Headers headers;
  return decoder.decode(0, section, most, headers);
}

}  // namespace

TEST_CASE("QPACK: a request comes back as it was encoded") {
  Headers headers = connectIpRequest();
  headers.emplace_back("authorization", "Bearer c2VjcmV0");
  headers.emplace_back("x-empty", "");
  QpackEncoder encoder;
  ByteVector section;
  REQUIRE(encoder.encode(0, headers, section));
  CHECK(decoded(section) == headers);
}

TEST_CASE("QPACK: the encoder never refers to the dynamic table") {
  QpackEncoder encoder;
  for (int round = 0; round < 20; ++round) {
    ByteVector section;
    REQUIRE(encoder.encode(static_cast<std::uint64_t>(round) * 4, connectIpRequest(), section));
    // RFC 9204 §4.5.1: Required Insert Count 0, Base 0. Then :method CONNECT, index 15 of the static table.
    CHECK(ByteVector(section.begin(), section.begin() + 3) == hex("0000cf"));
  }
}

TEST_CASE("QPACK: credentials are marked as never to be indexed") {
  QpackEncoder encoder;
  ByteVector section;
  REQUIRE(encoder.encode(0, {{"authorization", "Bearer x"}}, section));
  // RFC 9204 §4.5.4: 01NT, a static name reference (T), with N set.
  CHECK((section[2] & 0xf0) == 0x70);
}

TEST_CASE("QPACK: RFC 9204 B.1, a literal with a name of the static table") {
  CHECK(decoded(hex("0000 510b 2f69 6e64 6578 2e68 746d 6c")) == Headers{{":path", "/index.html"}});
}

TEST_CASE("QPACK: the request of a deployed client") {
  const Headers headers = decoded(hex(
      "0000cf2f00b95d8749c87a3f8721eaa8a44ac6afd7508b08170800b8170dc69a659f5195617f05a285bad47f153148d1dad2"
      "b06ad8f963e58f2f0420eb45b4156aec3a4e43d1023f317f45a8ba51d85b14d89151b389bd17570bf30907cf86dc12f6b49e"
      "8dabfde0d5f804f7b2703c00480e707f"));
  REQUIRE(headers.size() == 7);
  CHECK(headers[0] == std::pair<std::string, std::string>(":method", "CONNECT"));
  CHECK(headers[1] == std::pair<std::string, std::string>(":protocol", "connect-ip"));
  CHECK(headers[2] == std::pair<std::string, std::string>(":scheme", "https"));
  CHECK(headers[3] == std::pair<std::string, std::string>(":authority", "10.100.0.1:4433"));
  CHECK(headers[4] == std::pair<std::string, std::string>(":path", "/.well-known/masque/ip/*/*/"));
  CHECK(headers[5] == std::pair<std::string, std::string>("capsule-protocol", "?1"));
  CHECK(headers[6].first == "authorization");
  CHECK(headers[6].second.starts_with("Bearer "));
  CHECK_FALSE(checkRequest(headers));
}

TEST_CASE("QPACK: a section that refers to the dynamic table is refused") {
  // RFC 9204 B.2: Required Insert Count 2, Base 0, two post-base references.
  CHECK(resultOf(hex("0381 10 11")) == QpackDecoder::Result::kFailed);
  // No insert count, and yet a dynamic reference.
  CHECK(resultOf(hex("0000 80")) == QpackDecoder::Result::kFailed);
}

TEST_CASE("QPACK: sections that end too early or make no sense are refused") {
  CHECK(resultOf({}) == QpackDecoder::Result::kFailed);
  CHECK(resultOf(hex("00")) == QpackDecoder::Result::kFailed);
  const ByteVector whole = hex("0000 510b 2f69 6e64 6578 2e68 746d 6c");
  for (std::size_t size = 3; size < whole.size(); ++size)
    CHECK(resultOf(ByteVector(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size))) ==
          QpackDecoder::Result::kFailed);
  // Index 99 of the static table, which has 99 entries.
  CHECK(resultOf(hex("0000 ff24")) == QpackDecoder::Result::kFailed);
  // An integer without end.
  CHECK(resultOf(hex("0000 ffffffffffffffffffffffff")) == QpackDecoder::Result::kFailed);
}

TEST_CASE("QPACK: a section beyond the limit is too large, and the next one is fine") {
  QpackEncoder encoder;
  QpackDecoder decoder;
  ByteVector large;
  REQUIRE(encoder.encode(0, {{"x-long", std::string(1000, 'a')}}, large));
  Headers headers;
  CHECK(decoder.decode(0, large, 1037, headers) == QpackDecoder::Result::kTooLarge);
  CHECK(decoder.decode(0, large, 1038, headers) == QpackDecoder::Result::kOk);
  ByteVector many;
  REQUIRE(encoder.encode(4, Headers(2000, {":method", "CONNECT"}), many));
  // RFC 9114 §4.2.2: 32 bytes per field count, however small it is on the wire.
  CHECK(many.size() < 2100);
  CHECK(decoder.decode(4, many, 32768, headers) == QpackDecoder::Result::kTooLarge);
  CHECK(decoder.decode(8, hex("0000 cf"), 32768, headers) == QpackDecoder::Result::kOk);
}

TEST_CASE("QPACK: the peer's encoder may not use a table that it was not given") {
  QpackDecoder decoder;
  CHECK_FALSE(decoder.readEncoderStream({}));
  // RFC 9204 §4.3.1: set capacity to 0.
  CHECK_FALSE(decoder.readEncoderStream(hex("20")));
  SUBCASE("a capacity of 16384, as a deployed peer sets it where that is offered") {
    CHECK(decoder.readEncoderStream(hex("3fe17f")).code == ErrorCode::kQpackEncoderStreamError);
  }
  SUBCASE("an insertion: RFC 9204 B.2") {
    CHECK(decoder.readEncoderStream(hex("c00f 7777 772e 6578 616d 706c 652e 636f 6d")).code ==
          ErrorCode::kQpackEncoderStreamError);
  }
  SUBCASE("a duplicate") {
    CHECK(decoder.readEncoderStream(hex("02")).code == ErrorCode::kQpackEncoderStreamError);
  }
}

TEST_CASE("QPACK: the peer's decoder may not acknowledge what was never inserted") {
  QpackEncoder encoder;
  CHECK_FALSE(encoder.readDecoderStream({}));
  // RFC 9204 §4.4.2: a stream cancellation, which is harmless.
  CHECK_FALSE(encoder.readDecoderStream(hex("40")));
  SUBCASE("a section acknowledgment") {
    CHECK(encoder.readDecoderStream(hex("80")).code == ErrorCode::kQpackDecoderStreamError);
  }
  SUBCASE("an insert count increment") {
    CHECK(encoder.readDecoderStream(hex("01")).code == ErrorCode::kQpackDecoderStreamError);
  }
  SUBCASE("an increment of 0") {
    CHECK(encoder.readDecoderStream(hex("00")).code == ErrorCode::kQpackDecoderStreamError);
  }
}
