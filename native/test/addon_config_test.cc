#include "addon/config.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

using namespace mqvpn;
using namespace mqvpn::addon;
using nlohmann::json;

namespace {

json serverJson() {
  return {{"tunName", "mqvpn0"},
          {"listen", {{"address", "0.0.0.0"}, {"port", 443}}},
          {"subnet", "10.0.0.1/24"},
          {"subnet6", "fd00::/112"},
          {"certFile", "/c"},
          {"keyFile", "/k"},
          {"users", {{{"name", "(global)"}, {"key", "secret"}}}},
          {"maxClients", 64},
          {"cc", "bbr"},
          {"scheduler", "wlb"},
          {"mtu", 0},
          {"idleTimeoutMs", 120000},
          {"retry", "auto"},
          {"logLevel", "info"}};
}

json clientJson() {
  return {{"tunName", "mqvpn0"},
          {"server", {{"address", "2001:db8::1"}, {"port", 443}}},
          {"serverName", "vpn.example"},
          {"authority", "vpn.example:443"},
          {"verify", {{"mode", "system"}}},
          {"authKey", "secret"},
          {"paths", json::array({{{"device", "eth0"}}})},
          {"cc", "cubic"},
          {"scheduler", "minrtt"},
          {"mtu", 1400},
          {"manageRoutes", true},
          {"idleTimeoutMs", 30000},
          {"keepAliveMs", 15000},
          {"ipv6", false},
          {"logLevel", "debug"}};
}

/// What the refusal says; empty: it was accepted.
template <typename Parse>
std::string problem(Parse parse, const json& value) {
  try {
    parse(value.dump());
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a server's configuration arrives as it was written") {
  const auto config = parseServerConfig(serverJson().dump());
  CHECK(config.tunName == "mqvpn0");
  CHECK(quic::toString(config.listen) == "0.0.0.0:443");
  CHECK(config.tls.certificateFile == "/c");
  CHECK(connect_ip::toString(*config.settings.subnet4) == "10.0.0.0/24");
  CHECK(connect_ip::toString(*config.settings.subnet6) == "fd00::/112");
  REQUIRE(config.settings.users.size() == 1);
  CHECK(config.settings.users[0].keyHash == tunnel::hashOf("secret"));
  CHECK(config.settings.clientToClient);
  CHECK(config.settings.engine.connection.congestion == quic::CongestionAlgorithm::kBbr);
  CHECK(config.settings.engine.connection.idleTimeout == 120 * quic::kSecond);
  CHECK(config.settings.retry == quic::RetryPolicy::kWhenBusy);
}

TEST_CASE("a client's configuration arrives as it was written") {
  json value = clientJson();
  auto config = parseClientConfig(value.dump());
  CHECK(quic::toString(config.server) == "[2001:db8::1]:443");
  REQUIRE(config.settings.paths.size() == 1);
  CHECK(config.settings.paths[0].device == "eth0");
  CHECK(!config.settings.paths[0].backup);
  CHECK(config.settings.engine.mtu == 1400);
  CHECK(config.settings.engine.connection.keepAlive == 15 * quic::kSecond);
  CHECK_FALSE(config.settings.wantV6);
  CHECK(parseLogLevel(value.dump()) == tunnel::LogLevel::kDebug);
  std::string digits;
  for (int i = 0; i < 32; ++i) digits += "0A";
  value["verify"] = {{"mode", "pin"}, {"sha256", digits}};
  config = parseClientConfig(value.dump());
  CHECK(config.tls.verify == tls::ClientConfig::Verify::kPin);
  CHECK(config.tls.pin[31] == 10);
}

TEST_CASE("each missing key is named") {
  const json server = serverJson();
  for (const auto& [key, unused] : server.items()) {
    if (key == "subnet6") continue;
    json value = serverJson();
    value.erase(key);
    const bool isLevel = key == "logLevel";
    CHECK(problem(
              [&](const std::string& text) {
                isLevel ? void(parseLogLevel(text)) : void(parseServerConfig(text));
              },
              value) == "config: " + key + ": is missing");
  }
  const json client = clientJson();
  for (const auto& [key, unused] : client.items()) {
    if (key == "logLevel") continue;
    json value = clientJson();
    value.erase(key);
    CHECK(problem(parseClientConfig, value) == "config: " + key + ": is missing");
  }
}

TEST_CASE("a value that makes no sense is refused with its name") {
  const auto server = [](const char* key, const json& wrong) {
    json value = serverJson();
    value[key] = wrong;
    return problem(parseServerConfig, value);
  };
  CHECK(server("mtu", 1000) == "config: mtu: must be 0 (automatic) or at least 1280");
  CHECK(server("mtu", -5).find("mtu: must be an integer") != std::string::npos);
  CHECK(server("maxClients", 0).find("maxClients: must be an integer from 1") != std::string::npos);
  CHECK(server("cc", "reno") == "config: cc: \"reno\" is none of bbr, cubic, none");
  CHECK(server("subnet", "fd00::/64") == "config: subnet: must be an IPv4 prefix");
  CHECK(server("subnet6", "10.0.0.0/24") == "config: subnet6: must be an IPv6 prefix");
  CHECK(server("subnet", "nonsense").find("is not a prefix") != std::string::npos);
  CHECK(server("users", json::array()).find("at least one user") != std::string::npos);
  CHECK(server("users", {{{"name", "a"}, {"key", ""}}}) == "config: users.0.key: must not be empty");
  CHECK(server("listen", {{"address", "localhost"}, {"port", 1}}).find("is not a numeric address") !=
        std::string::npos);
  CHECK(server("listen", 5) == "config: listen: must be an object");
  CHECK(server("tunName", 5) == "config: tunName: must be a string");
  json client = clientJson();
  client["verify"] = {{"mode", "pin"}, {"sha256", "12"}};
  CHECK(problem(parseClientConfig, client) == "config: verify.sha256: must be 64 hexadecimal digits");
  client["verify"] = {{"mode", "ca"}};
  CHECK(problem(parseClientConfig, client) == "config: verify.file: is missing");
}

TEST_CASE("users have a key or its hash, and what is theirs") {
  json value = serverJson();
  std::string digits;
  for (const unsigned byte : tunnel::hashOf("secret")) {
    digits += "0123456789abcdef"[byte >> 4];
    digits += "0123456789ABCDEF"[byte & 15];
  }
  value["users"] = {{{"name", "anna"},
                     {"sha256", digits},
                     {"address4", "10.0.0.5"},
                     {"address6", "fd00::5"},
                     {"networks", {"192.168.7.0/24", "2001:db8::/48"}}}};
  value["clientToClient"] = false;
  const auto config = parseServerConfig(value.dump());
  REQUIRE(config.settings.users.size() == 1);
  const tunnel::User& anna = config.settings.users[0];
  CHECK(anna.name == "anna");
  CHECK(anna.keyHash == tunnel::hashOf("secret"));
  CHECK(connect_ip::toString(*anna.address4) == "10.0.0.5");
  CHECK(connect_ip::toString(*anna.address6) == "fd00::5");
  REQUIRE(anna.networks.size() == 2);
  CHECK(connect_ip::toString(anna.networks[1]) == "2001:db8::/48");
  CHECK_FALSE(config.settings.clientToClient);
  CHECK(parseUsers(value.dump()) == config.settings.users);

  const auto wrong = [&](const char* key, const json& what) {
    json other = value;
    other["users"][0][key] = what;
    return problem(parseUsers, other);
  };
  CHECK(wrong("sha256", "12") == "config: users.0.sha256: must be 64 hexadecimal digits");
  CHECK(wrong("address4", "fd00::5").find("users.0.address4: \"fd00::5\" is not an IPv4 address") !=
        std::string::npos);
  CHECK(wrong("address6", "x").find("users.0.address6") != std::string::npos);
  CHECK(wrong("networks", "192.168.7.0/24") == "config: users.0.networks: must be a list");
  CHECK(wrong("networks", {"192.168.7.0/33"}).find("is not a prefix") != std::string::npos);
  CHECK(wrong("networks", {5}).find("5 is not a prefix") != std::string::npos);
  CHECK(wrong("name", nullptr) == "config: users.0.name: is missing");
}

TEST_CASE("text that is no JSON, or no object, is refused") {
  for (const char* text : {"", "{", "[]", "5", "null", "{\"tunName\":\"\xff\"}"})
    CHECK_THROWS_AS(parseServerConfig(text), std::invalid_argument);
}
