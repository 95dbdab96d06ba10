#include <doctest/doctest.h>

#include "connect_ip/refusal.h"

using namespace mqvpn::connect_ip;
using mqvpn::http3::checkResponse;
using mqvpn::http3::findHeader;
using mqvpn::http3::Headers;

TEST_CASE("every refusal that a server sends is told apart by its client") {
  for (const Refusal refusal :
       {Refusal::kMissingKey, Refusal::kWrongKey, Refusal::kFull, Refusal::kWrongProtocol, Refusal::kNotFound,
        Refusal::kBadRequest, Refusal::kUnsupportedTarget, Refusal::kGoingAway}) {
    const Headers headers = refusalHeaders(refusal);
    unsigned status = 0;
    CHECK_FALSE(checkResponse(headers, status));
    CHECK(status == refusalStatus(refusal));
    CHECK(status >= 400);
    CHECK(judgeRefusal(status, headers) == refusal);
    // RFC 9110 §15.5.2.
    CHECK((findHeader(headers, "www-authenticate") != nullptr) == (status == 401));
  }
  CHECK(*findHeader(refusalHeaders(Refusal::kFull), "proxy-status") ==
        "mqvpn; error=connection_limit_reached; details=\"mqvpn-refused: full\"");
}

TEST_CASE("refusals of other servers are known by their status") {
  CHECK(judgeRefusal(401, {}) == Refusal::kWrongKey);
  CHECK(judgeRefusal(403, {}) == Refusal::kWrongKey);
  CHECK(judgeRefusal(503, {}) == Refusal::kFull);
  CHECK(judgeRefusal(429, {}) == Refusal::kFull);
  CHECK(judgeRefusal(501, {}) == Refusal::kWrongProtocol);
  CHECK(judgeRefusal(404, {}) == Refusal::kNotFound);
  CHECK(judgeRefusal(400, {}) == Refusal::kBadRequest);
  CHECK(judgeRefusal(302, {}) == Refusal::kOther);
  CHECK(judgeRefusal(503, {{"proxy-status", "cdn; error=dns_timeout"}}) == Refusal::kFull);
  CHECK(judgeRefusal(503, {{"proxy-status", "x; details=\"mqvpn-refused: nonsense\""}}) == Refusal::kFull);
  // Not for a server to say.
  CHECK(judgeRefusal(500, {{"proxy-status", "x; details=\"mqvpn-refused: none\""}}) == Refusal::kOther);
}

TEST_CASE("names differ, and only what passes by itself is worth another try") {
  CHECK(std::string(refusalName(Refusal::kWrongKey)) == "wrong-key");
  CHECK(std::string(refusalName(Refusal::kOther)) == "other");
  CHECK(refusalRetryable(Refusal::kFull));
  CHECK(refusalRetryable(Refusal::kGoingAway));
  CHECK_FALSE(refusalRetryable(Refusal::kWrongKey));
  CHECK_FALSE(refusalRetryable(Refusal::kWrongProtocol));
}

TEST_CASE("secrets are equal when all of them is") {
  CHECK(constantTimeEquals("", ""));
  CHECK(constantTimeEquals("secret", "secret"));
  for (const char* other : {"", "secre", "secret!", "Secret", "secreT"})
    CHECK_FALSE(constantTimeEquals("secret", other));
}
