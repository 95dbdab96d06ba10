#include "tunnel/packet_pool.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "tunnel_packets.h"

using namespace mqvpn::tunnel;
using namespace mqvpn::tunnel::test;

namespace {
Packet* read(PacketPool& pool, std::size_t bytes, std::uint8_t fill) {
  std::span<std::uint8_t> buffer = pool.readBuffer();
  std::fill_n(buffer.begin(), VnetHeader::kBytes, std::uint8_t{0});
  std::fill_n(buffer.begin() + VnetHeader::kBytes, bytes, fill);
  return pool.commit(VnetHeader::kBytes + bytes);
}
}  // namespace

TEST_CASE("a read packet keeps its bytes while others are read") {
  PacketPool pool({4, 4});
  Packet* small = read(pool, 100, 0xaa);
  Packet* large = read(pool, 60'000, 0xbb);
  Packet* next = read(pool, 60'000, 0xcc);
  REQUIRE(small);
  REQUIRE(large);
  REQUIRE(next);
  CHECK(small->data.size() == 100);
  CHECK(large->data.size() == 60'000);
  const auto all = [](const Packet* packet, std::uint8_t value) {
    return std::all_of(packet->data.begin(), packet->data.end(),
                       [&](std::uint8_t byte) { return byte == value; });
  };
  CHECK(all(small, 0xaa));
  CHECK(all(large, 0xbb));
  CHECK(all(next, 0xcc));
}

TEST_CASE("a small packet does not hold a large slot while there are small ones") {
  PacketPool pool({2, 4});
  read(pool, 100, 1);
  read(pool, 100, 2);
  CHECK(pool.freeLarge() == 4);
  CHECK(pool.freeSmall() == 0);
  CHECK(read(pool, 100, 3) != nullptr);
  CHECK(pool.freeLarge() == 3);
}

TEST_CASE("an exhausted pool refuses, and goes on when something was given back") {
  PacketPool pool({1, 2});
  Packet* small = read(pool, 10, 1);
  Packet* large = read(pool, 50'000, 2);
  REQUIRE(read(pool, 50'000, 3) != nullptr);
  CHECK(read(pool, 10, 4) == nullptr);
  CHECK(read(pool, 50'000, 4) == nullptr);
  CHECK(pool.copy(Bytes(10)) == nullptr);
  pool.release(large);
  CHECK(read(pool, 50'000, 4) != nullptr);
  pool.release(small);
  CHECK(pool.copy(Bytes(10)) != nullptr);
}

TEST_CASE("a read that is shorter than a vnet header, or longer than the buffer, is no packet") {
  PacketPool pool({1, 1});
  CHECK(pool.commit(VnetHeader::kBytes - 1) == nullptr);
  CHECK(pool.commit(PacketPool::kReadBytes + 1) == nullptr);
}

TEST_CASE("a copied packet is a plain one") {
  PacketPool pool({1, 1});
  const Bytes bytes = udp4({}, 100, 7);
  Packet* packet = pool.copy(bytes);
  REQUIRE(packet);
  CHECK(packet->header == VnetHeader{});
  CHECK(std::equal(bytes.begin(), bytes.end(), packet->data.begin(), packet->data.end()));
}
