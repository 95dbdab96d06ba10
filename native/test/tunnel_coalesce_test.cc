#include <doctest/doctest.h>

#include <map>

#include "tunnel/coalesce.h"
#include "tunnel/segment.h"
#include "tunnel_segment_support.h"

using namespace mqvpn::tunnel;
using namespace mqvpn::tunnel::test;

namespace {

Spec segment(std::uint32_t index) {
  Spec spec;
  spec.payload = 1000;
  spec.sequence = 1000 + index * 1000;
  spec.id = 7 + index;
  return spec;
}

/// How the packets were written: the number of packets in each write, in order.
std::vector<std::size_t> grouped(const std::vector<Packet>& packets, CoalesceOptions options = {}) {
  Writes writes;
  Coalescer coalescer(writes, options);
  for (const Packet& packet : packets) coalescer.add(packet);
  coalescer.flush();
  std::vector<std::size_t> groups;
  for (const Write& write : writes.all) groups.push_back(write.packets);
  return groups;
}
using Groups = std::vector<std::size_t>;

/// The second of three packets is changed: does it join the first?
template <typename Change>
Groups groupedWith(Change change, Spec base = segment(0)) {
  std::vector<Packet> packets;
  for (std::uint32_t i = 0; i < 3; ++i) {
    Spec spec = base;
    spec.sequence += i * spec.payload;
    spec.id += i;
    if (i == 1) change(spec);
    packets.push_back(wirePacket(spec));
  }
  return grouped(packets);
}

}  // namespace

TEST_CASE("consecutive segments of a flow become one write with an undone checksum") {
  for (const bool ipv6 : {false, true}) {
    Spec spec = segment(0);
    spec.ipv6 = ipv6;
    CHECK(groupedWith([](Spec&) {}, spec) == Groups{3});
    spec.tcp = false;
    CHECK(groupedWith([](Spec&) {}, spec) == Groups{3});
  }
}

TEST_CASE("what differs in the header is not glued") {
  CHECK(groupedWith([](Spec& s) { s.sequence += 1; }) == Groups{1, 1, 1});
  CHECK(groupedWith([](Spec& s) { s.sequence -= 1; }) == Groups{1, 1, 1});
  CHECK(groupedWith([](Spec& s) { s.acknowledgement += 1; }) == Groups{1, 1, 1});
  CHECK(groupedWith([](Spec& s) { s.window += 1; }) == Groups{1, 1, 1});
  CHECK(groupedWith([](Spec& s) { s.timestamp += 1; }) == Groups{1, 1, 1});
  CHECK(groupedWith([](Spec& s) { s.tos = 3; }) == Groups{1, 1, 1});
  CHECK(groupedWith([](Spec& s) { s.ttl = 63; }) == Groups{1, 1, 1});
  CHECK(groupedWith([](Spec& s) { s.flags |= 0x40; }) == Groups{1, 1, 1});
  CHECK(groupedWith([](Spec& s) { s.dontFragment = false; }) == Groups{1, 1, 1});
  // The identification has a meaning only where the packet may be fragmented.
  CHECK(groupedWith([](Spec& s) { s.id += 1; }) == Groups{3});
  Spec fragmentable = segment(0);
  fragmentable.dontFragment = false;
  CHECK(groupedWith([](Spec&) {}, fragmentable) == Groups{3});
  CHECK(groupedWith([](Spec& s) { s.id += 1; }, fragmentable) == Groups{1, 1, 1});
  Spec six = segment(0);
  six.ipv6 = true;
  CHECK(groupedWith([](Spec& s) { s.tos = 3; }, six) == Groups{1, 1, 1});
  CHECK(groupedWith([](Spec& s) { s.ttl = 63; }, six) == Groups{1, 1, 1});
}

TEST_CASE("SYN, FIN, RST, URG and CWR are never glued") {
  for (const int flag : {0x01, 0x02, 0x04, 0x20, 0x80}) {
    CAPTURE(flag);
    CHECK(groupedWith([&](Spec& s) { s.flags |= static_cast<std::uint8_t>(flag); }) == Groups{1, 1, 1});
  }
  CHECK(groupedWith([](Spec& s) { s.flags = 0; }) == Groups{1, 1, 1});
}

TEST_CASE("a push ends a run, and so does a shorter packet") {
  CHECK(groupedWith([](Spec& s) { s.flags |= 0x08; }) == Groups{2, 1});
  CHECK(groupedWith([](Spec& s) { s.payload = 999; }) == Groups{2, 1});
  CHECK(groupedWith([](Spec& s) { s.payload = 1001; }) == Groups{1, 1, 1});
  // A pure acknowledgement of the flow keeps its place.
  CHECK(groupedWith([](Spec& s) { s.payload = 0; }) == Groups{1, 1, 1});
}

