// A whole connection that is fed with authentic packets full of garbage. The first byte chooses who sends it,
// at which level, and in which situation. Whatever comes, the process lives, nothing spins or grows, and the
// end that sent no garbage ends or keeps the connection.
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "quic_sim.h"

using namespace mqvpn::quic;
using namespace mqvpn::quic::test;

namespace {

enum Choice : std::uint8_t {
  /// Two bits: Initial, Handshake, 1-RTT.
  kLevel = 0x03,
  kByServer = 0x04,
  /// The client's address changes once, in the middle.
  kMoves = 0x08,
  /// Frames replace payloads only after a quiet second, so that they meet an established connection.
  kLate = 0x10,
  kSecondPath = 0x20,
  kDraft10 = 0x40,
  kMultipath = 0x80,
};

void runUntil(Sim& sim, Time until) {
  const bool finished = sim.run(until, [&] { return sim.client.closed && sim.server.closed; });
  // It stopped early: a deadline in the past that nothing came of.
  if (!finished && sim.now < until) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::uint8_t choice = data[0];
  const Bytes garbage(data + 1, size - 1);
  SimOptions options;
  options.client.multipath = options.server.multipath = (choice & kMultipath) == 0 ? MultipathVersion::kNone
                                                        : (choice & kDraft10) != 0
                                                            ? MultipathVersion::kDraft10
                                                            : MultipathVersion::kDraft21;
  Sim sim(options, simServerTls(), simClientTls());
  sim.client.streamsToOpen = 2;
  sim.client.bytesPerStream = 3000;
  sim.client.datagramsToSend = 3;
  const PacketType at = (choice & kLevel) == 0   ? PacketType::kInitial
                        : (choice & kLevel) == 1 ? PacketType::kHandshake
                                                 : PacketType::kOneRtt;
  std::size_t used = 0;
  bool armed = (choice & kLate) == 0;
  NonceWatch& from = (choice & kByServer) != 0 ? sim.serverWatch : sim.clientWatch;
  from.tamper = [&](const Tracer::Packet& packet, std::span<std::uint8_t> payload) {
    if (!armed || packet.type != at || used >= garbage.size()) return;
    const std::size_t many = std::min(payload.size(), garbage.size() - used);
    std::memcpy(payload.data(), garbage.data() + used, many);
    std::memset(payload.data() + many, 0, payload.size() - many);
    used += many;
  };
  const std::uint32_t socket = sim.addLink({}, {});
  sim.connect();
  runUntil(sim, sim.now + kSecond);
  if (sim.client.connection != nullptr) {
    if ((choice & kSecondPath) != 0) sim.client.connection->openPath(sim.through(socket), sim.now);
    runUntil(sim, sim.now + 200 * kMillisecond);
  }
  armed = true;
  if ((choice & kMoves) != 0) sim.clientAddress.ip[3] ^= 0x55;
  sim.client.datagramsToSend += 5;
  if (sim.client.connection != nullptr) sim.client.connection->ping();
  if (sim.server.connection != nullptr) sim.server.connection->ping();
  runUntil(sim, sim.now + 15 * kSecond);
  for (Connection* connection : {sim.clientConnection(), sim.serverConnection()})
    if (connection != nullptr && connection->stats().memoryBytes > 64 * 1024 * 1024) std::abort();
  if (sim.amplificationViolations > 0) std::abort();
  return 0;
}
