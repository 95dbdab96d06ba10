#include "http3/qpack.h"

#include <nghttp3/nghttp3.h>

namespace mqvpn::http3 {

namespace {

/// nghttp3 takes names and values by pointers to non-const, and only reads them.
std::uint8_t* bytesOf(const std::string& text) {
  return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(text.data()));
}

std::string takeText(nghttp3_rcbuf* buffer) {
  const nghttp3_vec text = nghttp3_rcbuf_get_buf(buffer);
  std::string copy(reinterpret_cast<const char*>(text.base), text.len);
  nghttp3_rcbuf_decref(buffer);
  return copy;
}

/// A buffer that nghttp3 grows.
struct Buffer : nghttp3_buf {
  Buffer() : nghttp3_buf{} { nghttp3_buf_init(this); }
  ~Buffer() { nghttp3_buf_free(this, nghttp3_mem_default()); }
  Buffer(const Buffer&) = delete;
  void appendTo(std::vector<std::uint8_t>& out) const { out.insert(out.end(), pos, last); }
};

struct StreamContext {
  nghttp3_qpack_stream_context* context = nullptr;
  explicit StreamContext(std::uint64_t streamId) {
    nghttp3_qpack_stream_context_new(&context, static_cast<std::int64_t>(streamId), nghttp3_mem_default());
  }
  ~StreamContext() {
    if (context != nullptr) nghttp3_qpack_stream_context_del(context);
  }
  StreamContext(const StreamContext&) = delete;
};

}  // namespace

QpackEncoder::QpackEncoder() {
  // Capacity 0: RFC 9204 §3.2.3: "the encoder MUST NOT insert entries into the dynamic table".
  nghttp3_qpack_encoder_new(&encoder_, 0, nghttp3_mem_default());
}

QpackEncoder::~QpackEncoder() {
  if (encoder_ != nullptr) nghttp3_qpack_encoder_del(encoder_);
}

bool QpackEncoder::encode(std::uint64_t streamId, const Headers& headers, std::vector<std::uint8_t>& out) {
  if (encoder_ == nullptr) return false;
  std::vector<nghttp3_nv> fields;
  fields.reserve(headers.size());
  for (const auto& [name, value] : headers) {
    // RFC 9204 §7.1.3: credentials carry the N bit, so that intermediaries do not put them into a table
    // either.
    const bool secret = name == "authorization";
    fields.push_back(
        {.name = bytesOf(name),
         .value = bytesOf(value),
         .namelen = name.size(),
         .valuelen = value.size(),
         .flags = static_cast<std::uint8_t>(secret ? NGHTTP3_NV_FLAG_NEVER_INDEX : NGHTTP3_NV_FLAG_NONE)});
  }
  Buffer prefix;
  Buffer section;
  Buffer encoderStream;
  if (nghttp3_qpack_encoder_encode(encoder_, &prefix, &section, &encoderStream,
                                   static_cast<std::int64_t>(streamId), fields.data(), fields.size()) != 0)
    return false;
  prefix.appendTo(out);
  section.appendTo(out);
  return true;
}

Error QpackEncoder::readDecoderStream(quic::Bytes data) {
  // RFC 9204 §4.4.1, §4.4.3: nothing was inserted, so there is nothing to acknowledge or to count.
  if (data.empty() || encoder_ == nullptr) return {};
  if (nghttp3_qpack_encoder_read_decoder(encoder_, data.data(), data.size()) < 0)
    return {ErrorCode::kQpackDecoderStreamError, "an instruction that the decoder may not send"};
  return {};
}

QpackDecoder::QpackDecoder() { nghttp3_qpack_decoder_new(&decoder_, 0, 0, nghttp3_mem_default()); }

QpackDecoder::~QpackDecoder() {
  if (decoder_ != nullptr) nghttp3_qpack_decoder_del(decoder_);
}

QpackDecoder::Result QpackDecoder::decode(std::uint64_t streamId, quic::Bytes section, std::uint64_t maxSize,
                                          Headers& out) {
  out.clear();
  const StreamContext stream(streamId);
  if (decoder_ == nullptr || stream.context == nullptr) return Result::kFailed;
  std::uint64_t size = 0;
  for (;;) {
    nghttp3_qpack_nv field{};
    std::uint8_t flags = NGHTTP3_QPACK_DECODE_FLAG_NONE;
    const nghttp3_ssize read = nghttp3_qpack_decoder_read_request(decoder_, stream.context, &field, &flags,
                                                                  section.data(), section.size(), 1);
    if (read == NGHTTP3_ERR_QPACK_HEADER_TOO_LARGE) return Result::kTooLarge;
    if (read < 0) return Result::kFailed;
    section = section.subspan(static_cast<std::size_t>(read));
    if ((flags & NGHTTP3_QPACK_DECODE_FLAG_EMIT) != 0) {
      std::string name = takeText(field.name);
      std::string value = takeText(field.value);
      size += name.size() + value.size() + 32;
      if (size > maxSize) return Result::kTooLarge;
      out.emplace_back(std::move(name), std::move(value));
    }
    if ((flags & NGHTTP3_QPACK_DECODE_FLAG_FINAL) != 0) return Result::kOk;
    // RFC 9204 §2.1.2: no stream may be blocked: we allow none.
    if ((flags & NGHTTP3_QPACK_DECODE_FLAG_BLOCKED) != 0) return Result::kFailed;
    // No end and no progress: the section is cut off.
    if (read == 0 && (flags & NGHTTP3_QPACK_DECODE_FLAG_EMIT) == 0) return Result::kFailed;
  }
}

Error QpackDecoder::readEncoderStream(quic::Bytes data) {
  if (data.empty() || decoder_ == nullptr) return {};
  // RFC 9204 §3.2.3, §4.3.1: with a maximum capacity of 0 nothing but "set capacity to 0" is allowed.
  if (nghttp3_qpack_decoder_read_encoder(decoder_, data.data(), data.size()) < 0)
    return {ErrorCode::kQpackEncoderStreamError, "an instruction beyond the table's capacity, which is 0"};
  return {};
}

}  // namespace mqvpn::http3
