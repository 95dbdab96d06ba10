#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <set>
#include <string>

#include "addon/kernel_features.h"

using namespace mqvpn::addon;

namespace {

std::set<std::string> entries(const char* folder) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) names.insert(entry.path().filename());
  return names;
}

}  // namespace

TEST_CASE("every feature is answered with a reason, and nothing is left behind") {
  const auto devices = entries("/sys/class/net");
  struct stat before, after;
  REQUIRE(stat("/proc/thread-self/ns/net", &before) == 0);
  const auto descriptors = entries("/proc/self/fd").size();

  std::set<std::string> names;
  for (const auto& [name, feature] : kernelFeatures()) {
    CHECK_FALSE(feature.detail.empty());
    CHECK(names.insert(name).second);
  }
  CHECK(names.size() == 13);

  CHECK(entries("/sys/class/net") == devices);
  CHECK(entries("/proc/self/fd").size() == descriptors);
  REQUIRE(stat("/proc/thread-self/ns/net", &after) == 0);
  CHECK(before.st_ino == after.st_ino);
}
