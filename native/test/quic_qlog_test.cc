#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "quic/qlog.h"
#include "quic/range_set.h"

using namespace mqvpn::quic;

namespace {

std::vector<nlohmann::json> records(const std::string& text) {
  std::vector<nlohmann::json> all;
  for (std::size_t at = 0; at < text.size();) {
    REQUIRE(text[at] == '\x1e');
    const std::size_t end = text.find('\n', at);
    REQUIRE(end != std::string::npos);
    all.push_back(nlohmann::json::parse(text.substr(at + 1, end - at - 1)));
    at = end + 1;
  }
  return all;
}

}  // namespace

TEST_CASE("every record is a JSON object behind a record separator, and the first one describes the file") {
  std::string text;
  const std::array<std::uint8_t, 4> id{1, 2, 0xab, 4};
  Qlog log([&](std::string_view record) { text += record; }, true, ConnectionId(id), kSecond);
  std::vector<std::uint8_t> payload(200);
  Writer out(payload);
  const std::array<std::uint8_t, 3> data{1, 2, 3};
  writeFrame(out, PingFrame{});
  writeFrame(out, DatagramFrame{data});
  writeFrame(out, StreamFrame{4, 100, true, data});
  RangeSet received;
  received.add(0, 3);
  received.add(7);
  writeAck(out, received, std::nullopt, 5, EcnCounts{1, 0, 2}, MultipathVersion::kNone);
  writeFrame(out, MaxPathIdFrame{9}, MultipathVersion::kDraft21);
  log.onPacketSent({PacketType::kOneRtt, 0, 17, 90, out.written(), MultipathVersion::kDraft21},
                   kSecond + 1500 * kMicrosecond);
  log.onPacketDropped(33, "decryption_failure", 2 * kSecond);
  log.onClosed({CloseInfo::Cause::kPeer, true, 256, "with \"quotes\" and \x01 control"}, 3 * kSecond);

  const auto all = records(text);
  REQUIRE(all.size() == 4);
  CHECK(all[0]["file_schema"] == "urn:ietf:params:qlog:file:sequential");
  CHECK(all[0]["trace"]["vantage_point"]["type"] == "server");
  CHECK(all[0]["trace"]["common_fields"]["group_id"] == "0102ab04");
  CHECK(all[1]["name"] == "quic:packet_sent");
  CHECK(all[1]["time"].get<double>() == doctest::Approx(1.5));
  CHECK(all[1]["data"]["header"]["packet_number"] == 17);
  const auto& frames = all[1]["data"]["frames"];
  REQUIRE(frames.size() == 5);
  CHECK(frames[1]["raw"]["length"] == 3);
  CHECK(frames[2]["fin"] == true);
  CHECK(frames[3]["acked_ranges"] == nlohmann::json::parse("[[7],[0,3]]"));
  CHECK(frames[3]["ce"] == 2);
  CHECK(frames[4]["maximum_path_id"] == 9);
  CHECK(all[2]["data"]["trigger"] == "decryption_failure");
  CHECK(all[3]["data"]["reason"] == "with \"quotes\" and ? control");
}
