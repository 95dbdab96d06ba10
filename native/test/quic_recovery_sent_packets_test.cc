#include <doctest/doctest.h>

#include "test/quic_recovery_support.h"

using namespace mqvpn::quic;
using namespace mqvpn::quic::test;

TEST_CASE("an acknowledgement reports each frame once and empties the flight") {
  Endpoint end;
  for (int i = 0; i < 5; ++i) end.send(i);
  CHECK(end.path.bytesInFlight() == 5 * kMds);
  const auto result = end.ack(20, {{0, 2}});
  CHECK_FALSE(result.error);
  CHECK(result.anyNewlyAcked);
  CHECK(result.ackElicitingNewlyAcked);
  CHECK(result.rttSampled);
  CHECK(result.largestAckedGrew);
  CHECK(end.path.bytesInFlight() == 2 * kMds);
  CHECK(end.path.rtt().latest() == Endpoint::ms(18));

  const auto again = end.ack(21, {{0, 2}});
  CHECK_FALSE(again.anyNewlyAcked);
  CHECK_FALSE(again.rttSampled);
  CHECK_FALSE(again.largestAckedGrew);
  end.ack(22, {{0, 4}});
  CHECK(end.path.bytesInFlight() == 0);
  CHECK_FALSE(end.sent.ackElicitingInFlight());
  CHECK(end.fates.acked == std::map<std::uint64_t, int>{{0, 1}, {1, 1}, {2, 1}, {3, 1}, {4, 1}});
  CHECK(end.fates.lost.empty());
}

TEST_CASE("an RTT sample needs the largest to be new and something ack-eliciting (RFC 9002 5.1)") {
  Endpoint end;
  end.send(0);
  end.send(0);
  end.send(0, 50, false);
  end.send(5, 50, false);
  CHECK_FALSE(end.ack(10, {{3, 3}}).rttSampled);
  CHECK_FALSE(end.ack(11, {{0, 0}, {3, 3}}).rttSampled);
  end.send(20);
  CHECK(end.ack(30, {{0, 4}}).rttSampled);
}

TEST_CASE("an ACK of a number never sent, or skipped, is a protocol violation (RFC 9000 13.1, 21.4)") {
  Endpoint end;
  end.send(0);
  CHECK(end.ack(1, {{0, 1}}).error.code == TransportError::kProtocolViolation);

  Endpoint other;
  other.send(0);
  other.sent.skipNumber();
  CHECK(other.sent.nextNumber() == 2);
  other.send(0);
  CHECK_FALSE(other.ack(1, {{0, 0}, {2, 2}}).error);
  CHECK(other.ack(2, {{0, 2}}).error.code == TransportError::kProtocolViolation);
  // Also when it left the ring long ago.
  for (int i = 0; i < 100; ++i) other.send(3);
  other.ack(20, {{2, 102}});
  CHECK(other.ack(21, {{1, 1}}).error.code == TransportError::kProtocolViolation);
}

TEST_CASE("a packet is lost when one sent three later is acknowledged (RFC 9002 6.1.1)") {
  Endpoint end;
  for (int i = 0; i < 4; ++i) end.send(0);
  CHECK_FALSE(end.ack(10, {{2, 2}}).anyLost);
  CHECK(end.ack(10, {{2, 3}}).anyLost);
  CHECK(end.fates.lost == std::map<std::uint64_t, int>{{0, 1}});
  CHECK(end.sent.packetsLost() == 1);
  CHECK(end.sent.bytesLost() == kMds);
  CHECK(end.path.bytesInFlight() == kMds);
}

TEST_CASE("a packet is lost 9/8 RTT after it was sent once a later one is acknowledged (RFC 9002 6.1.2)") {
  Endpoint end;
  end.warmUp(0, 40);
  end.send(100);
  end.send(101);
  CHECK(end.sent.lossDeadline() == kNever);
  end.ack(141, {{2, 2}});
  CHECK(end.sent.lossDeadline() == Endpoint::ms(145));
  CHECK_FALSE(end.detect(144.9));
  CHECK(end.detect(145));
  CHECK(end.fates.lost.count(1) == 1);
  CHECK(end.sent.lossDeadline() == kNever);
  CHECK(end.path.bytesInFlight() == 0);
}

