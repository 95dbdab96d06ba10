#include "tunnel/segment_checksum.h"

#include <algorithm>
#include <cstring>

#include "tunnel/segment_packet.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace mqvpn::tunnel {

namespace {

// A carry out of 16 bits goes back in at the bottom, and 2^16 ≡ 2^32 ≡ 1 (mod 2^16 - 1): words of 32 bits may
// be added up in 64 and folded at the end.
template <bool kCopy>
std::uint64_t portable(std::uint8_t* out, const std::uint8_t* data, std::size_t size, std::uint64_t sum) {
  std::uint64_t even = 0;
  std::uint64_t odd = 0;
  std::size_t at = 0;
  for (; size - at >= 16; at += 16) {
    std::uint64_t a;
    std::uint64_t b;
    std::memcpy(&a, data + at, 8);
    std::memcpy(&b, data + at + 8, 8);
    if constexpr (kCopy) {
      std::memcpy(out + at, &a, 8);
      std::memcpy(out + at + 8, &b, 8);
    }
    even += (a & 0xffffffff) + (b & 0xffffffff);
    odd += (a >> 32) + (b >> 32);
  }
  sum += even + odd;
  for (; size - at >= 4; at += 4) {
    std::uint32_t word;
    std::memcpy(&word, data + at, 4);
    if constexpr (kCopy) std::memcpy(out + at, &word, 4);
    sum += word;
  }
  if (at < size) {
    std::uint8_t rest[4] = {};
    std::memcpy(rest, data + at, size - at);
    if constexpr (kCopy) std::memcpy(out + at, rest, size - at);
    std::uint32_t word;
    std::memcpy(&word, rest, 4);
    sum += word;
  }
  return sum;
}

#if defined(__x86_64__)
// The one instruction that adds pairs of 16-bit words takes them as signed: each is moved down by 2^15 first,
// and what that took away is given back at the end.
template <bool kCopy>
__attribute__((target("avx2"))) std::uint64_t avx2(std::uint8_t* out, const std::uint8_t* data,
                                                   std::size_t size, std::uint64_t sum) {
  const __m256i shift = _mm256_set1_epi16(INT16_MIN);
  const __m256i ones = _mm256_set1_epi16(1);
  std::size_t at = 0;
  while (size - at >= 64) {
    // 32-bit lanes change by at most 2^16 per step; 2^19 bytes are 2^13 steps.
    const std::size_t end = at + std::min((size - at) & ~std::size_t{63}, std::size_t{1} << 19);
    const std::size_t words = (end - at) / 2;
    __m256i a = _mm256_setzero_si256();
    __m256i b = _mm256_setzero_si256();
    for (; at < end; at += 64) {
      const __m256i x = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(data + at));
      const __m256i y = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(data + at + 32));
      if constexpr (kCopy) {
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + at), x);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + at + 32), y);
      }
      a = _mm256_add_epi32(a, _mm256_madd_epi16(_mm256_xor_si256(x, shift), ones));
      b = _mm256_add_epi32(b, _mm256_madd_epi16(_mm256_xor_si256(y, shift), ones));
    }
    const __m256i lanes = _mm256_add_epi32(a, b);
    alignas(32) std::int32_t parts[8];
    _mm256_store_si256(reinterpret_cast<__m256i*>(parts), lanes);
    std::int64_t total = static_cast<std::int64_t>(words) * 32768;
    for (const std::int32_t part : parts) total += part;
    sum += static_cast<std::uint64_t>(total);
  }
  return portable<kCopy>(kCopy ? out + at : out, data + at, size - at, sum);
}

const bool kAvx2 = __builtin_cpu_supports("avx2") != 0;
#endif

}  // namespace

std::uint64_t checksumAdd(const std::uint8_t* data, std::size_t size, std::uint64_t sum) {
#if defined(__x86_64__)
  if (kAvx2 && size >= 64) return avx2<false>(nullptr, data, size, sum);
#endif
  return portable<false>(nullptr, data, size, sum);
}

std::uint64_t checksumCopy(std::uint8_t* out, const std::uint8_t* data, std::size_t size, std::uint64_t sum) {
#if defined(__x86_64__)
  if (kAvx2 && size >= 64) return avx2<true>(out, data, size, sum);
#endif
  return portable<true>(out, data, size, sum);
}

std::uint64_t pseudoHeaderSum(const std::uint8_t* ip, bool ipv6, std::uint8_t protocol, std::size_t length) {
  const std::uint64_t addresses =
      ipv6 ? checksumAdd(ip + kIpv6Addresses, 32) : checksumAdd(ip + kIpv4Addresses, 8);
  return addresses + asInMemory16(protocol) + asInMemory32(static_cast<std::uint32_t>(length));
}

}  // namespace mqvpn::tunnel
