#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "http3/connection.h"
#include "http3/frame.h"
#include "http3/out_stream.h"
#include "http3/qpack.h"

namespace mqvpn::http3 {

/// Our own limit for field sections, in bytes as fieldSectionSize() counts: what we tell in
/// MAX_FIELD_SECTION_SIZE.
constexpr std::uint64_t kMaxFieldSection = 32 * 1024;

/// Whether an error ends one request only (RFC 9114 §8); the others end the connection.
bool isStreamError(ErrorCode code);

/// One request and its response (RFC 9114 §4.1): the order of frames and messages in both directions.
class RequestStream final : public FrameSink {
 public:
  RequestStream(quic::Transport& transport, Events& events, QpackEncoder& encoder, QpackDecoder& decoder,
                std::uint64_t id);

  std::uint64_t id() const { return out_.id(); }
  OutStream& out() { return out_; }
  const OutStream& out() const { return out_; }

  // --- what comes in
  Error onBytes(std::span<std::uint8_t> bytes) { return reader_.push(bytes, *this); }
  Error onFin();
  bool receiveOpen() const { return receive_ != Receive::kDone && !over_; }

  // --- what goes out
  bool sendRequest(const Headers& headers);
  bool sendResponse(const Headers& headers, bool fin);
  /// `limit`: bytes that may wait.
  bool sendData(std::span<const quic::Bytes> parts, std::size_t limit);
  bool sendOpen() const { return send_ == Send::kBody && !over_; }
  void finish();
  /// sendData() was refused, and now there is room; told once.
  bool takeWritable();

  /// Ends both directions. Later events of the stream mean nothing.
  void abandon(std::uint64_t errorCode);
  /// The sending side only: the peer wants no more (RFC 9114 §4.1), its message still counts.
  void stopSending(std::uint64_t errorCode);
  /// The receiving side only.
  void ignoreRest();
  bool over() const { return over_; }
  /// The connection is over: nothing is told any more, nothing is sent.
  void close() { over_ = true, out_.abandon(); }

 private:
  enum class Receive : std::uint8_t { kHeaders, kBody, kTrailersSeen, kDone };
  enum class Send : std::uint8_t { kHeaders, kBody, kDone };

  Error onFrameStart(std::uint64_t type, std::uint64_t length) override;
  Error onDataPayload(std::span<std::uint8_t> bytes) override;
  Error onFrame(std::uint64_t type, quic::Bytes payload) override;
  Error onHeaderSection(const Headers& headers);
  Error onResponseSection(const Headers& headers);
  Error noteContentLength(const Headers& headers);
  bool writeHeaders(const Headers& headers);

  quic::Transport& transport_;
  Events& events_;
  QpackEncoder& encoder_;
  QpackDecoder& decoder_;
  const bool server_;
  OutStream out_;
  FrameReader reader_;
  Receive receive_ = Receive::kHeaders;
  Send send_ = Send::kHeaders;
  bool over_ = false;
  /// The request's method is CONNECT.
  bool connect_ = false;
  /// RFC 9114 §4.4: "Once the CONNECT method has completed, only DATA frames are permitted".
  bool tunnel_ = false;
  bool wantsWritable_ = false;
  std::optional<std::uint64_t> contentLength_;
  std::uint64_t content_ = 0;
};

}  // namespace mqvpn::http3