TEST_CASE("the loss delay is at least the granularity (RFC 9002 6.1.2)") {
  Endpoint end;
  end.warmUp(0, 0.1);
  end.send(1);
  end.send(1);
  end.ack(1.1, {{2, 2}});
  CHECK(end.sent.lossDeadline() == Endpoint::ms(2));
}

TEST_CASE("the PTO counts from the newest ack-eliciting packet while any is in flight (RFC 9002 6.2.1)") {
  Endpoint end;
  CHECK(end.sent.lastAckElicitingSentAt() == kNever);
  end.send(3);
  end.send(5);
  end.send(9, 60, false);
  CHECK(end.sent.lastAckElicitingSentAt() == Endpoint::ms(5));
  end.ack(20, {{0, 1}});
  CHECK(end.sent.lastAckElicitingSentAt() == kNever);
}

TEST_CASE("packets with nothing but ACKs are not in flight (RFC 9002 2)") {
  Endpoint end;
  end.send(0, 60, false);
  CHECK(end.path.bytesInFlight() == 0);
  CHECK_FALSE(end.sent.ackElicitingInFlight());
  for (int i = 0; i < 3; ++i) end.send(1);
  // It is declared lost all the same, so that the ACK frame's fate is known.
  end.ack(10, {{1, 3}});
  CHECK(end.fates.lost.count(0) == 1);
  CHECK(end.sent.packetsLost() == 0);
}

TEST_CASE("a late acknowledgement is a spurious loss, reported to nobody twice") {
  Endpoint end;
  end.warmUp(0, 20);
  for (int i = 0; i < 8; ++i) end.send(100);
  const std::uint64_t before = end.path.window();
  end.ack(120, {{7, 8}});
  CHECK(end.fates.lost.size() == 5);
  CHECK(end.path.window() < before);
  const auto late = end.ack(121, {{1, 8}});
  CHECK(late.anyNewlyAcked);
  CHECK(end.sent.spuriousLosses() == 5);
  CHECK(end.fates.lost.size() == 5);
  CHECK(end.fates.acked.size() == 4);
  CHECK(end.path.bytesInFlight() == 0);
  // RFC 9438 4.9.2: all losses of the event were spurious, so it is undone.
  CHECK(end.path.window() >= before);
}

TEST_CASE("spurious losses raise the packet threshold to the reordering seen, and quiet ones lower it") {
  Endpoint end;
  end.warmUp(0, 20);
  CHECK(end.sent.packetThreshold() == 3);
  for (int i = 0; i < 12; ++i) end.send(100);
  end.ack(120, {{11, 12}});
  end.ack(121, {{1, 12}});
  CHECK(end.sent.packetThreshold() == 12);
  // The same reordering no longer is a loss.
  for (int i = 0; i < 12; ++i) end.send(200);
  CHECK_FALSE(end.ack(220, {{22, 24}}).anyLost);
  CHECK(end.ack(220.5, {{13, 24}}).anyNewlyAcked);

  double at = 300;
  for (int i = 0; i < 64; ++i, at += 100) {
    const auto first = end.send(at);
    for (int k = 0; k < 20; ++k) end.send(at);
    CHECK(end.ack(at + 20, {{first + 1, first + 20}}).anyLost);
  }
  CHECK(end.sent.packetThreshold() == 3);
}

TEST_CASE("the time threshold steps up once per round trip of spurious losses") {
  Endpoint end;
  end.warmUp(0, 40);
  end.send(100);
  end.send(100);
  end.ack(140, {{2, 2}});
  CHECK(end.detect(145));
  end.ack(147, {{1, 2}});
  CHECK(end.sent.spuriousLosses() == 1);
  end.send(200);
  end.send(200);
  end.ack(240, {{4, 4}});
  CHECK(end.sent.lossDeadline() == Endpoint::ms(250));
}

