#include "quic/address_token.h"

#include <algorithm>

#include "tls/mac.h"

namespace mqvpn::quic {
namespace {

// Layout: kind (1) · made at, ns (8) · address · [port (2) · original destination · Retry source] · MAC (16)
constexpr std::uint8_t kRetry = 0x52;
constexpr std::uint8_t kNew = 0x4e;
constexpr std::size_t kMacSize = 16;
/// RFC 9000 §8.1.4: "Tokens sent in Retry packets SHOULD be accepted for only a short time, as they are
/// returned immediately by clients." A client that loses many packets backs off for up to half a minute
/// between two attempts.
constexpr Duration kRetryLife = 60 * kSecond;
/// "tokens sent in NEW_TOKEN frames need to be valid for longer".
constexpr Duration kNewLife = 7 * 24 * 3600 * kSecond;

void putId(std::vector<std::uint8_t>& out, const ConnectionId& id) {
  out.push_back(static_cast<std::uint8_t>(id.size()));
  out.insert(out.end(), id.bytes().begin(), id.bytes().end());
}

std::vector<std::uint8_t> begin(std::uint8_t kind, const SocketAddress& client, Time now) {
  std::vector<std::uint8_t> out{kind};
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(now >> shift));
  out.push_back(client.family);
  out.insert(out.end(), client.ip.begin(), client.ip.end());
  return out;
}

ConnectionId takeId(Reader& in) { return ConnectionId(in.bytes(in.u8())); }

}  // namespace

AddressTokens::AddressTokens(std::span<const std::uint8_t> secret) {
  static constexpr std::uint8_t kPurpose[] = "mqvpn address token";
  key_ = tls::hmacSha256(secret, kPurpose);
}

std::vector<std::uint8_t> AddressTokens::sealed(std::vector<std::uint8_t> body) const {
  const tls::Mac mac = tls::hmacSha256(key_, body);
  body.insert(body.end(), mac.begin(), mac.begin() + kMacSize);
  return body;
}

std::vector<std::uint8_t> AddressTokens::retryToken(const SocketAddress& client,
                                                    const ConnectionId& originalDestination,
                                                    const ConnectionId& retrySource, Time now) const {
  auto body = begin(kRetry, client, now);
  body.push_back(static_cast<std::uint8_t>(client.port >> 8));
  body.push_back(static_cast<std::uint8_t>(client.port));
  putId(body, originalDestination);
  putId(body, retrySource);
  return sealed(std::move(body));
}

std::vector<std::uint8_t> AddressTokens::newToken(const SocketAddress& client, Time now) const {
  return sealed(begin(kNew, client, now));
}

std::optional<AddressTokens::Checked> AddressTokens::check(Bytes token, const SocketAddress& client, Time now,
                                                           bool& isRetry) const {
  isRetry = !token.empty() && token[0] == kRetry;
  if (token.size() < 1 + 8 + 17 + kMacSize) return std::nullopt;
  const Bytes body = token.first(token.size() - kMacSize);
  const tls::Mac mac = tls::hmacSha256(key_, body);
  if (!tls::constantTimeEquals(token.last(kMacSize), Bytes(mac).first(kMacSize))) return std::nullopt;
  Reader in(body);
  Checked checked;
  checked.isRetry = in.u8() == kRetry;
  const Time madeAt = in.u64();
  SocketAddress address;
  address.family = in.u8();
  const Bytes ip = in.bytes(16);
  std::copy(ip.begin(), ip.end(), address.ip.begin());
  const Duration life = checked.isRetry ? kRetryLife : kNewLife;
  if (!address.sameHost(client) || now < madeAt || now - madeAt > life) return std::nullopt;
  if (!checked.isRetry) return checked;
  if (in.u16() != client.port) return std::nullopt;
  checked.originalDestination = takeId(in);
  checked.retrySource = takeId(in);
  if (!in.ok()) return std::nullopt;
  return checked;
}

}  // namespace mqvpn::quic
