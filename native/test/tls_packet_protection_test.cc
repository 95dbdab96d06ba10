#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>

#include "test/tls_support.h"
#include "tls/key_schedule.h"
#include "tls/packet_protection.h"

using namespace mqvpn::tls;
using mqvpn::tls::test::Bytes;
using mqvpn::tls::test::unhex;

namespace {

const Bytes kConnectionId = unhex("8394c8f03e515708");

// RFC 9001 §A.2: the CRYPTO frame of the client's Initial packet.
const Bytes kClientCrypto = unhex(
    "060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69484c000004130113"
    "02010000c000000010000e00000b6578616d706c652e636f6dff01000100000a00080006001d00170018001000070005"
    "04616c706e000500050100000000003300260024001d00209370b2c9caa47fbabaf4559fedba753de171fa71f50f1ce1"
    "5d43e994ec74d748002b0003020304000d0010000e0403050306030203080408050806002d00020101001c0002400100"
    "3900320408ffffffffffffffff05048000ffff07048000ffff0801100104800075300901100f088394c8f03e51570806"
    "048000ffff");

// RFC 9001 §A.2: the protected packet.
const Bytes kClientPacket = unhex(
    "c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11d242b123dc9bd8bab936b47d92ec356c"
    "0bab7df5976d27cd449f63300099f3991c260ec4c60d17b31f8429157bb35a1282a643a8d2262cad67500cadb8e7378c"
    "8eb7539ec4d4905fed1bee1fc8aafba17c750e2c7ace01e6005f80fcb7df621230c83711b39343fa028cea7f7fb5ff89"
    "eac2308249a02252155e2347b63d58c5457afd84d05dfffdb20392844ae812154682e9cf012f9021a6f0be17ddd0c208"
    "4dce25ff9b06cde535d0f920a2db1bf362c23e596d11a4f5a6cf3948838a3aec4e15daf8500a6ef69ec4e3feb6b1d98e"
    "610ac8b7ec3faf6ad760b7bad1db4ba3485e8a94dc250ae3fdb41ed15fb6a8e5eba0fc3dd60bc8e30c5c4287e53805db"
    "059ae0648db2f64264ed5e39be2e20d82df566da8dd5998ccabdae053060ae6c7b4378e846d29f37ed7b4ea9ec5d82e7"
    "961b7f25a9323851f681d582363aa5f89937f5a67258bf63ad6f1a0b1d96dbd4faddfcefc5266ba6611722395c906556"
    "be52afe3f565636ad1b17d508b73d8743eeb524be22b3dcbc2c7468d54119c7468449a13d8e3b95811a198f3491de3e7"
    "fe942b330407abf82a4ed7c1b311663ac69890f4157015853d91e923037c227a33cdd5ec281ca3f79c44546b9d90ca00"
    "f064c99e3dd97911d39fe9c5d0b23a229a234cb36186c4819e8b9c5927726632291d6a418211cc2962e20fe47feb3edf"
    "330f2c603a9d48c0fcb5699dbfe5896425c5bac4aee82e57a85aaf4e2513e4f05796b07ba2ee47d80506f8d2c25e50fd"
    "14de71e6c418559302f939b0e1abd576f279c4b2e0feb85c1f28ff18f58891ffef132eef2fa09346aee33c28eb130ff2"
    "8f5b766953334113211996d20011a198e3fc433f9f2541010ae17c1bf202580f6047472fb36857fe843b19f5984009dd"
    "c324044e847a4f4a0ab34f719595de37252d6235365e9b84392b061085349d73203a4a13e96f5432ec0fd4a1ee65accd"
    "d5e3904df54c1da510b0ff20dcc0c77fcb2c0e0eb605cb0504db87632cf3d8b4dae6e705769d1de354270123cb11450e"
    "fc60ac47683d7b8d0f811365565fd98c4c8eb936bcab8d069fc33bd801b03adea2e1fbc5aa463d08ca19896d2bf59a07"
    "1b851e6c239052172f296bfb5e72404790a2181014f3b94a4e97d117b438130368cc39dbb2d198065ae3986547926cd2"
    "162f40a29f0c3c8745c0f50fba3852e566d44575c29d39a03f0cda721984b6f440591f355e12d439ff150aab7613499d"
    "bd49adabc8676eef023b15b65bfc5ca06948109f23f350db82123535eb8a7433bdabcb909271a6ecbcb58b936a88cd4e"
    "8f2e6ff5800175f113253d8fa9ca8885c2f552e657dc603f252e1a8e308f76f0be79e2fb8f5d5fbbe2e30ecadd220723"
    "c8c0aea8078cdfcb3868263ff8f0940054da48781893a7e49ad5aff4af300cd804a6b6279ab3ff3afb64491c85194aab"
    "760d58a606654f9f4400e8b38591356fbf6425aca26dc85244259ff2b19c41b9f96f3ca9ec1dde434da7d2d392b905dd"
    "f3d1f9af93d1af5950bd493f5aa731b4056df31bd267b6b90a079831aaf579be0a39013137aac6d404f518cfd4684064"
    "7e78bfe706ca4cf5e9c5453e9f7cfd2b8b4c8d169a44e55c88d4a9a7f9474241e221af44860018ab0856972e194cd934");

// RFC 9001 §A.3: the server's payload and packet.
const Bytes kServerPayload = unhex(
    "02000000000600405a020000560303eefce7f7b37ba1d1632e96677825ddf73988cfc79825df566dc5430b9a045a1200"
    "130100002e00330024001d00209d3c940d89690b84d08a60993c144eca684d1081287c834d5311bcf32bb9da1a002b00"
    "020304");
const Bytes kServerPacket = unhex(
    "cf000000010008f067a5502a4262b5004075c0d95a482cd0991cd25b0aac406a5816b6394100f37a1c69797554780bb3"
    "8cc5a99f5ede4cf73c3ec2493a1839b3dbcba3f6ea46c5b7684df3548e7ddeb9c3bf9c73cc3f3bded74b562bfb19fb84"
    "022f8ef4cdd93795d77d06edbb7aaf2f58891850abbdca3d20398c276456cbc42158407dd074ee");

// RFC 9001 §A.5.
const Bytes kChaChaSecret = unhex("9ac312a7f877468ebe69422748ad00a1 5443f18203a07d6060f688f30f21632b");

constexpr CipherSuite kSuites[] = {CipherSuite::kAes128GcmSha256, CipherSuite::kAes256GcmSha384,
                                   CipherSuite::kChaCha20Poly1305Sha256};

Secret secretFor(CipherSuite suite, std::uint8_t fill = 7) {
  return Secret(suite, Bytes(suite == CipherSuite::kAes256GcmSha384 ? 48 : 32, fill));
}

// RFC 9001 §5.4.1: "header[pn_offset : pn_offset+pn_length] ^= mask[1 : 1+pn_length]". Works on a packet in
// place, and so both puts the protection on and takes it off.
void maskHeader(Bytes& packet, std::size_t numberOffset, std::size_t numberSize, HeaderKey& key) {
  const auto mask = key.mask(packet.data() + numberOffset + 4);
  packet[0] ^= static_cast<std::uint8_t>(mask[0] & ((packet[0] & 0x80) != 0 ? 0x0f : 0x1f));
  for (std::size_t i = 0; i < numberSize; ++i) packet[numberOffset + i] ^= mask[1 + i];
}

Bytes sealed(const Secret& secret, std::uint64_t packetNumber, const Bytes& header, const Bytes& payload,
             std::size_t numberSize) {
  Bytes packet = header;
  packet.insert(packet.end(), payload.begin(), payload.end());
  packet.resize(packet.size() + kTagSize);
  PacketKey key(secret);
  key.seal(0, packetNumber, header, packet.data() + header.size(), payload.size());
  HeaderKey headerKey(secret);
  maskHeader(packet, header.size() - numberSize, numberSize, headerKey);
  return packet;
}

// The payload of a packet whose header protection is removed first; empty: it does not open.
Bytes opened(const Secret& secret, std::uint64_t packetNumber, Bytes packet, std::size_t headerSize,
             std::size_t numberSize) {
  HeaderKey headerKey(secret);
  maskHeader(packet, headerSize - numberSize, numberSize, headerKey);
  PacketKey key(secret);
  const Bytes header(packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(headerSize));
  if (!key.open(0, packetNumber, header, packet.data() + headerSize, packet.size() - headerSize)) return {};
  return {packet.begin() + static_cast<std::ptrdiff_t>(headerSize), packet.end() - kTagSize};
}

}  // namespace

