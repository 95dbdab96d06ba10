#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>

#include "http3/errors.h"
#include "http3/frame.h"
#include "http3/qpack.h"
#include "http3/settings.h"

namespace mqvpn::http3 {

/// What the peer says on its control stream.
class ControlEvents {
 public:
  virtual ~ControlEvents() = default;
  virtual Error onControlSettings(const Settings& settings) = 0;
  virtual Error onControlGoaway(std::uint64_t id) = 0;
};

/// The frames of the peer's control stream (RFC 9114 §6.2.1, §7.2).
class ControlReader final : public FrameSink {
 public:
  ControlReader(bool server, ControlEvents& events) : server_(server), events_(events) {}
  Error onBytes(std::span<std::uint8_t> bytes) { return reader_.push(bytes, *this); }

 private:
  Error onFrameStart(std::uint64_t type, std::uint64_t length) override;
  Error onDataPayload(std::span<std::uint8_t> bytes) override;
  Error onFrame(std::uint64_t type, quic::Bytes payload) override;
  Error onSettings(quic::Bytes payload);
  Error onMaxPushId(std::uint64_t id);

  const bool server_;
  ControlEvents& events_;
  FrameReader reader_;
  bool settingsSeen_ = false;
  std::optional<std::uint64_t> maxPushId_;
};

/// The unidirectional streams of the peer: finds their types, and keeps them to their rules (RFC 9114 §6.2,
/// RFC 9204 §4.2).
class PeerStreams {
 public:
  PeerStreams(bool server, ControlEvents& control, QpackEncoder& encoder, QpackDecoder& decoder)
      : server_(server), control_(server, control), encoder_(encoder), decoder_(decoder) {}

  /// `unknown`: the type means nothing to us; reading is to be stopped.
  Error onBytes(std::uint64_t id, std::span<std::uint8_t> bytes, bool& unknown);
  /// FIN or RESET_STREAM.
  Error onEnd(std::uint64_t id);
  void forget(std::uint64_t id) { streams_.erase(id); }

 private:
  enum class Kind : std::uint8_t { kUntyped, kControl, kQpackEncoder, kQpackDecoder, kUnknown };
  struct Stream {
    Kind kind = Kind::kUntyped;
    std::uint8_t typeSize = 0;
    std::uint8_t type[8] = {};
  };
  Error readType(Stream& stream, std::span<std::uint8_t>& bytes);
  Error setKind(Stream& stream, Kind kind);

  const bool server_;
  ControlReader control_;
  QpackEncoder& encoder_;
  QpackDecoder& decoder_;
  std::unordered_map<std::uint64_t, Stream> streams_;
  /// Which of the critical ones are there.
  bool hasControl_ = false;
  bool hasQpackEncoder_ = false;
  bool hasQpackDecoder_ = false;
};

}  // namespace mqvpn::http3
