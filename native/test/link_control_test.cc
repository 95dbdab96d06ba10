#include <doctest/doctest.h>

#include "link/control.h"
#include "link/replies.h"

using namespace mqvpn::link;

namespace {

std::string refusalOf(const std::string& line) {
  const Request request = parseRequest(line);
  const auto* refusal = std::get_if<Refusal>(&request.what);
  return refusal != nullptr ? refusal->reason : "";
}

template <class T>
T actionOf(const std::string& line) {
  CAPTURE(line);
  const Request request = parseRequest(line);
  REQUIRE(refusalOf(line) == "");
  return std::get<T>(std::get<Action>(request.what));
}

SpecPatch specOf(const std::string& spec) {
  return actionOf<SetRequest>(R"({"id":1,"op":"set","path":"a","direction":"both","spec":)" + spec + "}")
      .spec;
}
std::string specRefusal(const std::string& spec) {
  return refusalOf(R"({"id":1,"op":"set","path":"a","direction":"both","spec":)" + spec + "}");
}

}  // namespace

TEST_CASE("add: both ends and both directions") {
  const auto add = actionOf<AddRequest>(
      R"({"id":1,"op":"add","path":"wifi","left":{"netns":"/run/netns/c","dev":"wifi"},"right":{"netns":"/run/netns/s","dev":"w"},)"
      R"("up":{"rate":80000000,"delayUs":15000},"down":{"rate":null}})");
  CHECK(add.path == "wifi");
  CHECK(add.left.netns == "/run/netns/c");
  CHECK(add.right.device == "w");
  CHECK(add.up.rate == 80'000'000);
  CHECK(add.up.delay == 15 * kMillisecond);
  CHECK(add.down.rate == 0);
  CHECK_FALSE(add.down.delay.has_value());
}

