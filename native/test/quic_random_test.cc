// Random links, random work, thousands of seeds. A seed that failed once is kept in kKept.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "quic_sim.h"

using namespace mqvpn;
using namespace mqvpn::quic;
using namespace mqvpn::quic::test;

namespace {

/// Seeds that found a bug.
constexpr std::uint64_t kKept[] = {1003, 1004, 1044, 1058, 1252, 1809, 2138, 2849, 40055};

std::uint64_t seedCount() {
  const char* chosen = std::getenv("MQVPN_SIM_SEEDS");
  return chosen ? std::strtoull(chosen, nullptr, 10) : 2000;
}

LinkModel randomLink(SeededRandom& random) {
  LinkModel link;
  const double rates[] = {1e6, 5e6, 20e6, 100e6, 1e9};
  link.bitsPerSecond = rates[random.below(5)];
  link.delay = (random.below(80) + 1) * kMillisecond;
  if (random.chance(0.4)) link.jitter = random.below(30) * kMillisecond;
  if (random.chance(0.5)) link.loss = random.uniform() * 0.2;
  if (random.chance(0.3)) link.duplicate = random.uniform() * 0.3;
  if (random.chance(0.3)) link.reorder = random.uniform() * 0.2;
  if (random.chance(0.3)) link.corrupt = random.uniform() * 0.1;
  link.queueBytes = 4000 + random.below(300'000);
  if (random.chance(0.3)) link.mtu = 1200 + random.below(400);
  return link;
}

std::string describe(Sim& sim) {
  std::string text;
  for (Connection* connection : {sim.clientConnection(), sim.serverConnection()}) {
    if (connection == nullptr) continue;
    const ConnectionStats stats = connection->stats();
    const PathStats& path = stats.paths.front();
    text += connection->isServer() ? "server:" : "client:";
    const auto add = [&](const char* name, auto value) {
      text += std::string(" ") + name + " " + std::to_string(value);
    };
    add("deadline", static_cast<std::int64_t>(connection->deadline() - sim.now));
    add("window", path.window);
    add("inFlight", path.bytesInFlight);
    add("mtu", path.mtu);
    add("pto", path.ptoCount);
    add("validated", path.validated);
    add("confirmed", connection->handshakeConfirmed());
    add("sent", path.packetsSent);
    add("received", path.packetsReceived);
    add("lost", path.packetsLost);
    add("undecryptable", stats.undecryptable);
    add("malformed", stats.malformed);
    add("updates", stats.keyUpdates);
    text += "; ";
  }
  return text;
}

void runOne(std::uint64_t seed) {
  CAPTURE(seed);
  SeededRandom random(seed * 7919);
  SimOptions options;
  options.seed = seed;
  options.up = randomLink(random);
  options.down = randomLink(random);
  const CongestionAlgorithm algorithms[] = {CongestionAlgorithm::kCubic, CongestionAlgorithm::kBbr};
  options.client.congestion = algorithms[random.below(2)];
  options.server.congestion = algorithms[random.below(2)];
  options.client.handshakeTimeout = options.server.handshakeTimeout = 120 * kSecond;
  options.client.idleTimeout = options.server.idleTimeout = 0;
  // A server cannot know where a NAT has moved a client that keeps silent.
  options.client.keepAlive = 5 * kSecond;
  options.server.streams.maxBidi = 1 + random.below(20);
  options.server.streams.connectionWindow = 20'000 + random.below(1'000'000);
  options.server.streams.streamWindow = 10'000 + random.below(300'000);
  options.client.streams.streamWindow = 10'000 + random.below(300'000);
  if (random.chance(0.2)) {
    options.retry = RetryPolicy::kAlways;
    // A Retry token lives for a minute.
    options.up.loss = std::min(options.up.loss, 0.05);
    options.down.loss = std::min(options.down.loss, 0.05);
  }

  Sim sim(options, simServerTls(), simClientTls());
  sim.client.streamsToOpen = random.below(12);
  sim.client.bytesPerStream = random.below(60'000);
  sim.client.datagramsToSend = random.below(200);
  sim.client.datagramSize = 8 + random.below(1150);
  sim.connect();
  for (std::uint64_t step = random.below(8); step > 0; --step) {
    sim.run(sim.now + random.below(3000) * kMillisecond);
    Connection* client = sim.clientConnection();
    Connection* server = sim.serverConnection();
    if (client == nullptr || server == nullptr) break;
    switch (random.below(6)) {
      case 0:
        client->updateKeys(sim.now);
        break;
      case 1:
        server->updateKeys(sim.now);
        break;
      case 2:
        if (client->handshakeConfirmed())
          sim.clientAddress.port = static_cast<std::uint16_t>(1024 + random.below(60'000));
        break;
      case 3:
        if (client->handshakeConfirmed())
          sim.clientAddress.ip[3] = static_cast<std::uint8_t>(random.below(255));
        break;
      case 4:
        // Dead for a while, one way or both.
        if (random.chance(0.7)) {
          sim.options.up.deadFrom = sim.now;
          sim.options.up.deadUntil = sim.now + random.below(4000) * kMillisecond;
        }
        if (random.chance(0.7)) {
          sim.options.down.deadFrom = sim.now;
          sim.options.down.deadUntil = sim.now + random.below(4000) * kMillisecond;
        }
        break;
      default:
        client->ping();
        break;
    }
  }
  const auto done = [&] {
    return sim.client.closed || sim.server.closed ||
           (sim.client.complete && sim.client.streamsFinished == sim.client.streamsToOpen &&
            sim.client.datagramsSent == sim.client.datagramsToSend);
  };
  // Nothing stalls for good while packets get through.
  const bool finished = sim.run(sim.now + 3600 * kSecond, done);
  CHECK_MESSAGE(finished, describe(sim));
  CHECK_MESSAGE(!sim.client.closed, (sim.client.closed ? sim.client.closed->reason : ""));
  CHECK_MESSAGE(!sim.server.closed, (sim.server.closed ? sim.server.closed->reason : ""));
  CHECK(sim.client.bytesReceived == sim.client.streamsToOpen * sim.client.bytesPerStream);
  CHECK(sim.server.bytesReceived == sim.client.streamsToOpen * sim.client.bytesPerStream);
  CHECK(sim.clientWatch.violations == 0);
  CHECK(sim.serverWatch.violations == 0);
  CHECK(sim.amplificationViolations == 0);
  CHECK(sim.client.wrongBytes + sim.server.wrongBytes == 0);
  CHECK(sim.server.datagramsDuplicated == 0);
  CHECK(sim.server.datagramsWrong == 0);
  CHECK(sim.server.resets + sim.client.resets == 0);
}

}  // namespace

TEST_CASE("seeds that once failed") {
  for (const std::uint64_t seed : kKept) runOne(seed);
}

TEST_CASE("whatever the links do, every byte arrives exactly once and nothing stalls") {
  const char* first = std::getenv("MQVPN_SIM_FIRST");
  const std::uint64_t begin = first ? std::strtoull(first, nullptr, 10) : 1000;
  for (std::uint64_t seed = begin; seed < begin + seedCount(); ++seed) runOne(seed);
}
