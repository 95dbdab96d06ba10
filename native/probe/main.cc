// mqvpn-probe: see native/README.md for what it does, what it prints and what it writes.
#include <fcntl.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <vector>

#include "probe/end.h"
#include "probe/options.h"
#include "probe/realtime.h"
#include "probe/self.h"
#include "probe/socket.h"

namespace mqvpn::probe {
namespace {

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;

void printLine(std::string_view line) {
  std::printf("%.*s\n", static_cast<int>(line.size()), line.data());
  std::fflush(stdout);
}

// Signals that end the probe arrive here, to be read by the loop; none of them interrupts anything.
Fd openSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return Fd(signalfd(-1, &set, SFD_CLOEXEC));
}

// The end of stdin ends the probe when stdin is something that its owner holds open; /dev/null always is at
// its end.
bool stdinIsHeld() {
  struct stat status;
  if (fstat(STDIN_FILENO, &status) != 0) return false;
  return S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode);
}

// Opened before anything is measured: a wrong path is found now, and not after the run.
Fd openRecordFile(const std::string& path) {
  Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!file) throw std::runtime_error("cannot write --out " + path + ": " + std::strerror(errno));
  return file;
}

void writeRecords(const End& end, const Fd& file, const std::string& path) {
  end.records().write(end.header(), [&](std::string_view piece) {
    while (!piece.empty()) {
      const auto n = ::write(file.get(), piece.data(), piece.size());
      if (n < 0)
        throw std::runtime_error("cannot write the records to " + path + ": " + std::strerror(errno));
      piece.remove_prefix(static_cast<size_t>(n));
    }
  });
}

int runProbe(const Options& options) {
  const Fd signals = openSignals();
  dieWithParent();
  const Fd file = openRecordFile(options.out);
  const auto end = makeEnd(options, printLine);
  const uint16_t port = end->open();
  requestRealtime();
  printLine("{\"event\":\"ready\",\"port\":" + std::to_string(port) + "}");
  std::vector<int> stops{signals.get()};
  if (stdinIsHeld()) stops.push_back(STDIN_FILENO);
  run(*end, stops, INT64_MAX);
  writeRecords(*end, file, options.out);
  return 0;
}

int main(int argc, char** argv) {
  const auto parsed =
      parseOptions(std::span<const char* const>(argv + 1, static_cast<size_t>(argc > 0 ? argc - 1 : 0)));
  if (const auto* problem = std::get_if<std::string>(&parsed)) {
    std::fprintf(stderr, "mqvpn-probe: %s\nmqvpn-probe --help shows the usage\n", problem->c_str());
    return kExitUsage;
  }
  const auto& options = std::get<Options>(parsed);
  try {
    switch (options.command) {
      case Command::kHelp:
        std::fputs(kUsage, stdout);
        return 0;
      case Command::kSelf:
        dieWithParent();
        requestRealtime();
        printLine(measureSelf(options));
        return 0;
      case Command::kServe:
      case Command::kConnect:
        return runProbe(options);
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "mqvpn-probe: %s\n", error.what());
  }
  return kExitFailed;
}

}  // namespace
}  // namespace mqvpn::probe

int main(int argc, char** argv) { return mqvpn::probe::main(argc, argv); }