TEST_CASE("the loss of an MTU probe is no congestion (RFC 9000 14.4)") {
  Endpoint end;
  end.warmUp(0, 20);
  const std::uint64_t before = end.path.window();
  end.send(100, 1400, true, true);
  for (int i = 0; i < 4; ++i) end.send(100);
  CHECK(end.path.bytesInFlight() == 1400 + 4 * kMds);
  end.ack(120, {{2, 5}});
  CHECK(end.fates.lost.count(1) == 1);
  CHECK(end.path.window() >= before);
  CHECK(end.path.bytesInFlight() == 0);
  CHECK(end.sent.packetsLost() == 0);
}

TEST_CASE("one loss event halves nothing twice: losses of one flight count once (RFC 9002 7.3.2)") {
  Endpoint end;
  end.warmUp(0, 20);
  const std::uint64_t before = end.path.window();
  for (int i = 0; i < 10; ++i) end.send(100 + i * 0.1);
  end.ack(120, {{4, 4}});
  const std::uint64_t once = end.path.window();
  CHECK(once == static_cast<std::uint64_t>(static_cast<double>(before) * 0.7));
  end.ack(121, {{4, 4}, {8, 8}});
  CHECK(end.fates.lost.size() == 4);
  CHECK(end.path.window() == once);
  // A loss of what was sent after the recovery began is a new event.
  for (int i = 0; i < 5; ++i) end.send(130);
  end.ack(150, {{4, 4}, {8, 8}, {12, 15}});
  CHECK(end.path.window() < once);
}

TEST_CASE("persistent congestion: the example of RFC 9002 7.6.3") {
  Endpoint end;
  end.path.setMaxAckDelay(0);
  // smoothed_rtt + max(4 * rttvar, granularity) = 2 s, as the example assumes: 0.2 s RTT gives 0.6 s here, so
  // its times are scaled by 0.3.
  const double unit = 300;
  end.send(0);     // 1
  end.send(unit);  // 2
  end.ack(200, {{0, 0}});
  CHECK(end.path.rtt().pto(0) == Endpoint::ms(600));
  for (int i = 2; i <= 6; ++i) end.send(i * unit);  // 3 to 7
  end.send(8 * unit);                               // 8: PTO 1
  const auto last = end.send(12 * unit);            // 9: PTO 2
  end.ack(12 * unit + 200, {{last, last}});
  CHECK(end.fates.lost.size() == 7);
  // Smoothed over the same RTT again the PTO shrinks to 500 ms: 1.5 s, and 2.1 s were lost.
  CHECK(end.path.window() == 2 * kMds);
  CHECK(end.path.bytesInFlight() == 0);
  // RFC 9002 5.2: the minimum RTT begins anew.
  const auto next = end.send(5000);
  end.ack(5400, {{next, next}});
  CHECK(end.path.rtt().minimum() == Endpoint::ms(400));
}

TEST_CASE("no persistent congestion when a packet between was acknowledged (RFC 9002 7.6.2)") {
  Endpoint end;
  end.path.setMaxAckDelay(0);
  end.warmUp(0, 20);
  for (int i = 0; i <= 10; ++i) end.send(100 + 20 * i);  // 1 to 11
  end.ack(320, {{0, 0}, {6, 6}, {11, 11}});
  CHECK(end.fates.lost.size() == 9);
  CHECK(end.path.window() > 2 * kMds);
}

TEST_CASE("no persistent congestion before the first RTT sample, nor between packets that elicit no ACK") {
  Endpoint early;
  early.path.setMaxAckDelay(0);
  for (int i = 0; i <= 10; ++i) early.send(40 * i);
  early.ack(420, {{10, 10}});
  CHECK(early.fates.lost.size() == 10);
  CHECK(early.path.window() > 2 * kMds);

  Endpoint quiet;
  quiet.path.setMaxAckDelay(0);
  quiet.warmUp(0, 20);
  quiet.sendPadding(100);
  quiet.send(290);
  quiet.send(300);
  quiet.ack(320, {{3, 3}});
  quiet.detect(400);
  CHECK(quiet.sent.packetsLost() == 2);
  CHECK(quiet.path.window() > 2 * kMds);
}

