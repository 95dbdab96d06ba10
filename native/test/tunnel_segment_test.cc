#include <doctest/doctest.h>

#include "tunnel/segment.h"
#include "tunnel_segment_support.h"

using namespace mqvpn::tunnel;
using namespace mqvpn::tunnel::test;

namespace {

std::vector<Spec> kinds() {
  std::vector<Spec> all;
  for (const bool ipv6 : {false, true}) {
    for (const bool tcp : {false, true}) {
      Spec spec;
      spec.ipv6 = ipv6;
      spec.tcp = tcp;
      all.push_back(spec);
    }
  }
  Spec extended = all[2];
  extended.extension = 24;
  all.push_back(extended);
  return all;
}

bool accepts(const VnetHeader& vnet, Packet packet) {
  Segmenter segmenter;
  return segmenter.init(vnet, packet);
}

}  // namespace

TEST_CASE("a super-packet becomes packets that carry its payload, each well-formed") {
  for (Spec spec : kinds()) {
    for (const std::uint32_t payload : {1449u, 2896u, 5000u, 64000u}) {
      spec.payload = payload;
      spec.sequence = 0xfffff000;  // wraps within
      Packet packet = superPacket(spec);
      Segmenter segmenter;
      REQUIRE(segmenter.init(headerFor(spec), packet));
      CHECK(segmenter.count() == (payload + spec.gsoSize - 1) / spec.gsoSize);
      CHECK_FALSE(segmenter.partialChecksum());

      Packet joined;
      std::uint32_t index = 0;
      for (const Packet& segment : segmentsOf(segmenter)) {
        CAPTURE(index);
        REQUIRE(segment.size() <= segmenter.size(0));
        CHECK(wellFormed(segment, transportOf(spec), spec.tcp));
        if (!spec.ipv6) CHECK(read16(&segment[4]) == spec.id + index);
        if (spec.tcp)
          CHECK(read32(&segment[transportOf(spec) + 4]) ==
                static_cast<std::uint32_t>(spec.sequence + joined.size()));
        joined.insert(joined.end(), segment.begin() + headerOf(spec), segment.end());
        ++index;
      }
      CHECK(joined == Packet(packet.begin() + headerOf(spec), packet.end()));
    }
  }
}

TEST_CASE("FIN and PSH stay on the last segment, CWR on the first, ECE on all") {
  Spec spec;
  spec.payload = 4000;
  spec.flags = 0x80 | 0x40 | 0x10 | 0x08 | 0x01;
  Packet packet = superPacket(spec);
  VnetHeader vnet = headerFor(spec);
  vnet.gsoType |= VnetHeader::kGsoEcn;
  Segmenter segmenter;
  REQUIRE(segmenter.init(vnet, packet));
  const auto segments = segmentsOf(segmenter);
  REQUIRE(segments.size() == 3);
  CHECK(segments[0][33] == (0x80 | 0x40 | 0x10));
  CHECK(segments[1][33] == (0x40 | 0x10));
  CHECK(segments[2][33] == (0x40 | 0x10 | 0x08 | 0x01));
  for (const Packet& segment : segments) CHECK(wellFormed(segment, 20, true));
}

TEST_CASE("segments that are placed in the buffer are those that are written elsewhere") {
  for (Spec spec : kinds()) {
    for (const std::uint32_t gso : {8u, 100u, 1448u, 9000u}) {
      spec.gsoSize = gso;
      Packet packet = superPacket(spec);
      Segmenter segmenter;
      REQUIRE(segmenter.init(headerFor(spec), packet));
      const auto expected = segmentsOf(segmenter);
      for (std::size_t i = 0; i < segmenter.count(); ++i) {
        const auto placed = segmenter.place(i);
        REQUIRE(Packet(placed.begin(), placed.end()) == expected[i]);
        // A packet that could not be sent may be taken again.
        const auto again = segmenter.place(i);
        REQUIRE(Packet(again.begin(), again.end()) == expected[i]);
      }
    }
  }
}

TEST_CASE("a plain packet whose checksum is undone gets it, and another passes untouched") {
  for (Spec spec : kinds()) {
    spec.payload = 333;
    Packet packet = superPacket(spec);
    Segmenter segmenter;
    REQUIRE(segmenter.init(headerFor(spec), packet));
    CHECK(segmenter.count() == 1);
    CHECK(segmenter.size(0) == packet.size());
    CHECK(segmentsOf(segmenter)[0] == wirePacket(spec));

    Packet done = wirePacket(spec);
    REQUIRE(segmenter.init(VnetHeader{}, done));
    CHECK(segmentsOf(segmenter)[0] == wirePacket(spec));
    CHECK(segmenter.place(0).data() == done.data());
  }
}

TEST_CASE("a checksum of any other protocol is completed too, also toward an end that takes undone ones") {
  Spec spec;
  spec.payload = 50;
  Packet packet = superPacket(spec);
  packet[9] = 33;  // DCCP: checksum at 6, over all
  VnetHeader vnet = headerFor(spec);
  vnet.checksumOffset = 6;
  write16(&packet[26], 0);
  Segmenter segmenter;
  REQUIRE(segmenter.init(vnet, packet, ChecksumMode::kPartial));
  CHECK_FALSE(segmenter.partialChecksum());
  CHECK(slowSum(std::span(segmentsOf(segmenter)[0]).subspan(20)) == 0xffff);
}

