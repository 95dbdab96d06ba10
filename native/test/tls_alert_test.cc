#include <doctest/doctest.h>

#include "tls/alert.h"

using namespace mqvpn::tls;

TEST_CASE("an alert of the peer is named, with what it means for us") {
  CHECK(describeAlert(48) == "unknown_ca (48): the peer does not trust who signed our certificate");
  CHECK(describeAlert(120).starts_with("no_application_protocol (120): "));
  CHECK(describeAlert(80) == "internal_error (80)");
  CHECK(describeAlert(200) == "alert 200");
}

TEST_CASE("an alert becomes a CRYPTO_ERROR by adding 0x0100") {
  CHECK(cryptoError(kMissingExtension) == 0x016d);
}
