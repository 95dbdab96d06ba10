#include "io/netlink.h"

#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "io/clock.h"
#include "io/netlink_message.h"
#include "io/netlink_parse.h"

namespace mqvpn::io {

Netlink::Netlink()
    : socket_(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC)),
      // Messages of a dump are as large as the reader's buffer allows, up to 32 KiB.
      buffer_(32768) {
  if (socket_ == nullptr) throw std::system_error(errno, std::generic_category(), "netlink");
  // Both only make errors clearer and dumps stricter; kernels before 4.12 and 4.20 lack them.
  int on = 1;
  mnl_socket_setsockopt(socket_, NETLINK_EXT_ACK, &on, sizeof(on));
  mnl_socket_setsockopt(socket_, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
  if (mnl_socket_bind(socket_, 0, MNL_SOCKET_AUTOPID) < 0) {
    const int error = errno;
    mnl_socket_close(socket_);
    throw std::system_error(error, std::generic_category(), "netlink: bind");
  }
}

Netlink::~Netlink() { mnl_socket_close(socket_); }

namespace {

/// The kernel's own words about an error (NLMSGERR_ATTR_MSG), behind the errno and a copy of the request.
std::string explanationIn(const nlmsghdr* message) {
  const auto* error = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(message));
  if ((message->nlmsg_flags & NLM_F_ACK_TLVS) == 0) return {};
  std::size_t offset = sizeof(nlmsgerr);
  if ((message->nlmsg_flags & NLM_F_CAPPED) == 0) {
    if (error->msg.nlmsg_len < sizeof(nlmsghdr)) return {};
    offset += error->msg.nlmsg_len - sizeof(nlmsghdr);
  }
  if (offset >= mnl_nlmsg_get_payload_len(message)) return {};
  std::string text;
  mnl_attr_parse(
      message, static_cast<unsigned>(offset),
      [](const nlattr* attribute, void* into) {
        if (mnl_attr_get_type(attribute) == NLMSGERR_ATTR_MSG) {
          const auto* start = static_cast<const char*>(mnl_attr_get_payload(attribute));
          static_cast<std::string*>(into)->assign(start, strnlen(start, mnl_attr_get_payload_len(attribute)));
        }
        return MNL_CB_OK;
      },
      &text);
  return text;
}

}  // namespace

