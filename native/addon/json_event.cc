#include <nlohmann/json.hpp>
#include <string>
#include <variant>

#include "addon/json.h"
#include "connect_ip/address.h"
#include "connect_ip/refusal.h"
#include "quic/address.h"

namespace mqvpn::addon {

namespace {

using nlohmann::json;
using namespace tunnel;

const char* levelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarn:
      return "warn";
    case LogLevel::kError:
      break;
  }
  return "error";
}

const char* stateName(StateEvent::State state) {
  switch (state) {
    case StateEvent::State::kConnecting:
      return "connecting";
    case StateEvent::State::kHandshakeDone:
      return "handshake-done";
    case StateEvent::State::kConnected:
      return "connected";
    case StateEvent::State::kClosed:
      break;
  }
  return "closed";
}

template <typename List>
json texts(const List& list) {
  json all = json::array();
  for (const auto& one : list) all.push_back(connect_ip::toString(one));
  return all;
}

double toMs(quic::Duration time) {
  return static_cast<double>(time) / static_cast<double>(quic::kMillisecond);
}

std::string hostText(const quic::SocketAddress& address) {
  return connect_ip::toString(
      connect_ip::IpAddress::from(std::span(address.ip).first(address.family == 4 ? 4 : 16)));
}

struct ToJson {
  const std::string& tunName;

  json operator()(const LogEvent& event) const {
    return {{"type", "log"}, {"level", levelName(event.level)}, {"message", event.message}};
  }
  json operator()(const ListeningEvent& event) const {
    return {{"type", "listening"},
            {"address", hostText(event.address)},
            {"port", event.address.port},
            {"pin", event.pin}};
  }
  json operator()(const ClientConnectedEvent& event) const {
    return {{"type", "client-connected"},
            {"id", event.id},
            {"user", event.user},
            {"remote", quic::toString(event.remote)},
            {"addresses", texts(event.addresses)},
            {"resumed", event.resumed}};
  }
  json operator()(const ClientRefusedEvent& event) const {
    return {{"type", "client-refused"},
            {"remote", quic::toString(event.remote)},
            {"reason", connect_ip::refusalName(event.reason)}};
  }
  json operator()(const ClientDisconnectedEvent& event) const {
    return {{"type", "client-disconnected"},
            {"id", event.id},
            {"user", event.user},
            {"remote", quic::toString(event.remote)},
            {"cause", event.cause},
            {"reason", event.reason},
            {"seconds", event.seconds}};
  }
  json operator()(const StateEvent& event) const {
    return {{"type", "state"}, {"state", stateName(event.state)}};
  }
  json operator()(const ConnectedEvent& event) const {
    json servers = json::array();
    for (const auto& prefix : event.network) servers.push_back(connect_ip::toString(prefix.address));
    return {{"type", "connected"},
            {"addresses", texts(event.addresses)},
            {"routes", texts(event.routes)},
            {"serverAddresses", std::move(servers)},
            {"mtu", event.mtu},
            {"tun", tunName},
            {"resumed", event.resumed},
            {"earlyData", event.earlyData},
            {"handshakeMs", toMs(event.handshakeTime)},
            {"totalMs", toMs(event.totalTime)}};
  }
  json operator()(const MtuEvent& event) const { return {{"type", "mtu"}, {"mtu", event.mtu}}; }
  json operator()(const PathEvent& event) const {
    json value{{"type", "path"}, {"path", event.slot}, {"state", event.state}, {"cause", event.cause}};
    value["device"] = event.device.empty() ? json(nullptr) : json(event.device);
    return value;
  }
  json operator()(const ClosedEvent& event) const {
    json value{{"type", "closed"},
               {"cause", event.cause},
               {"code", event.code},
               {"message", event.message},
               {"retryable", event.retryable}};
    if (event.refusal != connect_ip::Refusal::kNone)
      value["refusal"] = connect_ip::refusalName(event.refusal);
    return value;
  }
  // The shell's own business.
  json operator()(const ReconfiguredEvent&) const { return nullptr; }
  json operator()(const TicketEvent&) const { return nullptr; }
  json operator()(const AddressTokenEvent&) const { return nullptr; }
};

}  // namespace

std::string eventJson(const Event& event, const std::string& tunName) {
  const json value = std::visit(ToJson{tunName}, event);
  // What peers say may hold anything: what is no UTF-8 is replaced.
  return value.is_null() ? std::string() : value.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace mqvpn::addon
