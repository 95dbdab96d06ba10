// One end of a probe: sends on its schedule, receives, records. `UdpEnd` and `TcpEnd` are the two kinds.
#pragma once

#include <poll.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "probe/options.h"
#include "probe/packet.h"
#include "probe/records.h"
#include "probe/schedule.h"

namespace mqvpn::probe {

class End {
 public:
  // Gets one JSON line (without its newline) per event.
  using OnEvent = std::function<void(std::string_view)>;

  virtual ~End() = default;
  End(const End&) = delete;
  End& operator=(const End&) = delete;

  // Takes what cannot be retried: the socket and the address to serve on. Throws std::runtime_error. Returns
  // the local port (0 when it is not chosen yet).
  virtual uint16_t open() = 0;

  // For the loop: what to wait for, until when, and what happened.
  virtual void wanted(std::vector<pollfd>& descriptors) const = 0;
  virtual int64_t deadlineNs() const { return schedule_.started() ? schedule_.dueNs() : INT64_MAX; }
  virtual void onTime(int64_t nowNs) = 0;
  virtual void onReady(std::span<const pollfd> descriptors) = 0;

  virtual const char* receiveClock() const = 0;

  const Records& records() const { return records_; }
  RecordHeader header() const;

 protected:
  End(const Options& options, OnEvent onEvent);

  // A packet of this probe's other end, or something foreign? Counts foreign ones.
  bool isOurs(const std::optional<Packet>& packet);
  void noteReceived(const Packet& packet, int64_t rxNs, int64_t lateNs);
  // Says a problem that is tried again on stderr, when it is another one than the last.
  void complainOnce(const char* what, int error);

  const Options options_;
  const Role role_;
  OnEvent onEvent_;
  Records records_;
  Schedule schedule_;
  uint64_t nextSeq_ = 0;
  int64_t startNs_ = 0;

 private:
  uint64_t foreign_ = 0;
  bool connected_ = false;
  int lastComplaint_ = 0;
};

std::unique_ptr<End> makeUdpEnd(const Options& options, End::OnEvent onEvent);
std::unique_ptr<End> makeTcpEnd(const Options& options, End::OnEvent onEvent);
std::unique_ptr<End> makeEnd(const Options& options, End::OnEvent onEvent);

// Runs `end` until one of `stopDescriptors` has something to read or is closed, or `stopNs`
// (CLOCK_MONOTONIC).
void run(End& end, std::span<const int> stopDescriptors, int64_t stopNs);

}  // namespace mqvpn::probe
