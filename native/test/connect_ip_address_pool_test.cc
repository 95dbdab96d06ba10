#include <doctest/doctest.h>

#include <map>
#include <random>
#include <set>
#include <string>
#include <unordered_set>

#include "connect_ip/address_pool.h"
#include "connect_ip_support.h"

using namespace mqvpn::connect_ip;
using namespace mqvpn::connect_ip::test;

namespace {

std::unique_ptr<AddressPool> pool(const char* v4, const char* v6 = nullptr) {
  std::string error;
  return AddressPool::create(v4 == nullptr ? std::nullopt : parsePrefix(v4),
                             v6 == nullptr ? std::nullopt : parsePrefix(v6), error);
}

}  // namespace

TEST_CASE("the server has the first address, clients the next, the same offset in both families") {
  const auto both = pool("10.0.0.0/24", "fd00::/112");
  CHECK((both->server4() == prefix("10.0.0.1/24")));
  CHECK((both->server6() == prefix("fd00::1/112")));
  CHECK(both->capacity() == 253);
  const auto lease = both->allocate();
  REQUIRE(lease);
  CHECK(lease->offset == 2);
  CHECK((lease->v4 == ip("10.0.0.2")));
  CHECK((lease->v6 == ip("fd00::2")));
  CHECK(both->offsetOf(ip("10.0.0.2")) == 2);
  CHECK(both->offsetOf(ip("fd00::2")) == 2);
  CHECK_FALSE(pool("10.0.0.0/24")->allocate()->v6);
  CHECK_FALSE(pool(nullptr, "fd00::/112")->allocate()->v4);
  CHECK_FALSE(pool("10.0.0.0/24")->server6());
}

TEST_CASE("capacities: network, server and broadcast address are nobody's") {
  CHECK(pool("10.0.0.0/30")->capacity() == 1);
  CHECK(pool("10.0.0.0/29")->capacity() == 5);
  CHECK(pool("10.0.0.0/16")->capacity() == 65533);
  CHECK(pool("10.0.0.0/8")->capacity() == 16777213);
  CHECK(pool(nullptr, "fd00::/126")->capacity() == 2);
  CHECK(pool(nullptr, "fd00::/64")->capacity() > 1000000000);
  CHECK(pool("10.0.0.0/8", "fd00::/126")->capacity() == 2);
}

TEST_CASE("subnets that cannot be used are refused with a reason") {
  const auto reason = [](const char* v4, const char* v6) {
    std::string error;
    CHECK_FALSE(AddressPool::create(v4 == nullptr ? std::nullopt : parsePrefix(v4),
                                    v6 == nullptr ? std::nullopt : parsePrefix(v6), error));
    return error;
  };
  CHECK(reason(nullptr, nullptr) == "no subnet");
  for (const char* wrong : {"10.0.0.0/7", "10.0.0.0/31", "10.0.0.1/32", "10.0.0.1/24", "fd00::/112"})
    CHECK_FALSE(reason(wrong, nullptr).empty());
  for (const char* wrong : {"fd00::/63", "fd00::/127", "fd00::1/112", "10.0.0.0/24"})
    CHECK_FALSE(reason("10.0.0.0/24", wrong).empty());
  CHECK(reason("10.0.0.7/24", nullptr).find("10.0.0.0/24") != std::string::npos);
}

TEST_CASE("a full pool says so, and gives again what was released") {
  const auto small = pool("10.0.0.0/29");
  std::set<std::uint32_t> offsets;
  for (int i = 0; i < 5; ++i) offsets.insert(small->allocate()->offset);
  CHECK(offsets == std::set<std::uint32_t>{2, 3, 4, 5, 6});
  CHECK_FALSE(small->allocate());
  CHECK(small->inUse() == 5);
  small->release(4);
  small->release(4);
  small->release(99);
  CHECK(small->inUse() == 4);
  CHECK(small->allocate()->offset == 4);
  CHECK_FALSE(small->allocate());
}

