#include "link/trace.h"

#include <algorithm>
#include <charconv>

namespace mqvpn::link {

namespace {

// A day: far longer than any recorded trace, and far from where arithmetic in ns could overflow.
constexpr std::uint64_t kLongestMs = 86'400'000;

std::string_view trim(std::string_view text) {
  constexpr std::string_view blank = " \t\r";
  const std::size_t first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

std::string problem(std::size_t line, std::string_view text, std::string_view right) {
  std::string message = "trace: line " + std::to_string(line) + " is \"";
  // What a user fed us may be a binary file: quote little of it, and printable bytes only.
  for (const char letter : text.substr(0, 20)) message += letter >= ' ' && letter <= '~' ? letter : '?';
  return message.append("\", expected ").append(right);
}

}  // namespace

std::variant<std::shared_ptr<const Trace>, std::string> Trace::parse(std::string_view text) {
  std::vector<Time> offsets;
  std::size_t lineNumber = 0;
  while (!text.empty()) {
    ++lineNumber;
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) continue;

    std::uint64_t ms = 0;
    const auto [rest, error] = std::from_chars(line.data(), line.data() + line.size(), ms);
    if (error != std::errc() || rest != line.data() + line.size() || ms > kLongestMs) {
      return problem(lineNumber, line, "a time stamp in ms, 0 to 86400000");
    }
    if (!offsets.empty() && ms * kMillisecond < offsets.back()) {
      return problem(lineNumber, line, "a time stamp that is not before the previous one");
    }
    offsets.push_back(ms * kMillisecond);
  }
  if (offsets.empty()) return std::string("trace: no time stamp in it, expected one in ms per line");
  if (offsets.back() == 0) return std::string("trace: it lasts 0 ms, expected a last time stamp above 0");
  return std::shared_ptr<const Trace>(new Trace(std::move(offsets)));
}

std::uint64_t Trace::firstAfter(Time time) const {
  const std::uint64_t round = time / period();
  // An opportunity at the very end of a round and one at offset 0 of the next are at the same moment: the
  // search within the round looks for later ones only, and the next round's first may itself be at `time`.
  const auto later = std::upper_bound(offsets_.begin(), offsets_.end(), time % period());
  return round * offsets_.size() + static_cast<std::uint64_t>(later - offsets_.begin());
}

}  // namespace mqvpn::link
