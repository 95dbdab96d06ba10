// Whatever arrives: nothing crashes, what is read as a packet writes back to the same header, and a stream
// gives the same packets however it is cut.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "probe/options.h"
#include "probe/packet.h"
#include "probe/stream.h"

using namespace mqvpn::probe;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void fuzzDatagram(std::span<const uint8_t> bytes) {
  const auto packet = decodeDatagram(bytes);
  if (!packet) return;
  std::vector<uint8_t> again(packet->size);
  encode(*packet, again);
  require(again.size() == bytes.size() && std::memcmp(again.data(), bytes.data(), kHeaderBytes) == 0);
}

void fuzzStream(std::span<const uint8_t> bytes, size_t cut) {
  std::vector<uint64_t> whole, cutUp;
  StreamDecoder one, two;
  const bool sane = one.push(bytes, [&](const Packet& p) { whole.push_back(p.seq); });
  const auto collect = [&](const Packet& p) { cutUp.push_back(p.seq); };
  bool saneCutUp = true;
  for (size_t at = 0; at < bytes.size() && saneCutUp; at += cut) {
    saneCutUp = two.push(bytes.subspan(at, std::min(cut, bytes.size() - at)), collect);
  }
  require(sane == saneCutUp && whole == cutUp);
}

void fuzzOptions(std::span<const uint8_t> bytes) {
  std::vector<char> text(bytes.begin(), bytes.end());
  text.push_back('\0');
  std::vector<const char*> words;
  for (size_t at = 0; at < text.size(); at += std::strlen(&text[at]) + 1) words.push_back(&text[at]);
  (void)parseOptions(words);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::span<const uint8_t> bytes(data + 1, size - 1);
  fuzzDatagram(bytes);
  fuzzStream(bytes, 1 + data[0] % 64);
  fuzzOptions(bytes);
  return 0;
}
