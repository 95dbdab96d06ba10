#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "quic/buffer.h"
#include "quic/frames.h"
#include "quic/sent_packet.h"

namespace mqvpn::quic {

/// One packet that is being filled, and the list of what went in.
class StreamFrameSink {
 public:
  StreamFrameSink(Writer& out, std::span<SentFrame> sent) : out_(out), sent_(sent) {}

  /// Whether any control frame of streams fits: a type of one byte and at most three varints.
  bool takesControl() const { return count_ < sent_.size() && out_.room() >= 1 + 3 * 8; }
  /// After takesControl().
  void add(const Frame& frame, const SentFrame& record) {
    writeFrame(out_, frame);
    sent_[count_++] = record;
  }

  /// How many bytes of data fit into a STREAM frame, at most `wanted`; nothing: not even its header does, or
  /// no byte of data although some is wanted.
  std::optional<std::size_t> streamRoom(std::uint64_t id, std::uint64_t offset, std::size_t wanted) const {
    if (count_ == sent_.size()) return std::nullopt;
    const std::size_t room = out_.room();
    const std::size_t header = streamFrameOverhead(id, offset, std::min(wanted, room));
    if (room < header || (wanted > 0 && room == header)) return std::nullopt;
    return std::min(wanted, room - header);
  }
  /// Writes the header of a STREAM frame. The caller writes `size` bytes, at most streamRoom(), into the
  /// result.
  std::span<std::uint8_t> addStream(std::uint64_t id, std::uint64_t offset, std::size_t size, bool fin) {
    // RFC 9000 §19.8: the OFF bit (0x04), the LEN bit (0x02), the FIN bit (0x01).
    out_.u8(static_cast<std::uint8_t>(frame_type::kStream | 0x04 | 0x02 | (fin ? 0x01 : 0x00)));
    out_.varint(id);
    out_.varint(offset);
    out_.varint(size);
    SentFrame& record = sent_[count_++];
    record = {};
    record.kind = SentFrame::Kind::kStream;
    record.flag = fin;
    record.length = static_cast<std::uint32_t>(size);
    record.id = id;
    record.offset = offset;
    const std::span<std::uint8_t> data(out_.cursor(), size);
    out_.advance(size);
    return data;
  }
  std::size_t count() const { return count_; }

 private:
  Writer& out_;
  std::span<SentFrame> sent_;
  std::size_t count_ = 0;
};

}  // namespace mqvpn::quic
