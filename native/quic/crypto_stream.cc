#include "quic/crypto_stream.h"

namespace mqvpn::quic {

Error CryptoStream::receive(std::uint64_t offset, Bytes data) {
  // RFC 9000 §7.5: "If an endpoint does not expand its buffer, it MUST close the connection with a
  // CRYPTO_BUFFER_EXCEEDED error code."
  const std::uint64_t most = in_.position() + kMostBuffered;
  if (offset > most || data.size() > most - offset)
    return {TransportError::kCryptoBufferExceeded, "CRYPTO data too far ahead"};
  in_.insert(offset, data);
  return {};
}

}  // namespace mqvpn::quic
