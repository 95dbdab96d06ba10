#include "http3/request_stream.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace mqvpn::http3 {

namespace {

Error unexpected(const char* reason) { return {ErrorCode::kFrameUnexpected, reason}; }

constexpr std::uint64_t typeOf(FrameType type) { return static_cast<std::uint64_t>(type); }

}  // namespace

bool isStreamError(ErrorCode code) {
  return code == ErrorCode::kMessageError || code == ErrorCode::kExcessiveLoad ||
         code == ErrorCode::kRequestIncomplete || code == ErrorCode::kRequestRejected;
}

RequestStream::RequestStream(quic::Transport& transport, Events& events, QpackEncoder& encoder,
                             QpackDecoder& decoder, std::uint64_t id)
    : transport_(transport),
      events_(events),
      encoder_(encoder),
      decoder_(decoder),
      server_(transport.isServer()),
      out_(transport, id) {}

Error RequestStream::onFrameStart(std::uint64_t type, std::uint64_t length) {
  switch (static_cast<FrameType>(type)) {
    case FrameType::kData:
      // RFC 9114 §4.1: "a DATA frame before any HEADERS frame, or a HEADERS or DATA frame after the trailing
      // HEADERS frame, is considered invalid" (H3_FRAME_UNEXPECTED).
      if (receive_ != Receive::kBody) return unexpected("DATA outside of a message's content");
      content_ += length;
      if (contentLength_ && content_ > *contentLength_)
        return {ErrorCode::kMessageError, "more content than content-length says"};
      return {};
    case FrameType::kHeaders:
      if (receive_ == Receive::kTrailersSeen) return unexpected("HEADERS after the trailers");
      if (receive_ == Receive::kBody && tunnel_) return unexpected("HEADERS inside a tunnel");
      if (length > FrameReader::kMaxBuffered) return {ErrorCode::kExcessiveLoad, "HEADERS is too large"};
      return {};
    case FrameType::kPushPromise:
      // RFC 9114 §7.2.5: "A server MUST treat the receipt of a PUSH_PROMISE frame as a connection error of
      // type H3_FRAME_UNEXPECTED"; a client sends no MAX_PUSH_ID here, so that every push ID is too large
      // (H3_ID_ERROR).
      if (server_) return unexpected("PUSH_PROMISE of a client");
      return {ErrorCode::kIdError, "PUSH_PROMISE without MAX_PUSH_ID"};
    case FrameType::kCancelPush:
    case FrameType::kSettings:
    case FrameType::kGoaway:
    case FrameType::kMaxPushId:
      return unexpected("a frame of the control stream on a request stream");
  }
  return {};
}

Error RequestStream::onDataPayload(std::span<std::uint8_t> bytes) {
  if (!over_ && receive_ == Receive::kBody) events_.onData(id(), bytes);
  return {};
}

Error RequestStream::onFrame(std::uint64_t type, quic::Bytes payload) {
  if (over_ || type != typeOf(FrameType::kHeaders) || receive_ == Receive::kDone) return {};
  Headers headers;
  switch (decoder_.decode(id(), payload, kMaxFieldSection, headers)) {
    case QpackDecoder::Result::kOk:
      break;
    case QpackDecoder::Result::kFailed:
      return {ErrorCode::kQpackDecompressionFailed, "a field section cannot be decoded"};
    case QpackDecoder::Result::kTooLarge:
      return {ErrorCode::kExcessiveLoad, "a field section is too large"};
  }
  return onHeaderSection(headers);
}

Error RequestStream::onHeaderSection(const Headers& headers) {
  if (receive_ == Receive::kBody) {
    receive_ = Receive::kTrailersSeen;
    return checkTrailers(headers);
  }
  if (!server_) return onResponseSection(headers);
  if (const Error error = checkRequest(headers)) return error;
  if (const Error error = noteContentLength(headers)) return error;
  connect_ = *findHeader(headers, ":method") == "CONNECT";
  tunnel_ = connect_;
  receive_ = Receive::kBody;
  events_.onRequest(id(), headers);
  return {};
}

Error RequestStream::onResponseSection(const Headers& headers) {
  unsigned status = 0;
  if (const Error error = checkResponse(headers, status)) return error;
  if (status < 200) {
    events_.onInterimResponse(id(), status);
    return {};
  }
  const bool success = status < 300;
  tunnel_ = connect_ && success;
  // RFC 9110 §9.3.6: "A client MUST ignore any Content-Length or Transfer-Encoding header fields received in
  // a successful response to CONNECT."
  if (!tunnel_) {
    if (const Error error = noteContentLength(headers)) return error;
  }
  receive_ = Receive::kBody;
  events_.onResponse(id(), status, headers);
  return {};
}

