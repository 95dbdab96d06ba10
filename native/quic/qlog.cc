#include "quic/qlog.h"

#include <cstdio>
#include <variant>

namespace mqvpn::quic {
namespace {

constexpr char kRecordSeparator = '\x1e';

/// Writes one JSON object; values are numbers, booleans and texts, and JSON made by another of these.
class Object {
 public:
  Object& number(std::string_view key, std::uint64_t value) { return raw(key, std::to_string(value)); }
  Object& milliseconds(std::string_view key, Duration value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.3f", static_cast<double>(value) / 1e6);
    return raw(key, text);
  }
  Object& boolean(std::string_view key, bool value) { return raw(key, value ? "true" : "false"); }
  Object& text(std::string_view key, std::string_view value) {
    std::string quoted = "\"";
    for (const char c : value) {
      if (c == '"' || c == '\\') quoted += '\\';
      // What a peer sent as a reason need not be UTF-8.
      quoted += c >= ' ' && c < 0x7f ? c : '?';
    }
    return raw(key, quoted + '"');
  }
  Object& raw(std::string_view key, std::string_view value) {
    if (!body_.empty()) body_ += ',';
    body_ += '"';
    body_ += key;
    body_ += "\":";
    body_ += value;
    return *this;
  }
  std::string str() const { return "{" + body_ + "}"; }

 private:
  std::string body_;
};

std::string rawLength(std::size_t size) { return Object().number("length", size).str(); }

std::string_view packetType(PacketType type) {
  switch (type) {
    case PacketType::kInitial:
      return "initial";
    case PacketType::kZeroRtt:
      return "0RTT";
    case PacketType::kHandshake:
      return "handshake";
    case PacketType::kRetry:
      return "retry";
    case PacketType::kVersionNegotiation:
      return "version_negotiation";
    case PacketType::kOneRtt:
      return "1RTT";
  }
  return "unknown";
}

struct FrameText {
  Object out;

