// Frames: what can be read is written and read again, and is the same. The first byte chooses the version of
// multipath.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "quic/range_set.h"
#include "quic_codec_support.h"

using namespace mqvpn::quic;
using namespace mqvpn::quic::test;

namespace {

/// What a receiver does with the ranges: they descend, with a gap between them.
void checkRanges(const AckFrame& ack) {
  bool first = true;
  std::uint64_t below = 0;
  RangeSet set(8);
  ack.forEachRange([&](std::uint64_t low, std::uint64_t high) {
    if (low > high || high > kVarintMax || (!first && high + 1 >= below)) std::abort();
    first = false;
    below = low;
    set.add(low, high);
  });
  if (set.largest() != ack.largest) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto multipath = static_cast<MultipathVersion>(data[0] % 3);
  FrameReader reader(Bytes(data + 1, size - 1), multipath);
  // No frame grows by more than the length of its data, a few bytes of type included.
  std::vector<std::uint8_t> buffer(size + 16);
  Frame frame;
  while (reader.next(frame)) {
    if (const auto* ack = std::get_if<AckFrame>(&frame)) checkRanges(*ack);
    Writer out(buffer);
    if (!writeFrame(out, frame, multipath)) std::abort();
    FrameReader again(out.written(), multipath);
    Frame copy;
    if (!again.next(copy) || describe(copy) != describe(frame)) std::abort();
    if (again.next(copy) || again.error()) std::abort();
  }
  const Error error = reader.error();
  if (error && error.code != TransportError::kFrameEncodingError &&
      error.code != TransportError::kProtocolViolation)
    std::abort();
  return 0;
}
