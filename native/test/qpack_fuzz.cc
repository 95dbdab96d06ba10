// QPACK input: field sections of a peer, and its encoder and decoder streams. What could be decoded comes
// back the same after it was encoded here.

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "http3/qpack.h"

using namespace mqvpn::http3;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const mqvpn::quic::Bytes input(data + 1, size - 1);
  QpackDecoder decoder;
  QpackEncoder encoder;
  // An error there is the end of the connection.
  if (data[0] % 4 == 1 && decoder.readEncoderStream(input)) return 0;
  if (data[0] % 4 == 2 && encoder.readDecoderStream(input)) return 0;
  const std::uint64_t most = data[0] % 4 == 3 ? 100 : 32768;
  Headers headers;
  if (decoder.decode(0, input, most, headers) != QpackDecoder::Result::kOk) return 0;
  if (fieldSectionSize(headers) > most) std::abort();
  unsigned status = 0;
  (void)checkRequest(headers);
  (void)checkResponse(headers, status);
  (void)checkTrailers(headers);
  std::vector<std::uint8_t> section;
  Headers again;
  if (!encoder.encode(4, headers, section)) std::abort();
  if (decoder.decode(4, section, most, again) != QpackDecoder::Result::kOk || again != headers) std::abort();
  return 0;
}