  void operator()(const PaddingFrame& f) { out.text("frame_type", "padding").raw("raw", rawLength(f.size)); }
  void operator()(const PingFrame&) { out.text("frame_type", "ping"); }
  void operator()(const AckFrame& f) {
    out.text("frame_type", f.pathId ? "path_ack" : "ack");
    if (f.pathId) out.number("path_id", *f.pathId);
    std::string ranges;
    f.forEachRange([&](std::uint64_t low, std::uint64_t high) {
      if (!ranges.empty()) ranges += ',';
      ranges += low == high ? "[" + std::to_string(low) + "]"
                            : "[" + std::to_string(low) + "," + std::to_string(high) + "]";
    });
    out.raw("acked_ranges", "[" + ranges + "]");
    if (f.ecn) out.number("ect0", f.ecn->ect0).number("ect1", f.ecn->ect1).number("ce", f.ecn->ce);
  }
  void operator()(const ResetStreamFrame& f) {
    out.text("frame_type", "reset_stream")
        .number("stream_id", f.streamId)
        .text("error", "unknown")
        .number("error_code", f.errorCode)
        .number("final_size", f.finalSize);
  }
  void operator()(const StopSendingFrame& f) {
    out.text("frame_type", "stop_sending")
        .number("stream_id", f.streamId)
        .text("error", "unknown")
        .number("error_code", f.errorCode);
  }
  void operator()(const CryptoFrame& f) {
    out.text("frame_type", "crypto").number("offset", f.offset).raw("raw", rawLength(f.data.size()));
  }
  void operator()(const NewTokenFrame& f) {
    out.text("frame_type", "new_token").raw("token", Object().raw("raw", rawLength(f.token.size())).str());
  }
  void operator()(const StreamFrame& f) {
    out.text("frame_type", "stream").number("stream_id", f.streamId).number("offset", f.offset);
    if (f.fin) out.boolean("fin", true);
    out.raw("raw", rawLength(f.data.size()));
  }
  void operator()(const MaxDataFrame& f) { out.text("frame_type", "max_data").number("maximum", f.maximum); }
  void operator()(const MaxStreamDataFrame& f) {
    out.text("frame_type", "max_stream_data").number("stream_id", f.streamId).number("maximum", f.maximum);
  }
  void operator()(const MaxStreamsFrame& f) {
    out.text("frame_type", "max_streams")
        .text("stream_type", direction(f.bidirectional))
        .number("maximum", f.maximum);
  }
  void operator()(const DataBlockedFrame& f) {
    out.text("frame_type", "data_blocked").number("limit", f.limit);
  }
  void operator()(const StreamDataBlockedFrame& f) {
    out.text("frame_type", "stream_data_blocked").number("stream_id", f.streamId).number("limit", f.limit);
  }
  void operator()(const StreamsBlockedFrame& f) {
    out.text("frame_type", "streams_blocked")
        .text("stream_type", direction(f.bidirectional))
        .number("limit", f.limit);
  }
  void operator()(const NewConnectionIdFrame& f) {
    out.text("frame_type", f.pathId ? "path_new_connection_id" : "new_connection_id");
    if (f.pathId) out.number("path_id", *f.pathId);
    out.number("sequence_number", f.sequence)
        .number("retire_prior_to", f.retirePriorTo)
        .text("connection_id", f.id.hex());
  }
  void operator()(const RetireConnectionIdFrame& f) {
    out.text("frame_type", f.pathId ? "path_retire_connection_id" : "retire_connection_id");
    if (f.pathId) out.number("path_id", *f.pathId);
    out.number("sequence_number", f.sequence);
  }
  void operator()(const PathChallengeFrame&) { out.text("frame_type", "path_challenge"); }
  void operator()(const PathResponseFrame&) { out.text("frame_type", "path_response"); }
  void operator()(const ConnectionCloseFrame& f) {
    out.text("frame_type", "connection_close")
        .text("error_space", f.application ? "application" : "transport");
    out.text("error", "unknown").number("error_code", f.errorCode);
    out.text("reason", {reinterpret_cast<const char*>(f.reason.data()), f.reason.size()});
  }
  void operator()(const HandshakeDoneFrame&) { out.text("frame_type", "handshake_done"); }
  void operator()(const DatagramFrame& f) {
    out.text("frame_type", "datagram").raw("raw", rawLength(f.data.size()));
  }
  void operator()(const PathAbandonFrame& f) {
    out.text("frame_type", "path_abandon").number("path_id", f.pathId).number("error_code", f.errorCode);
  }
  void operator()(const PathStatusFrame& f) {
    out.text("frame_type", f.available ? "path_status_available" : "path_status_backup")
        .number("path_id", f.pathId)
        .number("path_status_sequence_number", f.sequence);
  }
  void operator()(const MaxPathIdFrame& f) {
    out.text("frame_type", "max_path_id").number("maximum_path_id", f.maximum);
  }
  void operator()(const PathsBlockedFrame& f) {
    out.text("frame_type", "paths_blocked").number("maximum_path_id", f.maximum);
  }
  void operator()(const PathCidsBlockedFrame& f) {
    out.text("frame_type", "path_cids_blocked")
        .number("path_id", f.pathId)
        .number("next_sequence_number", f.nextSequence);
  }

