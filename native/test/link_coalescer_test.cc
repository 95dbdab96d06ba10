#include <doctest/doctest.h>

#include <functional>
#include <numeric>

#include "link/coalescer.h"
#include "link_support.h"

using namespace mqvpn::link;
using namespace mqvpn::link::test;

namespace {

void put16(std::uint8_t* at, std::uint32_t value) {
  at[0] = static_cast<std::uint8_t>(value >> 8);
  at[1] = static_cast<std::uint8_t>(value);
}
void put32(std::uint8_t* at, std::uint32_t value) {
  put16(at, value >> 16);
  put16(at + 2, value);
}
std::uint32_t get16(const std::uint8_t* at) { return std::uint32_t{at[0]} << 8 | at[1]; }
void putNative(std::uint8_t* at, std::uint16_t value) { std::memcpy(at, &value, sizeof(value)); }
std::uint32_t getNative(const std::uint8_t* at) {
  std::uint16_t value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}

std::uint32_t sumOf(const std::uint8_t* from, std::size_t bytes, std::uint32_t sum = 0) {
  for (std::size_t i = 0; i < bytes; i += 2) sum += get16(from + i);
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

struct Segment {
  bool ipv6 = false;
  bool tcp = true;
  std::uint32_t sequence = 1000;
  std::uint32_t payload = 1448;
  std::uint8_t flags = 0x10;
  std::uint32_t id = 7;
  bool dontFragment = true;
};

/// A frame as the kernel hands it out with the checksum left undone; its payload counts up from the sequence
/// number.
Frame* segment(TestPool& pool, const Segment& s) {
  const std::uint32_t transport = s.ipv6 ? 54 : 34;
  const std::uint32_t header = s.tcp ? 32 : 8;  // with time stamps
  Frame* frame = pool.frame(transport + header + s.payload);
  std::uint8_t* vnet = frame->vnetHeader();
  vnet[0] = 1;
  putNative(vnet + 6, static_cast<std::uint16_t>(transport));
  putNative(vnet + 8, s.tcp ? 16 : 6);
  std::uint8_t* ethernet = frame->ethernet();
  std::memset(ethernet, 0, frame->length);
  put16(ethernet + 12, s.ipv6 ? 0x86dd : 0x0800);
  std::uint8_t* ip = ethernet + 14;
  std::uint32_t pseudo = 0;
  const std::uint32_t transportBytes = header + s.payload;
  if (s.ipv6) {
    ip[0] = 0x60;
    put16(ip + 4, transportBytes);
    ip[6] = s.tcp ? 6 : 17;
    ip[7] = 64;
    for (std::uint8_t i = 0; i < 32; ++i) ip[8 + i] = i;
    pseudo = sumOf(ip + 8, 32);
  } else {
    ip[0] = 0x45;
    put16(ip + 2, 20 + transportBytes);
    put16(ip + 4, s.id);
    put16(ip + 6, s.dontFragment ? 0x4000 : 0);
    ip[8] = 64;
    ip[9] = s.tcp ? 6 : 17;
    put32(ip + 12, 0x0a090001);
    put32(ip + 16, 0x0a090002);
    put16(ip + 10, ~sumOf(ip, 20));
    pseudo = sumOf(ip + 12, 8);
  }
  pseudo += (s.tcp ? 6 : 17) + transportBytes;
  std::uint8_t* l4 = ethernet + transport;
  put16(l4, 5201);
  put16(l4 + 2, 443);
  if (s.tcp) {
    put32(l4 + 4, s.sequence);
    put32(l4 + 8, 77);
    l4[12] = 8 << 4;
    l4[13] = s.flags;
    put16(l4 + 14, 500);
  } else {
    put16(l4 + 4, transportBytes);
  }
  std::uint8_t* checksum = l4 + (s.tcp ? 16 : 6);
  while (pseudo >> 16) pseudo = (pseudo & 0xffff) + (pseudo >> 16);
  put16(checksum, pseudo);
  for (std::uint32_t i = 0; i < s.payload; ++i) {
    l4[header + i] = static_cast<std::uint8_t>((s.sequence + i) * 31);
  }
  return frame;
}

std::vector<std::uint8_t> joined(Coalescer& coalescer) {
  std::vector<std::uint8_t> all;
  for (const iovec& piece : coalescer.pieces()) {
    const auto* from = static_cast<const std::uint8_t*>(piece.iov_base);
    all.insert(all.end(), from, from + piece.iov_len);
  }
  return all;
}

}  // namespace

TEST_CASE("a single frame is written as it is") {
  TestPool pool;
  Coalescer coalescer;
  Frame* frame = segment(pool, {});
  CHECK(coalescer.add(frame));
  const auto all = joined(coalescer);
  CHECK(all.size() == kVnetHeaderBytes + frame->length);
  CHECK(std::memcmp(all.data(), frame->vnetHeader(), all.size()) == 0);
}

TEST_CASE("consecutive segments become the packet that a sender with TSO would have sent") {
  for (const bool ipv6 : {false, true}) {
    for (const bool tcp : {true, false}) {
      CAPTURE(ipv6);
      CAPTURE(tcp);
      TestPool pool;
      Coalescer coalescer;
      const std::uint32_t full = 1400;
      for (std::uint32_t i = 0; i < 3; ++i) {
        Segment s;
        s.ipv6 = ipv6;
        s.tcp = tcp;
        s.sequence = 1000 + i * full;
        s.payload = i == 2 ? 600 : full;
        s.flags = i == 2 ? 0x18 : 0x10;
        s.id = 7 + i;
        REQUIRE(coalescer.add(segment(pool, s)));
      }
      CHECK(coalescer.frames().size() == 3);
      const auto all = joined(coalescer);
      // The same packet in one piece, from the sender's side.
      Segment whole;
      whole.ipv6 = ipv6;
      whole.tcp = tcp;
      whole.payload = 2 * full + 600;
      whole.flags = 0x18;
      TestPool large(4, 8192);
      Frame* expected = segment(large, whole);
      const std::uint32_t header = (ipv6 ? 54 : 34) + (tcp ? 32 : 8);
      REQUIRE(all.size() == kVnetHeaderBytes + expected->length);
      CHECK(std::memcmp(all.data() + kVnetHeaderBytes, expected->ethernet(), expected->length) == 0);
      CHECK(all[0] == 1);
      CHECK(all[1] == (!tcp ? 5 : ipv6 ? 4 : 1));
      CHECK(getNative(&all[2]) == header);
      CHECK(getNative(&all[4]) == full);
    }
  }
}

TEST_CASE("a packet holds at most 64 KB and 64 frames") {
  TestPool pool;
  Coalescer coalescer;
  std::uint32_t sequence = 0;
  std::size_t count = 0;
  for (;; ++count, sequence += 1448) {
    Segment s;
    s.sequence = sequence;
    if (!coalescer.add(segment(pool, s))) break;
  }
  CHECK(count == 45);
  CHECK(joined(coalescer).size() <= 65535 + 14 + kVnetHeaderBytes);
  coalescer.clear();
  for (count = 0;; ++count) {
    Segment s;
    s.tcp = false;
    s.payload = 100;
    if (!coalescer.add(segment(pool, s))) break;
  }
  CHECK(count == 64);
}

TEST_CASE("what does not continue the packet is not glued to it") {
  const std::uint32_t full = 1448;
  const Segment next{.sequence = 1000 + full};
  const auto refuses = [&](
                           const Segment& before, const Segment& after,
                           const std::function<void(Frame*)>& change = [](Frame*) {}) {
    TestPool pool;
    Coalescer coalescer;
    CHECK(coalescer.add(segment(pool, before)));
    Frame* frame = segment(pool, after);
    change(frame);
    return !coalescer.add(frame);
  };
  CHECK_FALSE(refuses({}, next));
  CHECK(refuses({}, {.sequence = 1000 + full + 1}));             // a gap
  CHECK(refuses({}, {.sequence = 1000}));                        // again
  CHECK(refuses({.payload = 100}, {.sequence = 1100}));          // grows
  CHECK(refuses({.flags = 0x18}, next));                         // pushed
  CHECK(refuses({}, {.sequence = 1000 + full, .flags = 0x11}));  // FIN
  CHECK(refuses({.flags = 0x12}, next));                         // SYN
  CHECK(refuses({}, {.sequence = 1000 + full, .flags = 0x90}));  // CWR
  CHECK(refuses({}, {.sequence = 1000 + full, .flags = 0x50}));  // ECE begins
  CHECK(refuses({}, {.sequence = 1000 + full, .payload = 0}));   // bare ACK
  CHECK(refuses({.payload = 0}, {.sequence = 1000}));
  CHECK(refuses({}, {.tcp = false}));
  CHECK(refuses({}, {.ipv6 = true, .sequence = 1000 + full}));
  CHECK(refuses({.id = 7, .dontFragment = false}, {.sequence = 1000 + full, .id = 9, .dontFragment = false}));
  CHECK_FALSE(refuses({.id = 65535, .dontFragment = false},
                      {.sequence = 1000 + full, .id = 0, .dontFragment = false}));
  CHECK(refuses({}, next, [](Frame* f) { f->vnetHeader()[0] = 0; }));     // checksum done
  CHECK(refuses({}, next, [](Frame* f) { f->ethernet()[0] ^= 1; }));      // another station
  CHECK(refuses({}, next, [](Frame* f) { f->ethernet()[15] ^= 1; }));     // ECN mark
  CHECK(refuses({}, next, [](Frame* f) { f->ethernet()[22] ^= 1; }));     // time to live
  CHECK(refuses({}, next, [](Frame* f) { f->ethernet()[20] |= 0x20; }));  // a fragment
  CHECK(refuses({}, next, [](Frame* f) { f->ethernet()[30] ^= 1; }));     // address
  CHECK(refuses({}, next, [](Frame* f) { f->ethernet()[34] ^= 1; }));     // port
  CHECK(refuses({}, next, [](Frame* f) { f->ethernet()[45] ^= 1; }));     // acknowledgement
  CHECK(refuses({}, next, [](Frame* f) { f->ethernet()[48] ^= 1; }));     // window
  CHECK(refuses({}, next, [](Frame* f) { f->ethernet()[60] ^= 1; }));     // time stamp
  CHECK(refuses({}, next, [](Frame* f) { f->length -= 1; }));             // longer on paper
}

TEST_CASE("without UDP only TCP is glued") {
  TestPool pool;
  Coalescer coalescer;
  coalescer.withoutUdp();
  CHECK(coalescer.add(segment(pool, {.tcp = false})));
  CHECK_FALSE(coalescer.add(segment(pool, {.tcp = false})));
  coalescer.clear();
  CHECK(coalescer.add(segment(pool, {})));
  CHECK(coalescer.add(segment(pool, {.sequence = 1000 + 1448})));
}

TEST_CASE("any bytes are survived") {
  TestPool pool;
  Coalescer coalescer;
  Random random(4);
  for (int round = 0; round < 50'000; ++round) {
    Frame* frame =
        random.chance(0.5)
            ? segment(pool, {.ipv6 = random.chance(0.5),
                             .tcp = random.chance(0.5),
                             .sequence = static_cast<std::uint32_t>(1000 + random.next() % 3 * 100),
                             .payload = 100})
            : pool.frame(static_cast<std::uint32_t>(1 + random.next() % 200));
    const std::size_t bytes = kVnetHeaderBytes + frame->length;
    for (std::uint64_t i = random.next() % 4; i > 0; --i) {
      frame->vnetHeader()[random.next() % bytes] = static_cast<std::uint8_t>(random.next());
    }
    if (random.chance(0.2)) frame->length = static_cast<std::uint32_t>(1 + random.next() % frame->length);
    if (!coalescer.add(frame)) {
      std::size_t total = 0;
      for (const iovec& piece : coalescer.pieces()) total += piece.iov_len;
      REQUIRE(total <= kVnetHeaderBytes + 14 + 65535);
      for (Frame* held : coalescer.frames()) pool.pool.give(held);
      coalescer.clear();
      REQUIRE(coalescer.add(frame));
    }
  }
}
