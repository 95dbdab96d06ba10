#include "http3/out_stream.h"

namespace mqvpn::http3 {

void OutStream::write(std::span<const quic::Bytes> parts) {
  if (abandoned_ || finished_) return;
  for (quic::Bytes part : parts) {
    if (!held_ && waiting() == 0) part = part.subspan(transport_.writeStream(id_, part, false));
    waiting_.insert(waiting_.end(), part.begin(), part.end());
  }
}

void OutStream::finish() {
  if (abandoned_ || finished_) return;
  finished_ = true;
  if (!held_ && waiting() == 0) transport_.writeStream(id_, {}, true);
}

void OutStream::flush() {
  if (held_ || abandoned_ || waiting() == 0) return;
  const quic::Bytes rest = quic::Bytes(waiting_).subspan(sent_);
  sent_ += transport_.writeStream(id_, rest, finished_);
  if (waiting() > 0) return;
  waiting_.clear();
  sent_ = 0;
}

void OutStream::release() {
  if (!held_) return;
  held_ = false;
  if (waiting() > 0) {
    flush();
  } else if (finished_ && !abandoned_) {
    transport_.writeStream(id_, {}, true);
  }
}

void OutStream::abandon() {
  abandoned_ = true;
  waiting_ = {};
  sent_ = 0;
}

}  // namespace mqvpn::http3
