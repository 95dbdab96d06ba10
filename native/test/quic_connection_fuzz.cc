// A whole connection that is fed with authentic packets full of garbage. The first byte chooses at which
// level, and whether a valid frame stands in front. Whatever comes, the process lives, and the end that sent
// no garbage ends or keeps the connection.
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "quic_sim.h"

using namespace mqvpn::quic;
using namespace mqvpn::quic::test;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::uint8_t choice = data[0];
  const Bytes garbage(data + 1, size - 1);
  SimOptions options;
  options.client.multipath = options.server.multipath =
      (choice & 0x80) != 0 ? MultipathVersion::kDraft21 : MultipathVersion::kNone;
  Sim sim(options, simServerTls(), simClientTls());
  sim.client.streamsToOpen = 2;
  sim.client.bytesPerStream = 3000;
  sim.client.datagramsToSend = 3;
  const PacketType at = (choice & 3) == 0   ? PacketType::kInitial
                        : (choice & 3) == 1 ? PacketType::kHandshake
                                            : PacketType::kOneRtt;
  std::size_t used = 0;
  NonceWatch& from = (choice & 4) != 0 ? sim.serverWatch : sim.clientWatch;
  from.tamper = [&](const Tracer::Packet& packet, std::span<std::uint8_t> payload) {
    if (packet.type != at || used >= garbage.size()) return;
    const std::size_t many = std::min(payload.size(), garbage.size() - used);
    std::memcpy(payload.data(), garbage.data() + used, many);
    std::memset(payload.data() + many, 0, payload.size() - many);
    used += many;
  };
  sim.connect();
  sim.run(sim.now + 15 * kSecond, [&] { return sim.client.streamsFinished == 2; });
  for (Connection* connection : {sim.clientConnection(), sim.serverConnection()})
    if (connection != nullptr && connection->stats().memoryBytes > 64 * 1024 * 1024) std::abort();
  if (sim.amplificationViolations > 0) std::abort();
  return 0;
}