TEST_CASE("flows that interleave each have a run, and are written in the order of their first packets") {
  std::vector<Packet> packets;
  for (std::uint32_t i = 0; i < 10; ++i) {
    for (std::uint32_t flow = 0; flow < Coalescer::kMostRuns; ++flow) {
      Spec spec = segment(i);
      spec.flow = flow;
      spec.ipv6 = flow % 2 == 1;
      packets.push_back(wirePacket(spec));
    }
  }
  CHECK(grouped(packets) == Groups(Coalescer::kMostRuns, 10));
}

TEST_CASE("one flow more than there are runs ends the oldest run") {
  std::vector<Packet> packets;
  for (std::uint32_t flow = 0; flow <= Coalescer::kMostRuns; ++flow) {
    for (std::uint32_t i = 0; i < 2; ++i) {
      Spec spec = segment(i);
      spec.flow = flow;
      packets.push_back(wirePacket(spec));
    }
  }
  Spec late = segment(2);
  late.flow = 0;
  packets.push_back(wirePacket(late));
  Groups expected(Coalescer::kMostRuns + 1, 2);
  expected.push_back(1);
  CHECK(grouped(packets) == expected);
}

TEST_CASE("a run holds at most 64 packets and an IP packet's 65535 bytes") {
  std::vector<Packet> packets;
  for (std::uint32_t i = 0; i < 130; ++i) packets.push_back(wirePacket(segment(i)));
  CHECK(grouped(packets) == Groups{64, 64, 2});
  packets.clear();
  for (std::uint32_t i = 0; i < 50; ++i) {
    Spec spec = segment(0);
    spec.payload = 1448;
    spec.sequence = 1 + i * 1448;
    packets.push_back(wirePacket(spec));
  }
  CHECK(grouped(packets) == Groups{45, 5});
}

TEST_CASE("a packet with a wrong checksum passes by itself, unchanged") {
  for (const std::size_t damaged : {std::size_t{0}, std::size_t{1}, std::size_t{2}}) {
    for (const std::size_t at : {std::size_t{60}, std::size_t{10}}) {
      CAPTURE(damaged);
      CAPTURE(at);
      std::vector<Packet> packets;
      for (std::uint32_t i = 0; i < 4; ++i) packets.push_back(wirePacket(segment(i)));
      packets[damaged][at] ^= 1;
      Writes writes;
      Coalescer coalescer(writes);
      for (const Packet& packet : packets) coalescer.add(packet);
      coalescer.flush();
      bool seen = false;
      for (const Write& write : writes.all) {
        if (write.packet != packets[damaged]) continue;
        seen = true;
        CHECK(write.vnet == VnetHeader{});
      }
      CHECK(seen);
      CHECK(coalescer.counters().badChecksums >= 1);
    }
  }
}

TEST_CASE("a trusted checksum is not looked at") {
  std::vector<Packet> packets;
  for (std::uint32_t i = 0; i < 4; ++i) packets.push_back(wirePacket(segment(i)));
  packets[1][60] ^= 1;
  Writes writes;
  Coalescer coalescer(writes);
  for (const Packet& packet : packets) coalescer.add(packet, ChecksumState::kTrusted);
  coalescer.flush();
  REQUIRE(writes.all.size() == 1);
  CHECK(coalescer.counters().badChecksums == 0);
}

TEST_CASE("UDP without a checksum is not glued") {
  std::vector<Packet> packets;
  for (std::uint32_t i = 0; i < 3; ++i) {
    Spec spec = segment(i);
    spec.tcp = false;
    packets.push_back(wirePacket(spec));
    write16(&packets.back()[26], 0);
  }
  CHECK(grouped(packets) == Groups{1, 1, 1});
}

TEST_CASE("what the device does not take is not glued") {
  std::vector<Packet> tcp;
  std::vector<Packet> udp;
  for (std::uint32_t i = 0; i < 3; ++i) {
    Spec spec = segment(i);
    tcp.push_back(wirePacket(spec));
    spec.tcp = false;
    udp.push_back(wirePacket(spec));
  }
  CHECK(grouped(tcp, {.tcp = false, .udp = true}) == Groups{1, 1, 1});
  CHECK(grouped(udp, {.tcp = true, .udp = false}) == Groups{1, 1, 1});
}

