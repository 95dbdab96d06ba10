#include "http3/frame.h"

#include <algorithm>
#include <utility>

namespace mqvpn::http3 {

namespace {

/// Whether the payload is collected for FrameSink::onFrame().
bool isCollected(std::uint64_t type) {
  switch (static_cast<FrameType>(type)) {
    case FrameType::kHeaders:
    case FrameType::kCancelPush:
    case FrameType::kSettings:
    case FrameType::kPushPromise:
    case FrameType::kGoaway:
    case FrameType::kMaxPushId:
      return true;
    case FrameType::kData:
      return false;
  }
  return false;
}

}  // namespace

bool isHttp2FrameType(std::uint64_t type) {
  // RFC 9114 §11.2.1: PRIORITY, PING, WINDOW_UPDATE, CONTINUATION.
  return type == 0x02 || type == 0x06 || type == 0x08 || type == 0x09;
}

std::size_t writeFrameHeader(std::span<std::uint8_t> out, std::uint64_t type, std::uint64_t length) {
  quic::Writer writer(out);
  writer.varint(type);
  writer.varint(length);
  return writer.ok() ? writer.size() : 0;
}

Error FrameReader::push(std::span<std::uint8_t> data, FrameSink& sink) {
  while (!data.empty()) {
    const Error error = state_ == State::kHeader ? readHeader(data, sink) : readPayload(data, sink);
    if (error) return error;
  }
  return {};
}

Error FrameReader::readHeader(std::span<std::uint8_t>& data, FrameSink& sink) {
  header_[headerSize_++] = data.front();
  data = data.subspan(1);
  quic::Reader reader{std::span(header_).first(headerSize_)};
  const std::uint64_t type = reader.varint();
  const std::uint64_t length = reader.varint();
  if (!reader.ok()) return {};
  headerSize_ = 0;
  if (isHttp2FrameType(type)) return {ErrorCode::kFrameUnexpected, "a frame type of HTTP/2"};
  if (const Error error = sink.onFrameStart(type, length)) return error;
  type_ = type;
  left_ = length;
  if (type == static_cast<std::uint64_t>(FrameType::kData)) {
    if (length > 0) state_ = State::kData;
    return {};
  }
  if (!isCollected(type)) {
    if (length > 0) state_ = State::kSkip;
    return {};
  }
  if (length > kMaxBuffered) return {ErrorCode::kExcessiveLoad, "a frame is too large"};
  if (length == 0) return sink.onFrame(type, {});
  state_ = State::kBuffer;
  return {};
}

Error FrameReader::readPayload(std::span<std::uint8_t>& data, FrameSink& sink) {
  const std::size_t take = static_cast<std::size_t>(std::min<std::uint64_t>(left_, data.size()));
  const std::span<std::uint8_t> part = data.first(take);
  data = data.subspan(take);
  left_ -= take;
  const State state = state_;
  if (left_ == 0) state_ = State::kHeader;
  if (state == State::kData) return sink.onDataPayload(part);
  if (state == State::kSkip) return {};
  if (left_ == 0 && payload_.empty()) return sink.onFrame(type_, part);
  payload_.insert(payload_.end(), part.begin(), part.end());
  if (left_ > 0) return {};
  // Given back at once: a connection rarely sees a second such frame.
  const std::vector<std::uint8_t> whole = std::exchange(payload_, {});
  return sink.onFrame(type_, whole);
}

}  // namespace mqvpn::http3
