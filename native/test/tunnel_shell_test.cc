// Both ends with real sockets, devices and threads, in one network namespace: packets between them carry
// addresses that are all of this host, so the tests bind to devices. The main program is that of the io
// tests.
#include "tunnel/shell.h"
#include "tunnel/shell_device.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <future>
#include <mutex>

#include "io/fd.h"
#include "io_net_support.h"
#include "tls_support.h"

using namespace mqvpn;
using namespace mqvpn::tunnel;
using io::test::errorOf;

namespace {

constexpr auto kPatience = std::chrono::seconds(10);

/// What an engine's thread told, for the test's thread to wait for.
class Told {
 public:
  Shell::OnEvent sink() {
    return [this](const Event& event, const std::string&) {
      const std::lock_guard lock(mutex_);
      events_.push_back(event);
      changed_.notify_all();
    };
  }
  /// The first of its kind; nothing: none came in time.
  template <typename Kind>
  std::optional<Kind> wait() {
    std::unique_lock lock(mutex_);
    std::optional<Kind> found;
    changed_.wait_for(lock, kPatience, [&] {
      for (const Event& event : events_)
        if (const Kind* one = std::get_if<Kind>(&event)) found = *one;
      return found.has_value();
    });
    return found;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Event> events_;
};

/// Files that go with the test.
class Folder {
 public:
  Folder() {
    REQUIRE(mkdtemp(path_) != nullptr);
    const tls::test::Identity& identity = tls::test::testServer();
    std::ofstream(file("cert.pem")) << identity.certificatePem;
    std::ofstream(file("key.pem")) << identity.keyPem;
    std::ofstream(file("ca.pem")) << tls::test::testAuthority().certificatePem;
  }
  ~Folder() {
    for (const char* name : {"cert.pem", "key.pem", "ca.pem", "ticket"}) ::unlink(file(name).c_str());
    ::rmdir(path_);
  }
  std::string file(const std::string& name) const { return std::string(path_) + '/' + name; }

