#include "probe/end.h"

#include <signal.h>

#include <cinttypes>
#include <cstdio>
#include <cstring>

#include "probe/clock.h"
#include "probe/realtime.h"

namespace mqvpn::probe {

End::End(const Options& options, OnEvent onEvent)
    : options_(options),
      role_(options.command == Command::kServe ? Role::kServe : Role::kConnect),
      onEvent_(std::move(onEvent)),
      schedule_(options.intervalNs),
      startNs_(monotonicNs()) {}

RecordHeader End::header() const {
  RecordHeader header;
  header.role = role_ == Role::kServe ? "serve" : "connect";
  header.protocol = options_.tcp ? "tcp" : "udp";
  header.scheduling = hasRealtime() ? "rr" : "other";
  header.receiveClock = receiveClock();
  header.intervalUs = options_.intervalNs / 1000;
  header.sizeBytes = options_.size;
  header.session = options_.session;
  header.startNs = startNs_;
  header.endNs = monotonicNs();
  header.skipped = schedule_.skipped();
  header.foreign = foreign_;
  return header;
}

bool End::isOurs(const std::optional<Packet>& packet) {
  if (packet && packet->role != role_ && packet->session == options_.session) return true;
  ++foreign_;
  return false;
}

void End::noteReceived(const Packet& packet, int64_t rxNs, int64_t lateNs) {
  records_.received({packet.seq, packet.txNs, rxNs, lateNs});
  if (connected_) return;
  connected_ = true;
  char line[96];
  std::snprintf(line, sizeof line, "{\"event\":\"connected\",\"tNs\":%" PRId64 "}", rxNs);
  onEvent_(line);
}

void End::complainOnce(const char* what, int error) {
  if (error == lastComplaint_) return;
  lastComplaint_ = error;
  std::fprintf(stderr, "mqvpn-probe: %s: %s; still trying\n", what, std::strerror(error));
}

std::unique_ptr<End> makeEnd(const Options& options, End::OnEvent onEvent) {
  return options.tcp ? makeTcpEnd(options, std::move(onEvent)) : makeUdpEnd(options, std::move(onEvent));
}

void run(End& end, std::span<const int> stopDescriptors, int64_t stopNs) {
  std::vector<pollfd> descriptors;
  for (;;) {
    descriptors.clear();
    for (const int fd : stopDescriptors) descriptors.push_back({fd, POLLIN, 0});
    end.wanted(descriptors);

    const int64_t before = monotonicNs();
    const int64_t until = std::min(end.deadlineNs(), stopNs);
    timespec timeout{};
    if (until > before) {
      const int64_t wait = std::min<int64_t>(until - before, 3'600'000'000'000);
      timeout.tv_sec = wait / 1'000'000'000;
      timeout.tv_nsec = wait % 1'000'000'000;
    }
    const int ready = ppoll(descriptors.data(), descriptors.size(), &timeout, nullptr);

    // Sending comes first: its time matters to the microsecond, what arrived carries the kernel's time stamp.
    const int64_t now = monotonicNs();
    if (now >= end.deadlineNs()) end.onTime(now);
    if (ready > 0) end.onReady(std::span(descriptors).subspan(stopDescriptors.size()));

    for (size_t i = 0; ready > 0 && i < stopDescriptors.size(); ++i) {
      if (descriptors[i].revents != 0) return;
    }
    if (now >= stopNs) return;
  }
}

}  // namespace mqvpn::probe
