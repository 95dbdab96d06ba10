#include "link/control.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <vector>

namespace mqvpn::link {

namespace {

using Json = nlohmann::json;

// Thrown and caught within this file.
struct Wrong : std::runtime_error {
  using std::runtime_error::runtime_error;
};

std::string asJson(std::string_view text) {
  return Json(text).dump(-1, ' ', true, Json::error_handler_t::replace);
}

std::string shown(const Json& value) {
  constexpr std::size_t longest = 80;
  std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  if (text.size() > longest) text.replace(longest, std::string::npos, "…");
  return text;
}

/// A JSON object whose keys are all known; reads typed values out of it.
class Fields {
 public:
  Fields(const Json& object, std::string where, std::initializer_list<std::string_view> known)
      : object_(object), where_(std::move(where)) {
    if (!object.is_object()) throw Wrong(where_ + " is " + shown(object) + ", expected an object");
    for (const auto& [key, value] : object.items()) {
      if (std::find(known.begin(), known.end(), key) != known.end()) continue;
      std::string list;
      for (const std::string_view name : known) list.append(list.empty() ? "" : ", ").append(name);
      throw Wrong(where_ + " has the unknown key " + asJson(key) + ", expected one of: " + list);
    }
  }

  const Json* find(std::string_view key) const {
    const auto found = object_.find(key);
    return found == object_.end() ? nullptr : &*found;
  }

  const Json& need(std::string_view key, std::string_view right) const {
    const Json* value = find(key);
    if (value == nullptr) throw Wrong(name(key) + " is missing, expected " + std::string(right));
    return *value;
  }

  [[noreturn]] void refuse(std::string_view key, std::string_view right) const {
    throw Wrong(name(key) + " is " + shown(*find(key)) + ", expected " + std::string(right));
  }

  double number(std::string_view key, double least, double most, std::string_view unit) const {
    const auto right = [&] {
      return "a number" + std::string(unit) + " from " + Json(least).dump() + " to " + Json(most).dump();
    };
    const Json& value = need(key, right());
    if (!value.is_number() || !(value.get<double>() >= least && value.get<double>() <= most))
      refuse(key, right());
    return value.get<double>();
  }

  std::uint64_t whole(std::string_view key, std::uint64_t least, std::uint64_t most,
                      std::string_view unit) const {
    const std::string right = "a whole number" + std::string(unit) + " from " + std::to_string(least) +
                              " to " + std::to_string(most);
    const Json& value = need(key, right);
    // JavaScript writes 1e21 for large numbers and has one number type: a double without a fraction is whole.
    const double asDouble = value.is_number() ? value.get<double>() : -1;
    if (asDouble != std::floor(asDouble) || asDouble < static_cast<double>(least) ||
        asDouble > static_cast<double>(most)) {
      refuse(key, right);
    }
    return value.is_number_unsigned() ? value.get<std::uint64_t>() : static_cast<std::uint64_t>(asDouble);
  }

  double probability(std::string_view key) const { return number(key, 0, 1, ""); }

  bool truth(std::string_view key) const {
    const Json& value = need(key, "true or false");
    if (!value.is_boolean()) refuse(key, "true or false");
    return value.get<bool>();
  }

  std::string text(std::string_view key, std::size_t longest, std::string_view right) const {
    const Json& value = need(key, right);
    if (!value.is_string()) refuse(key, right);
    const auto& string = value.get_ref<const std::string&>();
    // A zero byte would cut the name short in every system call that takes it.
    if (string.empty() || string.size() > longest || string.find('\0') != std::string::npos)
      refuse(key, right);
    return string;
  }

  /// The index of the key's value among `choices`.
  std::size_t choice(std::string_view key, std::initializer_list<std::string_view> choices) const {
    std::string right;
    for (const std::string_view one : choices) right.append(right.empty() ? "" : " or ").append(asJson(one));
    const Json& value = need(key, right);
    if (!value.is_string()) refuse(key, right);
    const auto found = std::find(choices.begin(), choices.end(), value.get_ref<const std::string&>());
    if (found == choices.end()) refuse(key, right);
    return static_cast<std::size_t>(found - choices.begin());
  }

  std::string name(std::string_view key) const {
    return (where_.empty() ? "" : where_ + ".") + std::string(key);
  }

