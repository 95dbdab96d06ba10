// CRYPTO bytes of any kind, at any level, into a client and a server; and any bytes as a ticket.
//
// Input: a first byte of options, then pieces: 1 byte (bits 0–1: level, bit 2: to the server, bits 3–7 and
// the next byte: size), and as many bytes as that.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "test/tls_support.h"
#include "tls/handshake_message.h"
#include "tls/ticket.h"

using namespace mqvpn::tls;
using namespace mqvpn::tls::test;

namespace {

struct Ends {
  ServerContext server{serverConfig()};
  ClientContext client{insecureConfig()};
};

void fuzzTicket(Ends& ends, std::span<const std::uint8_t> bytes) {
  const auto read = decodeTicket(bytes);
  if (read && !std::ranges::equal(encodeTicket(*read), bytes)) std::abort();
  // With a right frame, the bytes get as far as GnuTLS.
  const Bytes framed =
      encodeTicket({CipherSuite::kAes128GcmSha256, true, "h3", Bytes(bytes.begin(), bytes.end())});
  for (const std::span<const std::uint8_t> ticket : {bytes, std::span<const std::uint8_t>(framed)}) {
    Pair pair(ends.client, ends.server, "vpn.example", ticket);
    pair.run();
    if (!pair.bothComplete() && !pair.client->failure() && !pair.server->failure()) std::abort();
  }
}

void fuzzMessages(std::span<const std::uint8_t> bytes) {
  serverHelloSuite(bytes);
  hasSessionId(bytes);
  hasExtension(bytes, kExtensionEarlyData);
  constexpr std::uint16_t groups[] = {29, 23, 24};
  hasKeyShare(bytes, groups);
  ticketEarlyData(bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Ends ends;
  std::span<const std::uint8_t> rest(data, size);
  if (rest.empty()) return 0;
  const unsigned options = rest.front();
  rest = rest.subspan(1);
  fuzzMessages(rest);
  if ((options & 1) != 0) {
    fuzzTicket(ends, rest);
    return 0;
  }
  Pair pair(ends.client, ends.server);
  if (!pair.client->start()) std::abort();
  if ((options & 2) != 0) pair.run();
  if ((options & 4) != 0) {
    // The server has answered; the client has not heard it.
    pair.server->feed(Level::kInitial, pair.clientEvents.outgoing.front().second);
  }
  while (rest.size() >= 2) {
    const Level level = static_cast<Level>(rest[0] & 3);
    Session& to = (rest[0] & 4) != 0 ? *pair.server : *pair.client;
    const std::size_t piece =
        std::min<std::size_t>(rest.size() - 2, std::size_t{rest[0]} >> 3 << 8 | rest[1]);
    const bool taken = to.feed(level, rest.subspan(2, piece));
    if (taken == to.failure().has_value()) std::abort();
    rest = rest.subspan(2 + piece);
  }
  // Nothing that a stranger says can complete a handshake.
  if ((options & 2) == 0 && pair.client->complete()) std::abort();
  return 0;
}
