#include "connect_ip/session.h"

#include <cstring>

#include "http3/datagram.h"

namespace mqvpn::connect_ip {

namespace {
// RFC 9484 §6: "IP packets are encoded using HTTP Datagrams with the Context ID set to zero."
constexpr std::uint8_t kIpContext = 0;
// §6: "Even-numbered Context IDs are client-allocated": our clients allocate this one, by a header of their
// request, for both directions.
constexpr std::uint8_t kCopyContext = 2;
}  // namespace

Session::Session(http3::Connection& http, std::uint64_t streamId) : http_(http) { setStream(streamId); }

void Session::setStream(std::uint64_t streamId) {
  streamId_ = streamId;
  prefixSize_ = http3::writeDatagramPrefix(prefix_, streamId);
  prefix_[prefixSize_++] = kIpContext;
}

std::size_t Session::writeCopyPrefix(std::uint8_t* out, const CopyOf& original) const {
  std::memcpy(out, prefix_.data(), prefixSize_);
  out[prefixSize_ - 1] = kCopyContext;
  out[prefixSize_] = original.path;
  for (std::size_t i = 0; i < 3; ++i)
    out[prefixSize_ + 1 + i] = static_cast<std::uint8_t>(original.number >> (16 - 8 * i));
  return prefixSize_ + kCopyBytes;
}

std::span<std::uint8_t> Session::unwrap(std::span<std::uint8_t> payload, std::optional<CopyOf>* copyOf) {
  quic::Reader reader(payload);
  const std::uint64_t context = reader.varint();
  if (!reader.ok()) {
    ++counters_.malformedDatagrams;
    return {};
  }
  // RFC 9484 §6: a datagram with an unknown Context ID: "the receiver SHALL either drop that datagram
  // silently or buffer it". Nothing here registers any.
  if (context == kCopyContext && copies_ && copyOf != nullptr) {
    const std::size_t at = reader.position();
    if (payload.size() - at < kCopyBytes) {
      ++counters_.malformedDatagrams;
      return {};
    }
    const std::uint32_t number = std::uint32_t{payload[at + 1]} << 16 | std::uint32_t{payload[at + 2]} << 8 |
                                 std::uint32_t{payload[at + 3]};
    *copyOf = CopyOf{payload[at], number};
    return payload.subspan(at + kCopyBytes);
  }
  if (context != kIpContext) {
    ++counters_.unknownContexts;
    return {};
  }
  return payload.subspan(reader.position());
}

bool Session::sendDatagramCapsule(quic::Bytes packet) {
  std::array<std::uint8_t, 17> header;
  std::size_t size = http3::writeCapsuleHeader(
      header, static_cast<std::uint64_t>(http3::CapsuleType::kDatagram), packet.size() + 1);
  header[size++] = kIpContext;
  const std::array<quic::Bytes, 2> parts{std::span(header).first(size), packet};
  // What waits above QUIC's own buffer would only grow old there.
  if (http_.bufferedBytes(streamId_) > 0 || !http_.sendData(streamId_, parts)) {
    ++counters_.datagramCapsulesDropped;
    return false;
  }
  ++counters_.datagramCapsulesOut;
  return true;
}

bool Session::sendCapsules(quic::Bytes capsules) { return http_.sendData(streamId_, capsules); }

bool Session::wantsCapsule(std::uint64_t type) {
  switch (static_cast<http3::CapsuleType>(type)) {
    case http3::CapsuleType::kDatagram:
    case http3::CapsuleType::kAddressAssign:
    case http3::CapsuleType::kAddressRequest:
    case http3::CapsuleType::kRouteAdvertisement:
      ++counters_.capsules;
      return true;
  }
  ++counters_.unknownCapsules;
  return false;
}

http3::Error Session::onCapsule(std::uint64_t type, std::span<std::uint8_t> value) {
  if (type != static_cast<std::uint64_t>(http3::CapsuleType::kDatagram)) return onControl(type, value);
  const std::span<std::uint8_t> packet = unwrap(value);
  if (packet.empty()) return {};
  ++counters_.datagramCapsulesIn;
  deliver(packet);
  return {};
}

}  // namespace mqvpn::connect_ip
