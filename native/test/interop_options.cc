#include "interop_options.h"

#include <charconv>
#include <functional>
#include <map>
#include <stdexcept>
#include <string_view>

#include "interop_network.h"
#include "quic/address.h"

namespace mqvpn::test {
namespace {

template <typename Number>
Number number(std::string_view text) {
  Number value{};
  const auto [stop, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || stop != text.data() + text.size())
    throw std::runtime_error("not a number: " + std::string(text));
  return value;
}

io::SockAddr address(const std::string& text) {
  const auto parsed = quic::parseSocketAddress(text);
  if (!parsed) throw std::runtime_error("not an address and a port: " + text);
  return toSockAddr(*parsed);
}

quic::CongestionAlgorithm congestion(const std::string& text) {
  if (text == "cubic") return quic::CongestionAlgorithm::kCubic;
  if (text == "bbr") return quic::CongestionAlgorithm::kBbr;
  throw std::runtime_error("unknown congestion control: " + text);
}

using Setter = std::function<void(InteropOptions&, const std::string&)>;

template <typename Value>
Setter to(Value InteropOptions::*member) {
  return [member](InteropOptions& options, const std::string& text) {
    if constexpr (std::is_same_v<Value, std::string>)
      options.*member = text;
    else
      options.*member = number<Value>(text);
  };
}

const std::map<std::string, bool InteropOptions::*, std::less<>> kFlags{
    {"--retry", &InteropOptions::retry},
    {"--insecure", &InteropOptions::insecure},
    {"--no-offload", &InteropOptions::noOffload},
};

const std::map<std::string, Setter, std::less<>>& valued() {
  static const std::map<std::string, Setter, std::less<>> all{
      {"--listen", [](InteropOptions& o, const std::string& text) { o.address = address(text); }},
      {"--connect", [](InteropOptions& o, const std::string& text) { o.address = address(text); }},
      {"--congestion", [](InteropOptions& o, const std::string& text) { o.congestion = congestion(text); }},
      {"--priority", to(&InteropOptions::priority)},
      {"--keylog", to(&InteropOptions::keylog)},
      {"--cert", to(&InteropOptions::certificate)},
      {"--key", to(&InteropOptions::key)},
      {"--body", to(&InteropOptions::body)},
      {"--name", to(&InteropOptions::name)},
      {"--ca", to(&InteropOptions::authority)},
      {"--get", to(&InteropOptions::path)},
      {"--requests", to(&InteropOptions::requests)},
      {"--ticket", to(&InteropOptions::ticket)},
      {"--token", to(&InteropOptions::token)},
      {"--out", to(&InteropOptions::out)},
      {"--key-update-after", to(&InteropOptions::keyUpdateAfter)},
      {"--rebind-after", to(&InteropOptions::rebindAfter)},
      {"--migrate-after", to(&InteropOptions::migrateAfter)},
      {"--handshake-timeout", to(&InteropOptions::handshakeTimeoutSeconds)},
      {"--timeout", to(&InteropOptions::timeoutSeconds)},
  };
  return all;
}

}  // namespace

InteropOptions parseInteropOptions(int count, char** words) {
  InteropOptions options;
  const std::string role = count > 1 ? words[1] : "";
  if (role != "server" && role != "client") throw std::runtime_error("the first word is server or client");
  options.server = role == "server";
  for (int i = 2; i < count; ++i) {
    const std::string word = words[i];
    if (const auto flag = kFlags.find(word); flag != kFlags.end()) {
      options.*(flag->second) = true;
      continue;
    }
    const auto found = valued().find(word);
    if (found == valued().end()) throw std::runtime_error("unknown option " + word);
    if (++i == count) throw std::runtime_error(word + " needs a value");
    found->second(options, words[i]);
  }
  if (options.address.empty()) throw std::runtime_error("--listen or --connect is missing");
  if (options.server && (options.certificate.empty() || options.key.empty()))
    throw std::runtime_error("--cert and --key are missing");
  if (!options.server && options.authority.empty() && !options.insecure)
    throw std::runtime_error("--ca or --insecure is missing");
  return options;
}

}  // namespace mqvpn::test