 private:
  const Json& object_;
  std::string where_;
};

constexpr double kMostRate = 1e12;
// Ten minutes: no link is slower, and sums of a few stay far from overflow.
constexpr double kMostUs = 600e6;
constexpr std::size_t kLongestPathName = 64;
constexpr std::size_t kLongestFileName = 4095;

std::optional<Time> microseconds(const Fields& fields, std::string_view key, double least) {
  if (fields.find(key) == nullptr) return std::nullopt;
  return static_cast<Time>(std::llround(fields.number(key, least, kMostUs, " of µs") * 1e3));
}

LossSpec readLoss(const Fields& parent) {
  const Json& value = *parent.find("loss");
  LossSpec loss;
  if (value.is_null()) return loss;
  const std::string where = parent.name("loss");
  const bool random = value.is_object() && value.value("kind", Json()) == "random";
  const Fields fields = random ? Fields(value, where, {"kind", "probability"})
                               : Fields(value, where, {"kind", "toBad", "toGood", "lossGood", "lossBad"});
  if (fields.choice("kind", {"random", "gilbert"}) == 0) {
    loss.kind = LossSpec::Kind::kRandom;
    loss.probability = fields.probability("probability");
    return loss;
  }
  loss.kind = LossSpec::Kind::kGilbert;
  loss.toBad = fields.probability("toBad");
  loss.toGood = fields.probability("toGood");
  loss.lossGood = fields.probability("lossGood");
  loss.lossBad = fields.probability("lossBad");
  return loss;
}

QueueLimit readQueue(const Fields& parent) {
  const Fields fields(*parent.find("queue"), parent.name("queue"), {"bytes", "packets"});
  const bool bytes = fields.find("bytes") != nullptr;
  if (bytes == (fields.find("packets") != nullptr)) {
    parent.refuse("queue", R"({"bytes":n} or {"packets":n})");
  }
  if (bytes) return {QueueLimit::Unit::kBytes, fields.whole("bytes", 0, 1'000'000'000'000, " of bytes")};
  return {QueueLimit::Unit::kPackets, fields.whole("packets", 0, 1'000'000'000, " of packets")};
}

SpecPatch readSpec(const Json& value, const std::string& where) {
  const Fields fields(value, where,
                      {"rate", "trace", "delayUs", "jitterUs", "jitterReorders", "loss", "reorder",
                       "duplicate", "queue", "aqm", "codelTargetUs", "codelIntervalUs", "mtu", "blackhole"});
  SpecPatch spec;
  if (const Json* rate = fields.find("rate")) {
    if (rate->is_null()) {
      spec.rate = 0;
    } else {
      spec.rate = static_cast<std::uint64_t>(std::llround(fields.number("rate", 1, kMostRate, " of bit/s")));
    }
  }
  if (const Json* trace = fields.find("trace")) {
    spec.tracePath = trace->is_null() ? "" : fields.text("trace", kLongestFileName, "a file name or null");
  }
  spec.delay = microseconds(fields, "delayUs", 0);
  spec.jitter = microseconds(fields, "jitterUs", 0);
  if (fields.find("jitterReorders") != nullptr) spec.jitterReorders = fields.truth("jitterReorders");
  if (fields.find("loss") != nullptr) spec.loss = readLoss(fields);
  if (fields.find("reorder") != nullptr) spec.reorder = fields.probability("reorder");
  if (fields.find("duplicate") != nullptr) spec.duplicate = fields.probability("duplicate");
  if (fields.find("queue") != nullptr) spec.queue = readQueue(fields);
  if (fields.find("aqm") != nullptr) {
    spec.aqm = fields.choice("aqm", {"droptail", "codel"}) == 0 ? Aqm::kDropTail : Aqm::kCodel;
  }
  spec.codelTarget = microseconds(fields, "codelTargetUs", 1);
  spec.codelInterval = microseconds(fields, "codelIntervalUs", 1);
  if (const Json* mtu = fields.find("mtu")) {
    // RFC 791 §3.2: "Every internet module must be able to forward a datagram of 68 octets without further
    // fragmentation."
    spec.mtu = *mtu == 0 ? 0 : static_cast<std::uint32_t>(fields.whole("mtu", 68, 65535, " of bytes"));
  }
  if (fields.find("blackhole") != nullptr) spec.blackhole = fields.truth("blackhole");
  return spec;
}

Endpoint readEndpoint(const Fields& parent, std::string_view key) {
  const Fields fields(parent.need(key, R"({"netns":file,"dev":name})"), std::string(key), {"netns", "dev"});
  Endpoint endpoint;
  endpoint.netns =
      fields.text("netns", kLongestFileName, "the file of a network namespace, such as /run/netns/NAME");
  // IFNAMSIZ is 16 with the closing zero. The kernel expands %d in a name and takes no slash, colon or blank.
  constexpr std::string_view right = "a device name of 1 to 15 characters without blank, '/', ':' or '%'";
  endpoint.device = fields.text("dev", 15, right);
  if (endpoint.device.find_first_of("/:% \t\n\v\f\r") != std::string::npos) fields.refuse("dev", right);
  return endpoint;
}

std::string readPath(const Fields& fields) {
  return fields.text("path", kLongestPathName, "the name of a path, 1 to 64 bytes");
}

Action readAction(const Json& object, const std::string& op) {
  const auto fields = [&](std::initializer_list<std::string_view> known) {
    return Fields(object, "", known);
  };
  if (op == "add") {
    const Fields add = fields({"id", "op", "path", "left", "right", "up", "down"});
    AddRequest request;
    request.path = readPath(add);
    request.left = readEndpoint(add, "left");
    request.right = readEndpoint(add, "right");
    if (const Json* up = add.find("up")) request.up = readSpec(*up, "up");
    if (const Json* down = add.find("down")) request.down = readSpec(*down, "down");
    return request;
  }
  if (op == "set") {
    const Fields set = fields({"id", "op", "path", "direction", "spec"});
    SetRequest request;
    request.path = readPath(set);
    const std::size_t direction = set.choice("direction", {"up", "down", "both"});
    request.up = direction != 1;
    request.down = direction != 0;
    request.spec = readSpec(set.need("spec", "an object with what is to change"), "spec");
    return request;
  }
  if (op == "carrier") {
    const Fields carrier = fields({"id", "op", "path", "side", "on"});
    CarrierRequest request;
    request.path = readPath(carrier);
    const std::size_t side = carrier.choice("side", {"left", "right", "both"});
    request.left = side != 1;
    request.right = side != 0;
    request.on = carrier.truth("on");
    return request;
  }
  if (op == "subscribe") {
    const Fields subscribe = fields({"id", "op", "intervalMs"});
    return SubscribeRequest{
        static_cast<Time>(std::llround(subscribe.number("intervalMs", 0, 3'600'000, " of ms") * 1e6))};
  }
  if (op == "remove") return RemoveRequest{readPath(fields({"id", "op", "path"}))};
  if (op == "stats") return fields({"id", "op"}), StatsRequest{};
  if (op == "resetHighWater") return fields({"id", "op"}), ResetHighWaterRequest{};
  if (op == "quit") return fields({"id", "op"}), QuitRequest{};
  throw Wrong("op is " + asJson(op) +
              ", expected one of: add, set, carrier, stats, subscribe, resetHighWater, remove, quit");
}

}  // namespace

Request parseRequest(std::string_view line) {
  Request request;
  const Json json = Json::parse(line, nullptr, false);
  if (!json.is_object()) {
    request.what = Refusal{"a request is one JSON object per line, got " + asJson(line.substr(0, 60))};
    return request;
  }
  try {
    if (const auto id = json.find("id"); id != json.end()) {
      if (!id->is_number() && !id->is_string())
        throw Wrong("id is " + shown(*id) + ", expected a number or a string");
      request.id = id->dump(-1, ' ', true, Json::error_handler_t::replace);
    }
    const Fields fields(
        json, "",
        {"id", "op", "path", "left", "right", "up", "down", "direction", "spec", "side", "on", "intervalMs"});
    const std::string op = fields.text("op", 40, "what to do, such as \"add\"");
    request.what = readAction(json, op);
  } catch (const Wrong& wrong) {
    const auto op = json.find("op");
    const bool named = op != json.end() && op->is_string() && op->get_ref<const std::string&>().size() <= 40;
    const std::string prefix = named ? op->get<std::string>() : "request";
    request.what = Refusal{prefix + ": " + wrong.what()};
  }
  return request;
}

}  // namespace mqvpn::link