Error RequestStream::noteContentLength(const Headers& headers) {
  const std::string* text = findHeader(headers, "content-length");
  if (text == nullptr) return {};
  std::uint64_t value = 0;
  const char* end = text->data() + text->size();
  const auto [stop, failed] = std::from_chars(text->data(), end, value);
  if (failed != std::errc() || stop != end || countHeader(headers, "content-length") != 1)
    return {ErrorCode::kMessageError, "no valid content-length"};
  contentLength_ = value;
  return {};
}

Error RequestStream::onFin() {
  if (over_ || receive_ == Receive::kDone) return {};
  // RFC 9114 §7.1: "When a stream terminates cleanly, if the last frame on the stream was truncated, this
  // MUST be treated as a connection error of type H3_FRAME_ERROR."
  if (!reader_.atBoundary()) return {ErrorCode::kFrameError, "a stream ends inside a frame"};
  if (receive_ == Receive::kHeaders) {
    if (server_) return {ErrorCode::kRequestIncomplete, "a stream without a request"};
    return {ErrorCode::kMessageError, "a stream without a final response"};
  }
  if (contentLength_ && content_ != *contentLength_)
    return {ErrorCode::kMessageError, "less content than content-length says"};
  receive_ = Receive::kDone;
  events_.onFinished(id());
  return {};
}

bool RequestStream::writeHeaders(const Headers& headers) {
  std::vector<std::uint8_t> section;
  if (!encoder_.encode(id(), headers, section)) return false;
  std::array<std::uint8_t, 16> header;
  const std::size_t size = writeFrameHeader(header, typeOf(FrameType::kHeaders), section.size());
  const std::array<quic::Bytes, 2> parts{std::span(header).first(size), section};
  out_.write(parts);
  return true;
}

bool RequestStream::sendRequest(const Headers& headers) {
  const std::string* method = findHeader(headers, ":method");
  connect_ = method != nullptr && *method == "CONNECT";
  if (!writeHeaders(headers)) return false;
  send_ = Send::kBody;
  return true;
}

bool RequestStream::sendResponse(const Headers& headers, bool fin) {
  if (over_ || send_ != Send::kHeaders || receive_ == Receive::kHeaders) return false;
  if (!writeHeaders(headers)) return false;
  const std::string* status = findHeader(headers, ":status");
  const bool interim = status != nullptr && status->starts_with('1');
  if (interim) return true;
  send_ = Send::kBody;
  if (fin) finish();
  return true;
}

bool RequestStream::sendData(std::span<const quic::Bytes> parts, std::size_t limit) {
  if (!sendOpen()) return false;
  std::uint64_t length = 0;
  for (const quic::Bytes part : parts) length += part.size();
  std::array<std::uint8_t, 16> header;
  const std::size_t size = writeFrameHeader(header, typeOf(FrameType::kData), length);
  // All or nothing: half a frame could not be taken back.
  if (out_.waiting() > limit || length + size > limit - out_.waiting()) {
    wantsWritable_ = true;
    return false;
  }
  out_.write(std::span(header).first(size));
  out_.write(parts);
  return true;
}

void RequestStream::finish() {
  if (over_ || send_ == Send::kDone) return;
  send_ = Send::kDone;
  out_.finish();
}

bool RequestStream::takeWritable() {
  if (!wantsWritable_ || out_.waiting() > 0 || !sendOpen()) return false;
  wantsWritable_ = false;
  return true;
}

void RequestStream::abandon(std::uint64_t errorCode) {
  if (over_) return;
  const bool receiving = receive_ != Receive::kDone;
  close();
  // RFC 9114 §4.1.1: "an implementation resets the sending parts of streams and aborts reading on the
  // receiving parts". Also after our FIN: what was not delivered need not be.
  transport_.resetStream(id(), errorCode);
  if (receiving) transport_.stopSending(id(), errorCode);
}

void RequestStream::stopSending(std::uint64_t errorCode) {
  if (send_ == Send::kDone && out_.waiting() == 0) return;
  send_ = Send::kDone;
  out_.abandon();
  transport_.resetStream(id(), errorCode);
}

void RequestStream::ignoreRest() {
  if (over_ || receive_ == Receive::kDone) return;
  receive_ = Receive::kDone;
  transport_.stopSending(id(), code(ErrorCode::kNoError));
}

}  // namespace mqvpn::http3