TEST_CASE("RFC 9001 A.2: the client's Initial packet") {
  const Secret secret = initialSecrets(kConnectionId).client;
  Bytes payload = kClientCrypto;
  payload.resize(1162);
  const Bytes header = unhex("c300000001088394c8f03e5157080000449e00000002");
  CHECK(sealed(secret, 2, header, payload, 4) == kClientPacket);
  CHECK(opened(secret, 2, kClientPacket, header.size(), 4) == payload);
  CHECK(opened(secret, 3, kClientPacket, header.size(), 4).empty());
  HeaderKey key(secret);
  const Bytes sample = unhex("d1b1c98dd7689fb8ec11d242b123dc9b");
  CHECK(std::ranges::equal(key.mask(sample.data()), unhex("437b9aec36")));
}

TEST_CASE("RFC 9001 A.3: the server's Initial packet") {
  const Secret secret = initialSecrets(kConnectionId).server;
  const Bytes header = unhex("c1000000010008f067a5502a4262b50040750001");
  CHECK(sealed(secret, 1, header, kServerPayload, 2) == kServerPacket);
  CHECK(opened(secret, 1, kServerPacket, header.size(), 2) == kServerPayload);
  HeaderKey key(secret);
  const Bytes sample = unhex("2cd0991cd25b0aac406a5816b6394100");
  CHECK(std::ranges::equal(key.mask(sample.data()), unhex("2ec0d8356a")));
}

