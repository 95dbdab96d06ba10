#pragma once

#include <cstdint>
#include <memory>

#include "http3/connection.h"
#include "quic/application.h"

namespace mqvpn::tunnel {

/// The quic::ConnectionEvents of a connection that speaks HTTP/3: hands the events of streams to
/// http3::Connection. (Who derives from it cannot be http3::Events as well: both have an onStreamClosed().)
class HttpHost : public quic::ConnectionEvents {
 public:
  void onStreamOpened(std::uint64_t id) final {
    if (http_) http_->onStreamOpened(id);
  }
  void onStreamReadable(std::uint64_t id) final {
    if (http_) http_->onStreamReadable(id);
  }
  void onStreamWritable(std::uint64_t id) final {
    if (http_) http_->onStreamWritable(id);
  }
  void onStreamReset(std::uint64_t id, std::uint64_t errorCode) final {
    if (http_) http_->onStreamReset(id, errorCode);
  }
  void onStopSending(std::uint64_t id, std::uint64_t errorCode) final {
    if (http_) http_->onStopSending(id, errorCode);
  }
  void onStreamClosed(std::uint64_t id) final {
    if (http_) http_->onStreamClosed(id);
  }
  void onStreamsAvailable(bool bidirectional) final {
    if (http_) http_->onStreamsAvailable(bidirectional);
  }

 protected:
  std::unique_ptr<http3::Connection> http_;
};

}  // namespace mqvpn::tunnel
