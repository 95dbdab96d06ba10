#include "link/replies.h"

#include <nlohmann/json.hpp>

namespace mqvpn::link {

namespace {

std::string asJson(std::string_view text) {
  using Json = nlohmann::json;
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

void append(std::string& text, std::string_view name, const Counters& counters) {
  text.append("\"").append(name).append("\":{");
  bool first = true;
  forEachCounter(counters, [&](std::string_view counter, std::uint64_t value) {
    text.append(first ? "\"" : ",\"").append(counter).append("\":").append(std::to_string(value));
    first = false;
  });
  text += '}';
}

}  // namespace

std::string okReply(std::string_view id) { return "{\"id\":" + std::string(id) + ",\"ok\":true}"; }

std::string refusal(std::string_view id, std::string_view reason) {
  return "{\"id\":" + std::string(id) + ",\"ok\":false,\"error\":" + asJson(reason) + "}";
}

std::string readyEvent(bool realtime, std::uint64_t seed) {
  return std::string("{\"event\":\"ready\",\"realtime\":") + (realtime ? "true" : "false") +
         ",\"seed\":" + std::to_string(seed) + "}";
}

StatsLine::StatsLine(std::string_view id, Time now)
    : text_(id.empty() ? "{\"event\":\"stats\"" : "{\"id\":" + std::string(id) + ",\"ok\":true") {
  text_ += ",\"tNs\":" + std::to_string(now) + ",\"paths\":{";
}

void StatsLine::add(std::string_view path, const Counters& up, const Counters& down) {
  if (!first_) text_ += ',';
  first_ = false;
  text_.append(asJson(path)).append(":{");
  append(text_, "up", up);
  text_ += ',';
  append(text_, "down", down);
  text_ += '}';
}

std::string StatsLine::finish() { return std::move(text_) + "}}"; }

}  // namespace mqvpn::link
