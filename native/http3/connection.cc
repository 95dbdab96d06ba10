#include "http3/connection.h"

#include <algorithm>
#include <array>

#include "http3/request_stream.h"

namespace mqvpn::http3 {

namespace {

/// What one call of Transport::readStream() gets at most, on the stack; in front of it 16 bytes for
/// Events::onData().
constexpr std::size_t kReadSize = 16 * 1024;
constexpr std::size_t kHeadroom = 16;

bool isBidirectional(std::uint64_t id) { return (id & 2) == 0; }
bool isClientInitiated(std::uint64_t id) { return (id & 1) == 0; }
bool isRequestStream(std::uint64_t id) { return isBidirectional(id) && isClientInitiated(id); }

Settings ownSettings(bool server) {
  Settings own;
  own.maxFieldSectionSize = kMaxFieldSection;
  // RFC 8441 §3: only a server's has a meaning.
  own.enableConnectProtocol = server;
  own.h3Datagram = true;
  return own;
}

}  // namespace

Connection::Connection(quic::Transport& transport, Events& events, const ConnectionConfig& config)
    : transport_(transport),
      events_(events),
      config_(config),
      server_(transport.isServer()),
      peerStreams_(server_, *this, encoder_, decoder_) {}

Connection::~Connection() = default;

void Connection::start(quic::Bytes remembered) {
  if (closed_) return;
  Settings settings;
  if (!server_ && !started_ && !remembered.empty() && !decodeSettings(remembered, settings))
    remembered_ = settings;
  started_ = true;
  openOwnStreams();
}

// RFC 9114 §6.2: "Endpoints SHOULD create the HTTP control stream as well as the unidirectional streams
// required by mandatory extensions (such as the QPACK encoder and decoder streams) first".
void Connection::openOwnStreams() {
  if (control_ == nullptr) {
    if (!openOwnStream(control_, 0x00)) return;
    const std::vector<std::uint8_t> settings = encodeSettings(ownSettings(server_), config_.grease);
    std::array<std::uint8_t, 16> header;
    const std::size_t size =
        writeFrameHeader(header, static_cast<std::uint64_t>(FrameType::kSettings), settings.size());
    const std::array<quic::Bytes, 2> parts{std::span(header).first(size), settings};
    control_->write(parts);
  }
  if (qpackEncoderStream_ == nullptr && !openOwnStream(qpackEncoderStream_, 0x02)) return;
  if (qpackDecoderStream_ == nullptr) openOwnStream(qpackDecoderStream_, 0x03);
}

bool Connection::openOwnStream(std::unique_ptr<OutStream>& stream, std::uint8_t type) {
  const std::optional<std::uint64_t> id = transport_.openStream(false);
  if (!id) return false;
  stream = std::make_unique<OutStream>(transport_, *id);
  stream->write(quic::Bytes(&type, 1));
  return true;
}

bool Connection::isOwnCritical(std::uint64_t id) const {
  const auto is = [id](const std::unique_ptr<OutStream>& stream) {
    return stream != nullptr && stream->id() == id;
  };
  return is(control_) || is(qpackEncoderStream_) || is(qpackDecoderStream_);
}

std::vector<std::uint8_t> Connection::encodedPeerSettings() const {
  if (!peerSettings_) return {};
  return encodeSettings(*peerSettings_, std::nullopt);
}

Settings Connection::effectivePeerSettings() const {
  return peerSettings_ ? *peerSettings_ : remembered_ ? *remembered_ : Settings();
}

void Connection::close(ErrorCode error, std::string_view reason) {
  if (closed_) return;
  closed_ = true;
  for (const auto& [id, request] : requests_) request->close();
  transport_.closeApplication(code(error), reason);
}

void Connection::shutdown() {
  if (closed_ || control_ == nullptr) return;
  // RFC 9114 §5.2: "the identifier in each frame MUST NOT be greater than the identifier in any previous
  // frame".
  const std::uint64_t id = server_ ? std::min(nextRequest_, goawaySent_.value_or(nextRequest_)) : 0;
  goawaySent_ = id;
  std::array<std::uint8_t, 24> frame;
  quic::Writer writer(frame);
  writer.varint(static_cast<std::uint64_t>(FrameType::kGoaway));
  writer.varint(quic::varintSize(id));
  writer.varint(id);
  control_->write(writer.written());
}

// --- requests

Connection::RequestPtr Connection::find(std::uint64_t id) const {
  const auto found = requests_.find(id);
  return found == requests_.end() ? nullptr : found->second;
}

Connection::RequestPtr Connection::addRequest(std::uint64_t id) {
  return requests_[id] = std::make_shared<RequestStream>(transport_, events_, encoder_, decoder_, id);
}

std::optional<std::uint64_t> Connection::sendRequest(const Headers& headers) {
  if (server_ || closed_ || !started_ || goingAway()) return std::nullopt;
  // RFC 9114 §4.2.2: "An implementation that has received this parameter SHOULD NOT send an HTTP message
  // header that exceeds the indicated size".
  if (fieldSectionSize(headers) > effectivePeerSettings().maxFieldSectionSize) return std::nullopt;
  // RFC 8441 §3: Extended CONNECT may be used "Upon receipt of SETTINGS_ENABLE_CONNECT_PROTOCOL with a value
  // of 1".
  const bool extended = findHeader(headers, ":protocol") != nullptr;
  const bool offered = effectivePeerSettings().enableConnectProtocol;
  if (extended && peerSettings_ && !offered) return std::nullopt;
  const std::optional<std::uint64_t> id = transport_.openStream(true);
  if (!id) return std::nullopt;
  const RequestPtr request = addRequest(*id);
  if (extended && !offered && config_.waitForSettings) request->out().hold();
  if (request->sendRequest(headers)) return id;
  request->abandon(code(ErrorCode::kInternalError));
  return std::nullopt;
}

bool Connection::sendResponse(std::uint64_t streamId, const Headers& headers, bool fin) {
  const RequestPtr request = find(streamId);
  if (!server_ || closed_ || request == nullptr) return false;
  if (fieldSectionSize(headers) > effectivePeerSettings().maxFieldSectionSize) return false;
  return request->sendResponse(headers, fin);
}

bool Connection::sendData(std::uint64_t streamId, std::span<const quic::Bytes> parts) {
  const RequestPtr request = find(streamId);
  return !closed_ && request != nullptr && request->sendData(parts, config_.sendBuffer);
}

void Connection::finish(std::uint64_t streamId) {
  const RequestPtr request = find(streamId);
  if (!closed_ && request != nullptr) request->finish();
}

void Connection::reset(std::uint64_t streamId, ErrorCode error) {
  const RequestPtr request = find(streamId);
  if (!closed_ && request != nullptr) request->abandon(code(error));
}

void Connection::ignoreRest(std::uint64_t streamId) {
  const RequestPtr request = find(streamId);
  if (!closed_ && request != nullptr) request->ignoreRest();
}

bool Connection::isOpen(std::uint64_t streamId) const {
  const RequestPtr request = find(streamId);
  return !closed_ && request != nullptr && request->sendOpen();
}

std::size_t Connection::bufferedBytes(std::uint64_t streamId) const {
  const RequestPtr request = find(streamId);
  return request == nullptr ? 0 : request->out().waiting();
}

void Connection::failRequest(RequestStream& request, std::uint64_t errorCode, bool local,
                             std::string_view reason) {
  if (request.over()) return;
  request.abandon(errorCode);
  events_.onRequestFailed(request.id(), errorCode, local, reason);
}

void Connection::onRequestError(RequestStream& request, const Error& error) {
  // RFC 9114 §4.1.2: "Malformed requests or responses that are detected MUST be treated as a stream error of
  // type H3_MESSAGE_ERROR."
  if (isStreamError(error.code)) {
    failRequest(request, code(error.code), true, error.reason);
  } else {
    close(error.code, error.reason);
  }
}

// --- datagrams

bool Connection::peerTakesDatagrams() const {
  return effectivePeerSettings().h3Datagram && transport_.peerMaxDatagramFrameSize() > 0;
}

bool Connection::peerRefusesDatagrams() const { return peerSettings_.has_value() && !peerTakesDatagrams(); }

std::optional<Datagram> Connection::onDatagram(std::span<std::uint8_t> frame) {
  if (closed_) return std::nullopt;
  Datagram datagram;
  if (const Error error = parseDatagram(frame, datagram)) {
    close(error.code, error.reason);
    return std::nullopt;
  }
  if (const auto found = requests_.find(datagram.streamId); found != requests_.end()) {
    // RFC 9297 §2.1: "If a datagram is received after the corresponding stream's receive side is closed, the
    // received datagrams MUST be silently dropped."
    if (!found->second->receiveOpen()) return std::nullopt;
    return datagram;
  }
  // Closed already, or (client) never opened.
  if (!server_ || datagram.streamId < nextRequest_) return std::nullopt;
  // RFC 9297 §2.1: "If […] its Quarter Stream ID maps to a stream that cannot be created due to
  // client-initiated bidirectional stream limits, it SHOULD be treated as an HTTP/3 connection error of type
  // H3_ID_ERROR." QUIC grants a new stream for every closed one, so this is the highest limit that the peer
  // can know.
  if (datagram.streamId / 4 >= closedRequests_ + config_.maxRequests) {
    close(ErrorCode::kIdError, "a datagram for a stream beyond the limit");
    return std::nullopt;
  }
  if (goawaySent_ && datagram.streamId >= *goawaySent_) return std::nullopt;
  return datagram;
}

// --- the peer's control stream

Error Connection::onControlSettings(const Settings& settings) {
  if (remembered_ && !settingsCompatible(*remembered_, settings))
    return {ErrorCode::kSettingsError, "SETTINGS take back what 0-RTT was allowed"};
  remembered_.reset();
  peerSettings_ = settings;
  events_.onSettings(settings);
  if (closed_) return {};
  // A copy: the callbacks may add or end requests.
  std::vector<RequestPtr> waiting;
  for (const auto& [id, request] : requests_)
    if (request->out().held()) waiting.push_back(request);
  for (const RequestPtr& request : waiting) {
    if (settings.enableConnectProtocol) {
      request->out().release();
    } else {
      failRequest(*request, code(ErrorCode::kRequestCancelled), true,
                  "the server does not offer Extended CONNECT");
    }
  }
  return {};
}

Error Connection::onControlGoaway(std::uint64_t id) {
  if (closed_) return {};
  // RFC 9114 §7.2.6: "A client that receives a GOAWAY frame containing a stream ID of any other type MUST
  // treat it as a connection error of type H3_ID_ERROR."
  if (!server_ && !isRequestStream(id)) return {ErrorCode::kIdError, "GOAWAY names no request stream"};
  if (goawayReceived_ && id > *goawayReceived_) return {ErrorCode::kIdError, "GOAWAY went up"};
  goawayReceived_ = id;
  if (!server_) {
    std::vector<RequestPtr> rejected;
    for (const auto& [streamId, request] : requests_)
      if (streamId >= id) rejected.push_back(request);
    for (const RequestPtr& request : rejected) {
      if (request->over()) continue;
      // RFC 9114 §4.1.1: "Clients MUST NOT use the H3_REQUEST_REJECTED error code, except when a server has
      // requested closure of the request stream with this error code": cancelled on the wire, rejected for
      // the user.
      request->abandon(code(ErrorCode::kRequestCancelled));
      events_.onRequestFailed(request->id(), code(ErrorCode::kRequestRejected), false, "GOAWAY");
    }
  }
  events_.onGoaway(id);
  return {};
}

// --- quic::StreamEvents

void Connection::onStreamOpened(std::uint64_t id) {
  if (closed_ || !isBidirectional(id)) return;
  if (!server_) {
    // RFC 9114 §6.1: "Clients MUST treat receipt of a server-initiated bidirectional stream as a connection
    // error of type H3_STREAM_CREATION_ERROR".
    close(ErrorCode::kStreamCreationError, "a bidirectional stream of the server");
    return;
  }
  nextRequest_ = std::max(nextRequest_, id + 4);
  const RequestPtr request = addRequest(id);
  // RFC 9114 §5.2: "the endpoint SHOULD explicitly cancel […] any requests or pushes that have identifiers
  // greater than or equal to the one indicated […] The endpoint SHOULD continue to do so as more requests or
  // pushes arrive."
  if (goawaySent_ && id >= *goawaySent_) request->abandon(code(ErrorCode::kRequestRejected));
}

void Connection::onStreamReadable(std::uint64_t id) {
  if (closed_) return;
  if (isRequestStream(id)) {
    readRequest(id);
  } else if (!isBidirectional(id)) {
    readPeerStream(id);
  }
}

void Connection::readRequest(std::uint64_t id) {
  // Kept alive while it is read, whatever its callbacks do.
  const RequestPtr request = find(id);
  if (request == nullptr) return;
  std::array<std::uint8_t, kHeadroom + kReadSize> buffer;
  const std::span<std::uint8_t> room = std::span(buffer).subspan(kHeadroom);
  bool fin = false;
  while (!fin && !closed_) {
    const std::size_t size = transport_.readStream(id, room, fin);
    if (size == 0 && !fin) return;
    // What was given up is read on, so that it counts for flow control, and is thrown away.
    if (!request->receiveOpen()) continue;
    Error error = request->onBytes(room.first(size));
    if (!error && fin && !closed_) error = request->onFin();
    // What follows after the request was given up means nothing, right or wrong.
    if (error && !closed_ && request->receiveOpen()) onRequestError(*request, error);
  }
}

void Connection::readPeerStream(std::uint64_t id) {
  std::array<std::uint8_t, 4096> buffer;
  bool fin = false;
  while (!fin && !closed_) {
    const std::size_t size = transport_.readStream(id, buffer, fin);
    if (size == 0 && !fin) return;
    bool unknown = false;
    Error error = peerStreams_.onBytes(id, std::span(buffer).first(size), unknown);
    // RFC 9114 §6.2: "If reading is aborted, the recipient SHOULD use the H3_STREAM_CREATION_ERROR error
    // code".
    if (unknown && !fin) transport_.stopSending(id, code(ErrorCode::kStreamCreationError));
    if (!error && fin && !closed_) error = peerStreams_.onEnd(id);
    if (error) close(error.code, error.reason);
  }
}

void Connection::onStreamWritable(std::uint64_t id) {
  if (closed_) return;
  for (OutStream* own : {control_.get(), qpackEncoderStream_.get(), qpackDecoderStream_.get()})
    if (own != nullptr && own->id() == id) own->flush();
  const RequestPtr request = find(id);
  if (request == nullptr) return;
  request->out().flush();
  if (request->takeWritable()) events_.onWritable(id);
}

void Connection::onStreamReset(std::uint64_t id, std::uint64_t errorCode) {
  if (closed_) return;
  if (isRequestStream(id)) {
    const RequestPtr request = find(id);
    // A message that is complete, or that nobody waits for any more, cannot be taken back.
    if (request == nullptr || !request->receiveOpen()) return;
    // RFC 9114 §4.1.1: a client that cancels gets its own code back; else "the server SHOULD abort its
    // response stream with […] H3_REQUEST_CANCELLED".
    request->abandon(code(ErrorCode::kRequestCancelled));
    events_.onRequestFailed(id, errorCode, false, "the peer reset the request");
    return;
  }
  if (const Error error = peerStreams_.onEnd(id)) close(error.code, error.reason);
}

void Connection::onStopSending(std::uint64_t id, std::uint64_t errorCode) {
  if (closed_) return;
  if (isOwnCritical(id)) {
    // RFC 9114 §6.2.1, RFC 9204 §4.2: "the receiver MUST NOT request that the sender close" it.
    close(ErrorCode::kClosedCriticalStream, "the peer wants a control or QPACK stream closed");
    return;
  }
  const RequestPtr request = find(id);
  if (request == nullptr || request->over()) return;
  // RFC 9114 §4.1: "The error code H3_NO_ERROR SHOULD be used when requesting that the client stop sending on
  // the request stream. Clients MUST NOT discard complete responses as a result of having their request
  // terminated abruptly".
  if (!server_ && errorCode == code(ErrorCode::kNoError)) {
    request->stopSending(errorCode);
    return;
  }
  request->abandon(code(ErrorCode::kRequestCancelled));
  events_.onRequestFailed(id, errorCode, false, "the peer stopped the request");
}

void Connection::onStreamClosed(std::uint64_t id) {
  if (!isRequestStream(id)) {
    if (!isBidirectional(id)) peerStreams_.forget(id);
    return;
  }
  if (requests_.erase(id) == 0) return;
  ++closedRequests_;
  if (!closed_) events_.onStreamClosed(id);
}

void Connection::onStreamsAvailable(bool bidirectional) {
  if (!bidirectional && started_ && !closed_) openOwnStreams();
}

}  // namespace mqvpn::http3
