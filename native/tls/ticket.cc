#include "tls/ticket.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "tls/suite.h"

namespace mqvpn::tls {

namespace {

constexpr std::string_view kMagic = "mqt1";
constexpr std::uint8_t kEarlyDataFlag = 1;
constexpr std::size_t kLongestAlpn = 255;
constexpr std::size_t kChecksumSize = 8;
constexpr std::size_t kFixedSize = kMagic.size() + 2 + 1 + 1 + 4 + kChecksumSize;
/// GnuTLS keeps the server's certificates in it; far above any chain.
constexpr std::size_t kLongestSession = 256 * 1024;

std::array<std::uint8_t, kChecksumSize> checksum(std::span<const std::uint8_t> bytes) {
  std::array<std::uint8_t, 32> hash{};
  gnutls_hash_fast(GNUTLS_DIG_SHA256, bytes.data(), bytes.size(), hash.data());
  std::array<std::uint8_t, kChecksumSize> result{};
  std::copy_n(hash.begin(), result.size(), result.begin());
  return result;
}

}  // namespace

std::vector<std::uint8_t> encodeTicket(const Ticket& ticket) {
  std::vector<std::uint8_t> out;
  if (ticket.alpn.size() > kLongestAlpn || ticket.session.size() > kLongestSession) return out;
  // Never reallocated: what it holds is secret, and the old block would not be wiped.
  out.reserve(kFixedSize + ticket.alpn.size() + ticket.session.size());
  const auto number = [&](std::size_t value, unsigned bytes) {
    for (unsigned i = bytes; i-- > 0;) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  };
  out.insert(out.end(), kMagic.begin(), kMagic.end());
  number(static_cast<std::size_t>(ticket.suite), 2);
  number(ticket.earlyData ? kEarlyDataFlag : 0, 1);
  number(ticket.alpn.size(), 1);
  out.insert(out.end(), ticket.alpn.begin(), ticket.alpn.end());
  number(ticket.session.size(), 4);
  out.insert(out.end(), ticket.session.begin(), ticket.session.end());
  const auto sum = checksum(out);
  out.insert(out.end(), sum.begin(), sum.end());
  return out;
}

std::optional<Ticket> decodeTicket(std::span<const std::uint8_t> bytes) {
  if (bytes.size() < kFixedSize || !std::equal(kMagic.begin(), kMagic.end(), bytes.begin()))
    return std::nullopt;
  const auto sum = checksum(bytes.first(bytes.size() - kChecksumSize));
  if (!std::equal(sum.begin(), sum.end(), bytes.end() - kChecksumSize)) return std::nullopt;

  auto rest = bytes.subspan(kMagic.size(), bytes.size() - kMagic.size() - kChecksumSize);
  const auto number = [&](std::size_t size) {
    std::size_t value = 0;
    for (const std::uint8_t byte : rest.first(size)) value = value << 8 | byte;
    rest = rest.subspan(size);
    return value;
  };
  Ticket ticket;
  // The fixed size was checked: these four bytes and the four of the session's length are there.
  const std::optional<CipherSuite> suite = suiteOf(static_cast<std::uint16_t>(number(2)));
  const std::size_t flags = number(1);
  const std::size_t alpnSize = number(1);
  if (!suite || rest.size() < alpnSize + 4) return std::nullopt;
  ticket.suite = *suite;
  ticket.earlyData = (flags & kEarlyDataFlag) != 0;
  ticket.alpn.assign(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(alpnSize));
  rest = rest.subspan(alpnSize);
  const std::size_t sessionSize = number(4);
  if (sessionSize == 0 || sessionSize > kLongestSession || sessionSize != rest.size()) return std::nullopt;
  ticket.session.assign(rest.begin(), rest.end());
  return ticket;
}

}  // namespace mqvpn::tls
