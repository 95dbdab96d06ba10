#include "probe/options.h"

#include <charconv>
#include <optional>
#include <string_view>

namespace mqvpn::probe {
namespace {

template <typename T>
std::optional<T> number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

struct Reader {
  Options options;
  std::string problem;

  template <typename T>
  T bounded(std::string_view flag, std::string_view text, T low, T high, const char* unit) {
    const auto value = number<T>(text);
    if (value && *value >= low && *value <= high) return *value;
    problem = std::string(flag) + " is \"" + std::string(text) + "\": must be a whole number from " +
              std::to_string(low) + " to " + std::to_string(high) + unit;
    return low;
  }

  void value(std::string_view flag, std::string_view text) {
    if (flag == "--bind") {
      options.bind = text;
    } else if (flag == "--to") {
      options.to = text;
    } else if (flag == "--device") {
      options.device = text;
      if (text.empty() || text.size() > 15) problem = "--device must be a device name of 1 to 15 characters";
    } else if (flag == "--out") {
      options.out = text;
    } else if (flag == "--port") {
      // 0: the kernel chooses; the ready event says which.
      options.port = bounded<uint16_t>(flag, text, 0, 65535, "");
    } else if (flag == "--interval-us") {
      options.intervalNs = 1000 * bounded<int64_t>(flag, text, 1000, 1'000'000, " microseconds");
    } else if (flag == "--size") {
      options.size = bounded<uint16_t>(flag, text, kHeaderBytes, kMaxPacketBytes, " bytes");
    } else if (flag == "--session") {
      options.session = bounded<uint64_t>(flag, text, 0, UINT64_MAX, "");
    } else if (flag == "--count") {
      options.count = bounded<uint64_t>(flag, text, 1, 10'000'000, " packets");
    } else {
      problem = "unknown option " + std::string(flag);
    }
  }

  void require(bool there, const char* flag, const char* command) {
    if (!there && problem.empty()) problem = std::string(command) + " needs " + flag;
  }
};

}  // namespace

const char* const kUsage =
    "mqvpn-probe serve   --bind ADDR --port P [--tcp] [--session N] --interval-us U --size BYTES --out FILE\n"
    "mqvpn-probe connect --to ADDR --port P [--bind ADDR] [--device DEV] [--tcp] [--session N]\n"
    "                    --interval-us U --size BYTES --out FILE\n"
    "mqvpn-probe self    --interval-us U --count N [--size BYTES]\n"
    "\n"
    "Both ends send to each other every U microseconds (1000 to 1000000, default 10000) packets of BYTES "
    "bytes\n"
    "(32 to 65507, default 200). SIGTERM or the end of stdin ends a probe and writes FILE.\n";

std::variant<Options, std::string> parseOptions(std::span<const char* const> arguments) {
  Reader reader;
  if (arguments.empty()) return std::string("a command is missing: serve, connect or self");
  const std::string_view command = arguments[0];
  if (command == "serve") {
    reader.options.command = Command::kServe;
  } else if (command == "connect") {
    reader.options.command = Command::kConnect;
  } else if (command == "self") {
    reader.options.command = Command::kSelf;
  } else if (command == "--help" || command == "-h" || command == "help") {
    return Options{};
  } else {
    return "unknown command \"" + std::string(command) + "\": serve, connect or self";
  }
  bool hasPort = false;
  for (size_t i = 1; i < arguments.size() && reader.problem.empty(); ++i) {
    const std::string_view flag = arguments[i];
    if (flag == "--help" || flag == "-h") return Options{};
    if (flag == "--tcp") {
      reader.options.tcp = true;
    } else if (i + 1 == arguments.size()) {
      reader.problem = std::string(flag) + " is unknown or lacks its value";
    } else {
      hasPort = hasPort || flag == "--port";
      reader.value(flag, arguments[++i]);
    }
  }
  const Options& o = reader.options;
  switch (o.command) {
    case Command::kServe:
      reader.require(!o.bind.empty(), "--bind ADDR", "serve");
      reader.require(hasPort, "--port P", "serve");
      reader.require(!o.out.empty(), "--out FILE", "serve");
      break;
    case Command::kConnect:
      reader.require(!o.to.empty(), "--to ADDR", "connect");
      reader.require(o.port != 0, "--port P (from 1)", "connect");
      reader.require(!o.out.empty(), "--out FILE", "connect");
      break;
    case Command::kSelf:
      reader.require(o.count > 0, "--count N", "self");
      break;
    case Command::kHelp:
      break;
  }
  if (!reader.problem.empty()) return reader.problem;
  return reader.options;
}

}  // namespace mqvpn::probe