TEST_CASE("an address has an offset if a client can have it") {
  const auto small = pool("10.0.0.0/29", "fd00::/125");
  CHECK(small->offsetOf(ip("10.0.0.1")) == 1);
  CHECK(small->offsetOf(ip("10.0.0.6")) == 6);
  for (const char* none : {"10.0.0.0", "10.0.0.7", "10.0.0.8", "9.255.255.255", "11.0.0.2",
                           "fd00::", "fd00::7", "fd00::8", "fd01::2", "fd00::1:0:2"})
    CHECK(small->offsetOf(ip(none)) == 0);
  CHECK(small->offsetOf(IpAddress()) == 0);
  CHECK(pool("10.0.0.0/24")->offsetOf(ip("fd00::2")) == 0);
  CHECK(pool(nullptr, "fd00::/64")->offsetOf(ip("10.0.0.2")) == 0);
  CHECK(pool(nullptr, "fd00::/64")->offsetOf(ip("fd00::1:0:0:2")) == 0);
}

TEST_CASE("a client that comes back gets its former address, while it is free") {
  const auto small = pool("10.0.0.0/28");
  const std::uint32_t ann = small->allocate("ann")->offset;
  const std::uint32_t bob = small->allocate("bob")->offset;
  small->release(ann);
  small->release(bob);
  CHECK(small->allocate("eve")->offset != ann);
  CHECK(small->allocate("bob")->offset == bob);
  CHECK(small->allocate("ann")->offset == ann);
  // A second connection of the same client gets another one.
  const std::uint32_t second = small->allocate("ann")->offset;
  CHECK(second != ann);
  small->release(ann);
  small->release(second);
  CHECK(small->allocate("ann")->offset == second);
  // Taken by somebody else, because there was nothing else.
  while (small->allocate("other")) {
  }
  CHECK_FALSE(small->allocate("bob"));
}

TEST_CASE("a client that was forgotten does not take what is another's") {
  const auto tiny = pool("10.0.0.0/30");
  tiny->release(tiny->allocate("ann")->offset);
  const auto lease = tiny->allocate("bob");
  REQUIRE(lease);
  CHECK_FALSE(tiny->allocate("ann"));
  tiny->release(lease->offset);
  CHECK(tiny->allocate("ann"));
}

TEST_CASE("offsets stay low when clients come and go in a huge subnet") {
  const auto huge = pool("10.0.0.0/8");
  std::uint32_t highest = 0;
  for (int i = 0; i < 100000; ++i) {
    const auto lease = huge->allocate("client " + std::to_string(i));
    highest = std::max(highest, lease->offset);
    huge->release(lease->offset);
  }
  // One in use, and those of 4096 former owners.
  CHECK(highest <= 4096 + 2);
}

TEST_CASE("whatever is allocated and released: no offset twice, none lost, all within the subnet") {
  for (unsigned seed = 0; seed < 20; ++seed) {
    std::mt19937 random(seed);
    const auto subject = pool("10.0.0.0/27", seed % 2 == 0 ? "fd00::/120" : nullptr);
    std::map<std::uint32_t, std::string> model;
    for (int step = 0; step < 3000; ++step) {
      if (random() % 5 < 3) {
        const std::string key = random() % 4 == 0 ? "" : "user " + std::to_string(random() % 40);
        const auto lease = subject->allocate(key);
        REQUIRE(lease.has_value() == (model.size() < subject->capacity()));
        if (!lease) continue;
        REQUIRE_FALSE(model.contains(lease->offset));
        REQUIRE(prefix("10.0.0.0/27").contains(*lease->v4));
        REQUIRE(subject->offsetOf(*lease->v4) == lease->offset);
        if (lease->v6) REQUIRE(subject->offsetOf(*lease->v6) == lease->offset);
        REQUIRE(lease->offset >= 2);
        REQUIRE(lease->offset <= subject->capacity() + 1);
        model.emplace(lease->offset, key);
      } else if (!model.empty()) {
        auto chosen = model.begin();
        std::advance(chosen, static_cast<std::ptrdiff_t>(random() % model.size()));
        subject->release(chosen->first);
        REQUIRE_FALSE(subject->isUsed(chosen->first));
        model.erase(chosen);
      }
      REQUIRE(subject->inUse() == model.size());
    }
    for (const auto& [offset, key] : model) REQUIRE(subject->isUsed(offset));
  }
}