  static std::string_view direction(bool bidirectional) {
    return bidirectional ? "bidirectional" : "unidirectional";
  }
};

}  // namespace

Qlog::Qlog(std::function<void(std::string_view)> sink, bool isServer, const ConnectionId& originalDestination,
           Time start)
    : sink_(std::move(sink)), start_(start) {
  const std::string common = Object()
                                 .text("group_id", originalDestination.hex())
                                 .text("time_format", "relative_to_epoch")
                                 .raw("reference_time", R"({"clock_type":"monotonic","epoch":"unknown"})")
                                 .str();
  const std::string trace =
      Object()
          .raw("common_fields", common)
          .raw("vantage_point", Object().text("type", isServer ? "server" : "client").str())
          .raw("event_schemas", R"(["urn:ietf:params:qlog:events:quic"])")
          .str();
  const std::string header = Object()
                                 .text("file_schema", "urn:ietf:params:qlog:file:sequential")
                                 .text("serialization_format", "application/qlog+json-seq")
                                 .text("title", "mqvpn")
                                 .raw("trace", trace)
                                 .str();
  sink_(kRecordSeparator + header + "\n");
}

void Qlog::event(std::string_view name, std::string_view data, Time now) {
  const std::string record = Object()
                                 .milliseconds("time", now > start_ ? now - start_ : 0)
                                 .text("name", name)
                                 .raw("data", data)
                                 .str();
  sink_(kRecordSeparator + record + "\n");
}

void Qlog::packet(std::string_view name, const Packet& packet, Time now) {
  Object header;
  header.text("packet_type", packetType(packet.type)).number("packet_number", packet.number);
  std::string frames;
  FrameReader reader(packet.payload, packet.multipath);
  for (Frame frame; reader.next(frame);) {
    FrameText text;
    std::visit(text, frame);
    if (!frames.empty()) frames += ',';
    frames += text.out.str();
  }
  Object data;
  data.raw("header", header.str()).raw("raw", rawLength(packet.size)).raw("frames", "[" + frames + "]");
  if (packet.multipath != MultipathVersion::kNone) data.number("path_id", packet.pathId);
  event(name, data.str(), now);
}

void Qlog::onPacketSent(const Packet& sent, Time now) { packet("quic:packet_sent", sent, now); }

void Qlog::onPacketReceived(const Packet& received, Time now) {
  packet("quic:packet_received", received, now);
}

void Qlog::onPacketDropped(std::size_t size, std::string_view reason, Time now) {
  event("quic:packet_dropped", Object().raw("raw", rawLength(size)).text("trigger", reason).str(), now);
}

void Qlog::onMetrics(std::uint32_t pathId, const PathSender& sender, Time now) {
  Object data;
  const Rtt& rtt = sender.rtt();
  if (rtt.hasSample())
    data.milliseconds("min_rtt", rtt.minimum())
        .milliseconds("smoothed_rtt", rtt.smoothed())
        .milliseconds("latest_rtt", rtt.latest())
        .milliseconds("rtt_variance", rtt.variation());
  data.number("pto_count", sender.ptoCount())
      .number("congestion_window", sender.window())
      .number("bytes_in_flight", sender.bytesInFlight())
      .number("pacing_rate", sender.pacingRate() * 8)
      .number("path_id", pathId);
  event("quic:recovery_metrics_updated", data.str(), now);
}

void Qlog::onKeyUpdated(std::uint64_t phase, bool local, Time now) {
  for (const std::string_view type : {"client_1rtt_secret", "server_1rtt_secret"})
    event("quic:key_updated",
          Object()
              .text("key_type", type)
              .number("key_phase", phase)
              .text("trigger", local ? "local_update" : "remote_update")
              .str(),
          now);
}

void Qlog::onPathUpdated(std::uint32_t pathId, std::string_view state, Time now) {
  event("mqvpn:path_updated", Object().number("path_id", pathId).text("state", state).str(), now);
}

void Qlog::onClosed(const CloseInfo& info, Time now) {
  using Cause = CloseInfo::Cause;
  const std::string_view trigger = info.cause == Cause::kIdleTimeout        ? "idle_timeout"
                                   : info.cause == Cause::kStatelessReset   ? "stateless_reset"
                                   : info.cause == Cause::kVersionMismatch  ? "version_mismatch"
                                   : info.application                       ? "application"
                                   : info.cause == Cause::kHandshakeTimeout ? "aborted"
                                                                            : "error";
  Object data;
  data.text("initiator", info.cause == Cause::kPeer ? "remote" : "local");
  data.text(info.application ? "application_error" : "connection_error", "unknown");
  data.number("error_code", info.errorCode).text("reason", info.reason).text("trigger", trigger);
  event("quic:connection_closed", data.str(), now);
}

}  // namespace mqvpn::quic
