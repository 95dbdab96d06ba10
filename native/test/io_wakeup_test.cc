#include <doctest/doctest.h>
#include <sys/socket.h>

#include <thread>

#include "io/clock.h"
#include "io/poller.h"
#include "io/wakeup.h"

using namespace mqvpn::io;

TEST_CASE("a signal from another thread ends the wait, and many are one") {
  Wakeup wakeup;
  Poller poller;
  poller.add(wakeup.fd(), 42);
  CHECK_FALSE(wakeup.clear());
  std::thread other([&] {
    for (int i = 0; i < 3; ++i) wakeup.signal();
  });
  const auto events = poller.wait(UINT64_MAX);
  REQUIRE(events.size() == 1);
  CHECK(events[0].data.u64 == 42);
  other.join();
  CHECK(wakeup.clear());
  CHECK_FALSE(wakeup.clear());
  CHECK(poller.wait(0).empty());
}

TEST_CASE("a descriptor is reported as writable only while that is asked for") {
  int ends[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) == 0);
  const Fd here(ends[0]);
  const Fd there(ends[1]);
  Poller poller;
  poller.add(here.get(), 7);
  CHECK(poller.wait(0).empty());
  poller.watchWritable(here.get(), 7, true);
  const auto events = poller.wait(0);
  REQUIRE(events.size() == 1);
  CHECK(events[0].data.u64 == 7);
  CHECK((events[0].events & EPOLLOUT) != 0);
  poller.watchWritable(here.get(), 7, false);
  CHECK(poller.wait(0).empty());
}

TEST_CASE("the wait ends at its deadline to well below a millisecond") {
  Poller poller;
  // A busy machine may delay one of them.
  std::uint64_t best = UINT64_MAX;
  for (int i = 0; i < 50 && best > 500'000; ++i) {
    const std::uint64_t deadline = monotonicNs() + 200'000;
    poller.wait(deadline);
    const std::uint64_t woken = monotonicNs();
    REQUIRE(woken >= deadline);
    best = std::min(best, woken - deadline);
  }
  CHECK(best <= 500'000);
}