TEST_CASE("a reserved address is given to nobody but its owner, and to everybody afterwards") {
  const auto small = pool("10.0.0.0/29");
  REQUIRE(small->capacity() == 5);
  const auto second = small->allocate("b");
  REQUIRE(second->offset == 2);
  small->release(2);
  small->reserve({2, 4, 6});
  CHECK(small->allocate("b")->offset == 3);
  CHECK(small->allocate()->offset == 5);
  CHECK_FALSE(small->allocate());
  CHECK_FALSE(small->allocateReserved(3));
  const auto own = small->allocateReserved(6);
  REQUIRE(own);
  CHECK((own->v4 == ip("10.0.0.6")));
  CHECK_FALSE(small->allocateReserved(6));
  small->release(6);
  CHECK_FALSE(small->allocate());
  CHECK(small->allocateReserved(6)->offset == 6);
  // 6 is in use when it stops to be reserved.
  small->reserve({});
  std::set<std::uint32_t> given{small->allocate()->offset, small->allocate()->offset};
  CHECK(given == std::set<std::uint32_t>{2, 4});
  CHECK_FALSE(small->allocate());
  small->release(6);
  CHECK(small->allocate()->offset == 6);
}

TEST_CASE("random reservations, leases and releases: no address twice, none lost") {
  std::random_device device;
  const unsigned seed = device();
  CAPTURE(seed);
  std::mt19937 engine(seed);
  const auto random = [&] { return static_cast<std::uint32_t>(engine()); };
  const auto addresses = pool("10.0.0.0/27");
  std::set<std::uint32_t> used;
  std::unordered_set<std::uint32_t> reserved;
  for (int step = 0; step < 3000; ++step) {
    const std::uint32_t offset = 2 + random() % addresses->capacity();
    switch (random() % 8) {
      case 0:
        reserved.clear();
        for (unsigned i = random() % 6; i > 0; --i) reserved.insert(2 + random() % addresses->capacity());
        addresses->reserve(reserved);
        break;
      case 1:
        if (const auto lease = addresses->allocateReserved(offset)) {
          CHECK(reserved.contains(offset));
          CHECK(used.insert(offset).second);
        }
        break;
      case 2:
      case 3:
        addresses->release(offset);
        used.erase(offset);
        break;
      default: {
        const auto lease = addresses->allocate(
            random() % 2 == 0 ? "" : std::string(1, static_cast<char>('a' + random() % 20)));
        std::size_t taken = used.size();
        for (const std::uint32_t one : reserved) taken += !used.contains(one);
        CHECK(lease.has_value() == (taken < addresses->capacity()));
        if (!lease) break;
        CHECK_FALSE(reserved.contains(lease->offset));
        CHECK(used.insert(lease->offset).second);
      }
    }
    REQUIRE(addresses->inUse() == used.size());
  }
}

TEST_CASE("a client gets the address that it asks for, if that is nobody's") {
  std::string error;
  auto pool = AddressPool::create(parsePrefix("10.0.0.0/28"), std::nullopt, error);
  REQUIRE(pool);
  // As after a restart of the server: nobody is known.
  CHECK(pool->allocate("a", 7)->offset == 7);
  CHECK(pool->heldBy("a") == 7);
  CHECK(pool->allocate("b", 7)->offset == 2);
  CHECK(pool->allocate("c", 1)->offset == 3);
  CHECK(pool->allocate("d", 99)->offset == 4);
  pool->release(7);
  CHECK(pool->heldBy("a") == 0);
  // Its own before what it asks for; what waits for its owner is not given to others.
  pool->release(3);
  CHECK(pool->allocate("e", 3)->offset == 5);
  CHECK(pool->allocate("c", 9)->offset == 3);
  // Every address once.
  std::set<std::uint32_t> seen{2, 3, 4, 5};
  while (const auto lease = pool->allocate("", 8)) CHECK(seen.insert(lease->offset).second);
  CHECK(seen.size() == pool->capacity());
}
