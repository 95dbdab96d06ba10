#include "addon/config.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "connect_ip/address.h"
#include "quic/address.h"

namespace mqvpn::addon {

namespace {

using nlohmann::json;
using tunnel::ShellClientConfig;
using tunnel::ShellServerConfig;

/// Connections of one server: a tunnel needs one request stream, and a few more for requests that were
/// refused.
constexpr std::uint64_t kServerStreams = 16;

[[noreturn]] void refuse(const std::string& key, const std::string& what) {
  throw std::invalid_argument("config: " + key + ": " + what);
}

/// An object, and where it is.
class Node {
 public:
  Node(const json& value, std::string path) : value_(value), path_(std::move(path)) {
    if (!value_.is_object()) refuse(path_.empty() ? "(top)" : path_, "must be an object");
  }

  bool has(const char* key) const { return value_.contains(key) && !value_.at(key).is_null(); }
  std::string name(const char* key) const { return path_.empty() ? key : path_ + "." + key; }
  const json& at(const char* key) const {
    if (!has(key)) refuse(name(key), "is missing");
    return value_.at(key);
  }
  Node object(const char* key) const { return {at(key), name(key)}; }
  std::string text(const char* key) const {
    if (!at(key).is_string()) refuse(name(key), "must be a string");
    return at(key).get<std::string>();
  }
  std::string textOr(const char* key, std::string otherwise) const {
    return has(key) ? text(key) : otherwise;
  }
  bool flag(const char* key) const {
    if (!at(key).is_boolean()) refuse(name(key), "must be true or false");
    return at(key).get<bool>();
  }
  std::uint64_t number(const char* key, std::uint64_t least, std::uint64_t most) const {
    const json& value = at(key);
    if (!value.is_number_integer() || value < least || value > most)
      refuse(name(key), "must be an integer from " + std::to_string(least) + " to " + std::to_string(most));
    return value.get<std::uint64_t>();
  }
  template <typename Value>
  Value oneOf(const char* key, const std::map<std::string, Value>& values) const {
    const std::string found = text(key);
    if (const auto value = values.find(found); value != values.end()) return value->second;
    std::string names;
    for (const auto& [one, unused] : values) names += (names.empty() ? "" : ", ") + one;
    refuse(name(key), '"' + found + "\" is none of " + names);
  }

