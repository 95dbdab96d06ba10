// What one packet costs, without sockets: a client that sends DATAGRAM frames as fast as the window allows, a
// server that acknowledges. Times are CPU time of this process, both ends together. Arguments: datagrams,
// size, packets in flight.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <vector>

#include "quic/endpoint.h"
#include "quic_sim.h"

using namespace mqvpn::quic;
using namespace mqvpn::quic::test;

namespace {

double cpuSeconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

struct Source final : DatagramSource {
  std::uint64_t left = 0;
  std::size_t size = 1400;
  bool hasDatagram() const override { return left > 0; }
  std::size_t nextSize(std::uint32_t, std::size_t most, Time) override { return std::min(size, most); }
  void write(std::uint8_t* out, const PacketId&, std::uint64_t&) override {
    out[0] = 1;
    --left;
  }
};

struct Quiet final : ConnectionEvents {
  std::uint64_t datagrams = 0;
  void onReady(bool) override {}
  void onHandshakeComplete() override {}
  void onDatagram(std::span<std::uint8_t>, const PacketId&, Time) override { ++datagrams; }
  void onMaxDatagramPayload(std::size_t) override {}
  void onClosed(const CloseInfo& info) override { std::printf("closed: %s\\n", info.reason.c_str()); }
  void onStreamOpened(std::uint64_t) override {}
  void onStreamReadable(std::uint64_t) override {}
  void onStreamWritable(std::uint64_t) override {}
  void onStreamReset(std::uint64_t, std::uint64_t) override {}
  void onStopSending(std::uint64_t, std::uint64_t) override {}
  void onStreamClosed(std::uint64_t) override {}
  void onStreamsAvailable(bool) override {}
};

struct Hooks final : EndpointEvents {
  Quiet server;
  Connection* made = nullptr;
  ConnectionEvents& onConnection(const NetworkPath&) override { return server; }
  void onConnectionMade(Connection& connection, ConnectionEvents&) override { made = &connection; }
  void onConnectionGone(Connection&, ConnectionEvents&) override {}
};

}  // namespace

int main(int count, char** arguments) {
  const std::uint64_t datagrams = count > 1 ? std::strtoull(arguments[1], nullptr, 10) : 1'000'000;
  const std::size_t size = count > 2 ? std::strtoull(arguments[2], nullptr, 10) : 1400;
  SeededRandom random(1);
  constexpr std::array<std::uint8_t, 32> kSecret{7};
  Hooks hooks;
  EndpointSettings settings;
  settings.connection.congestion = CongestionAlgorithm::kNone;
  settings.connection.grease = false;
  Endpoint serverEnd(settings, &simServerTls(), kSecret, random, hooks);
  Endpoint clientEnd(settings, nullptr, kSecret, random, hooks);
  Quiet clientEvents;
  Source source;
  source.size = size;
  Time now = kSecond;
  ClientStart start;
  start.tls = &simClientTls();
  start.serverName = "vpn.example";
  start.network.remote = *parseSocketAddress("192.0.2.1:443");
  Connection& client = clientEnd.connect(start, clientEvents, nullptr, now);
  client.setDatagramSource(&source);
  NetworkPath toServer;
  toServer.remote = *parseSocketAddress("192.0.2.2:5000");
  std::vector<std::uint8_t> buffer(SendBatch::kMostBytes);
  SendBatch batch;
  batch.buffer = buffer;
  std::uint64_t batches = 0, packets = 0, acks = 0;
  const auto turn = [&](Connection& from, Endpoint& to, const NetworkPath& as, std::size_t most) {
    for (std::size_t i = 0; i < most && from.produce(batch, now); ++i) {
      ++batches;
      for (std::size_t at = 0; at < batch.used; at += batch.segmentSize) {
        ++packets;
        to.receive(std::span(buffer).subspan(at, std::min(batch.segmentSize, batch.used - at)), as, batch.ecn,
                   now);
      }
    }
  };
  const auto exchange = [&] {
    now += 20 * kMicrosecond;
    turn(client, serverEnd, toServer, 1);
    if (hooks.made) {
      const std::uint64_t before = packets;
      turn(*hooks.made, clientEnd, start.network, 8);
      acks += packets - before;
    }
    if (client.deadline() <= now) client.onTimeout(now);
    if (hooks.made && hooks.made->deadline() <= now) hooks.made->onTimeout(now);
  };
  for (int i = 0; i < 20'000; ++i) exchange();
  batches = packets = acks = 0;
  source.left = datagrams;
  const double before = cpuSeconds();
  while (source.left > 0) exchange();
  const double seconds = cpuSeconds() - before;
  std::printf(
      "%llu datagrams of %zu bytes: %.0f ns each (both ends), %.1f packets per batch, %.3f ACK packets per "
      "datagram\n",
      static_cast<unsigned long long>(datagrams), size, seconds * 1e9 / static_cast<double>(datagrams),
      static_cast<double>(packets) / static_cast<double>(batches),
      static_cast<double>(acks) / static_cast<double>(datagrams));
  return 0;
}
