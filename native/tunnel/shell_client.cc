#include <algorithm>
#include <array>
#include <memory>
#include <system_error>
#include <variant>

#include "io/clock.h"
#include "io/netlink_monitor.h"
#include "quic/random.h"
#include "tls/verification.h"
#include "tunnel/client_engine.h"
#include "tunnel/shell_base.h"
#include "tunnel/shell_convert.h"
#include "tunnel/shell_files.h"

namespace mqvpn::tunnel {

namespace {

/// Whose tickets these are: a resumed session shows no certificate, so trust must be the same.
std::string identityOf(const ShellClientConfig& config) {
  std::string trust;
  switch (config.tls.verify) {
    case tls::ClientConfig::Verify::kSystem:
      trust = "system";
      break;
    case tls::ClientConfig::Verify::kCaFile:
      trust = "ca:" + readTextFile(config.tls.caFile);
      break;
    case tls::ClientConfig::Verify::kPin:
      trust = "pin:" + tls::hex(config.tls.pin);
      break;
    case tls::ClientConfig::Verify::kInsecure:
      trust = "insecure";
      break;
  }
  const std::string whole = quic::toString(config.server) + '\n' + config.settings.serverName + '\n' + trust;
  return tls::hex(tls::fingerprint({reinterpret_cast<const std::uint8_t*>(whole.data()), whole.size()}));
}

/// A file that cannot be read is told with its errno.
tls::ClientConfig prepared(tls::ClientConfig config, const std::string& file) {
  if (config.verify == tls::ClientConfig::Verify::kCaFile) readTextFile(config.caFile);
  if (!file.empty()) config.keyLog = keyLogTo(file);
  return config;
}

io::SockAddr anyOf(std::uint8_t family) {
  const std::array<std::uint8_t, 16> zero{};
  return family == 6 ? io::SockAddr::ipv6(zero.data(), 0) : io::SockAddr::ipv4(zero.data(), 0);
}

class ShellClient final : public ShellBase {
 public:
  ShellClient(ShellClientConfig config, OnEvent onEvent)
      : ShellBase(config.tunName, std::move(onEvent)),
        server_(config.server),
        manageRoutes_(config.manageRoutes),
        tickets_(config.ticketFile, config.ticketFile.empty() ? std::string() : identityOf(config)),
        tls_(prepared(config.tls, config.keyLogFile)),
        engine_(prepare(config), tls_, quic::systemRandom(), tun_, *this),
        loop_(*this, tun_, sockets_) {
    loop_.start({monitor_.fd()});
    loop_.post([this] {
      quic::NetworkPath network;
      network.remote = server_;
      engine_.start(network, io::monotonicNs());
    });
  }

  bool disconnect(std::uint64_t, std::function<void(bool)> answer) override {
    return loop_.post([answer = std::move(answer)] { answer(false); });
  }

 private:
  Engine& engine() override { return engine_; }
  ShellLoop& loop() override { return loop_; }
  bool isServer() const override { return false; }

  /// The sockets, and what follows from them for the settings.
  ClientSettings prepare(ShellClientConfig& config) {
    ClientSettings settings = config.settings;
    if (!config.qlogDir.empty())
      settings.engine.makeTracer = [dir = config.qlogDir](const quic::ConnectionId& id) {
        return qlogIn(dir, false, id);
      };
    deviceNames_ = config.devices;
    if (deviceNames_.empty()) deviceNames_.emplace_back();
    for (const std::string& device : deviceNames_) {
      io::UdpOptions options;
      options.bind = anyOf(server_.family);
      options.device = device;
      sockets_.add(options, false);
    }
    if (!deviceNames_.front().empty()) device_ = network_.deviceIndex(deviceNames_.front());
    // Without a way to the server now, there may be one later.
    const std::uint32_t linkMtu = network_.mtuTo(hostOf(server_), device_).value_or(1500);
    settings.engine.connection.maxUdpPayload = udpPayload(linkMtu, server_.family);
    const SavedTicket saved = tickets_.take();
    settings.ticket = saved.ticket;
    settings.httpSettings = saved.httpSettings;
    settings.addressToken = saved.addressToken;
    return settings;
  }

  void onReadable(int, quic::Time) override {
    changes_.clear();
    monitor_.read(changes_);
    if (!changes_.empty() && isSetUp_) attempt([&] { network_.refreshServerRoute(); });
  }