 private:
  const json& value_;
  std::string path_;
};

json parse(const std::string& text) {
  json value = json::parse(text, nullptr, false);
  if (value.is_discarded()) refuse("(top)", "is not JSON");
  return value;
}

quic::SocketAddress addressOf(const Node& node, std::uint64_t leastPort) {
  const std::string host = node.text("address");
  const std::string port = std::to_string(node.number("port", leastPort, 65535));
  const bool ipv6 = host.find(':') != std::string::npos;
  const auto address = quic::parseSocketAddress((ipv6 ? '[' + host + ']' : host) + ':' + port);
  if (!address) refuse(node.name("address"), '"' + host + "\" is not a numeric address");
  return *address;
}

quic::Duration milliseconds(const Node& node, const char* key) {
  // A day: nobody waits longer, and no sum of times overflows.
  return node.number(key, 0, 86'400'000) * quic::kMillisecond;
}

connect_ip::Prefix prefixOf(const Node& node, const char* key) {
  const auto prefix = connect_ip::parsePrefix(node.text(key));
  if (!prefix) refuse(node.name(key), '"' + node.text(key) + "\" is not a prefix");
  // As 10.0.0.1/24 is often written.
  return prefix->masked();
}

/// A list that may be missing.
std::vector<io::IpPrefix> prefixesOf(const Node& node, const char* key) {
  std::vector<io::IpPrefix> prefixes;
  if (!node.has(key)) return prefixes;
  const json& list = node.at(key);
  if (!list.is_array()) refuse(node.name(key), "must be a list");
  for (const json& one : list) {
    const auto prefix = one.is_string() ? io::parseIpPrefix(one.get<std::string>()) : std::nullopt;
    if (!prefix) refuse(node.name(key), one.dump() + " is not a prefix");
    prefixes.push_back(*prefix);
  }
  return prefixes;
}

void readCommon(const Node& node, tunnel::EngineSettings& engine) {
  engine.connection.congestion =
      node.oneOf<quic::CongestionAlgorithm>("cc", {{"bbr", quic::CongestionAlgorithm::kBbr},
                                                   {"cubic", quic::CongestionAlgorithm::kCubic},
                                                   {"none", quic::CongestionAlgorithm::kNone}});
  engine.scheduler = node.oneOf<tunnel::SchedulerKind>(
      "scheduler", {{"wlb", tunnel::SchedulerKind::kWlb}, {"minrtt", tunnel::SchedulerKind::kMinRtt}});
  engine.twins = !node.has("duplicate") || node.flag("duplicate");
  engine.mtu = static_cast<std::uint32_t>(node.number("mtu", 0, 9000));
  if (engine.mtu != 0 && engine.mtu < tunnel::kLeastMtu)
    refuse(node.name("mtu"), "must be 0 (automatic) or at least 1280");
  engine.connection.idleTimeout = milliseconds(node, "idleTimeoutMs");
}

std::array<std::uint8_t, 32> sha256Of(const Node& node) {
  // As openssl prints it, too.
  std::string digits;
  for (const char c : node.text("sha256"))
    if (c != ':') digits += c;
  std::array<std::uint8_t, 32> hash{};
  constexpr const char* kWrong = "must be 64 hexadecimal digits";
  if (digits.size() != hash.size() * 2) refuse(node.name("sha256"), kWrong);
  for (std::size_t i = 0; i < digits.size(); ++i) {
    const char c = digits[i];
    const int value = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (value < 0) refuse(node.name("sha256"), kWrong);
    hash[i / 2] = static_cast<std::uint8_t>(hash[i / 2] << 4 | value);
  }
  return hash;
}

std::optional<connect_ip::IpAddress> addressIn(const Node& node, const char* key, std::uint8_t version) {
  if (!node.has(key)) return std::nullopt;
  const auto address = connect_ip::parseAddress(node.text(key));
  if (!address || address->version != version)
    refuse(node.name(key), '"' + node.text(key) + "\" is not an IPv" + std::to_string(version) + " address");
  return address;
}

tunnel::User userOf(const Node& node) {
  const std::string name = node.text("name");
  tunnel::User user;
  if (node.has("sha256")) {
    user = tunnel::User(name, sha256Of(node));
  } else {
    const std::string key = node.text("key");
    if (key.empty()) refuse(node.name("key"), "must not be empty");
    user = tunnel::User(name, std::string_view(key));
  }
  user.address4 = addressIn(node, "address4", 4);
  user.address6 = addressIn(node, "address6", 6);
  if (!node.has("networks")) return user;
  const json& networks = node.at("networks");
  if (!networks.is_array()) refuse(node.name("networks"), "must be a list");
  for (const json& one : networks) {
    const auto prefix = one.is_string() ? connect_ip::parsePrefix(one.get<std::string>()) : std::nullopt;
    if (!prefix)
      refuse(node.name("networks"),
             one.dump(-1, ' ', true, json::error_handler_t::replace) + " is not a prefix");
    user.networks.push_back(*prefix);
  }
  return user;
}

std::vector<tunnel::User> usersIn(const Node& node) {
  const json& users = node.at("users");
  if (!users.is_array() || users.empty()) refuse(node.name("users"), "must be a list with at least one user");
  std::vector<tunnel::User> all;
  for (std::size_t i = 0; i < users.size(); ++i)
    all.push_back(userOf(Node(users[i], "users." + std::to_string(i))));
  return all;
}

}  // namespace

ShellServerConfig parseServerConfig(const std::string& text) {
  const json value = parse(text);
  const Node node(value, "");
  ShellServerConfig config;
  config.tunName = node.text("tunName");
  config.listen = addressOf(node.object("listen"), 0);
  config.tls.certificateFile = node.text("certFile");
  config.tls.keyFile = node.text("keyFile");
  config.keyLogFile = node.textOr("keyLogFile", "");
  config.qlogDir = node.textOr("qlogDir", "");
  tunnel::ServerSettings& settings = config.settings;
  readCommon(node, settings.engine);
  settings.engine.connection.streams.maxBidi = kServerStreams;
  settings.subnet4 = prefixOf(node, "subnet");
  if (node.has("subnet6")) settings.subnet6 = prefixOf(node, "subnet6");
  if (settings.subnet4->address.version != 4) refuse(node.name("subnet"), "must be an IPv4 prefix");
  if (settings.subnet6 && settings.subnet6->address.version != 6)
    refuse(node.name("subnet6"), "must be an IPv6 prefix");
  settings.maxClients = static_cast<std::uint32_t>(node.number("maxClients", 1, 1'000'000));
  settings.retry = node.oneOf<quic::RetryPolicy>("retry", {{"auto", quic::RetryPolicy::kWhenBusy},
                                                           {"always", quic::RetryPolicy::kAlways},
                                                           {"never", quic::RetryPolicy::kOff}});
  settings.users = usersIn(node);
  settings.clientToClient = !node.has("clientToClient") || node.flag("clientToClient");
  return config;
}

ShellClientConfig parseClientConfig(const std::string& text) {
  const json value = parse(text);
  const Node node(value, "");
  ShellClientConfig config;
  config.tunName = node.text("tunName");
  config.server = addressOf(node.object("server"), 1);
  if (node.has("otherServer")) {
    config.otherServer = addressOf(node.object("otherServer"), 1);
    if (config.otherServer->family == config.server.family)
      refuse("otherServer", "must be of the other family");
  }
  config.keyLogFile = node.textOr("keyLogFile", "");
  config.qlogDir = node.textOr("qlogDir", "");
  config.ticketFile = node.textOr("ticketFile", "");
  config.manageRoutes = node.flag("manageRoutes");
  config.allowed = prefixesOf(node, "allowedIps");
  config.excluded = prefixesOf(node, "exclude");
  const json& paths = node.at("paths");
  if (!paths.is_array()) refuse(node.name("paths"), "must be a list");
  const Node verify = node.object("verify");
  using Verify = tls::ClientConfig::Verify;
  config.tls.verify = verify.oneOf<Verify>("mode", {{"system", Verify::kSystem},
                                                    {"ca", Verify::kCaFile},
                                                    {"pin", Verify::kPin},
                                                    {"insecure", Verify::kInsecure}});
  if (config.tls.verify == Verify::kCaFile) config.tls.caFile = verify.text("file");
  if (config.tls.verify == Verify::kPin) config.tls.pin = sha256Of(verify);
  tunnel::ClientSettings& settings = config.settings;
  readCommon(node, settings.engine);
  if (!paths.empty()) settings.paths.clear();
  for (std::size_t i = 0; i < paths.size(); ++i) {
    const Node path(paths[i], "paths." + std::to_string(i));
    settings.paths.push_back({path.text("device"), path.has("backup") && path.flag("backup")});
  }
  if (node.has("multipathDraft"))
    settings.engine.connection.multipath = node.oneOf<quic::MultipathVersion>(
        "multipathDraft",
        {{"21", quic::MultipathVersion::kDraft21}, {"10", quic::MultipathVersion::kDraft10}});
  settings.engine.connection.keepAlive = milliseconds(node, "keepAliveMs");
  if (node.has("handshakeTimeoutMs"))
    settings.engine.connection.handshakeTimeout = milliseconds(node, "handshakeTimeoutMs");
  settings.serverName = node.text("serverName");
  settings.authority = node.text("authority");
  settings.key = node.text("authKey");
  settings.wantV6 = node.flag("ipv6");
  settings.clientId = node.textOr("clientId", "");
  return config;
}

std::vector<tunnel::User> parseUsers(const std::string& text) {
  const json value = parse(text);
  return usersIn(Node(value, ""));
}

tunnel::LogLevel parseLogLevel(const std::string& text) {
  const json value = parse(text);
  return Node(value, "").oneOf<tunnel::LogLevel>("logLevel", {{"debug", tunnel::LogLevel::kDebug},
                                                              {"info", tunnel::LogLevel::kInfo},
                                                              {"warn", tunnel::LogLevel::kWarn},
                                                              {"error", tunnel::LogLevel::kError}});
}

}  // namespace mqvpn::addon