TEST_CASE("persistent congestion is also seen when its losses are found one after the other") {
  Endpoint end;
  end.path.setMaxAckDelay(0);
  end.warmUp(0, 20);
  for (int i = 0; i <= 10; ++i) end.send(100 + 20 * i);  // 1 to 11, at 100 to 300
  end.send(301);
  end.ack(321, {{0, 0}, {12, 12}});
  CHECK(end.fates.lost.size() == 10);
  CHECK(end.path.window() == 2 * kMds);

  Endpoint slow;
  slow.path.setMaxAckDelay(0);
  slow.warmUp(0, 20);
  slow.send(100);
  slow.send(130);
  slow.send(155);
  slow.send(156);
  slow.ack(175, {{0, 0}, {4, 4}});  // by count: 1; by time: 2
  CHECK(slow.fates.lost.size() == 2);
  CHECK(slow.path.window() > 2 * kMds);
}

TEST_CASE("a new network path starts anew (RFC 9000 9.4)") {
  Endpoint end;
  end.warmUp(0, 20);
  for (int i = 0; i < 6; ++i) end.send(100);
  end.path.restart(Endpoint::ms(105));
  CHECK(end.path.bytesInFlight() == 0);
  CHECK(end.path.window() == initialWindow(kMds));
  CHECK_FALSE(end.path.rtt().hasSample());
  end.send(110);
  CHECK(end.path.bytesInFlight() == kMds);
  // Acknowledged and lost packets of the old path tell their observers, and nothing else.
  end.ack(120, {{6, 6}});
  CHECK(end.fates.lost.size() == 3);
  CHECK(end.path.bytesInFlight() == kMds);
  CHECK(end.path.window() == initialWindow(kMds));
  CHECK_FALSE(end.path.rtt().hasSample());
  CHECK(end.ack(130, {{4, 7}}).rttSampled);
  CHECK(end.path.rtt().latest() == Endpoint::ms(20));
  CHECK(end.path.bytesInFlight() == 0);
}

TEST_CASE("discarding keys forgets packets without a fate (RFC 9002 6.4)") {
  Endpoint end;
  for (int i = 0; i < 40; ++i) end.send(i);
  end.ack(50, {{1, 2}});
  const std::size_t full = end.sent.memoryBytes();
  end.sent.discard(end.path);
  CHECK(end.path.bytesInFlight() == 0);
  CHECK(end.sent.lossDeadline() == kNever);
  CHECK_FALSE(end.sent.ackElicitingInFlight());
  CHECK(end.fates.acked.size() == 2);
  CHECK(end.fates.lost.empty());
  CHECK(end.sent.memoryBytes() < full);
  CHECK(end.sent.nextNumber() == 40);
}

TEST_CASE("losing all reports every frame and tells congestion control nothing") {
  Endpoint end;
  end.warmUp(0, 20);
  for (int i = 0; i < 5; ++i) end.send(100);
  const std::uint64_t before = end.path.window();
  end.sent.loseAll(end.path, end.fates);
  CHECK(end.fates.lost.size() == 5);
  CHECK(end.path.bytesInFlight() == 0);
  CHECK(end.path.window() == before);
  end.ack(120, {{0, 5}});
  CHECK(end.fates.acked.size() == 1);
  CHECK(end.sent.spuriousLosses() == 0);
}

TEST_CASE("frames in flight are visited oldest first, however many a packet has") {
  Endpoint end;
  for (std::size_t count : {1U, 2U, 3U, 9U}) {
    SentPacket packet;
    packet.number = end.sent.nextNumber();
    packet.bytes = 1000;
    packet.ackEliciting = packet.inFlight = true;
    std::vector<SentFrame> frames(count);
    for (std::size_t i = 0; i < count; ++i) frames[i].id = packet.number * 100 + i;
    end.path.onSent(packet, 0);
    end.sent.onSent(packet, frames);
  }
  std::vector<std::uint64_t> seen;
  end.sent.forEachFrameInFlight([&](const SentFrame& frame) { seen.push_back(frame.id); });
  CHECK(seen ==
        std::vector<std::uint64_t>{0, 100, 101, 200, 201, 202, 300, 301, 302, 303, 304, 305, 306, 307, 308});
  end.ack(10, {{1, 1}, {3, 3}});
  CHECK(end.fates.acked.size() == 11);
  seen.clear();
  end.sent.forEachFrameInFlight([&](const SentFrame& frame) { seen.push_back(frame.id); });
  CHECK(seen == std::vector<std::uint64_t>{200, 201, 202});
}

