#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "quic/application.h"

namespace mqvpn::http3 {

/// The sending side of a stream: what QUIC does not take yet waits here, in order.
class OutStream {
 public:
  OutStream(quic::Transport& transport, std::uint64_t id) : transport_(transport), id_(id) {}

  std::uint64_t id() const { return id_; }
  /// Writes or keeps all of it.
  void write(std::span<const quic::Bytes> parts);
  void write(quic::Bytes data) { write(std::span(&data, 1)); }
  /// FIN, behind what waits.
  void finish();
  /// QUIC has room again.
  void flush();
  /// Nothing goes out until release().
  void hold() { held_ = true; }
  void release();
  bool held() const { return held_; }
  bool finished() const { return finished_; }
  /// Bytes.
  std::size_t waiting() const { return waiting_.size() - sent_; }
  /// Forgets what waits, and takes no more.
  void abandon();

 private:
  quic::Transport& transport_;
  std::uint64_t id_;
  std::vector<std::uint8_t> waiting_;
  /// Of `waiting_`, from its start.
  std::size_t sent_ = 0;
  bool held_ = false;
  bool finished_ = false;
  bool abandoned_ = false;
};

}  // namespace mqvpn::http3