TEST_CASE("RFC 9001 A.5: a packet with a short header and ChaCha20-Poly1305") {
  const Secret secret(CipherSuite::kChaCha20Poly1305Sha256, kChaChaSecret);
  constexpr std::uint64_t packetNumber = 654360564;
  const Bytes packet = unhex("4cfe4189655e5cd55c41f69080575d7999c25a5bfb");
  CHECK(sealed(secret, packetNumber, unhex("4200bff4"), {0x01}, 3) == packet);
  CHECK(opened(secret, packetNumber, packet, 4, 3) == Bytes{0x01});
  HeaderKey key(secret);
  const Bytes sample = unhex("5e5cd55c41f69080575d7999c25a5bfb");
  CHECK(std::ranges::equal(key.mask(sample.data()), unhex("aefefe7d03")));
}

TEST_CASE("RFC 9001 A.5: the nonce") {
  Nonce iv;
  std::ranges::copy(unhex("e0459b3474bdd0e44a41c144"), iv.begin());
  CHECK(std::ranges::equal(packetNonce(iv, 0, 654360564), unhex("e0459b3474bdd0e46d417eb0")));
}

TEST_CASE("draft-ietf-quic-multipath-21 2.4: the nonce of path 3") {
  Nonce iv;
  std::ranges::copy(unhex("6b26114b9cba2b63a9e8dd4f"), iv.begin());
  CHECK(std::ranges::equal(packetNonce(iv, 3, 54321), unhex("6b2611489cba2b63a9e8097e")));
  // All 32 bits of the path and all 62 of the number are in it.
  CHECK(std::ranges::equal(packetNonce(Nonce{}, 0x01020304, 0x3a0b0c0d0e0f1011),
                           unhex("010203043a0b0c0d0e0f1011")));
}

TEST_CASE("AES-256: header protection is AES-ECB of the sample") {
  // RFC 9001 has no vector for this suite. This one is of other software: HKDF in Python, `openssl enc
  // -aes-256-ecb`.
  HeaderKey key(secretFor(CipherSuite::kAes256GcmSha384));
  const Bytes sample = unhex("000102030405060708090a0b0c0d0e0f");
  CHECK(std::ranges::equal(key.mask(sample.data()), unhex("e2751b8b86")));
  // A mask does not depend on the one before.
  CHECK(std::ranges::equal(key.mask(sample.data()), unhex("e2751b8b86")));
}

TEST_CASE("what is sealed in place opens in place, for every suite and size") {
  for (const CipherSuite suite : kSuites) {
    CAPTURE(static_cast<int>(suite));
    PacketKey sender(secretFor(suite));
    PacketKey receiver(secretFor(suite));
    const Bytes header = unhex("40112233445566778800aa");
    for (std::size_t size = 0; size <= 1500; size += size < 70 ? 1 : 143) {
      CAPTURE(size);
      Bytes plain(size);
      for (std::size_t i = 0; i < size; ++i) plain[i] = static_cast<std::uint8_t>(i * 7 + size);
      // Exactly as much memory as is said to be used: AddressSanitizer sees a byte more.
      Bytes packet = plain;
      packet.resize(size + kTagSize);
      sender.seal(2, size, header, packet.data(), size);
      CHECK((size == 0 || std::memcmp(packet.data(), plain.data(), size) != 0));
      REQUIRE(receiver.open(2, size, header, packet.data(), packet.size()));
      packet.resize(size);
      CHECK(packet == plain);
    }
  }
}

