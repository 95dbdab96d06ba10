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
#include "tunnel/shell_links.h"
#include "tunnel/shell_prefixes.h"

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

std::vector<std::string> devicesOf(const ShellClientConfig& config) {
  std::vector<std::string> devices;
  for (const ClientPath& path : config.settings.paths) devices.push_back(path.device);
  return devices;
}

std::vector<std::uint8_t> familiesOf(const ShellClientConfig& config) {
  std::vector<std::uint8_t> families{config.server.family};
  if (config.otherServer) families.push_back(config.otherServer->family);
  return families;
}

class ShellClient final : public ShellBase {
 public:
  ShellClient(ShellClientConfig config, OnEvent onEvent, std::shared_ptr<ShellDevice> kept)
      : ShellBase(config.tunName, std::move(onEvent), std::move(kept)),
        server_(config.server),
        otherServer_(config.otherServer),
        manageRoutes_(config.manageRoutes),
        allowed_(config.allowed),
        excluded_(config.excluded),
        tickets_(config.ticketFile, config.ticketFile.empty() ? std::string() : identityOf(config)),
        tls_(prepared(config.tls, config.keyLogFile)),
        links_(devicesOf(config), familiesOf(config),
               [this](const std::string& device, std::uint8_t family) {
                 return lookAtLink(netlink_, device, hostOf(serverFor(family)), tun_.device().index());
               }),
        engine_(prepare(config), tls_, quic::systemRandom(), tun_, *this),
        loop_(*this, tun_, sockets_) {
    loop_.start({monitor_.fd()});
    loop_.post([this] {
      const quic::Time now = io::monotonicNs();
      updateLinks(now);
      engine_.start(now);
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
    for (const ClientPath& path : settings.paths) deviceNames_.push_back(path.device);
    sockets_.reserve(deviceNames_.size());
    const SavedTicket saved = tickets_.take();
    settings.ticket = saved.ticket;
    settings.httpSettings = saved.httpSettings;
    settings.addressToken = saved.addressToken;
    for (const io::IpPrefix& address : network_.addresses())
      if (address.address.family == 4 && !settings.lastAddress)
        settings.lastAddress = toAddress(address.address);
    return settings;
  }

  void onReadable(int, quic::Time now) override {
    changes_.clear();
    monitor_.read(changes_);
    if (changes_.empty()) return;
    updateLinks(now);
  }

  // LoopHost, ShellBase
  quic::Time hostDeadline() const override { return links_.deadline(); }
  void onHostDeadline(quic::Time now) override { updateLinks(now); }
  void onPathError(quic::Time now) override { links_.suspect(now); }

  const quic::SocketAddress& serverFor(std::uint8_t family) const {
    return otherServer_ && otherServer_->family == family ? *otherServer_ : server_;
  }

  /// What the kernel says about the links goes to the engine at once.
  void updateLinks(quic::Time now) {
    for (const ShellLinks::Change& change : links_.update(now)) {
      if (!change.verdict.usable) {
        engine_.pathDown(change.slot, change.verdict.cause, now);
      } else if (const std::string problem = openSocket(change); !problem.empty()) {
        engine_.pathDown(change.slot, problem, now);
      } else {
        quic::NetworkPath network;
        network.socket = change.slot;
        network.remote = serverFor(change.verdict.family);
        const std::uint32_t mtu = change.verdict.mtu == 0 ? 1500 : change.verdict.mtu;
        engine_.pathUp(change.slot, network, udpPayload(mtu, change.verdict.family), now);
      }
    }
  }

  /// Empty: the socket of this link is there, and bound to the device that has its name now.
  std::string openSocket(const ShellLinks::Change& change) {
    const std::uint8_t family = change.verdict.family;
    if (sockets_.isOpen(change.slot) && !change.replaced &&
        toSocketAddress(sockets_.at(change.slot).local()).family == family)
      return "";
    try {
      io::UdpOptions options;
      options.bind = anyOf(family);
      options.device = deviceNames_[change.slot];
      sockets_.open(change.slot, options, false);
      loop_.watchSocket(change.slot);
      return "";
    } catch (const std::system_error& error) {
      return error.what();
    }
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
    // A whole prefix is of a network behind this client, which has an address there of its own.
    for (const connect_ip::Prefix& prefix : assigned)
      if (prefix.length == prefix.address.bits()) addresses.push_back(toIpPrefix(prefix));
    network_.setAddresses(addresses);
    const auto has = [&](std::uint8_t version) {
      return std::any_of(assigned.begin(), assigned.end(),
                         [&](const auto& one) { return one.address.version == version; });
    };
    std::vector<io::IpPrefix> nearby, routes;
    // The server and its other clients are reached through the tunnel, whatever else is.
    for (const connect_ip::Prefix& prefix : serverNetwork_)
      if (has(prefix.address.version)) nearby.push_back(toIpPrefix(prefix.masked()));
    if (!manageRoutes_) return network_.setRoutes(nearby);
    for (const connect_ip::IpRange& range : advertised)
      if (has(range.start.version))
        for (const io::IpPrefix& prefix : toPrefixes(range)) routes.push_back(prefix);
    if (!allowed_.empty()) routes = intersection(allowed_, routes);
    for (const io::IpPrefix& prefix : nearby)
      if (std::find(routes.begin(), routes.end(), prefix) == routes.end()) routes.push_back(prefix);
    std::vector<io::IpAddress> servers{hostOf(server_)};
    if (otherServer_) servers.push_back(hostOf(*otherServer_));
    network_.policy().set(routes, servers, excluded_);
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
  const std::optional<quic::SocketAddress> otherServer_;
  const bool manageRoutes_;
  const std::vector<io::IpPrefix> allowed_, excluded_;
  TicketFile tickets_;
  tls::ClientContext tls_;
  io::NetlinkMonitor monitor_;
  std::vector<io::NetlinkEvent> changes_;
  /// For questions about links; ShellNetwork has one of its own for what it changes.
  io::Netlink netlink_;
  ShellLinks links_;
  std::vector<connect_ip::Prefix> serverNetwork_;
  bool isSetUp_ = false;
  bool setupFailed_ = false;
  bool ticketWarned_ = false;
  ClientEngine engine_;
  ShellLoop loop_;
};

}  // namespace

std::unique_ptr<Shell> Shell::client(ShellClientConfig config, OnEvent onEvent,
                                     std::shared_ptr<ShellDevice> kept) {
  return std::make_unique<ShellClient>(std::move(config), std::move(onEvent), std::move(kept));
}

}  // namespace mqvpn::tunnel
