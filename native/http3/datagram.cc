#include "http3/datagram.h"

namespace mqvpn::http3 {

std::size_t writeDatagramPrefix(std::span<std::uint8_t> out, std::uint64_t streamId) {
  quic::Writer writer(out);
  writer.varint(streamId / 4);
  return writer.ok() ? writer.size() : 0;
}

Error parseDatagram(std::span<std::uint8_t> frame, Datagram& out) {
  quic::Reader reader(frame);
  const std::uint64_t quarter = reader.varint();
  if (!reader.ok()) return {ErrorCode::kDatagramError, "a datagram without Quarter Stream ID"};
  if (quarter > kMaxQuarterStreamId) return {ErrorCode::kDatagramError, "Quarter Stream ID is too large"};
  out.streamId = quarter * 4;
  out.payload = frame.subspan(reader.position());
  return {};
}

}  // namespace mqvpn::http3
