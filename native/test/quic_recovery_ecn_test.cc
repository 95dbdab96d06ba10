#include <doctest/doctest.h>

#include "quic/ecn.h"

using namespace mqvpn::quic;

namespace {

/// Sends `count` packets, marked as the validator says; how many were.
std::uint64_t send(EcnValidator& ecn, int count) {
  std::uint64_t marked = 0;
  for (int i = 0; i < count; ++i) {
    const bool mark = ecn.mark();
    ecn.onSent(mark);
    if (mark) ++marked;
  }
  return marked;
}

std::uint64_t ack(EcnValidator& ecn, EcnCounts counts, std::uint64_t newlyAcked) {
  return ecn.onAck(&counts, newlyAcked);
}

}  // namespace

TEST_CASE("ten packets test the path, the rest waits for the result (RFC 9000 A.4)") {
  EcnValidator ecn;
  CHECK(send(ecn, 50) == 10);
  CHECK_FALSE(ecn.capable());
  CHECK_FALSE(ecn.mark());
  ack(ecn, {10, 0, 0}, 10);
  CHECK(ecn.capable());
  CHECK(send(ecn, 50) == 50);
}

TEST_CASE("an acknowledgement during the test is validated, the result comes after it") {
  EcnValidator ecn;
  send(ecn, 4);
  ack(ecn, {4, 0, 0}, 4);
  CHECK_FALSE(ecn.capable());
  CHECK(send(ecn, 20) == 6);
  CHECK_FALSE(ecn.capable());
  ack(ecn, {4, 0, 0}, 0);
  CHECK(ecn.capable());
}

TEST_CASE("a peer that reports no counts fails the path (RFC 9000 13.4.2.1)") {
  EcnValidator ecn;
  send(ecn, 10);
  CHECK(ecn.onAck(nullptr, 0) == 0);
  CHECK_FALSE(ecn.failed());
  ecn.onAck(nullptr, 1);
  CHECK(ecn.failed());
  CHECK_FALSE(ecn.mark());
}

TEST_CASE("bleached marks fail the path, at once or later (RFC 9000 13.4.2.1)") {
  EcnValidator early;
  send(early, 10);
  ack(early, {3, 0, 0}, 4);
  CHECK(early.failed());

  EcnValidator late;
  send(late, 10);
  ack(late, {10, 0, 0}, 10);
  REQUIRE(late.capable());
  send(late, 100);
  ack(late, {60, 0, 0}, 50);
  CHECK(late.capable());
  ack(late, {70, 0, 0}, 20);
  CHECK(late.failed());
  CHECK(send(late, 5) == 0);
}

TEST_CASE("counts may grow by more than what is newly acknowledged, since ACKs are lost") {
  EcnValidator ecn;
  send(ecn, 10);
  CHECK(ack(ecn, {9, 0, 1}, 2) == 1);
  CHECK(ecn.capable());
}

TEST_CASE("impossible counts fail the path (RFC 9000 13.4.2.1)") {
  const auto fails = [](EcnCounts counts) {
    EcnValidator ecn;
    send(ecn, 10);
    ack(ecn, {5, 0, 1}, 6);
    REQUIRE_FALSE(ecn.failed());
    ack(ecn, counts, 1);
    return ecn.failed();
  };
  CHECK_FALSE(fails({6, 0, 1}));
  CHECK(fails({11, 0, 1}));
  CHECK(fails({10, 0, 1}));
  CHECK(fails({6, 1, 1}));
  CHECK(fails({4, 0, 3}));
  CHECK(fails({7, 0, 0}));
  CHECK(fails({UINT64_MAX, 0, 1}));
}

TEST_CASE("marked packets that are all lost fail the path, some do not (RFC 9000 A.4)") {
  EcnValidator ecn;
  send(ecn, 10);
  for (int i = 0; i < 9; ++i) ecn.onMarkedLost();
  CHECK_FALSE(ecn.failed());
  ecn.onMarkedLost();
  CHECK(ecn.failed());

  EcnValidator some;
  send(some, 10);
  ack(some, {1, 0, 0}, 1);
  for (int i = 0; i < 9; ++i) some.onMarkedLost();
  CHECK_FALSE(some.failed());
  CHECK(some.capable());

  // The loss of the very first packet is no verdict.
  EcnValidator first;
  send(first, 1);
  first.onMarkedLost();
  CHECK_FALSE(first.failed());
  CHECK(first.mark());
}

TEST_CASE("a path that marks all of the test as CE is not believed (RFC 9000 A.4)") {
  EcnValidator ecn;
  send(ecn, 10);
  CHECK(ack(ecn, {0, 0, 10}, 10) == 0);
  CHECK(ecn.failed());
}

TEST_CASE("new CE marks are counted once") {
  EcnValidator ecn;
  send(ecn, 10);
  ack(ecn, {10, 0, 0}, 10);
  send(ecn, 20);
  CHECK(ack(ecn, {18, 0, 2}, 10) == 2);
  CHECK(ack(ecn, {20, 0, 2}, 2) == 0);
  CHECK(ack(ecn, {24, 0, 6}, 8) == 4);
}
