#include <doctest/doctest.h>

#include <algorithm>
#include <stdexcept>

#include "test/tls_support.h"
#include "tls/key_schedule.h"

using namespace mqvpn::tls;
using mqvpn::tls::test::Bytes;
using mqvpn::tls::test::unhex;

namespace {

Bytes expanded(const Secret& secret, std::string_view label, std::size_t size) {
  Bytes out(size);
  expandLabel(secret, label, out);
  return out;
}

Bytes bytesOf(const Secret& secret) { return {secret.bytes().begin(), secret.bytes().end()}; }

}  // namespace

TEST_CASE("RFC 9001 A.1: the secrets and keys of Initial packets") {
  const InitialSecrets secrets = initialSecrets(unhex("8394c8f03e515708"));
  CHECK(bytesOf(secrets.client) ==
        unhex("c00cf151ca5be075ed0ebfb5c80323c4 2d6b7db67881289af4008f1f6c357aea"));
  CHECK(expanded(secrets.client, "quic key", 16) == unhex("1f369613dd76d5467730efcbe3b1a22d"));
  CHECK(expanded(secrets.client, "quic iv", 12) == unhex("fa044b2f42a3fd3b46fb255c"));
  CHECK(expanded(secrets.client, "quic hp", 16) == unhex("9f50449e04a0e810283a1e9933adedd2"));
  CHECK(bytesOf(secrets.server) ==
        unhex("3c199828fd139efd216c155ad844cc81 fb82fa8d7446fa7d78be803acdda951b"));
  CHECK(expanded(secrets.server, "quic key", 16) == unhex("cf3a5331653c364c88f0f379b6067e37"));
  CHECK(expanded(secrets.server, "quic iv", 12) == unhex("0ac1493ca1905853b0bba03e"));
  CHECK(expanded(secrets.server, "quic hp", 16) == unhex("c206b8d9b9f0f37644430b490eeaa314"));
}

TEST_CASE("Initial secrets of a connection ID of any length") {
  // RFC 9000 §17.2: "In QUIC version 1, this value MUST NOT exceed 20 bytes". Servers may choose an empty one
  // in Retry.
  CHECK(bytesOf(initialSecrets({}).client) != bytesOf(initialSecrets(Bytes(20)).client));
}

TEST_CASE("RFC 9001 A.5: the keys of ChaCha20-Poly1305, and the secret after a key update") {
  const Secret secret(CipherSuite::kChaCha20Poly1305Sha256,
                      unhex("9ac312a7f877468ebe69422748ad00a1 5443f18203a07d6060f688f30f21632b"));
  CHECK(expanded(secret, "quic key", 32) ==
        unhex("c6d98ff3441c3fe1b2182094f69caa2e d4b716b65488960a7a984979fb23e1c8"));
  CHECK(expanded(secret, "quic iv", 12) == unhex("e0459b3474bdd0e44a41c144"));
  CHECK(expanded(secret, "quic hp", 32) ==
        unhex("25a282b9e82f06f21f488917a4fc8f1b 73573685608597d0efcb076b0ab7a7a4"));
  const Secret next = nextSecret(secret);
  CHECK(bytesOf(next) == unhex("1223504755036d556342ee9361d25342 1a826c9ecdf3c7148684b36b714881f9"));
  CHECK(next.suite() == secret.suite());
}

TEST_CASE("a secret of SHA-384 stays 48 bytes long through a key update") {
  const Secret secret(CipherSuite::kAes256GcmSha384, Bytes(48, 3));
  CHECK(nextSecret(secret).bytes().size() == 48);
  CHECK(bytesOf(nextSecret(secret)) != bytesOf(nextSecret(nextSecret(secret))));
}

TEST_CASE("RFC 9001 A.4: the tag of a Retry packet") {
  const Bytes packet = unhex("ff000000010008f067a5502a4262b574 6f6b656e04a265ba2eff4d829058fb3f 0f2496ba");
  const Bytes retry(packet.begin(), packet.end() - kRetryTagSize);
  const Bytes tag(packet.end() - kRetryTagSize, packet.end());
  CHECK(std::ranges::equal(retryIntegrityTag(unhex("8394c8f03e515708"), retry), tag));
  CHECK_FALSE(std::ranges::equal(retryIntegrityTag(unhex("8394c8f03e515709"), retry), tag));
}

TEST_CASE("a secret keeps its bytes and its suite when it is copied, and refuses too many bytes") {
  const Secret secret(CipherSuite::kAes256GcmSha384, Bytes(48, 3));
  const Secret copy = secret;
  CHECK(bytesOf(copy) == Bytes(48, 3));
  CHECK(copy.suite() == CipherSuite::kAes256GcmSha384);
  CHECK(Secret().empty());
  CHECK_THROWS_AS(Secret(CipherSuite::kAes128GcmSha256, Bytes(49)), std::length_error);
}

TEST_CASE("a secret is wiped when it goes") {
  alignas(Secret) unsigned char memory[sizeof(Secret)];
  Secret* secret = new (memory) Secret(CipherSuite::kAes128GcmSha256, Bytes(32, 0xab));
  CHECK(std::count(std::begin(memory), std::end(memory), 0xab) >= 32);
  secret->~Secret();
  CHECK(std::count(std::begin(memory), std::end(memory), 0xab) == 0);
}
