// Runs a fuzz target without libFuzzer: first every file of its corpus, then mutations of them for a while.
// It finds what a change broke in seconds and with any compiler; what nobody has thought of is the business
// of `npm run fuzz`.
//
//   TARGET_replay [CORPUS_FOLDER]        MQVPN_FUZZ_SECONDS (2), MQVPN_FUZZ_SEED (random, printed)
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Input = std::vector<std::uint8_t>;

constexpr std::size_t kLongest = 4096;

void mutate(Input& input, std::mt19937_64& random) {
  const auto below = [&](std::size_t limit) { return static_cast<std::size_t>(random() % limit); };
  for (std::size_t times = 1 + below(6); times > 0; --times) {
    switch (below(6)) {
      case 0:
        if (!input.empty()) input[below(input.size())] = static_cast<std::uint8_t>(random());
        break;
      case 1:
        if (!input.empty()) input[below(input.size())] ^= static_cast<std::uint8_t>(1u << below(8));
        break;
      case 2:
        input.insert(input.begin() + static_cast<std::ptrdiff_t>(below(input.size() + 1)),
                     static_cast<std::uint8_t>(random()));
        break;
      case 3:
        if (!input.empty()) input.erase(input.begin() + static_cast<std::ptrdiff_t>(below(input.size())));
        break;
      case 4:
        if (!input.empty()) input.resize(below(input.size()) + 1);
        break;
      default: {
        if (input.size() < 2) break;
        // A part of itself, elsewhere.
        const std::size_t from = below(input.size()),
                          size = 1 + below(std::min<std::size_t>(32, input.size() - from));
        const Input part(input.begin() + static_cast<std::ptrdiff_t>(from),
                         input.begin() + static_cast<std::ptrdiff_t>(from + size));
        input.insert(input.begin() + static_cast<std::ptrdiff_t>(below(input.size() + 1)), part.begin(),
                     part.end());
        break;
      }
    }
  }
  if (input.size() > kLongest) input.resize(kLongest);
}

std::uint64_t fromEnvironment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

}  // namespace

int main(int count, char** arguments) {
  std::vector<Input> corpus;
  if (count > 1 && std::filesystem::is_directory(arguments[1])) {
    for (const auto& entry : std::filesystem::directory_iterator(arguments[1])) {
      std::ifstream file(entry.path(), std::ios::binary);
      corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    }
  }
  for (const Input& input : corpus) LLVMFuzzerTestOneInput(input.data(), input.size());
  const std::size_t kept = corpus.size();
  if (corpus.empty()) corpus.push_back({0, 1, 2, 3});

  const std::uint64_t seed = fromEnvironment("MQVPN_FUZZ_SEED", std::random_device{}());
  std::printf("%zu kept inputs; mutations from MQVPN_FUZZ_SEED=%llu\n", kept,
              static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  std::mt19937_64 random(seed);
  const auto until =
      std::chrono::steady_clock::now() + std::chrono::seconds(fromEnvironment("MQVPN_FUZZ_SECONDS", 2));
  std::uint64_t runs = 0;
  while (std::chrono::steady_clock::now() < until) {
    Input input = corpus[random() % corpus.size()];
    mutate(input, random);
    LLVMFuzzerTestOneInput(input.data(), input.size());
    ++runs;
  }
  std::printf("%llu mutations\n", static_cast<unsigned long long>(runs));
  return 0;
}
