#include <doctest/doctest.h>

#include "http3/headers.h"
#include "http3_support.h"

using namespace mqvpn::http3;
using namespace mqvpn::http3::test;

namespace {

Headers without(Headers headers, std::string_view name) {
  std::erase_if(headers, [name](const auto& field) { return field.first == name; });
  return headers;
}

Headers with(Headers headers, std::string name, std::string value) {
  headers.emplace_back(std::move(name), std::move(value));
  return headers;
}

Headers changed(Headers headers, std::string_view name, std::string value) {
  for (auto& field : headers)
    if (field.first == name) field.second = value;
  return headers;
}

bool malformed(const Headers& headers) { return checkRequest(headers).code == ErrorCode::kMessageError; }

const Headers kGet{{":method", "GET"}, {":scheme", "https"}, {":authority", "a.example"}, {":path", "/"}};

}  // namespace

TEST_CASE("requests that are well formed") {
  CHECK_FALSE(checkRequest(connectIpRequest()));
  CHECK_FALSE(checkRequest(kGet));
  CHECK_FALSE(checkRequest(with(kGet, "te", "trailers")));
  CHECK_FALSE(checkRequest({{":method", "CONNECT"}, {":authority", "a.example:443"}}));
  CHECK_FALSE(checkRequest(with(without(kGet, ":authority"), "host", "a.example")));
  CHECK_FALSE(checkRequest(with(kGet, "host", "a.example")));
  CHECK_FALSE(checkRequest(changed(changed(kGet, ":method", "OPTIONS"), ":path", "*")));
}

TEST_CASE("pseudo-header fields: each one once, in front, and where it belongs") {
  for (const char* needed : {":method", ":scheme", ":path", ":authority"}) {
    CHECK(malformed(without(kGet, needed)));
    CHECK(malformed(without(connectIpRequest(), needed)));
    CHECK(malformed(changed(kGet, needed, "")));
    CHECK(malformed(changed(connectIpRequest(), needed, "")));
    Headers twice = kGet;
    twice.insert(twice.begin(), {needed, "x"});
    CHECK(malformed(twice));
  }
  CHECK(malformed(with(with(without(kGet, ":path"), "a", "b"), ":path", "/")));
  CHECK(malformed(Headers{{":status", "200"}}));
  Headers unknown = kGet;
  unknown.insert(unknown.begin(), {":unknown", "x"});
  CHECK(malformed(unknown));
}

TEST_CASE("CONNECT and :protocol") {
  // RFC 9114 §4.4.
  CHECK(malformed({{":method", "CONNECT"}, {":scheme", "https"}, {":authority", "a"}}));
  CHECK(malformed({{":method", "CONNECT"}, {":path", "/"}, {":authority", "a"}}));
  CHECK(malformed({{":method", "CONNECT"}}));
  // RFC 8441 §4.
  CHECK(malformed(changed(connectIpRequest(), ":method", "GET")));
  CHECK(malformed(changed(connectIpRequest(), ":protocol", "")));
}

TEST_CASE("authority, path and scheme") {
  CHECK(malformed(changed(kGet, ":authority", "user@a.example")));
  CHECK(malformed(with(kGet, "host", "b.example")));
  CHECK(malformed(with(kGet, "host", "")));
  CHECK(malformed(changed(kGet, ":path", "index.html")));
  CHECK(malformed(changed(kGet, ":path", "*")));
  CHECK(malformed(changed(kGet, ":scheme", "1http")));
  CHECK(malformed(changed(kGet, ":method", "GE T")));
}

TEST_CASE("field names are lower case tokens, values have no line ends, nothing speaks of the connection") {
  for (const char* name : {"X-Upper", "with space", "", "colon:", "\xc3\xa4"})
    CHECK(malformed(with(kGet, name, "x")));
  for (const std::string& value : {std::string("a\r"), std::string("a\nb"), std::string("a\0b", 3)})
    CHECK(malformed(with(kGet, "x", value)));
  for (const char* name : {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"})
    CHECK(malformed(with(kGet, name, "x")));
  CHECK(malformed(with(kGet, "te", "gzip")));
}

TEST_CASE("the Capsule Protocol excludes fields for content") {
  CHECK(malformed(with(connectIpRequest(), "content-length", "0")));
  CHECK(malformed(with(connectIpRequest(), "content-type", "text/plain")));
  // Without a true capsule-protocol field it is not in use.
  CHECK_FALSE(
      checkRequest(with(changed(connectIpRequest(), "capsule-protocol", "?0"), "content-length", "0")));
}

TEST_CASE("responses") {
  unsigned status = 0;
  CHECK_FALSE(checkResponse({{":status", "200"}, {"capsule-protocol", "?1"}}, status));
  CHECK(status == 200);
  CHECK_FALSE(checkResponse({{":status", "103"}}, status));
  CHECK(status == 103);
  CHECK_FALSE(checkResponse({{":status", "204"}}, status));
  for (const char* bad : {"", "20", "2000", "2x0", "099", "600", "101", "+20"})
    CHECK(checkResponse({{":status", bad}}, status).code == ErrorCode::kMessageError);
  CHECK(checkResponse({{"a", "b"}}, status).code == ErrorCode::kMessageError);
  CHECK(checkResponse({{":status", "200"}, {":status", "200"}}, status).code == ErrorCode::kMessageError);
  CHECK(checkResponse({{":method", "GET"}}, status).code == ErrorCode::kMessageError);
  CHECK(checkResponse({{":status", "200"}, {"Upper", "x"}}, status).code == ErrorCode::kMessageError);
  for (const char* code : {"204", "205", "206"})
    CHECK(checkResponse({{":status", code}, {"capsule-protocol", "?1"}}, status).code ==
          ErrorCode::kMessageError);
  CHECK(
      checkResponse({{":status", "200"}, {"capsule-protocol", "?1"}, {"content-length", "1"}}, status).code ==
      ErrorCode::kMessageError);
}

TEST_CASE("trailers have no pseudo-header fields") {
  CHECK_FALSE(checkTrailers({{"a", "b"}}));
  CHECK(checkTrailers({{":status", "200"}}).code == ErrorCode::kMessageError);
}

TEST_CASE("capsule-protocol is one true Boolean, with or without parameters") {
  for (const char* yes : {"?1", " ?1 ", "?1;a", "?1;a=b;c=1"})
    CHECK(capsuleProtocol({{"capsule-protocol", yes}}));
  for (const char* no : {"?0", "1", "true", "", "?", "?1, ?1", "?11", "\"?1\""})
    CHECK_FALSE(capsuleProtocol({{"capsule-protocol", no}}));
  CHECK_FALSE(capsuleProtocol({{"capsule-protocol", "?1"}, {"capsule-protocol", "?1"}}));
  CHECK_FALSE(capsuleProtocol({}));
}

TEST_CASE("a field section's size counts 32 bytes for each field") {
  CHECK(fieldSectionSize({}) == 0);
  CHECK(fieldSectionSize({{"ab", "cde"}, {"f", ""}}) == 2 + 3 + 32 + 1 + 32);
}
