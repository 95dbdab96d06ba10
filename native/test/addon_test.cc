#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <set>
#include <string>
#include <system_error>

#include "addon/file_lock.h"
#include "addon/kernel_features.h"

using namespace mqvpn::addon;

namespace {

std::set<std::string> entries(const char* folder) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) names.insert(entry.path().filename());
  return names;
}

struct Folder {
  std::string path = std::filesystem::temp_directory_path() / "mqvpn-addon-XXXXXX";
  Folder() { REQUIRE(mkdtemp(path.data()) != nullptr); }
  ~Folder() { std::filesystem::remove_all(path); }
};

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

TEST_CASE("a lock is held once, and free again after its release") {
  const Folder folder;
  const std::string path = folder.path + "/lock";
  const auto first = tryLock(path);
  REQUIRE(first);
  CHECK_FALSE(tryLock(path));
  unlock(*first);
  const auto second = tryLock(path);
  REQUIRE(second);
  unlock(*second);
}

TEST_CASE("a lock is no link that somebody has laid, and a failure names the file") {
  const Folder folder;
  std::filesystem::create_symlink("elsewhere", folder.path + "/link");
  CHECK_THROWS_AS(tryLock(folder.path + "/link"), std::system_error);
  CHECK_FALSE(std::filesystem::exists(folder.path + "/elsewhere"));
  CHECK_THROWS_WITH((void)tryLock("/nonexistent/lock"),
                    "cannot open the lock file /nonexistent/lock: No such file or directory");
  CHECK_THROWS_AS(unlock(-1), std::system_error);
}
