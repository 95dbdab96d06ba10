#include "quic/connection_id.h"

namespace mqvpn::quic {

std::string ConnectionId::hex() const {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  text.reserve(size() * 2);
  for (const std::uint8_t byte : bytes()) {
    text.push_back(digits[byte >> 4]);
    text.push_back(digits[byte & 15]);
  }
  return text;
}

}  // namespace mqvpn::quic
