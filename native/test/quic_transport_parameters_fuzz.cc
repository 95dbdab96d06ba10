// Transport parameters: what can be read is written, read again, and encodes to the same bytes.

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "quic/transport_parameters.h"

using namespace mqvpn::quic;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const bool fromServer : {false, true}) {
    TransportParameters parameters;
    if (const Error error = parseTransportParameters({data, size}, fromServer, parameters)) {
      if (error.code != TransportError::kTransportParameterError || *error.reason == '\0') std::abort();
      continue;
    }
    const auto encoded = encodeTransportParameters(parameters);
    TransportParameters again;
    if (parseTransportParameters(encoded, fromServer, again)) std::abort();
    if (encodeTransportParameters(again) != encoded) std::abort();
  }
  return 0;
}
