#include "tunnel/explain.h"

#include <doctest/doctest.h>

using namespace mqvpn;
using namespace mqvpn::tunnel;
using Cause = quic::CloseInfo::Cause;

TEST_CASE("every cause of a closed connection has its name, and TLS trouble is told apart") {
  CHECK(causeName({Cause::kLocal, true, 0x100, ""}) == "local");
  CHECK(causeName({Cause::kPeer, true, 0x100, ""}) == "peer");
  CHECK(causeName({Cause::kIdleTimeout, false, 0, ""}) == "idle");
  CHECK(causeName({Cause::kHandshakeTimeout, false, 0, ""}) == "handshake-timeout");
  CHECK(causeName({Cause::kStatelessReset, false, 0, ""}) == "stateless-reset");
  CHECK(causeName({Cause::kVersionMismatch, false, 0, ""}) == "version");
  CHECK(causeName({Cause::kProtocolError, false, 0xa, ""}) == "protocol");
  CHECK(causeName({Cause::kProtocolError, false, 0x12a, ""}) == "tls");
  CHECK(causeName({Cause::kPeer, false, 0x12a, ""}) == "tls");
  // An HTTP/3 code in that range is none of TLS.
  CHECK(causeName({Cause::kPeer, true, 0x12a, ""}) == "peer");
}

TEST_CASE("a wrong certificate is not worth another try, a peer that refuses ours may be") {
  const ClosedEvent ours = explainClose({Cause::kProtocolError, false, 0x12a, "the name does not match"});
  CHECK_FALSE(ours.retryable);
  CHECK(ours.message == "the TLS handshake failed: the name does not match");
  CHECK(explainClose({Cause::kPeer, false, 0x150, ""}).retryable);
}

TEST_CASE("every refusal is explained in words of its own, and carries what the server said") {
  std::vector<std::string> messages;
  for (int i = 1; i <= static_cast<int>(connect_ip::Refusal::kOther); ++i) {
    const ClosedEvent event = explainRefusal(static_cast<connect_ip::Refusal>(i), 403, "because");
    CHECK(event.cause == "refused");
    CHECK(event.code == 403);
    CHECK(event.message.find("(because)") != std::string::npos);
    messages.push_back(event.message);
  }
  CHECK(messages.size() >= 11);
}

TEST_CASE("the network header survives the way there and back, and bad input is left out") {
  const auto network = parseNetworkHeader(" 10.0.0.1/24,fd00::1/112 ");
  REQUIRE(network.size() == 2);
  CHECK(formatNetworkHeader(network) == "10.0.0.1/24, fd00::1/112");
  CHECK(parseNetworkHeader("").empty());
  CHECK(parseNetworkHeader("x, 10.0.0.1/99, ,").empty());
  CHECK(parseNetworkHeader("nonsense, 10.0.0.1/24").size() == 1);
  CHECK(parseNetworkHeader("1.1.1.1/8, 2.2.2.2/8, 3.3.3.3/8").size() == 2);
}

TEST_CASE("the header that says which client this is") {
  const auto plain = parseClientHeader("Zm9v-_9");
  REQUIRE(plain);
  CHECK(plain->id == "Zm9v-_9");
  CHECK_FALSE(plain->address);
  const auto full = parseClientHeader("x;address=10.0.0.2");
  REQUIRE(full);
  REQUIRE(full->address);
  CHECK(formatClientHeader(*full) == "x;address=10.0.0.2");
  CHECK(formatClientHeader({"x", std::nullopt}) == "x");
  CHECK(parseClientHeader(std::string(64, 'a')));
  for (const std::string& wrong :
       {std::string(), std::string(65, 'a'), std::string("a b"), std::string("a;"), std::string("a;address="),
        std::string("a;address=10.0.0"), std::string("a;address=fd00::1"),
        std::string("a;address=10.0.0.2/8"), std::string("a;other=1"), std::string(";address=10.0.0.2"),
        std::string("\xc3\xa4")}) {
    CAPTURE(wrong);
    CHECK_FALSE(parseClientHeader(wrong));
  }
}
