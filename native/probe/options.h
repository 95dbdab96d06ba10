// The command line, as data. Sans-I/O.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <variant>

#include "probe/packet.h"

namespace mqvpn::probe {

enum class Command { kServe, kConnect, kSelf, kHelp };

struct Options {
  Command command = Command::kHelp;
  std::string bind;
  std::string to;
  std::string device;
  std::string out;
  uint16_t port = 0;
  bool tcp = false;
  int64_t intervalNs = 10'000'000;
  uint16_t size = 200;
  uint64_t session = 0;
  uint64_t count = 0;  // self only
};

// `arguments` without the program's name. A string says what is wrong and what would be right.
std::variant<Options, std::string> parseOptions(std::span<const char* const> arguments);

extern const char* const kUsage;

}  // namespace mqvpn::probe