TEST_CASE("every key of a specification") {
  const SpecPatch spec = specOf(
      R"({"rate":1e6,"trace":"/tmp/t","delayUs":1.5,"jitterUs":2000,"jitterReorders":true,"loss":{"kind":"random","probability":0.01},)"
      R"("reorder":0.1,"duplicate":0.2,"queue":{"bytes":64000},"aqm":"codel","codelTargetUs":1000,"codelIntervalUs":20000,"mtu":1400,"blackhole":true})");
  CHECK(spec.rate == 1'000'000);
  CHECK(spec.tracePath == "/tmp/t");
  CHECK(spec.delay == 1'500);
  CHECK(spec.jitter == 2 * kMillisecond);
  CHECK(spec.jitterReorders == true);
  CHECK(spec.loss->kind == LossSpec::Kind::kRandom);
  CHECK(spec.loss->probability == 0.01);
  CHECK(spec.reorder == 0.1);
  CHECK(spec.duplicate == 0.2);
  CHECK(spec.queue == QueueLimit{QueueLimit::Unit::kBytes, 64'000});
  CHECK(spec.aqm == Aqm::kCodel);
  CHECK(spec.codelTarget == kMillisecond);
  CHECK(spec.codelInterval == 20 * kMillisecond);
  CHECK(spec.mtu == 1400u);
  CHECK(spec.blackhole == true);
}

TEST_CASE("a patch changes what it names and nothing else") {
  Spec before;
  before.rate = 5;
  before.delay = 7;
  before.loss.kind = LossSpec::Kind::kRandom;
  const Spec after = specOf(R"({"rate":9,"loss":null,"mtu":0,"trace":null})").applied(before);
  CHECK(after.rate == 9);
  CHECK(after.delay == 7);
  CHECK(after.loss == LossSpec{});
  CHECK(after.trace == nullptr);
}

TEST_CASE("Gilbert-Elliott loss") {
  const auto loss =
      specOf(R"({"loss":{"kind":"gilbert","toBad":0.01,"toGood":0.2,"lossGood":0,"lossBad":1}})").loss;
  CHECK(loss->kind == LossSpec::Kind::kGilbert);
  CHECK(loss->toGood == 0.2);
  CHECK(loss->lossBad == 1);
}

TEST_CASE("directions, sides and the small requests") {
  CHECK(actionOf<SetRequest>(R"({"op":"set","path":"a","direction":"up","spec":{}})").up);
  CHECK_FALSE(actionOf<SetRequest>(R"({"op":"set","path":"a","direction":"up","spec":{}})").down);
  CHECK(actionOf<SetRequest>(R"({"op":"set","path":"a","direction":"both","spec":{}})").down);
  const auto carrier = actionOf<CarrierRequest>(R"({"op":"carrier","path":"a","side":"right","on":false})");
  CHECK(carrier.right);
  CHECK_FALSE(carrier.left);
  CHECK_FALSE(carrier.on);
  CHECK(actionOf<SubscribeRequest>(R"({"op":"subscribe","intervalMs":100})").interval == 100 * kMillisecond);
  CHECK(actionOf<RemoveRequest>(R"({"op":"remove","path":"a"})").path == "a");
  actionOf<StatsRequest>(R"({"op":"stats"})");
  actionOf<ResetHighWaterRequest>(R"({"op":"resetHighWater"})");
  actionOf<QuitRequest>(R"({"op":"quit"})");
}

TEST_CASE("the id comes back as it was, in refusals too") {
  CHECK(parseRequest(R"({"id":17,"op":"stats"})").id == "17");
  CHECK(parseRequest(R"({"id":"x\"y","op":"stats"})").id == R"("x\"y")");
  CHECK(parseRequest(R"({"op":"stats"})").id == "null");
  CHECK(parseRequest(R"({"id":18,"op":"bogus"})").id == "18");
  CHECK(parseRequest("nonsense").id == "null");
}

TEST_CASE("refusals name the key, its value and what is right") {
  CHECK(refusalOf("nonsense") == R"(a request is one JSON object per line, got "nonsense")");
  CHECK(refusalOf("[1]").find("one JSON object") != std::string::npos);
  CHECK(refusalOf("{}") == R"(request: op is missing, expected what to do, such as "add")");
  CHECK(refusalOf(R"({"id":{},"op":"stats"})") == "stats: id is {}, expected a number or a string");
  CHECK(
      refusalOf(R"({"op":"fly"})") ==
      R"(fly: op is "fly", expected one of: add, set, carrier, stats, subscribe, resetHighWater, remove, quit)");
  CHECK(refusalOf(R"({"op":"stats","path":"a"})").find("unknown key \"path\"") != std::string::npos);
  CHECK(refusalOf(R"({"op":"remove"})") ==
        "remove: path is missing, expected the name of a path, 1 to 64 bytes");
  CHECK(refusalOf(R"({"op":"remove","path":""})").find("path is \"\"") != std::string::npos);
  CHECK(refusalOf(R"({"op":"carrier","path":"a","side":"up","on":true})") ==
        R"(carrier: side is "up", expected "left" or "right" or "both")");
  CHECK(refusalOf(R"({"op":"carrier","path":"a","side":"left","on":1})") ==
        "carrier: on is 1, expected true or false");
  CHECK(refusalOf(R"({"op":"subscribe","intervalMs":-1})").find("intervalMs is -1") != std::string::npos);
}

TEST_CASE("refusals inside a specification") {
  CHECK(specRefusal(R"({"rate":0})") ==
        "set: spec.rate is 0, expected a number of bit/s from 1.0 to 1000000000000.0");
  CHECK(specRefusal(R"({"rate":"fast"})").find("spec.rate is \"fast\"") != std::string::npos);
  CHECK(specRefusal(R"({"rat":1})").find("spec has the unknown key \"rat\"") != std::string::npos);
  CHECK(specRefusal("3").find("spec is 3, expected an object") != std::string::npos);
  CHECK(specRefusal(R"({"loss":0.1})").find("spec.loss is 0.1, expected an object") != std::string::npos);
  CHECK(specRefusal(R"({"loss":{"kind":"random","probability":1.5}})").find("spec.loss.probability is 1.5") !=
        std::string::npos);
  CHECK(specRefusal(R"({"loss":{"kind":"random","toBad":1}})").find("unknown key \"toBad\"") !=
        std::string::npos);
  CHECK(specRefusal(R"({"loss":{"kind":"gilbert","toBad":0.1}})").find("spec.loss.toGood is missing") !=
        std::string::npos);
  CHECK(specRefusal(R"({"loss":{"kind":"bursty"}})").find("spec.loss.kind is \"bursty\"") !=
        std::string::npos);
  CHECK(specRefusal(R"({"queue":{}})").find("spec.queue is {}") != std::string::npos);
  CHECK(
      specRefusal(R"({"queue":{"bytes":1,"packets":1}})").find("expected {\"bytes\":n} or {\"packets\":n}") !=
      std::string::npos);
  CHECK(specRefusal(R"({"queue":{"packets":1.5}})")
            .find("spec.queue.packets is 1.5, expected a whole number") != std::string::npos);
  CHECK(specRefusal(R"({"mtu":67})").find("spec.mtu is 67") != std::string::npos);
  CHECK(specRefusal(R"({"aqm":"red"})") == R"(set: spec.aqm is "red", expected "droptail" or "codel")");
  CHECK(specRefusal(R"({"delayUs":-1})").find("spec.delayUs is -1") != std::string::npos);
  CHECK(specRefusal(R"({"delayUs":1e300})").find("spec.delayUs is 1e+300") != std::string::npos);
  CHECK(specRefusal(R"({"codelTargetUs":0})").find("spec.codelTargetUs is 0") != std::string::npos);
}

TEST_CASE("device names that the kernel would misread are refused") {
  for (const char* device : {"", "sixteen-letters.", "a b", "a/b", "a:b", "tap%d", "\\u0000x"}) {
    CAPTURE(device);
    const std::string line = std::string(R"({"op":"add","path":"a","left":{"netns":"/n","dev":")") + device +
                             R"("},"right":{"netns":"/n","dev":"b"}})";
    CHECK(refusalOf(line).find("left.dev is") != std::string::npos);
  }
}

TEST_CASE("long values are cut in a refusal, and it stays one line") {
  const std::string refusal = specRefusal("{\"rate\":\"" + std::string(500, 'x') + "\\n\"}");
  CHECK(refusal.size() < 300);
  CHECK(refusal.find('\n') == std::string::npos);
  CHECK(refusal.find("…") != std::string::npos);
}

TEST_CASE("replies are the lines that the protocol says") {
  CHECK(okReply("3") == R"({"id":3,"ok":true})");
  CHECK(refusal("\"x\"", "a \"b\"\n") == R"({"id":"x","ok":false,"error":"a \"b\"\n"})");
  CHECK(readyEvent(true, 9) == R"({"event":"ready","realtime":true,"seed":9})");
  StatsLine line("4", 12);
  Counters up;
  up.inPackets = 5;
  line.add("a\"", up, {});
  line.add("b", {}, {});
  const std::string text = line.finish();
  CHECK(text.starts_with(R"({"id":4,"ok":true,"tNs":12,"paths":{"a\"":{"up":{"inPackets":5,"inBytes":0,)"));
  CHECK(text.ends_with(R"("lateSumNs":0}}}})"));
  CHECK(StatsLine("", 1).finish() == R"({"event":"stats","tNs":1,"paths":{}})");
}
