#include <doctest/doctest.h>

#include "quic/delivery_rate.h"

using namespace mqvpn::quic;

namespace {

constexpr Duration kMs = kMillisecond;

SentPacket send(DeliveryRate& rate, std::uint64_t inFlight, Time now) {
  SentPacket packet;
  packet.bytes = 1000;
  packet.sentAt = now;
  rate.onSent(packet, inFlight, now);
  return packet;
}

}  // namespace

TEST_CASE("a sample is what was delivered over the longer of the send and the ACK interval (draft-cheng 2)") {
  DeliveryRate rate;
  // One packet each ms; the acknowledgements come 20 ms later.
  SentPacket packets[60];
  for (Time i = 0; i < 60; ++i) packets[i] = send(rate, i == 0 ? 0 : 1000, i * kMs);
  DeliveryRate::Sample sample;
  for (Time i = 0; i < 60; ++i) {
    rate.onDelivered(packets[i], 1000, (i + 20) * kMs);
    sample = rate.sample(packets[i], 20 * kMs, (i + 20) * kMs);
  }
  CHECK(packets[0].txInFlight == 1000);
  CHECK(packets[5].txInFlight == 2000);
  CHECK(sample.delivered == 60'000);
  CHECK(sample.priorDelivered == 0);
  // All were sent before the first acknowledgement: 60 kB in 79 ms.
  CHECK(sample.rate == 759'493);
  CHECK_FALSE(sample.isAppLimited);
}

TEST_CASE("ACKs that come in a bunch do not inflate the rate: the send interval bounds it") {
  DeliveryRate rate;
  const SentPacket first = send(rate, 0, 0);
  SentPacket last{};
  for (Time i = 1; i <= 40; ++i) {
    if (i == 20) rate.onDelivered(first, 1000, i * kMs);
    last = send(rate, i * 1000, i * kMs);
  }
  // What took 40 ms to send is acknowledged at once, 21 ms after the acknowledgement before.
  rate.onDelivered(last, 40'000, 41 * kMs);
  CHECK(rate.sample(last, kMs, 41 * kMs).rate == 1'000'000);
}

TEST_CASE("an interval shorter than the minimum RTT is no sample (draft-cheng 3.3)") {
  DeliveryRate rate;
  const SentPacket packet = send(rate, 0, 0);
  rate.onDelivered(packet, 1000, 5 * kMs);
  CHECK(rate.sample(packet, 20 * kMs, 5 * kMs).rate == 0);
  CHECK(rate.rate() == 0);
  const SentPacket second = send(rate, 0, 100 * kMs);
  rate.onDelivered(second, 1000, 120 * kMs);
  CHECK(rate.sample(second, 20 * kMs, 120 * kMs).rate == 50'000);
  CHECK(rate.rate() == 50'000);
}

TEST_CASE(
    "packets sent while the application is the limit say so, until their bubble has passed (draft-cheng "
    "3.4)") {
  DeliveryRate rate;
  const SentPacket before = send(rate, 0, 0);
  CHECK_FALSE(before.isAppLimited);
  rate.onAppLimited(1000);
  const SentPacket during = send(rate, 1000, kMs);
  CHECK(during.isAppLimited);
  rate.onDelivered(before, 1000, 20 * kMs);
  CHECK(send(rate, 1000, 20 * kMs).isAppLimited);
  rate.onDelivered(during, 1000, 21 * kMs);
  CHECK(rate.sample(during, kMs, 21 * kMs).isAppLimited);
  CHECK_FALSE(send(rate, 1000, 22 * kMs).isAppLimited);
}

TEST_CASE("losses count from the sending of a packet, also when the snapshot's counter has wrapped") {
  DeliveryRate rate;
  rate.onLost((std::uint64_t{1} << 33) - 500);
  const SentPacket packet = send(rate, 0, 0);
  rate.onLost(3000);
  rate.onDelivered(packet, 1000, 20 * kMs);
  CHECK(rate.sample(packet, kMs, 20 * kMs).lost == 3000);
  CHECK(rate.lostWhenLowWas(static_cast<std::uint32_t>(packet.lostBefore)) == packet.lostBefore);
}
