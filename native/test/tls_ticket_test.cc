#include <doctest/doctest.h>

#include "test/tls_support.h"
#include "tls/ticket.h"

using namespace mqvpn::tls;
using mqvpn::tls::test::Bytes;

namespace {
const Ticket kTicket{CipherSuite::kAes256GcmSha384, true, "h3", {1, 2, 3, 4, 5}};
}

TEST_CASE("a ticket comes back as it was written") {
  const Bytes bytes = encodeTicket(kTicket);
  const auto read = decodeTicket(bytes);
  REQUIRE(read);
  CHECK(read->suite == kTicket.suite);
  CHECK(read->earlyData);
  CHECK(read->alpn == "h3");
  CHECK(read->session == kTicket.session);
}

TEST_CASE("a ticket that is cut or changed in any place is no ticket") {
  const Bytes bytes = encodeTicket(kTicket);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CHECK_FALSE(decodeTicket(std::span(bytes).first(size)));
  }
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    Bytes changed = bytes;
    changed[i] ^= 0x10;
    CHECK_FALSE(decodeTicket(changed));
  }
  Bytes longer = bytes;
  longer.push_back(0);
  CHECK_FALSE(decodeTicket(longer));
}

TEST_CASE("what cannot be a ticket is not written as one") {
  CHECK(encodeTicket({CipherSuite::kAes128GcmSha256, false, std::string(256, 'a'), {1}}).empty());
  CHECK(encodeTicket({CipherSuite::kAes128GcmSha256, false, "h3", Bytes(256 * 1024 + 1)}).empty());
}

TEST_CASE("a ticket with a right checksum and wrong contents is no ticket") {
  CHECK_FALSE(decodeTicket(encodeTicket({static_cast<CipherSuite>(0x1304), true, "h3", {1}})));
  CHECK_FALSE(decodeTicket(encodeTicket({CipherSuite::kAes128GcmSha256, true, "h3", {}})));
}