TEST_CASE("in place gives the same bytes as a seal of the same plaintext elsewhere in memory") {
  // Odd offsets: the fast paths of the ciphers are made for aligned memory.
  for (const CipherSuite suite : kSuites) {
    PacketKey key(secretFor(suite));
    const Bytes header{0x40};
    Bytes expected;
    for (std::size_t offset = 0; offset < 33; ++offset) {
      Bytes memory(offset + 1350 + kTagSize, 0x5a);
      key.seal(0, 1, header, memory.data() + offset, 1350);
      const Bytes result(memory.begin() + static_cast<std::ptrdiff_t>(offset), memory.end());
      if (offset == 0) expected = result;
      CHECK(result == expected);
      CHECK(std::all_of(memory.begin(), memory.begin() + static_cast<std::ptrdiff_t>(offset),
                        [](std::uint8_t byte) { return byte == 0x5a; }));
    }
  }
}

TEST_CASE("a packet that was touched, or that belongs elsewhere, does not open") {
  for (const CipherSuite suite : kSuites) {
    CAPTURE(static_cast<int>(suite));
    PacketKey key(secretFor(suite));
    const Bytes header = unhex("4011223344");
    Bytes packet(40 + kTagSize, 9);
    key.seal(1, 77, header, packet.data(), 40);
    const auto opens = [&](std::uint32_t path, std::uint64_t number, const Bytes& aad, Bytes bytes) {
      return key.open(path, number, aad, bytes.data(), bytes.size());
    };
    CHECK(opens(1, 77, header, packet));
    for (std::size_t i = 0; i < packet.size(); ++i) {
      Bytes changed = packet;
      changed[i] ^= 1;
      CHECK_FALSE(opens(1, 77, header, changed));
    }
    for (std::size_t i = 0; i < header.size(); ++i) {
      Bytes changed = header;
      changed[i] ^= 0x80;
      CHECK_FALSE(opens(1, 77, changed, packet));
    }
    CHECK_FALSE(opens(1, 78, header, packet));
    CHECK_FALSE(opens(0, 77, header, packet));
    CHECK_FALSE(opens(2, 77, header, packet));
    CHECK_FALSE(opens(1, 77, header, Bytes(packet.begin(), packet.end() - 1)));
    CHECK_FALSE(opens(1, 77, header, Bytes(kTagSize - 1)));
    CHECK_FALSE(opens(1, 77, header, {}));
    PacketKey other(secretFor(suite, 8));
    Bytes copy = packet;
    CHECK_FALSE(other.open(1, 77, header, copy.data(), copy.size()));
    // A key is as good after a forgery as before.
    CHECK(opens(1, 77, header, packet));
  }
}

TEST_CASE("keys can be moved") {
  PacketKey key(secretFor(CipherSuite::kAes128GcmSha256));
  Bytes packet(8 + kTagSize, 1);
  key.seal(0, 0, Bytes{0x40}, packet.data(), 8);
  PacketKey moved = std::move(key);
  key = PacketKey(secretFor(CipherSuite::kAes128GcmSha256, 8));
  CHECK(moved.open(0, 0, Bytes{0x40}, packet.data(), packet.size()));
}

TEST_CASE("RFC 9001 6.6: how many packets a key is good for") {
  for (const CipherSuite suite : {CipherSuite::kAes128GcmSha256, CipherSuite::kAes256GcmSha384}) {
    const PacketKey key(secretFor(suite));
    CHECK(key.confidentialityLimit() == std::uint64_t{1} << 23);
    CHECK(key.integrityLimit() == std::uint64_t{1} << 52);
  }
  const PacketKey key(secretFor(CipherSuite::kChaCha20Poly1305Sha256));
  CHECK(key.confidentialityLimit() == std::uint64_t{1} << 62);
  CHECK(key.integrityLimit() == std::uint64_t{1} << 36);
}