TEST_CASE("partial checksums from the far end stay undone for the device") {
  for (const bool tcp : {true, false}) {
    Spec spec = segment(0);
    spec.tcp = tcp;
    spec.payload = 3000;
    spec.gsoSize = 1000;
    Packet packet = superPacket(spec);
    Segmenter segmenter;
    REQUIRE(segmenter.init(headerFor(spec), packet, ChecksumMode::kPartial));
    const auto segments = segmentsOf(segmenter);
    Writes writes;
    Coalescer coalescer(writes);
    for (const Packet& each : segments) coalescer.add(each, ChecksumState::kPartial);
    coalescer.flush();
    REQUIRE(writes.all.size() == 1);
    CHECK(writes.all[0].vnet == headerFor(spec));
    CHECK(writes.all[0].packet == packet);

    coalescer.add(segments[0], ChecksumState::kPartial);
    coalescer.flush();
    Segmenter again;
    REQUIRE(again.init(writes.all[1].vnet, writes.all[1].packet));
    CHECK(wellFormed(segmentsOf(again)[0], 20, tcp));
  }
}

TEST_CASE("a fragment ends all runs, and other protocols pass without ending any") {
  std::vector<Packet> packets{wirePacket(segment(0)), wirePacket(segment(1))};
  Packet ping = wirePacket(segment(9));
  ping[9] = 1;
  packets.push_back(ping);
  packets.push_back(wirePacket(segment(2)));
  CHECK(grouped(packets) == Groups{1, 3});

  packets[2] = wirePacket(segment(9));
  packets[2][6] = 0x20;
  CHECK(grouped(packets) == Groups{2, 1, 1});
}

TEST_CASE("garbage passes as it is") {
  Random random(3);
  for (std::size_t size = 0; size < 80; ++size) {
    Packet packet(size);
    for (auto& byte : packet) byte = static_cast<std::uint8_t>(random());
    if (size > 0 && size % 3 != 0) packet[0] = size % 3 == 1 ? 0x45 : 0x60;
    Writes writes;
    Coalescer coalescer(writes);
    for (int i = 0; i < 2; ++i)
      coalescer.add(packet, size % 2 == 0 ? ChecksumState::kPartial : ChecksumState::kUnverified);
    coalescer.flush();
    REQUIRE(writes.all.size() == 2);
    CHECK(writes.all[0].packet == packet);
  }
}

TEST_CASE("what is written can be cut into exactly the packets that came, each flow in order") {
  Random random(11);
  for (int round = 0; round < 60; ++round) {
    std::map<std::uint32_t, Spec> flows;
    std::map<std::uint32_t, std::vector<Packet>> sent;
    std::map<std::uint32_t, std::vector<Packet>> got;
    std::vector<Packet> packets;
    for (int i = 0; i < 300; ++i) {
      const std::uint32_t flow = random() % 12;
      Spec& spec = flows[flow];
      spec.flow = flow;
      spec.tcp = flow % 3 != 0;
      spec.ipv6 = flow % 2 == 0;
      spec.dontFragment = flow % 4 == 1;
      if (random() % 10 == 0) spec.acknowledgement += 1000;
      if (random() % 30 == 0) spec.sequence += 7;
      spec.flags =
          static_cast<std::uint8_t>(0x10 | (random() % 12 == 0 ? 8 : 0) | (random() % 40 == 0 ? 1 : 0));
      spec.payload = random() % 8 == 0 ? random() % 1400 : 1400;
      spec.id += random() % 20 == 0 ? 2 : 1;
      packets.push_back(wirePacket(spec));
      sent[flow].push_back(packets.back());
      spec.sequence += spec.payload;
    }
    Writes writes;
    Coalescer coalescer(writes);
    for (const Packet& packet : packets) coalescer.add(packet);
    coalescer.flush();
    CHECK(coalescer.counters().packets == 300);
    CHECK(coalescer.counters().writes == writes.all.size());
    CHECK(writes.all.size() < 250);
    for (Write& write : writes.all) {
      Segmenter segmenter;
      REQUIRE(segmenter.init(write.vnet, write.packet));
      REQUIRE(segmenter.count() == write.packets);
      for (const Packet& packet : segmentsOf(segmenter)) {
        const bool ipv6 = packet[0] >> 4 == 6;
        got[read16(&packet[ipv6 ? 40 : 20]) - 40000].push_back(packet);
      }
    }
    for (auto& [flow, list] : sent) {
      // With DF the identification is free.
      for (auto* each : {&list, &got[flow]}) {
        for (Packet& packet : *each) {
          if (packet[0] >> 4 == 4 && (packet[6] & 0x40) != 0) {
            CHECK(wellFormed(packet, 20, flow % 3 != 0));
            write16(&packet[4], 0);
            write16(&packet[10], 0);
          }
        }
      }
      CHECK(got[flow] == list);
    }
  }
}
