#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "io/sock_addr.h"
#include "quic/congestion.h"

namespace mqvpn::test {

/// The command line of mqvpn-interop-peer.
struct InteropOptions {
  bool server = false;
  /// Where the server listens, or where the client connects.
  io::SockAddr address;
  /// GnuTLS priority additions: cipher suites, groups.
  std::string priority;
  /// SSLKEYLOGFILE format; empty: none.
  std::string keylog;
  quic::CongestionAlgorithm congestion = quic::CongestionAlgorithm::kCubic;
  /// One datagram per system call, so that a capture shows them as they would be on a cable.
  bool noOffload = false;
  unsigned handshakeTimeoutSeconds = 10;
  /// After so many bytes of bodies; 0: never.
  std::uint64_t keyUpdateAfter = 0;

  // Server.
  std::string certificate;
  std::string key;
  bool retry = false;
  /// Bytes of a body whose path names no number.
  std::uint64_t body = 1024;

  // Client.
  std::string name = "localhost";
  std::string authority;
  bool insecure = false;
  std::string path = "/";
  unsigned requests = 1;
  /// Files; empty: none. The first is read if it is there, and both are written.
  std::string ticket;
  std::string token;
  /// Where bodies go; the second request's has ".1" behind it, and so on.
  std::string out;
  /// After so many bytes the socket becomes another one, as behind a NAT that forgot: QUIC is not told.
  std::uint64_t rebindAfter = 0;
  /// The same, and QUIC is told (RFC 9000 §9).
  std::uint64_t migrateAfter = 0;
  unsigned timeoutSeconds = 30;
};

/// Throws std::runtime_error that says what is wrong with the command line.
InteropOptions parseInteropOptions(int count, char** words);

}  // namespace mqvpn::test
