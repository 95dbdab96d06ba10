#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/netlink_types.h"
#include "tls/session.h"
#include "tunnel/events.h"
#include "tunnel/settings.h"
#include "tunnel/shell_sockets.h"
#include "tunnel/shell_tun.h"
#include "tunnel/status.h"

namespace mqvpn::tunnel {

struct ShellDevice;

struct ShellServerConfig {
  std::string tunName;
  quic::SocketAddress listen;
  tls::ServerConfig tls;
  /// Empty: none.
  std::string keyLogFile;
  std::string qlogDir;
  ServerSettings settings;
};

struct ShellClientConfig {
  std::string tunName;
  quic::SocketAddress server;
  /// The same server's address of the other family, for links that have only that.
  std::optional<quic::SocketAddress> otherServer;
  tls::ClientConfig tls;
  std::string keyLogFile;
  std::string qlogDir;
  bool manageRoutes = true;
  /// What of the server's routes is used; empty: all.
  std::vector<io::IpPrefix> allowed;
  /// What goes past the tunnel.
  std::vector<io::IpPrefix> excluded;
  /// Empty: nothing is kept.
  std::string ticketFile;
  ClientSettings settings;
};

struct SocketStatus {
  std::string local;
  std::string device;
  bool segmentationOffload = false;
  bool receiveOffload = false;
  std::uint64_t dropped = 0;
};

struct ShellStatus {
  bool server = false;
  std::string tunName;
  std::uint32_t tunMtu = 0;
  bool tunOffload = false;
  TunStats tun;
  SocketStats sockets;
  std::vector<SocketStatus> socket;
  EngineStatus engine;
};

/// An engine with its thread, sockets and TUN device, in the network namespace of the thread that makes it.
/// Everything but the constructor's caller's part happens on the engine's own thread.
class Shell {
 public:
  /// Called on the engine's thread. `tunName`: the device that it has.
  using OnEvent = std::function<void(const Event& event, const std::string& tunName)>;

  /// Both throw when set-up fails, and leave nothing then: std::system_error, or std::runtime_error of the
  /// certificate.
  static std::unique_ptr<Shell> server(ShellServerConfig config, OnEvent onEvent);
  /// `kept`: the device of a client that has stopped, to go on with.
  static std::unique_ptr<Shell> client(ShellClientConfig config, OnEvent onEvent,
                                       std::shared_ptr<ShellDevice> kept = nullptr);
  /// Stops without waiting for the network.
  virtual ~Shell() = default;

  /// All four: from any thread; the answer comes on the engine's thread. False: it has stopped, and none
  /// comes.
  virtual bool status(std::function<void(ShellStatus)> answer) = 0;
  virtual bool disconnect(std::uint64_t id, std::function<void(bool)> answer) = 0;
  /// Exchanges a server's users and the routes to the networks behind them. `error`: empty, or why nothing
  /// has changed; `cut`: connections that ended with it. A client has no users.
  virtual bool setUsers(std::vector<User>, std::function<void(std::string error, std::size_t cut)> answer) {
    answer("only a server has users", 0);
    return true;
  }
  /// New handshakes get this certificate; connections that are up are not touched. `pin`: hex SHA-256 of it.
  virtual bool setCertificate(tls::ServerConfig,
                              std::function<void(std::string error, std::string pin)> answer) {
    answer("only a server has a certificate", "");
    return true;
  }
  /// From any thread, once. `keepDevice`: device, addresses and routes stay, for the next engine or until the
  /// last who holds device() is gone. `done` is called on the engine's thread, as the last of all; destroy
  /// the shell afterwards.
  virtual void stop(bool keepDevice, std::function<void()> done) = 0;
  virtual std::shared_ptr<ShellDevice> device() const = 0;
};

}  // namespace mqvpn::tunnel
