// mqvpn-link: the userspace link emulator. What it understands: native/README.md; how it works:
// docs/link-emulator.md.

#include <charconv>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>

#include "io/process.h"
#include "link/shell.h"

namespace {

constexpr std::string_view kUsage =
    "usage: mqvpn-link [--seed N] [--realtime] [--coalesce-us N] [--no-gro] [--max-frame BYTES]\n"
    "\n"
    "Joins TAP devices in network namespaces and shapes what flows between them.\n"
    "Requests are JSON lines on standard input, answers JSON lines on standard output.\n"
    "\n"
    "  --seed N           first number of all random decisions (0)\n"
    "  --realtime         run at the lowest real-time priority, with memory locked, if permitted\n"
    "  --coalesce-us N    let packets wait up to N microseconds to be moved together, 0 to 10000 (400)\n"
    "  --no-gro           hand every frame to the receiver on its own\n"
    "  --max-frame BYTES  largest Ethernet frame, 1514 to 65549 (2048)\n";

int usageError(const std::string& message) {
  std::fprintf(stderr, "mqvpn-link: %s\n%.*s", message.c_str(), static_cast<int>(kUsage.size()),
               kUsage.data());
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  mqvpn::io::dieWithParent();
  mqvpn::link::ShellOptions options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--help") {
      std::fwrite(kUsage.data(), 1, kUsage.size(), stdout);
      return 0;
    }
    if (argument == "--realtime") {
      options.realtime = true;
      continue;
    }
    if (argument == "--no-gro") {
      options.coalesceSegments = false;
      continue;
    }
    const bool seed = argument == "--seed";
    const bool coalesce = argument == "--coalesce-us";
    if (!seed && !coalesce && argument != "--max-frame")
      return usageError("unknown argument " + std::string(argument));
    const std::string_view text = i + 1 < argc ? argv[++i] : "";
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool number = error == std::errc() && end == text.data() + text.size();
    if (!number || (coalesce && value > 10'000) || (!seed && !coalesce && (value < 1514 || value > 65549))) {
      return usageError(std::string(argument) + " is \"" + std::string(text) +
                        "\", expected a whole number in range");
    }
    if (seed) {
      options.seed = value;
    } else if (coalesce) {
      options.coalesce = value * mqvpn::link::kMicrosecond;
    } else {
      options.maxFrame = value;
    }
  }
  try {
    mqvpn::link::Shell(options).run();
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "mqvpn-link: %s\n", error.what());
    return 3;
  }
}
