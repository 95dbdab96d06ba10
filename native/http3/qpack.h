#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "http3/errors.h"
#include "http3/headers.h"
#include "quic/buffer.h"

struct nghttp3_qpack_encoder;
struct nghttp3_qpack_decoder;

namespace mqvpn::http3 {

/// QPACK (RFC 9204) with nghttp3. Neither side uses the dynamic table: it would save some dozen bytes once
/// per connection, and cost state that a peer can attack and a header block that can wait for another stream.
class QpackEncoder {
 public:
  QpackEncoder();
  ~QpackEncoder();
  QpackEncoder(const QpackEncoder&) = delete;

  /// Appends the encoded field section. False: out of memory.
  bool encode(std::uint64_t streamId, const Headers& headers, std::vector<std::uint8_t>& out);
  /// Bytes of the peer's decoder stream, split anywhere.
  Error readDecoderStream(quic::Bytes data);

 private:
  nghttp3_qpack_encoder* encoder_ = nullptr;
};

class QpackDecoder {
 public:
  QpackDecoder();
  ~QpackDecoder();
  QpackDecoder(const QpackDecoder&) = delete;

  enum class Result : std::uint8_t {
    kOk,
    /// H3 connection error QPACK_DECOMPRESSION_FAILED.
    kFailed,
    /// The section is larger than `maxSize`; it was not decoded to its end, and need not be: there is no
    /// dynamic table to keep in step.
    kTooLarge,
  };
  /// A whole encoded field section. `maxSize` as fieldSectionSize() counts.
  Result decode(std::uint64_t streamId, quic::Bytes section, std::uint64_t maxSize, Headers& out);
  /// Bytes of the peer's encoder stream, split anywhere.
  Error readEncoderStream(quic::Bytes data);

 private:
  nghttp3_qpack_decoder* decoder_ = nullptr;
};

}  // namespace mqvpn::http3
