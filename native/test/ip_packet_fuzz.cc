// Inner packets: parsing, the checks of both directions, spending a hop, and ICMP errors about them.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "connect_ip/checks.h"
#include "connect_ip/icmp.h"
#include "connect_ip_support.h"

using namespace mqvpn::connect_ip;
using namespace mqvpn::connect_ip::test;

namespace {

void demand(bool condition) {
  if (!condition) std::abort();
}

Checks limited() {
  Checks checks;
  checks.setClientAddresses(std::vector<Prefix>{prefix("10.0.0.0/30"), prefix("fd00::/64")});
  checks.setServerRoutes(std::vector<IpRange>{range("10.0.0.0", "10.255.255.255"),
                                              range("192.0.2.0", "192.0.2.9", 17),
                                              range("2001:db8::", "2001:db8::ff", 6)});
  return checks;
}

void icmp(const PacketView& about, IcmpError error) {
  const IpAddress from = about.version == 4 ? ip("10.0.0.1") : ip("fd00::1");
  ByteVector out(kMaxIcmpSize);
  out.resize(writeIcmpError(out, about, error, from, 1300));
  if (out.empty()) return;
  demand(out.size() <= (about.version == 4 ? 576U : 1280U));
  const PacketView seen = view(out);
  demand(seen.version == about.version);
  demand(seen.bytes.size() == out.size());
  demand(seen.destinationAddress() == about.sourceAddress());
  // RFC 1122 §3.2.2, RFC 4443 §2.4 (e): never about an error.
  ByteVector none(kMaxIcmpSize);
  demand(writeIcmpError(none, seen, error, from, 1300) == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Checks checks = limited();
  // Exactly as large as the input, so that one byte too far is seen.
  const std::unique_ptr<std::uint8_t[]> bytes(new std::uint8_t[size]);
  std::copy_n(data, size, bytes.get());
  PacketView packet;
  if (parsePacket({bytes.get(), size}, packet) != PacketError::kNone) return 0;
  demand(packet.bytes.size() <= size);
  demand(packet.payloadOffset <= packet.bytes.size());
  const Verdict up = checks.clientToServer(packet);
  const Verdict down = checks.serverToClient(packet);
  if (up == Verdict::kForward)
    demand(prefix("10.0.0.0/30").contains(packet.sourceAddress()) ||
           prefix("fd00::/64").contains(packet.sourceAddress()));
  if (down == Verdict::kForward)
    demand(prefix("10.0.0.0/30").contains(packet.destinationAddress()) ||
           prefix("fd00::/64").contains(packet.destinationAddress()));
  for (const IcmpError error :
       {IcmpError::kNoRoute, IcmpError::kSourcePolicy, IcmpError::kTimeExceeded, IcmpError::kTooBig})
    icmp(packet, error);
  const std::uint8_t ttl = packet.ttl;
  if (Checks::spendHop(packet) == Verdict::kForward) {
    PacketView again;
    demand(parsePacket({bytes.get(), size}, again) == PacketError::kNone && again.ttl == ttl - 1);
  } else {
    demand(ttl <= 1);
  }
  return 0;
}