  bool handle(const Event& event, quic::Time now) override {
    if (const auto* connected = std::get_if<ConnectedEvent>(&event)) {
      try {
        setUp(*connected);
      } catch (const std::system_error& error) {
        network_.remove();
        isSetUp_ = false;
        ClosedEvent closed;
        closed.cause = "local";
        closed.message = std::string("the tunnel's device could not be set up: ") + error.what();
        tell(closed);
        setupFailed_ = true;
        engine_.close("set-up failed", now);
        return true;
      }
      tell(PathEvent{0, deviceNames_.front(), "active", "handshake"});
    } else if (const auto* changed = std::get_if<ReconfiguredEvent>(&event)) {
      attempt([&] { configure(changed->addresses, changed->routes); });
      log(LogLevel::kInfo, "the server changed addresses or routes");
      return false;
    } else if (const auto* mtu = std::get_if<MtuEvent>(&event)) {
      attempt([&] { setMtu(mtu->mtu); });
    } else if (const auto* ticket = std::get_if<TicketEvent>(&event)) {
      saved(tickets_.saveTicket(ticket->ticket, ticket->httpSettings));
      return false;
    } else if (const auto* token = std::get_if<AddressTokenEvent>(&event)) {
      saved(tickets_.saveToken(token->token));
      return false;
    } else if (std::holds_alternative<ClosedEvent>(event)) {
      // Device and routes stay until stop(): what is meant for the tunnel does not take another way
      // meanwhile.
      if (setupFailed_) return false;
      if (isSetUp_) tell(PathEvent{0, deviceNames_.front(), "closed", std::get<ClosedEvent>(event).cause});
    }
    tell(event);
    return false;
  }

  void setUp(const ConnectedEvent& connected) {
    serverNetwork_ = connected.network;
    setMtu(connected.mtu);
    configure(connected.addresses, connected.routes);
    isSetUp_ = true;
  }

  void configure(const std::vector<connect_ip::Prefix>& assigned,
                 const std::vector<connect_ip::IpRange>& advertised) {
    std::vector<io::IpPrefix> addresses;
    for (const connect_ip::Prefix& prefix : assigned) addresses.push_back(toIpPrefix(prefix));
    network_.setAddresses(addresses);
    const auto has = [&](std::uint8_t version) {
      return std::any_of(assigned.begin(), assigned.end(),
                         [&](const auto& one) { return one.address.version == version; });
    };
    std::vector<io::IpPrefix> routes;
    // The server and its other clients are reached through the tunnel, whatever else is.
    for (const connect_ip::Prefix& prefix : serverNetwork_)
      if (has(prefix.address.version)) routes.push_back(toIpPrefix(prefix.masked()));
    if (manageRoutes_) {
      for (const io::IpPrefix& route : toRoutes(advertised))
        if (has(route.address.family)) routes.push_back(route);
    }
    network_.setRoutes(routes, hostOf(server_), device_);
  }

  void setMtu(std::uint32_t mtu) {
    network_.setMtu(mtu);
    tunMtu_ = mtu;
  }

  template <typename Action>
  void attempt(Action&& action) {
    try {
      action();
    } catch (const std::system_error& error) {
      log(LogLevel::kWarn, error.what());
    }
  }

  void saved(bool ok) {
    if (ok || ticketWarned_) return;
    ticketWarned_ = true;
    log(LogLevel::kWarn, "the resumption ticket cannot be saved: the next start takes a round trip more");
  }

  const quic::SocketAddress server_;
  const bool manageRoutes_;
  std::uint32_t device_ = 0;
  TicketFile tickets_;
  tls::ClientContext tls_;
  io::NetlinkMonitor monitor_;
  std::vector<io::NetlinkEvent> changes_;
  std::vector<connect_ip::Prefix> serverNetwork_;
  bool isSetUp_ = false;
  bool setupFailed_ = false;
  bool ticketWarned_ = false;
  ClientEngine engine_;
  ShellLoop loop_;
};

}  // namespace

std::unique_ptr<Shell> Shell::client(ShellClientConfig config, OnEvent onEvent) {
  return std::make_unique<ShellClient>(std::move(config), std::move(onEvent));
}

}  // namespace mqvpn::tunnel
