#include "probe/self.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <functional>
#include <thread>
#include <vector>

#include "probe/clock.h"
#include "probe/end.h"
#include "probe/realtime.h"

namespace mqvpn::probe {
namespace {

constexpr int64_t kLastArrivalNs = 200'000'000;  // far more than loopback ever takes

// {"p50":…,"p99":…,"max":…} in microseconds.
std::string spread(std::vector<int64_t> valuesNs) {
  if (valuesNs.empty()) return "null";
  std::sort(valuesNs.begin(), valuesNs.end());
  const auto at = [&](double share) {
    const auto rank = static_cast<size_t>(share * static_cast<double>(valuesNs.size() - 1) + 0.5);
    return static_cast<double>(valuesNs[rank]) / 1000;
  };
  char text[96];
  std::snprintf(text, sizeof text, "{\"p50\":%.1f,\"p99\":%.1f,\"max\":%.1f}", at(0.5), at(0.99), at(1));
  return text;
}

}  // namespace

std::string measureSelf(const Options& options) {
  const auto quiet = [](std::string_view) {};
  Options serveOptions = options;
  serveOptions.command = Command::kServe;
  serveOptions.bind = "127.0.0.1";
  serveOptions.port = 0;
  const auto server = makeEnd(serveOptions, quiet);
  Options connectOptions = options;
  connectOptions.command = Command::kConnect;
  connectOptions.to = "127.0.0.1";
  connectOptions.port = server->open();
  const auto client = makeEnd(connectOptions, quiet);
  client->open();

  // Two threads, as the two ends are two processes: an end that is woken by a packet is part of what is
  // measured.
  const int64_t stopNs =
      monotonicNs() + static_cast<int64_t>(options.count) * options.intervalNs + kLastArrivalNs;
  std::thread other([&] { run(*server, {}, stopNs); });
  run(*client, {}, stopNs);
  other.join();

  std::vector<int64_t> sendLate, delay, readLate;
  for (const End* end : {client.get(), server.get()}) {
    for (const auto& s : end->records().sent()) {
      if (s.seq < options.count) sendLate.push_back(s.lateNs);
    }
    for (const auto& r : end->records().received()) {
      if (r.seq >= options.count) continue;
      delay.push_back(r.rxNs - r.txNs);
      readLate.push_back(r.lateNs);
    }
  }
  char line[256];
  std::snprintf(line, sizeof line,
                "{\"event\":\"self\",\"protocol\":\"%s\",\"intervalUs\":%" PRId64
                ",\"scheduling\":\"%s\",\"sent\":%zu,\"received\":%zu",
                options.tcp ? "tcp" : "udp", options.intervalNs / 1000, hasRealtime() ? "rr" : "other",
                sendLate.size(), delay.size());
  return std::string(line) + ",\"delayUs\":" + spread(delay) + ",\"sendLateUs\":" + spread(sendLate) +
         ",\"readLateUs\":" + spread(readLate) + "}";
}

}  // namespace mqvpn::probe
