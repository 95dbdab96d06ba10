// What this kernel and this user's rights allow. Asked by doing it, once, and leaving nothing behind.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace mqvpn::addon {

struct Feature {
  bool ok = false;
  std::string detail;  // how it is there, or why it is not
};

// In a fixed order, by the name that JavaScript sees.
using Features = std::vector<std::pair<std::string, Feature>>;

// Everything happens in a thread of its own, in a network namespace of its own (when this user may make one):
// devices and sockets are seen by nobody and end with it.
Features kernelFeatures();

}  // namespace mqvpn::addon
