#include "interop_say.h"

#include <iostream>

namespace mqvpn::test {
namespace {

std::string_view causeName(quic::CloseInfo::Cause cause) {
  using Cause = quic::CloseInfo::Cause;
  switch (cause) {
    case Cause::kLocal:
      return "local";
    case Cause::kPeer:
      return "peer";
    case Cause::kIdleTimeout:
      return "idle timeout";
    case Cause::kHandshakeTimeout:
      return "handshake timeout";
    case Cause::kStatelessReset:
      return "stateless reset";
    case Cause::kVersionMismatch:
      return "version mismatch";
    case Cause::kProtocolError:
      return "protocol error";
  }
  return "unknown";
}

}  // namespace

void say(std::string_view event, nlohmann::json fields) {
  fields["event"] = event;
  // What a peer writes into a reason need not be UTF-8.
  std::cout << fields.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << std::endl;
}

nlohmann::json describe(const quic::CloseInfo& info) {
  return {{"cause", causeName(info.cause)},
          {"application", info.application},
          {"code", info.errorCode},
          {"reason", info.reason}};
}

nlohmann::json describe(const quic::ConnectionStats& stats) {
  nlohmann::json json{{"undecryptable", stats.undecryptable},
                      {"duplicates", stats.duplicates},
                      {"tooEarly", stats.tooEarly},
                      {"malformed", stats.malformed},
                      {"keyUpdates", stats.keyUpdates}};
  if (stats.paths.empty()) return json;
  const quic::PathStats& path = stats.paths.front();
  json["path"] = {{"remote", toString(path.network.remote)},
                  {"validated", path.validated},
                  {"smoothedRttUs", path.smoothedRtt / quic::kMicrosecond},
                  {"mtu", path.mtu},
                  {"ecnCapable", path.ecnCapable},
                  {"packetsSent", path.packetsSent},
                  {"packetsReceived", path.packetsReceived},
                  {"packetsLost", path.packetsLost},
                  {"bytesSent", path.bytesSent},
                  {"bytesReceived", path.bytesReceived}};
  return json;
}

void SayingTracer::onKeyUpdated(std::uint64_t phase, bool local, quic::Time) {
  say("key-update", {{"phase", phase}, {"local", local}});
}

void SayingTracer::onPathUpdated(std::uint32_t pathId, std::string_view state, quic::Time) {
  say("path", {{"path", pathId}, {"state", state}});
}

}  // namespace mqvpn::test
