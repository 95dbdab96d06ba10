#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/fd.h"
#include "quic/connection_id.h"
#include "quic/tracer.h"

namespace mqvpn::tunnel {

/// Throws std::system_error that names the file.
std::string readTextFile(const std::string& file);
/// A function that appends lines to a file of mode 0600 (SSLKEYLOGFILE). Throws std::system_error.
std::function<void(std::string_view line)> keyLogTo(const std::string& file);

/// A qlog of one connection in a new file of `dir`; null: the file cannot be made. `id` may be empty.
std::unique_ptr<quic::Tracer> qlogIn(const std::string& dir, bool isServer, const quic::ConnectionId& id);

/// What a client keeps for its next connection to the same server under the same trust. It holds a resumption
/// secret: the file is readable by its owner alone.
struct SavedTicket {
  std::vector<std::uint8_t> ticket;
  std::vector<std::uint8_t> httpSettings;
  std::vector<std::uint8_t> addressToken;
};

/// The file of it. `identity`: server name, address and trust; a ticket of another one is not used (a resumed
/// session shows no certificate, so a ticket is as good as the verification it came from).
class TicketFile {
 public:
  /// An empty name: nothing is kept.
  TicketFile(std::string file, std::string identity)
      : file_(std::move(file)), identity_(std::move(identity)) {}

  /// What is there; a missing, foreign or damaged file counts as none. RFC 8446 §C.4: "Clients SHOULD NOT
  /// reuse a ticket for multiple connections", so it is taken out of the file.
  SavedTicket take();
  /// Both replace what was saved before; false: the file cannot be written.
  bool saveTicket(std::vector<std::uint8_t> ticket, std::vector<std::uint8_t> httpSettings);
  bool saveToken(std::vector<std::uint8_t> token);

 private:
  bool write() const;

  std::string file_;
  std::string identity_;
  SavedTicket saved_;
};

}  // namespace mqvpn::tunnel
