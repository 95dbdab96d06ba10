#include "probe/stream.h"

#include <algorithm>

namespace mqvpn::probe {

bool StreamDecoder::push(std::span<const uint8_t> bytes, const OnPacket& onPacket) {
  while (!bytes.empty()) {
    if (headerBytes_ < kHeaderBytes) {
      const size_t take = std::min(bytes.size(), kHeaderBytes - headerBytes_);
      std::copy_n(bytes.begin(), take, header_.begin() + static_cast<ptrdiff_t>(headerBytes_));
      headerBytes_ += take;
      bytes = bytes.subspan(take);
      if (headerBytes_ < kHeaderBytes) return true;
      const auto packet = decodeHeader(header_);
      if (!packet) return false;
      packet_ = *packet;
      fillerLeft_ = packet_.size - kHeaderBytes;
    }
    const size_t skip = std::min(bytes.size(), fillerLeft_);
    fillerLeft_ -= skip;
    bytes = bytes.subspan(skip);
    if (fillerLeft_ > 0) return true;
    headerBytes_ = 0;
    onPacket(packet_);
  }
  return true;
}

void StreamDecoder::reset() {
  headerBytes_ = 0;
  fillerLeft_ = 0;
}

}  // namespace mqvpn::probe