int Netlink::request(nlmsghdr* message, const Each& each) {
  explanation_.clear();
  message->nlmsg_seq = ++sequence_;
  const bool wantsAnswer = static_cast<bool>(each);
  const bool isDump = (message->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
  if (!wantsAnswer) message->nlmsg_flags |= NLM_F_ACK;
  if (mnl_socket_sendto(socket_, message, message->nlmsg_len) < 0) return errno;
  bool interrupted = false;
  for (;;) {
    const ssize_t got = mnl_socket_recvfrom(socket_, buffer_.data(), buffer_.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return got < 0 ? errno : EPROTO;
    auto left = static_cast<int>(got);
    const auto* answer = reinterpret_cast<const nlmsghdr*>(buffer_.data());
    for (; mnl_nlmsg_ok(answer, left); answer = mnl_nlmsg_next(answer, &left)) {
      // What is left of an earlier request that failed half way.
      if (answer->nlmsg_seq != sequence_) continue;
      if ((answer->nlmsg_flags & NLM_F_DUMP_INTR) != 0) interrupted = true;
      if (answer->nlmsg_type == NLMSG_DONE) return interrupted ? EAGAIN : 0;
      if (answer->nlmsg_type == NLMSG_ERROR) {
        if (mnl_nlmsg_get_payload_len(answer) < sizeof(nlmsgerr)) return EPROTO;
        const int error = -static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(answer))->error;
        if (error != 0) explanation_ = explanationIn(answer);
        return error;
      }
      if (wantsAnswer) each(answer);
      if (wantsAnswer && !isDump) return 0;
    }
  }
}

void Netlink::dump(nlmsghdr* message, const std::string& what, const std::function<void()>& restart,
                   const Each& each) {
  // The kernel says when what it lists changed meanwhile.
  constexpr int attempts = 10;
  int error = EAGAIN;
  for (int i = 0; i < attempts && error == EAGAIN; ++i) {
    restart();
    error = request(message, each);
  }
  if (error != 0) fail(error, what);
}

void Netlink::fail(int error, const std::string& what) const {
  throw std::system_error(error, std::generic_category(),
                          explanation_.empty() ? what : what + ": " + explanation_);
}

LinkInfo Netlink::link(const std::string& device) {
  if (device.empty() || device.size() >= IFNAMSIZ) fail(ENODEV, "device \"" + device + "\"");
  NetlinkMessage message(RTM_GETLINK, 0);
  message.header<ifinfomsg>();
  message.text(IFLA_IFNAME, device);
  return askLink(message.get(), "device " + device);
}

LinkInfo Netlink::link(std::uint32_t index) {
  NetlinkMessage message(RTM_GETLINK, 0);
  message.header<ifinfomsg>()->ifi_index = static_cast<int>(index);
  return askLink(message.get(), "device with index " + std::to_string(index));
}

LinkInfo Netlink::askLink(nlmsghdr* message, const std::string& what) {
  LinkInfo found;
  const int error = request(message, [&](const nlmsghdr* answer) {
    if (const auto link = parseLink(answer)) found = *link;
  });
  if (error != 0 || found.index == 0) fail(error != 0 ? error : ENODEV, what);
  return found;
}

std::vector<LinkInfo> Netlink::links() {
  NetlinkMessage message(RTM_GETLINK, NLM_F_DUMP);
  message.header<ifinfomsg>();
  std::vector<LinkInfo> all;
  dump(
      message.get(), "list the devices", [&] { all.clear(); },
      [&](const nlmsghdr* answer) {
        if (const auto link = parseLink(answer)) all.push_back(*link);
      });
  return all;
}

std::vector<AddressInfo> Netlink::addresses(std::uint32_t index) {
  NetlinkMessage message(RTM_GETADDR, NLM_F_DUMP);
  message.header<ifaddrmsg>();
  std::vector<AddressInfo> all;
  dump(
      message.get(), "list the addresses", [&] { all.clear(); },
      [&](const nlmsghdr* answer) {
        const auto address = parseAddress(answer);
        if (address && (index == 0 || address->index == index)) all.push_back(*address);
      });
  return all;
}

void Netlink::setUp(const std::string& device, bool up) {
  NetlinkMessage message(RTM_NEWLINK, 0);
  auto* header = message.header<ifinfomsg>();
  header->ifi_index = static_cast<int>(index(device));
  header->ifi_flags = up ? IFF_UP : 0;
  header->ifi_change = IFF_UP;
  if (const int error = request(message.get())) fail(error, "set device " + device + (up ? " up" : " down"));
}

void Netlink::setMtu(const std::string& device, std::uint32_t mtu) {
  NetlinkMessage message(RTM_NEWLINK, 0);
  message.header<ifinfomsg>()->ifi_index = static_cast<int>(index(device));
  message.number(IFLA_MTU, mtu);
  if (const int error = request(message.get()))
    fail(error, "set the MTU of device " + device + " to " + std::to_string(mtu));
}

int Netlink::changeAddress(std::uint16_t type, std::uint16_t flags, const std::string& device,
                           const IpPrefix& address, const IpAddress& peer) {
  const bool ipv4 = address.address.family == 4;
  NetlinkMessage message(type, flags);
  auto* header = message.header<ifaddrmsg>();
  header->ifa_family = ipv4 ? AF_INET : AF_INET6;
  header->ifa_prefixlen = address.length;
  header->ifa_scope = RT_SCOPE_UNIVERSE;
  header->ifa_index = index(device);
  message.address(IFA_LOCAL, address.address);
  message.address(IFA_ADDRESS, peer.empty() ? address.address : peer);
  // Usable at once: who else could have an address that is on a tunnel of ours?
  if (!ipv4 && type == RTM_NEWADDR) message.number(IFA_FLAGS, IFA_F_NODAD);
  return request(message.get());
}

void Netlink::addAddress(const std::string& device, const IpPrefix& address, const IpAddress& peer) {
  const int error = changeAddress(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, device, address, peer);
  if (error != 0) fail(error, "add address " + toString(address) + " to device " + device);
  if (address.address.family == 6 && link(device).up) awaitLocal(address.address);
}

void Netlink::awaitLocal(const IpAddress& address) {
  constexpr int attempts = 200;
  constexpr std::uint64_t pause = 1'000'000;
  for (int i = 0; i < attempts; ++i) {
    const auto found = route(address);
    if (found && found->type == Route::Type::kLocal) return;
    sleepUntilNs(monotonicNs() + pause);
  }
}

bool Netlink::removeAddress(const std::string& device, const IpPrefix& address, const IpAddress& peer) {
  const int error = changeAddress(RTM_DELADDR, 0, device, address, peer);
  if (error == EADDRNOTAVAIL) return false;
  if (error != 0) fail(error, "remove address " + toString(address) + " from device " + device);
  return true;
}

}  // namespace mqvpn::io
