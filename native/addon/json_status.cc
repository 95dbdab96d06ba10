#include <nlohmann/json.hpp>
#include <string>

#include "addon/json.h"
#include "connect_ip/address.h"
#include "connect_ip/checks.h"
#include "quic/address.h"

namespace mqvpn::addon {

namespace {

using nlohmann::json;
using namespace tunnel;

double toMs(quic::Duration time) {
  return static_cast<double>(time) / static_cast<double>(quic::kMillisecond);
}
double toSeconds(quic::Duration time) {
  return static_cast<double>(time) / static_cast<double>(quic::kSecond);
}

std::string_view stateOf(const quic::PathStats& path) {
  if (!path.validated) return "opening";
  if (path.silentFor > 0) return "silent";
  return path.backup || path.peerWantsBackup ? "standby" : "active";
}

json pathJson(const quic::PathStats& path, const ShellStatus& shell) {
  json value{{"id", path.id},
             {"remote", quic::toString(path.network.remote)},
             {"state", stateOf(path)},
             {"rttMs", toMs(path.smoothedRtt)},
             {"minRttMs", toMs(path.minRtt)},
             {"rttVariationMs", toMs(path.rttVariation)},
             {"cwnd", path.window},
             {"bytesInFlight", path.bytesInFlight},
             {"bytesSent", path.bytesSent},
             {"bytesReceived", path.bytesReceived},
             {"packetsSent", path.packetsSent},
             {"packetsReceived", path.packetsReceived},
             {"packetsLost", path.packetsLost},
             {"spuriousLosses", path.spuriousLosses},
             {"mtu", path.mtu},
             {"deliveryRateBps", path.deliveryRate * 8},
             {"pacingRateBps", path.pacingRate * 8},
             {"cc", path.congestionState},
             {"ecn", path.ecnCapable},
             {"silentForMs", toMs(path.silentFor)}};
  const std::size_t socket = path.network.socket;
  if (path.network.local.family != 0) {
    value["local"] = quic::toString(path.network.local);
  } else if (socket < shell.socket.size()) {
    value["local"] = shell.socket[socket].local;
  }
  if (socket < shell.socket.size() && !shell.socket[socket].device.empty())
    value["device"] = shell.socket[socket].device;
  return value;
}

/// A client's links in their order, with what their paths say; a link without a path is there as well.
json slotsJson(const ConnectionStatus& status, const ShellStatus& shell) {
  json all = json::array();
  for (std::size_t i = 0; i < status.slots.size(); ++i) {
    const PathSlotStatus& slot = status.slots[i];
    json value{{"id", nullptr}};
    for (const auto& path : status.quic.paths)
      if (slot.pathId == path.id) value = pathJson(path, shell);
    value["slot"] = i;
    value["device"] = slot.device.empty() ? json(nullptr) : json(slot.device);
    value["backup"] = slot.backup;
    // The connection knows first that a path went silent, and tells it when that lasts.
    if (value.value("silentForMs", 0.0) == 0 || slot.state != "active") value["state"] = slot.state;
    value["sinceSeconds"] = toSeconds(slot.since);
    if (!slot.cause.empty()) value["cause"] = slot.cause;
    all.push_back(std::move(value));
  }
  return all;
}

json dropsJson(const ConnectionStatus& status) {
  json drops = json::object();
  const auto add = [&](const char* name, std::uint64_t count) {
    if (count > 0) drops[name] = drops.value(name, std::uint64_t{0}) + count;
  };
  for (std::size_t i = 0; i < connect_ip::kVerdicts; ++i) {
    const auto verdict = static_cast<connect_ip::Verdict>(i);
    if (verdict == connect_ip::Verdict::kForward) continue;
    add(connect_ip::verdictName(verdict),
        status.tunnel.fromTun.of(verdict) + status.tunnel.fromPeer.of(verdict));
  }
  add("queue", status.queue.overflow);
  add("codel", status.queue.codelDrops);
  add("tooBig", status.tunnel.tooBig);
  add("notConnected", status.tunnel.notOpen);
  add("capsuleRoom", status.tunnel.capsuleRoom);
  add("undecryptable", status.quic.undecryptable);
  return drops;
}

json connectionJson(const ConnectionStatus& status, const ShellStatus& shell) {
  json addresses = json::array();
  for (const auto& prefix : status.addresses) addresses.push_back(connect_ip::toString(prefix));
  json paths = json::array();
  if (!status.slots.empty())
    paths = slotsJson(status, shell);
  else
    for (const auto& path : status.quic.paths) paths.push_back(pathJson(path, shell));
  json value{{"id", status.id},
             {"remote", quic::toString(status.remote)},
             {"state", status.state},
             {"addresses", std::move(addresses)},
             {"uptimeSeconds", toSeconds(status.uptime)},
             {"mtu", status.mtu},
             {"bytesIn", status.tunnel.bytesIn},
             {"bytesOut", status.tunnel.bytesOut},
             {"packetsIn", status.tunnel.packetsIn},
             {"packetsOut", status.tunnel.packetsOut},
             {"datagramsIn", status.quic.datagramsReceived},
             {"datagramsOut", status.quic.datagramsSent},
             {"datagramsLost", status.quic.datagramsLost},
             {"capsulesOut", status.tunnel.capsulesOut},
             {"copiesOut", status.tunnel.copiesOut},
             {"copiesDropped", status.tunnel.copiesDropped},
             {"icmpSent", status.tunnel.icmpSent},
             {"ecnMarks", status.queue.marks},
             {"queueBytes", status.queueBytes},
             {"queuePackets", status.queuePackets},
             {"memoryBytes", status.memoryBytes},
             {"keyUpdates", status.quic.keyUpdates},
             {"drops", dropsJson(status)},
             {"paths", std::move(paths)}};
  if (!status.user.empty()) value["user"] = status.user;
  return value;
}

json tunJson(const ShellStatus& status) {
  json drops = json::object();
  const auto add = [&](const char* name, std::uint64_t count) {
    if (count > 0) drops[name] = count;
  };
  add("write", status.tun.writeErrors);
  add("unknownDestination", status.engine.unknownDestination);
  add("malformed", status.engine.malformed);
  add("noBuffer", status.engine.noBuffer);
  return {{"name", status.tunName},        {"mtu", status.tunMtu},
          {"offload", status.tunOffload},  {"rxPackets", status.tun.rxPackets},
          {"rxBytes", status.tun.rxBytes}, {"txPackets", status.tun.txPackets},
          {"txBytes", status.tun.txBytes}, {"reads", status.tun.reads},
          {"writes", status.tun.writes},   {"drops", std::move(drops)}};
}

json socketJson(const ShellStatus& status) {
  json all = json::array();
  for (const SocketStatus& one : status.socket)
    all.push_back({{"local", one.local},
                   {"device", one.device.empty() ? json(nullptr) : json(one.device)},
                   {"segmentationOffload", one.segmentationOffload},
                   {"receiveOffload", one.receiveOffload},
                   {"dropped", one.dropped}});
  const SocketStats& stats = status.sockets;
  return {{"datagramsIn", stats.datagramsIn},
          {"bytesIn", stats.bytesIn},
          {"datagramsOut", stats.datagramsOut},
          {"bytesOut", stats.bytesOut},
          {"receives", stats.receives},
          {"sends", stats.sends},
          {"waits", stats.waits},
          {"pathErrors", stats.pathErrors},
          {"sockets", std::move(all)}};
}

}  // namespace

std::string statusJson(const ShellStatus& status) {
  json connections = json::array();
  for (const ConnectionStatus& one : status.engine.connections)
    connections.push_back(connectionJson(one, status));
  const auto& endpoint = status.engine.endpoint;
  const json value{{"role", status.server ? "server" : "client"},
                   {"uptimeSeconds", toSeconds(status.engine.uptime)},
                   {"tun", tunJson(status)},
                   {"udp", socketJson(status)},
                   {"quic",
                    {{"received", endpoint.received},
                     {"malformed", endpoint.malformed},
                     {"unknownId", endpoint.unknownId},
                     {"retries", endpoint.retries},
                     {"versionNegotiations", endpoint.versionNegotiations},
                     {"statelessResets", endpoint.statelessResets},
                     {"refused", endpoint.refused},
                     {"tooSmall", endpoint.tooSmall}}},
                   {"connections", std::move(connections)}};
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace mqvpn::addon
