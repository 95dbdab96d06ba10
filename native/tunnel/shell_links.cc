#include "tunnel/shell_links.h"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace mqvpn::tunnel {

namespace {

constexpr std::uint8_t kScopeGlobal = 0, kScopeSite = 200;
/// Between two looks because something failed: a failing device fails with every packet.
constexpr std::uint64_t kSuspectNs = 100'000'000;

bool isUsable(const io::AddressInfo& address, std::uint8_t family) {
  return address.address.address.family == family && !address.tentative &&
         (address.scope == kScopeGlobal || address.scope == kScopeSite);
}

}  // namespace

LinkVerdict judgeLink(const LinkFacts& facts, std::uint8_t family, const std::string& device) {
  LinkVerdict verdict;
  verdict.family = family;
  const auto because = [&](std::string cause) {
    verdict.cause = std::move(cause);
    return verdict;
  };
  if (device.empty()) {
    if (!facts.route) return because("no route to the server");
  } else {
    if (!facts.link) return because("there is no interface of this name");
    verdict.index = facts.link->index;
    if (!facts.link->up) return because("the interface is switched off (ip link set " + device + " up)");
    if (!facts.link->carrier) return because("no carrier");
    const bool hasAddress = std::any_of(facts.addresses.begin(), facts.addresses.end(),
                                        [&](const auto& one) { return isUsable(one, family); });
    if (!hasAddress) return because(family == 4 ? "no IPv4 address" : "no IPv6 address");
    if (!facts.route) return because("no route to the server over it");
  }
  if (facts.link) {
    verdict.index = facts.link->index;
    verdict.mtu = facts.link->mtu;
  }
  if (facts.route->mtu != 0)
    verdict.mtu = verdict.mtu == 0 ? facts.route->mtu : std::min(verdict.mtu, facts.route->mtu);
  verdict.source = facts.route->source;
  verdict.usable = true;
  return verdict;
}

ShellLinks::ShellLinks(std::vector<std::string> devices, std::vector<std::uint8_t> families, Look look)
    : devices_(std::move(devices)),
      families_(std::move(families)),
      look_(std::move(look)),
      verdicts_(devices_.size()),
      indexes_(devices_.size(), 0) {}

std::vector<ShellLinks::Change> ShellLinks::update(std::uint64_t now) {
  std::vector<Change> changes;
  lookedAt_ = now;
  recheckAt_ = UINT64_MAX;
  for (std::uint32_t slot = 0; slot < devices_.size(); ++slot) {
    LinkFacts facts = look_(devices_[slot], families_.front());
    LinkVerdict verdict = judgeLink(facts, families_.front(), devices_[slot]);
    for (std::size_t i = 1; i < families_.size() && !verdict.usable; ++i) {
      const LinkFacts others = look_(devices_[slot], families_[i]);
      const LinkVerdict other = judgeLink(others, families_[i], devices_[slot]);
      if (!other.usable) continue;
      facts = others;
      verdict = other;
    }
    const bool mayComeSilently =
        !verdict.usable && (devices_[slot].empty() || (facts.link && facts.link->usable()));
    if (mayComeSilently) recheckAt_ = now + kRecheckNs;
    if (verdicts_[slot] == verdict) continue;
    // Against the one that was last used: a new device comes in steps, without carrier or route at first.
    const bool replaced =
        verdict.usable && !devices_[slot].empty() && indexes_[slot] != 0 && verdict.index != indexes_[slot];
    if (verdict.usable) indexes_[slot] = verdict.index;
    verdicts_[slot] = verdict;
    changes.push_back({slot, verdict, replaced});
  }
  return changes;
}

void ShellLinks::suspect(std::uint64_t now) {
  recheckAt_ = std::min(recheckAt_, std::max(now, lookedAt_ + kSuspectNs));
}

LinkFacts lookAtLink(io::Netlink& netlink, const std::string& device, const io::IpAddress& server,
                     std::uint32_t tunnel) {
  LinkFacts facts;
  std::uint32_t index = 0;
  try {
    if (!device.empty()) {
      facts.link = netlink.link(device);
      index = facts.link->index;
      facts.addresses = netlink.addresses(index);
    }
    facts.route = netlink.route(server, index);
    if (facts.route && facts.route->device == tunnel) facts.route.reset();
    if (facts.route && !facts.link && facts.route->device != 0)
      facts.link = netlink.link(facts.route->device);
  } catch (const std::system_error& error) {
    // ENODEV: the device is not there, or no more. Anything else is no reason to leave a link unused.
    if (error.code().value() != ENODEV && facts.link && !facts.route) {
      facts.route.emplace();
      facts.route->device = index;
    }
  }
  return facts;
}

}  // namespace mqvpn::tunnel
