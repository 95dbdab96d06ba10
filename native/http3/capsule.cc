#include "http3/capsule.h"

#include <algorithm>

namespace mqvpn::http3 {

namespace {
/// What CapsuleSink::onCapsule() may overwrite in front of a value.
constexpr std::size_t kHeadroom = 16;
}  // namespace

std::size_t writeCapsuleHeader(std::span<std::uint8_t> out, std::uint64_t type, std::uint64_t length) {
  quic::Writer writer(out);
  writer.varint(type);
  writer.varint(length);
  return writer.ok() ? writer.size() : 0;
}

void appendCapsule(std::vector<std::uint8_t>& out, std::uint64_t type, quic::Bytes value) {
  std::array<std::uint8_t, 16> header;
  const std::size_t size = writeCapsuleHeader(header, type, value.size());
  out.insert(out.end(), header.begin(), header.begin() + static_cast<std::ptrdiff_t>(size));
  out.insert(out.end(), value.begin(), value.end());
}

Error CapsuleReader::push(std::span<std::uint8_t> data, CapsuleSink& sink) {
  while (!data.empty()) {
    const Error error = state_ == State::kHeader ? readHeader(data, sink) : readValue(data, sink);
    if (error) return error;
  }
  return {};
}

Error CapsuleReader::readHeader(std::span<std::uint8_t>& data, CapsuleSink& sink) {
  header_[headerSize_++] = data.front();
  data = data.subspan(1);
  quic::Reader reader{std::span(header_).first(headerSize_)};
  type_ = reader.varint();
  left_ = reader.varint();
  if (!reader.ok()) return {};
  headerSize_ = 0;
  // RFC 9297 §3.2: "Endpoints which receive a Capsule with an unknown Capsule Type MUST silently drop that
  // Capsule and skip over it to parse the next Capsule."
  if (!sink.wantsCapsule(type_)) {
    if (left_ > 0) state_ = State::kSkip;
    return {};
  }
  if (left_ > kMaxCapsuleValue) return {ErrorCode::kExcessiveLoad, "a capsule is too large"};
  value_.resize(kHeadroom);
  if (left_ == 0) return sink.onCapsule(type_, std::span(value_).subspan(kHeadroom));
  state_ = State::kBuffer;
  return {};
}

Error CapsuleReader::readValue(std::span<std::uint8_t>& data, CapsuleSink& sink) {
  const std::size_t take = static_cast<std::size_t>(std::min<std::uint64_t>(left_, data.size()));
  const std::span<std::uint8_t> part = data.first(take);
  data = data.subspan(take);
  left_ -= take;
  if (state_ == State::kSkip) {
    if (left_ == 0) state_ = State::kHeader;
    return {};
  }
  if (left_ == 0 && value_.size() == kHeadroom) {
    state_ = State::kHeader;
    return sink.onCapsule(type_, part);
  }
  value_.insert(value_.end(), part.begin(), part.end());
  if (left_ > 0) return {};
  state_ = State::kHeader;
  return sink.onCapsule(type_, std::span(value_).subspan(kHeadroom));
}

}  // namespace mqvpn::http3