TEST_CASE("memory is small when idle, follows the flight, and comes back") {
  Endpoint end(CongestionAlgorithm::kNone);
  CHECK(end.sent.memoryBytes() < 512);
  end.warmUp(0, 20);
  CHECK(end.sent.memoryBytes() < 3000);
  for (int i = 0; i < 10'000; ++i) end.send(100);
  CHECK(end.sent.memoryBytes() < 16'384 * 128 + 1000);
  end.ack(120, {{0, 10'000}});
  // One lasting packet a second: the ring shrinks step by step.
  for (int i = 1; i < 60; ++i) end.warmUp(i * 1000, 20);
  CHECK(end.sent.memoryBytes() < 3000);
}

TEST_CASE("a sender of nothing but ACKs that nobody acknowledges needs bounded memory") {
  Endpoint end;
  for (int i = 0; i < 100'000; ++i) end.send(i, 60, false);
  CHECK(end.sent.memoryBytes() < 40'000);
}

TEST_CASE("what was lost is remembered only as long as there is room for it") {
  Endpoint end(CongestionAlgorithm::kNone);
  end.warmUp(0, 200);
  for (int i = 0; i < 3000; ++i) {
    const double at = 300 + i * 0.01;
    const auto first = end.send(at);
    for (int k = 0; k < 9; ++k) end.send(at);
    end.ack(at, {{first + 1, first + 9}});
  }
  CHECK(end.sent.packetsLost() == 3000);
  CHECK(end.sent.memoryBytes() < 40'000);
}

TEST_CASE("an ACK range that covers long acknowledged packets does not walk them again") {
  SentRing ring;
  for (std::uint64_t number = 0; number < 1000; ++number) {
    SentPacket packet;
    packet.number = number;
    packet.inFlight = true;
    ring.add(packet, {});
  }
  for (std::uint64_t number = 1; number < 1000; ++number) ring.settle(number, SentRing::State::kAcked);
  CHECK(ring.belowAcked(1000) == 1);
  // From wherever a range begins, one step leads to the hole.
  for (std::uint64_t number = 1; number < 1000; ++number) REQUIRE(ring.at(number).before == number);

  // Ranges that end at or amid what is acknowledged report nothing anew.
  Endpoint end(CongestionAlgorithm::kNone);
  for (int i = 0; i < 2000; ++i) end.send(0);
  for (std::uint64_t i = 1; i < 2000; ++i) end.ack(20, {{1, i}});
  CHECK(end.fates.acked.size() == 1999);
  CHECK(end.fates.lost.size() == 1);
  for (std::uint64_t i = 1999; i > 1; --i) CHECK_FALSE(end.ack(21, {{1, i}}).anyNewlyAcked);
}

TEST_CASE("new CE marks cut the window like a loss, once per round trip (RFC 9002 7.1)") {
  Endpoint end;
  EcnValidator ecn;
  const auto send = [&](double at) {
    ecn.onSent(true);
    return end.send(at, kMds, true, false, true);
  };
  const auto ack = [&](double at, std::uint64_t low, std::uint64_t high, EcnCounts counts) {
    return end.sent.onAck(Ack({{low, high}}).ecn(counts).frame(), 0, &ecn, Endpoint::ms(at), end.path,
                          end.fates);
  };
  for (int i = 0; i < 10; ++i) send(0);
  CHECK(ack(20, 0, 4, {5, 0, 0}).ect0NewlyAcked == 5);
  CHECK(ecn.capable());
  const std::uint64_t before = end.path.window();
  ack(21, 0, 6, {6, 0, 1});
  CHECK(end.path.window() == static_cast<std::uint64_t>(static_cast<double>(before) * 0.7));
  const std::uint64_t once = end.path.window();
  ack(22, 0, 9, {8, 0, 2});
  CHECK(end.path.window() == once);
}
