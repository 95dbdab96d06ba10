#pragma once

#include <bit>
#include <cstdint>

namespace mqvpn::tunnel {

struct HashKey {
  std::uint64_t k0 = 0;
  std::uint64_t k1 = 0;
};

/// SipHash-1-3 (Aumasson, Bernstein: "SipHash: a fast short-input PRF") over 64-bit words: who does not know
/// the key cannot choose inputs that collide. Few rounds, as in the tables of Linux and Rust: the output is
/// never seen.
class SipHash {
 public:
  explicit SipHash(const HashKey& key)
      : v0_(0x736f6d6570736575 ^ key.k0),
        v1_(0x646f72616e646f6d ^ key.k1),
        v2_(0x6c7967656e657261 ^ key.k0),
        v3_(0x7465646279746573 ^ key.k1) {}

  void add(std::uint64_t word) {
    v3_ ^= word;
    round();
    v0_ ^= word;
    ++words_;
  }

  std::uint64_t finish() {
    // The last block of the original holds the length and the bytes that fill no word; there are none here.
    add((words_ * 8) << 56);
    v2_ ^= 0xff;
    round();
    round();
    round();
    return v0_ ^ v1_ ^ v2_ ^ v3_;
  }

 private:
  void round() {
    v0_ += v1_;
    v2_ += v3_;
    v1_ = std::rotl(v1_, 13) ^ v0_;
    v3_ = std::rotl(v3_, 16) ^ v2_;
    v0_ = std::rotl(v0_, 32);
    v2_ += v1_;
    v0_ += v3_;
    v1_ = std::rotl(v1_, 17) ^ v2_;
    v3_ = std::rotl(v3_, 21) ^ v0_;
    v2_ = std::rotl(v2_, 32);
  }

  std::uint64_t v0_, v1_, v2_, v3_;
  std::uint64_t words_ = 0;
};

}  // namespace mqvpn::tunnel
