// One input, both parsers that read what somebody else wrote: control lines and rate traces.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "link/control.h"
#include "link/replies.h"
#include "link/trace.h"

using namespace mqvpn::link;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Request request = parseRequest(text);
  if (const auto* refused = std::get_if<Refusal>(&request.what)) {
    // One line, whatever was in the request.
    if (refusal(request.id, refused->reason).find('\n') != std::string::npos) std::abort();
  }
  const auto trace = Trace::parse(text);
  if (const auto* parsed = std::get_if<std::shared_ptr<const Trace>>(&trace)) {
    for (const Time time : {Time{0}, Time{1}, (*parsed)->period(), 3 * (*parsed)->period() + 1}) {
      const std::uint64_t first = (*parsed)->firstAfter(time);
      if ((*parsed)->timeOf(first) <= time) std::abort();
      if (first > 0 && (*parsed)->timeOf(first - 1) > time) std::abort();
    }
  }
  return 0;
}
