#include "connect_ip/checksum.h"

#include <cstddef>

namespace mqvpn::connect_ip {

std::uint64_t checksumAdd(std::span<const std::uint8_t> data, std::uint64_t sum) {
  std::size_t i = 0;
  for (; i + 2 <= data.size(); i += 2) sum += static_cast<std::uint32_t>(data[i] << 8 | data[i + 1]);
  // RFC 1071 §4.1: a byte that is left over is padded with zero.
  if (i < data.size()) sum += static_cast<std::uint32_t>(data[i] << 8);
  return sum;
}

std::uint16_t checksumFinish(std::uint64_t sum) {
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

}  // namespace mqvpn::connect_ip