 private:
  char path_[32] = "/tmp/mqvpn-shell-XXXXXX";
};

ShellServerConfig serverConfig(const Folder& folder, std::uint16_t port = 0) {
  ShellServerConfig config;
  config.tunName = "mqts0";
  config.listen = *quic::parseSocketAddress("127.0.0.1:" + std::to_string(port));
  config.tls.certificateFile = folder.file("cert.pem");
  config.tls.keyFile = folder.file("key.pem");
  config.settings.subnet4 = connect_ip::parsePrefix("10.77.0.0/24");
  config.settings.subnet6 = connect_ip::parsePrefix("fd77::/112");
  config.settings.users = {{"alice", "secret"}};
  config.settings.engine.pool = {512, 16};
  return config;
}

ShellClientConfig clientConfig(const Folder& folder, std::uint16_t port) {
  ShellClientConfig config;
  config.tunName = "mqtc0";
  config.server = *quic::parseSocketAddress("127.0.0.1:" + std::to_string(port));
  config.tls.verify = tls::ClientConfig::Verify::kCaFile;
  config.tls.caFile = folder.file("ca.pem");
  // The server's inner network is this host's own: no route may lead to it.
  config.manageRoutes = false;
  config.ticketFile = folder.file("ticket");
  config.settings.serverName = "vpn.example";
  config.settings.authority = "vpn.example:443";
  config.settings.key = "secret";
  config.settings.engine.pool = {512, 16};
  return config;
}

void stop(std::unique_ptr<Shell>& shell) {
  std::promise<void> done;
  shell->stop(false, [&] { done.set_value(); });
  REQUIRE(done.get_future().wait_for(kPatience) == std::future_status::ready);
  shell.reset();
}

ShellStatus statusOf(Shell& shell) {
  std::promise<ShellStatus> answer;
  REQUIRE(shell.status([&](ShellStatus status) { answer.set_value(std::move(status)); }));
  auto future = answer.get_future();
  REQUIRE(future.wait_for(kPatience) == std::future_status::ready);
  return future.get();
}

bool hasDevice(const std::string& name) {
  return !errorOf([&] { io::Netlink().link(name); });
}

sockaddr_in inet(const char* ip, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  inet_pton(AF_INET, ip, &address.sin_addr);
  return address;
}

/// Sends text from the client's inner address through its device until it arrives at the server's.
bool passes(const std::string& text) {
  const io::Fd to(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const sockaddr_in server = inet("10.77.0.1", 7777);
  REQUIRE(::bind(to.get(), reinterpret_cast<const sockaddr*>(&server), sizeof server) == 0);
  const io::Fd from(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const sockaddr_in client = inet("10.77.0.2", 0);
  REQUIRE(::bind(from.get(), reinterpret_cast<const sockaddr*>(&client), sizeof client) == 0);
  REQUIRE(::setsockopt(from.get(), SOL_SOCKET, SO_BINDTODEVICE, "mqtc0", 5) == 0);
  for (int i = 0; i < 50; ++i) {
    ::sendto(from.get(), text.data(), text.size(), 0, reinterpret_cast<const sockaddr*>(&server),
             sizeof server);
    pollfd ready{to.get(), POLLIN, 0};
    if (poll(&ready, 1, 100) != 1) continue;
    char buffer[2048];
    const ssize_t size = ::recv(to.get(), buffer, sizeof buffer, 0);
    return size == static_cast<ssize_t>(text.size()) && std::memcmp(buffer, text.data(), text.size()) == 0;
  }
  return false;
}

bool tunMissing() { return !io::test::tunOrSkip({.name = "mqtprobe"}).has_value(); }

}  // namespace

TEST_SUITE_BEGIN("network");

TEST_CASE("a server and a client come up, carry packets, tell their status, and leave nothing behind") {
  if (tunMissing()) return;
  const Folder folder;
  Told serverTold, clientTold;
  auto server = Shell::server(serverConfig(folder), serverTold.sink());
  const auto listening = serverTold.wait<ListeningEvent>();
  REQUIRE(listening);
  CHECK(listening->pin.size() == 64);
  auto client = Shell::client(clientConfig(folder, listening->address.port), clientTold.sink());
  const auto connected = clientTold.wait<ConnectedEvent>();
  REQUIRE(connected);
  CHECK(connect_ip::toString(connected->addresses.at(0)) == "10.77.0.2/32");
  REQUIRE(serverTold.wait<ClientConnectedEvent>());
  CHECK(passes("through the tunnel"));
  CHECK(passes(std::string(1200, 'x')));

  const ShellStatus serverStatus = statusOf(*server);
  CHECK(serverStatus.server);
  CHECK(serverStatus.tunName == "mqts0");
  REQUIRE(serverStatus.engine.connections.size() == 1);
  CHECK(serverStatus.engine.connections[0].user == "alice");
  CHECK(serverStatus.engine.connections[0].tunnel.packetsIn >= 2);
  const ShellStatus clientStatus = statusOf(*client);
  CHECK(clientStatus.engine.connections.at(0).state == "connected");
  CHECK(clientStatus.tunMtu >= 1280);

  std::promise<bool> found;
  REQUIRE(server->disconnect(999, [&](bool was) { found.set_value(was); }));
  CHECK_FALSE(found.get_future().get());

  stop(client);
  CHECK(clientTold.wait<ClosedEvent>()->cause == "local");
  CHECK_FALSE(hasDevice("mqtc0"));
  REQUIRE(serverTold.wait<ClientDisconnectedEvent>());
  stop(server);
  CHECK_FALSE(hasDevice("mqts0"));
}

TEST_CASE("a device passes from one connection to the next, with its addresses, and goes with the last") {
  if (tunMissing()) return;
  const Folder folder;
  Told serverTold;
  auto server = Shell::server(serverConfig(folder), serverTold.sink());
  const auto listening = serverTold.wait<ListeningEvent>();
  REQUIRE(listening);
  std::shared_ptr<ShellDevice> kept;
  for (int i = 0; i < 3; ++i) {
    Told clientTold;
    auto client =
        Shell::client(clientConfig(folder, listening->address.port), clientTold.sink(), std::move(kept));
    const auto connected = clientTold.wait<ConnectedEvent>();
    REQUIRE(connected);
    CHECK(connect_ip::toString(connected->addresses.at(0)) == "10.77.0.2/32");
    CHECK(passes("through the tunnel"));
    const std::uint32_t index = io::Netlink().index("mqtc0");
    kept = client->device();
    std::promise<void> done;
    client->stop(true, [&] { done.set_value(); });
    REQUIRE(done.get_future().wait_for(kPatience) == std::future_status::ready);
    client.reset();
    io::Netlink netlink;
    CHECK(netlink.index("mqtc0") == index);
    CHECK(netlink.addresses(index).size() >= 1);
  }
  kept.reset();
  CHECK_FALSE(hasDevice("mqtc0"));
  stop(server);
}

TEST_CASE("a ticket is kept for its owner alone, and the next connection resumes with it") {
  if (tunMissing()) return;
  const Folder folder;
  Told serverTold;
  auto server = Shell::server(serverConfig(folder), serverTold.sink());
  const std::uint16_t port = serverTold.wait<ListeningEvent>()->address.port;
  for (const bool resumed : {false, true}) {
    Told told;
    auto client = Shell::client(clientConfig(folder, port), told.sink());
    const auto connected = told.wait<ConnectedEvent>();
    REQUIRE(connected);
    CHECK(connected->resumed == resumed);
    // The ticket comes behind the handshake.
    for (int i = 0; i < 100 && ::access(folder.file("ticket").c_str(), F_OK) != 0; ++i) ::usleep(20'000);
    ::usleep(100'000);
    stop(client);
  }
  struct stat info {};
  REQUIRE(::stat(folder.file("ticket").c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  stop(server);
}

TEST_CASE("a set-up that fails leaves no device and no socket") {
  if (tunMissing()) return;
  const Folder folder;
  Told told;
  auto server = Shell::server(serverConfig(folder), told.sink());
  const std::uint16_t port = told.wait<ListeningEvent>()->address.port;
  ShellServerConfig second = serverConfig(folder, port);
  second.tunName = "mqts1";
  CHECK(errorOf([&] { Shell::server(second, {}); }).value() == EADDRINUSE);
  CHECK_FALSE(hasDevice("mqts1"));
  ShellServerConfig sameName = serverConfig(folder);
  CHECK(errorOf([&] { Shell::server(sameName, {}); }).value() == EBUSY);
  ShellServerConfig noKey = serverConfig(folder);
  noKey.tunName = "mqts2";
  noKey.tls.keyFile = folder.file("missing");
  CHECK(errorOf([&] { Shell::server(noKey, {}); }).value() == ENOENT);
  CHECK_FALSE(hasDevice("mqts2"));
  CHECK(hasDevice("mqts0"));
  stop(server);
}

TEST_CASE("a shell that is destroyed without stop() takes its device with it") {
  if (tunMissing()) return;
  const Folder folder;
  {
    Told told;
    auto server = Shell::server(serverConfig(folder), told.sink());
    auto client = Shell::client(clientConfig(folder, told.wait<ListeningEvent>()->address.port), {});
    CHECK(hasDevice("mqts0"));
  }
  CHECK_FALSE(hasDevice("mqts0"));
  CHECK_FALSE(hasDevice("mqtc0"));
}

TEST_CASE("status and stop may come from several threads while packets flow") {
  if (tunMissing()) return;
  const Folder folder;
  Told serverTold, clientTold;
  auto server = Shell::server(serverConfig(folder), serverTold.sink());
  auto client =
      Shell::client(clientConfig(folder, serverTold.wait<ListeningEvent>()->address.port), clientTold.sink());
  REQUIRE(clientTold.wait<ConnectedEvent>());
  std::atomic<int> answers = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 50; ++n) client->status([&](ShellStatus) { ++answers; });
    });
  }
  CHECK(passes("meanwhile"));
  for (std::thread& thread : threads) thread.join();
  // Behind all of them.
  statusOf(*client);
  CHECK(answers == 200);
  stop(client);
  stop(server);
}

namespace {

bool routed(const std::string& network, const std::string& device) {
  io::Netlink netlink;
  for (const io::Route& route : netlink.routes(4))
    if (route.destination == io::test::prefix(network) && netlink.link(route.device).name == device)
      return true;
  return false;
}

User withNetwork(const std::string& network) {
  User user("alice", "secret");
  user.networks = {*connect_ip::parsePrefix(network)};
  return user;
}

/// Empty: they are the users now.
std::string setUsers(Shell& server, std::vector<User> users) {
  std::promise<std::string> answer;
  REQUIRE(
      server.setUsers(std::move(users), [&](std::string error, std::size_t) { answer.set_value(error); }));
  auto future = answer.get_future();
  REQUIRE(future.wait_for(kPatience) == std::future_status::ready);
  return future.get();
}

std::pair<std::string, std::string> setCertificate(Shell& server, const tls::ServerConfig& config) {
  std::promise<std::pair<std::string, std::string>> answer;
  REQUIRE(server.setCertificate(config, [&](std::string error, std::string pin) {
    answer.set_value({error, pin});
  }));
  auto future = answer.get_future();
  REQUIRE(future.wait_for(kPatience) == std::future_status::ready);
  return future.get();
}

}  // namespace

TEST_CASE(
    "networks behind clients are routed to the device while a server runs, and no route is taken away") {
  if (tunMissing()) return;
  const Folder folder;
  io::Netlink netlink;
  io::Route foreign;
  foreign.destination = io::test::prefix("192.168.50.0/24");
  foreign.device = netlink.index("lo");
  netlink.addRoute(foreign);

  ShellServerConfig config = serverConfig(folder);
  config.settings.users = {withNetwork("192.168.50.0/24")};
  CHECK_THROWS_AS(Shell::server(config, {}), std::invalid_argument);
  CHECK_FALSE(hasDevice("mqts0"));

  config.settings.users = {withNetwork("192.168.51.0/24")};
  auto server = Shell::server(config, {});
  CHECK(routed("192.168.51.0/24", "mqts0"));
  CHECK(setUsers(*server, {withNetwork("192.168.50.0/24")}) ==
        "the network 192.168.50.0/24 of alice has a route on this host already; remove one of the two");
  CHECK(setUsers(*server, {withNetwork("10.77.0.0/25")}).find("overlaps the pool") != std::string::npos);
  CHECK(routed("192.168.51.0/24", "mqts0"));
  CHECK(routed("192.168.50.0/24", "lo"));
  CHECK(setUsers(*server, {withNetwork("192.168.52.0/24")}) == "");
  CHECK_FALSE(routed("192.168.51.0/24", "mqts0"));
  CHECK(routed("192.168.52.0/24", "mqts0"));
  stop(server);
  CHECK_FALSE(hasDevice("mqts0"));
  CHECK(routed("192.168.50.0/24", "lo"));
  netlink.removeRoute(foreign);
}

TEST_CASE("a server takes a new certificate while its connections go on, and keeps the old one else") {
  if (tunMissing()) return;
  const Folder folder;
  Told serverTold, clientTold, newcomerTold;
  auto server = Shell::server(serverConfig(folder), serverTold.sink());
  const auto listening = serverTold.wait<ListeningEvent>();
  auto client = Shell::client(clientConfig(folder, listening->address.port), clientTold.sink());
  REQUIRE(clientTold.wait<ConnectedEvent>());

  tls::ServerConfig files;
  files.certificateFile = folder.file("cert.pem");
  files.keyFile = folder.file("missing");
  CHECK(setCertificate(*server, files).first.find("missing") != std::string::npos);

  tls::test::CertificateOptions options;
  options.names = {"vpn.example"};
  const tls::test::Identity renewed = tls::test::makeCertificate(options, &tls::test::testAuthority());
  std::ofstream(folder.file("cert.pem")) << renewed.certificatePem;
  // The certificate is new, its key still the old one.
  files.keyFile = folder.file("key.pem");
  CHECK(setCertificate(*server, files).first.find("does not belong to") != std::string::npos);
  std::ofstream(folder.file("key.pem")) << renewed.keyPem;
  const auto [error, pin] = setCertificate(*server, files);
  CHECK(error == "");
  CHECK(pin.size() == 64);
  CHECK(pin != listening->pin);
  CHECK(passes("over the old connection"));
  stop(client);

  ShellClientConfig pinned = clientConfig(folder, listening->address.port);
  pinned.ticketFile.clear();
  pinned.tls.verify = tls::ClientConfig::Verify::kPin;
  for (std::size_t i = 0; i < 32; ++i)
    pinned.tls.pin[i] = static_cast<std::uint8_t>(std::stoul(pin.substr(2 * i, 2), nullptr, 16));
  auto newcomer = Shell::client(pinned, newcomerTold.sink());
  CHECK(newcomerTold.wait<ConnectedEvent>());
  stop(newcomer);
  stop(server);
}

TEST_SUITE_END();