TEST_CASE("a partial checksum is the pseudo-header's sum of each segment") {
  for (Spec spec : kinds()) {
    for (const std::uint32_t payload : {333u, 5000u}) {
      spec.payload = payload;
      Packet packet = superPacket(spec);
      Segmenter segmenter;
      REQUIRE(segmenter.init(headerFor(spec), packet, ChecksumMode::kPartial));
      CHECK(segmenter.partialChecksum());
      for (const Packet& segment : segmentsOf(segmenter)) {
        const std::uint32_t at = transportOf(spec) + (spec.tcp ? 16 : 6);
        CHECK(read16(&segment[at]) == pseudoSum(segment, transportOf(spec), spec.tcp));
      }
    }
  }
}

TEST_CASE("UDP never says that it has no checksum") {
  Spec spec;
  spec.tcp = false;
  spec.payload = 2;
  Packet packet = superPacket(spec);
  // Choose the payload so that the sum is all ones.
  write16(&packet[28], 0);
  write16(&packet[28], 0xffff - slowSum(std::span(packet).subspan(20)));
  Segmenter segmenter;
  REQUIRE(segmenter.init(headerFor(spec), packet));
  CHECK(read16(&segmentsOf(segmenter)[0][26]) == 0xffff);
}

TEST_CASE("malformed headers and packets are refused") {
  const Spec spec;
  const VnetHeader good = headerFor(spec);
  const Packet packet = superPacket(spec);
  REQUIRE(accepts(good, packet));

  CHECK_FALSE(accepts(VnetHeader{}, {}));
  const auto with = [&](auto change) {
    VnetHeader vnet = good;
    change(vnet);
    return accepts(vnet, packet);
  };
  CHECK_FALSE(with([](VnetHeader& v) { v.gsoSize = 0; }));
  CHECK_FALSE(with([](VnetHeader& v) { v.flags = 0; }));
  CHECK_FALSE(with([](VnetHeader& v) { v.gsoType = VnetHeader::kGsoTcp6; }));
  CHECK_FALSE(with([](VnetHeader& v) { v.gsoType = VnetHeader::kGsoUdp; }));
  CHECK_FALSE(with([](VnetHeader& v) { v.gsoType = 3; }));  // UFO
  CHECK_FALSE(with([](VnetHeader& v) { v.checksumStart = 24; }));
  CHECK_FALSE(with([](VnetHeader& v) { v.checksumOffset = 6; }));
  CHECK_FALSE(with([&](VnetHeader& v) {
    v.gsoType = 0;
    v.checksumStart = static_cast<std::uint16_t>(packet.size() - 1);
    v.checksumOffset = 0;
  }));
  CHECK_FALSE(with([](VnetHeader& v) {
    v.gsoType = 0;
    v.checksumStart = v.checksumOffset = 0xffff;
  }));

  const auto edited = [&](std::size_t at, std::uint8_t value) {
    Packet other = packet;
    other[at] = value;
    return accepts(good, other);
  };
  CHECK_FALSE(edited(0, 0x44));     // header too short
  CHECK_FALSE(edited(0, 0x46));     // options over the TCP header
  CHECK_FALSE(edited(0, 0x55));     // version 5
  CHECK_FALSE(edited(3, 0));        // length
  CHECK_FALSE(edited(6, 0x20));     // more fragments
  CHECK_FALSE(edited(9, 17));       // UDP
  CHECK_FALSE(edited(32, 4 << 4));  // data offset below 20
  for (std::size_t size = 0; size < 52; ++size)
    CHECK_FALSE(accepts(good, Packet(packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(size))));

  Spec six;
  six.ipv6 = true;
  six.extension = 8;
  Packet extended = superPacket(six);
  extended[41] = 200;  // beyond the header that vnet says
  CHECK_FALSE(accepts(headerFor(six), extended));
  extended[41] = 255;
  CHECK_FALSE(accepts(headerFor(six), Packet(extended.begin(), extended.begin() + 100)));
  six.extension = 240;  // headers of more than kMostHeader
  CHECK_FALSE(accepts(headerFor(six), superPacket(six)));
}

TEST_CASE("a super-packet whose payload fits one segment is one packet") {
  Spec spec;
  spec.payload = 1000;
  VnetHeader vnet = headerFor(spec);
  vnet.gsoType = VnetHeader::kGsoTcp4;
  vnet.gsoSize = 1448;
  for (const std::uint32_t payload : {1000u, 0u}) {
    spec.payload = payload;
    Packet packet = superPacket(spec);
    Segmenter segmenter;
    REQUIRE(segmenter.init(vnet, packet));
    REQUIRE(segmenter.count() == 1);
    CHECK(segmentsOf(segmenter)[0] == wirePacket(spec));
  }
}

TEST_CASE("cutting and gluing again gives the super-packet back, for random flows") {
  Random random(7);
  for (int round = 0; round < 400; ++round) {
    Spec spec;
    spec.ipv6 = random() % 2 == 0;
    spec.tcp = random() % 2 == 0;
    spec.flow = random() % 60000;
    spec.gsoSize = 100 + random() % 1400;
    spec.payload = spec.gsoSize + 1 + random() % (spec.gsoSize * 40);
    spec.sequence = random();
    spec.acknowledgement = random();
    spec.id = random() % 65536;
    spec.dontFragment = random() % 2 == 0;
    spec.tos = static_cast<std::uint8_t>(random());
    spec.fill = static_cast<std::uint8_t>(random());
    if (random() % 2 == 0) spec.flags |= 0x08;
    Packet packet = superPacket(spec);
    Segmenter segmenter;
    REQUIRE(segmenter.init(headerFor(spec), packet));
    const auto segments = segmentsOf(segmenter);

    Writes writes;
    Coalescer coalescer(writes);
    for (const Packet& segment : segments) coalescer.add(segment);
    coalescer.flush();
    REQUIRE(writes.all.size() == 1);
    CHECK(writes.all[0].vnet == headerFor(spec));
    CHECK(writes.all[0].packet == packet);
    CHECK(writes.all[0].packets == segments.size());
  }
}
