// Frames to the peer: control frames first, then what was lost, then new data.
#include "quic/streams.h"

namespace mqvpn::quic {

bool Streams::connectionControlDue() const {
  if (receiveWindow_.updateDue() || dataBlockedDue()) return true;
  for (const Remote& kind : remote_)
    if (kind.updateDue()) return true;
  for (const Local& kind : local_)
    if (kind.limit.blockedDue(kind.isWanted)) return true;
  return false;
}

bool Streams::hasFrames() const {
  return !urgent_.empty() || (!fresh_.empty() && sendCredit() > 0) || !control_.empty() ||
         connectionControlDue();
}

std::size_t Streams::writeFrames(Writer& out, std::span<SentFrame> sent, std::uint64_t rttNs,
                                 std::uint64_t nowNs) {
  StreamFrameSink sink(out, sent);
  // RFC 9000 §13.3: "Endpoints SHOULD prioritize retransmission of data over sending new data".
  if (writeConnectionControl(sink, rttNs, nowNs) && writeStreamControl(sink, rttNs, nowNs) &&
      writeUrgent(sink))
    writeFresh(sink);
  return sink.count();
}

bool Streams::writeConnectionControl(StreamFrameSink& sink, Duration rtt, Time now) {
  if (!connectionControlDue()) return true;
  if (receiveWindow_.updateDue()) {
    if (!sink.takesControl()) return false;
    SentFrame record;
    record.kind = SentFrame::Kind::kMaxData;
    record.offset = receiveWindow_.update(rtt, now);
    sink.add(MaxDataFrame{record.offset}, record);
  }
  if (dataBlockedDue()) {
    if (!sink.takesControl()) return false;
    SentFrame record;
    record.kind = SentFrame::Kind::kDataBlocked;
    record.offset = sendLimit_.value();
    sink.add(DataBlockedFrame{record.offset}, record);
    sendLimit_.onBlockedSent();
  }
  for (const bool bidirectional : {true, false}) {
    SentFrame record;
    record.flag = bidirectional;
    if (Remote& kind = remote(bidirectional); kind.updateDue()) {
      if (!sink.takesControl()) return false;
      kind.limit = kind.nextLimit();
      kind.lost = false;
      record.kind = SentFrame::Kind::kMaxStreams;
      record.offset = kind.limit;
      sink.add(MaxStreamsFrame{bidirectional, kind.limit}, record);
    }
    if (Local& kind = local(bidirectional); kind.limit.blockedDue(kind.isWanted)) {
      if (!sink.takesControl()) return false;
      record.kind = SentFrame::Kind::kStreamsBlocked;
      record.offset = kind.limit.value();
      sink.add(StreamsBlockedFrame{bidirectional, record.offset}, record);
      kind.limit.onBlockedSent();
    }
  }
  return true;
}

bool Streams::writeStreamControl(StreamFrameSink& sink, Duration rtt, Time now) {
  while (Stream* stream = control_.front()) {
    if (stream->send && !stream->send->writeControl(sink, stream->id)) return false;
    if (stream->receive && !stream->receive->writeControl(sink, stream->id, rtt, now)) return false;
    settle(*stream);
  }
  return true;
}

bool Streams::writeUrgent(StreamFrameSink& sink) {
  while (Stream* stream = urgent_.front()) {
    bool wrote = false;
    while (stream->send->hasUrgent()) {
      if (!stream->send->writeFrame(sink, stream->id, 0)) {
        if (wrote) urgent_.moveToBack(*stream);
        return false;
      }
      wrote = true;
    }
    settle(*stream);
  }
  return true;
}

void Streams::writeFresh(StreamFrameSink& sink) {
  while (sendCredit() > 0 && !fresh_.empty()) {
    Stream* stream = fresh_.front();
    bool wrote = false;
    while (sendCredit() > 0 && stream->send->hasFresh()) {
      const auto written = stream->send->writeFrame(sink, stream->id, sendCredit());
      if (!written) {
        if (wrote) fresh_.moveToBack(*stream);
        return;
      }
      sent_ += *written;
      wrote = true;
    }
    if (stream->send->hasFresh()) fresh_.moveToBack(*stream);
    settle(*stream);
  }
}

}  // namespace mqvpn::quic
