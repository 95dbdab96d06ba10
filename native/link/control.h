#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "link/spec.h"

namespace mqvpn::link {

struct Endpoint {
  std::string netns;
  std::string device;
};

struct AddRequest {
  std::string path;
  Endpoint left;
  Endpoint right;
  SpecPatch up;
  SpecPatch down;
};
struct SetRequest {
  std::string path;
  bool up = false;
  bool down = false;
  SpecPatch spec;
};
struct CarrierRequest {
  std::string path;
  bool left = false;
  bool right = false;
  bool on = false;
};
struct StatsRequest {};
struct SubscribeRequest {
  /// 0 ends it.
  Time interval = 0;
};
struct ResetHighWaterRequest {};
struct RemoveRequest {
  std::string path;
};
struct QuitRequest {};

using Action = std::variant<AddRequest, SetRequest, CarrierRequest, StatsRequest, SubscribeRequest,
                            ResetHighWaterRequest, RemoveRequest, QuitRequest>;

/// A line that cannot be done, and why: names the key, its value and what is right.
struct Refusal {
  std::string reason;
};

struct Request {
  /// As it came, in JSON, to be sent back; "null" when there was none.
  std::string id = "null";
  std::variant<Refusal, Action> what;
};

/// Reads one line of the control protocol (native/README.md). Never throws, whatever the line is.
Request parseRequest(std::string_view line);

}  // namespace mqvpn::link
