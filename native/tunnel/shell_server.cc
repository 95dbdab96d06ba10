#include <array>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include "connect_ip/address_pool.h"
#include "io/clock.h"
#include "io/netlink.h"
#include "quic/random.h"
#include "tls/mac.h"
#include "tls/verification.h"
#include "tunnel/server_client.h"
#include "tunnel/server_engine.h"
#include "tunnel/shell_base.h"
#include "tunnel/shell_convert.h"
#include "tunnel/shell_files.h"

namespace mqvpn::tunnel {

namespace {

/// What a full packet of a connection has beside the IP packet: short header (1, connection ID 8, number 2),
/// DATAGRAM type 1, quarter stream ID and context ID 2, tag 16.
constexpr std::uint32_t kLeastOverhead = 30;

io::UdpOptions optionsFor(const quic::SocketAddress& listen) {
  io::UdpOptions options;
  options.bind = toSockAddr(listen);
  options.dualStack = listen.family == 6 && options.bind.isWildcard();
  return options;
}

std::unique_ptr<connect_ip::AddressPool> poolOf(const ServerSettings& settings) {
  std::string error;
  auto pool = connect_ip::AddressPool::create(settings.subnet4, settings.subnet6, error);
  if (!pool) throw std::invalid_argument(error);
  return pool;
}

/// Files that cannot be read are told with their errno; what is wrong inside them, GnuTLS tells.
tls::ServerConfig prepared(tls::ServerConfig config, const std::string& file) {
  readTextFile(config.certificateFile);
  readTextFile(config.keyFile);
  if (!file.empty()) config.keyLog = keyLogTo(file);
  return config;
}

/// Stateless resets and tokens hang on it: derived from the server's private key, it is the same after a
/// restart, so that clients of before learn at once that their connection is gone.
std::array<std::uint8_t, 32> secretOf(const tls::ServerConfig& config) {
  const std::string key = readTextFile(config.keyFile);
  const auto bytes = [](std::string_view text) {
    return std::span(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  };
  return tls::hmacSha256(bytes(key), bytes("mqvpn server secret 1"));
}

class ShellServer final : public ShellBase {
 public:
  ShellServer(ShellServerConfig config, OnEvent onEvent)
      : ShellBase(config.tunName, std::move(onEvent)),
        keyLogFile_(config.keyLogFile),
        tls_(prepared(config.tls, config.keyLogFile)),
        engine_(prepare(config), poolOf(config.settings), tls_, secretOf(config.tls), quic::systemRandom(),
                tun_, *this, io::monotonicNs()),
        loop_(*this, tun_, sockets_) {
    std::vector<io::IpPrefix> addresses;
    for (const connect_ip::Prefix& prefix : engine_.network()) addresses.push_back(toIpPrefix(prefix));
    network_.setMtu(tunMtu_);
    network_.setAddresses(addresses);
    routeTo(engine_.users());
    const bool acceptsLocal = network_.acceptLocal();
    ListeningEvent listening;
    listening.address = toSocketAddress(sockets_.at(0).local());
    listening.pin = tls::hex(tls_.pin());
    pending_.push_back(std::move(listening));
    if (!acceptsLocal)
      pending_.push_back(LogEvent{LogLevel::kWarn,
                                  "accept_local cannot be set on the TUN device: path MTU discovery toward "
                                  "clients may fail where /proc/sys is read-only"});
    loop_.start();
    // The first turn tells what waits.
    loop_.post([] {});
  }

  bool disconnect(std::uint64_t id, std::function<void(bool)> answer) override {
    return loop_.post([this, id, answer = std::move(answer)] {
      answer(engine_.disconnect(id, "disconnected by the administrator", io::monotonicNs()));
    });
  }

  bool setUsers(std::vector<User> users, std::function<void(std::string, std::size_t)> answer) override {
    return loop_.post([this, users = std::move(users), answer = std::move(answer)]() mutable {
      const std::vector<User> before = engine_.users();
      try {
        // First what can fail without a trace, then what can be taken back.
        engine_.checkUsers(users);
        routeTo(users);
        answer("", engine_.setUsers(std::move(users), io::monotonicNs()));
      } catch (const std::exception& error) {
        const std::string problem = error.what();
        try {
          routeTo(before);
        } catch (const std::exception& second) {
          log(LogLevel::kWarn, std::string("the former routes could not be put back: ") + second.what());
        }
        answer(problem, 0);
      }
    });
  }

  bool setCertificate(tls::ServerConfig config,
                      std::function<void(std::string, std::string)> answer) override {
    return loop_.post([this, config = std::move(config), answer = std::move(answer)]() mutable {
      try {
        tls_.replace(prepared(std::move(config), keyLogFile_));
        answer("", tls::hex(tls_.pin()));
      } catch (const std::exception& error) {
        answer(error.what(), "");
      }
    });
  }

 private:
  /// The kernel sends what is for the networks behind clients into the TUN device, while the server runs.
  void routeTo(const std::vector<User>& users) {
    std::vector<io::IpPrefix> networks;
    for (const User& user : users)
      for (const connect_ip::Prefix& network : user.networks) {
        const io::IpPrefix prefix = toIpPrefix(network);
        refuseForeignRoute(prefix, user.name);
        networks.push_back(prefix);
      }
    network_.setRoutes(networks);
  }

  /// A route of somebody else with the same destination would be replaced, and be gone after us.
  void refuseForeignRoute(const io::IpPrefix& network, const std::string& user) {
    for (const io::Route& route : netlink_.routes(network.address.family)) {
      if (route.destination != network || route.device == tun_.device().index()) continue;
      throw std::invalid_argument("the network " + io::toString(network) + " of " + user +
                                  " has a route on this host already; remove one of the two");
    }
  }

  Engine& engine() override { return engine_; }
  ShellLoop& loop() override { return loop_; }
  bool isServer() const override { return true; }
  void onReadable(int, quic::Time) override {}

  /// The socket, and what follows from it for the settings.
  ServerSettings prepare(ShellServerConfig& config) {
    sockets_.reserve(1);
    sockets_.open(0, optionsFor(config.listen), true);
    ServerSettings settings = config.settings;
    if (!config.qlogDir.empty())
      settings.engine.makeTracer = [dir = config.qlogDir](const quic::ConnectionId& id) {
        return qlogIn(dir, true, id);
      };
    const std::uint32_t largest = network_.largestMtu();
    const std::uint32_t payload = udpPayload(largest != 0 ? largest : 1500, config.listen.family);
    settings.engine.connection.maxUdpPayload = payload;
    // Each client's own limit is told by ICMP.
    tunMtu_ = settings.engine.mtu != 0 ? settings.engine.mtu
                                       : std::max<std::uint32_t>(kLeastMtu, payload - kLeastOverhead);
    return settings;
  }

  const std::string keyLogFile_;
  /// For questions; ShellNetwork has one of its own for what it changes.
  io::Netlink netlink_;
  tls::ServerContext tls_;
  ServerEngine engine_;
  ShellLoop loop_;
};

}  // namespace

std::unique_ptr<Shell> Shell::server(ShellServerConfig config, OnEvent onEvent) {
  return std::make_unique<ShellServer>(std::move(config), std::move(onEvent));
}

}  // namespace mqvpn::tunnel
