#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "connect_ip/address.h"
#include "connect_ip/capsules.h"
#include "http3/capsule.h"
#include "http3/connection.h"

namespace mqvpn::connect_ip {

struct SessionCounters {
  std::uint64_t capsules = 0;
  /// RFC 9297 §3.2: skipped.
  std::uint64_t unknownCapsules = 0;
  /// IP packets that came in DATAGRAM capsules.
  std::uint64_t datagramCapsulesIn = 0;
  std::uint64_t datagramCapsulesOut = 0;
  /// sendDatagramCapsule() found no room.
  std::uint64_t datagramCapsulesDropped = 0;
  /// RFC 9484 §6: dropped.
  std::uint64_t unknownContexts = 0;
  /// No context ID could be read.
  std::uint64_t malformedDatagrams = 0;
};

/// What both ends of an IP proxying request have in common: HTTP Datagrams with context 0, in frames or
/// capsules.
class Session : protected http3::CapsuleSink {
 public:
  Session(http3::Connection& http, std::uint64_t streamId);
  Session(const Session&) = delete;

  std::uint64_t streamId() const { return streamId_; }
  const SessionCounters& counters() const { return counters_; }

  /// A second copy of an IP packet that left before in another QUIC packet: which one, with the low 8 bits of
  /// the path's ID and the low 24 of the packet number (docs/wire.md, "Copies").
  struct CopyOf {
    std::uint8_t path = 0;
    std::uint32_t number = 0;
  };
  static constexpr std::size_t kCopyBytes = 4;
  /// Both ends said that they know copies.
  void allowCopies() { copies_ = true; }
  bool copiesAllowed() const { return copies_; }
  /// What goes in front of a copy; kCopyBytes more than packetPrefix(). The number of bytes written.
  std::size_t writeCopyPrefix(std::uint8_t* out, const CopyOf& original) const;

  /// What goes in front of an IP packet inside a QUIC DATAGRAM frame: quarter stream ID and context ID 0; 2
  /// to 9 bytes. It does not change.
  std::span<const std::uint8_t> packetPrefix() const { return std::span(prefix_).first(prefixSize_); }
  /// The IP packet inside an HTTP Datagram Payload (http3::Datagram::payload). Empty: counted and to be
  /// dropped. `copyOf` is set when it is a copy; without it copies are unknown.
  std::span<std::uint8_t> unwrap(std::span<std::uint8_t> payload, std::optional<CopyOf>* copyOf = nullptr);
  /// Sends an IP packet in a DATAGRAM capsule. False: no room now; the packet is to be dropped, as a full
  /// link does.
  bool sendDatagramCapsule(quic::Bytes packet);

 protected:
  ~Session() override = default;
  void setStream(std::uint64_t streamId);
  /// False: no room. A control capsule that is lost cannot be repaired: the request has to end then.
  bool sendCapsules(quic::Bytes capsules);
  /// An ADDRESS_ASSIGN, ADDRESS_REQUEST or ROUTE_ADVERTISEMENT capsule.
  virtual http3::Error onControl(std::uint64_t type, quic::Bytes value) = 0;
  /// An IP packet out of a DATAGRAM capsule.
  virtual void deliver(std::span<std::uint8_t> packet) = 0;

  http3::Connection& http_;
  http3::CapsuleReader reader_;

 private:
  bool wantsCapsule(std::uint64_t type) final;
  http3::Error onCapsule(std::uint64_t type, std::span<std::uint8_t> value) final;

  std::uint64_t streamId_ = 0;
  SessionCounters counters_;
  std::array<std::uint8_t, 9> prefix_{};
  std::size_t prefixSize_ = 0;
  bool copies_ = false;
};

}  // namespace mqvpn::connect_ip
