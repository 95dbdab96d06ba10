#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "io/netlink.h"

namespace mqvpn::tunnel {

/// What the kernel says about the way over one link.
struct LinkFacts {
  /// Nothing: there is no device of that name.
  std::optional<io::LinkInfo> link;
  std::vector<io::AddressInfo> addresses;
  /// The kernel's choice for packets to the server that leave through this device; nothing: there is none.
  std::optional<io::Route> route;
};

/// Whether a path can go over a link.
struct LinkVerdict {
  bool usable = false;
  /// Why not, for a person.
  std::string cause;
  /// Of the device.
  std::uint32_t index = 0;
  std::uint32_t mtu = 0;
  /// Of the server's addresses that it leads to, 4 or 6.
  std::uint8_t family = 0;
  /// What packets leave with.
  io::IpAddress source;

  bool operator==(const LinkVerdict&) const = default;
};

/// `family` of the server's address, 4 or 6.
LinkVerdict judgeLink(const LinkFacts& facts, std::uint8_t family, const std::string& device);

/// Watches the links of a client. Any event of the kernel has all of them judged anew, so nothing is missed
/// when events are lost or come in another order; a storm of events costs one look per loop turn.
class ShellLinks {
 public:
  /// A link that is up, but has no address or route yet, is looked at again after so long, in case the kernel
  /// says nothing when it has.
  static constexpr std::uint64_t kRecheckNs = 1'000'000'000;

  /// `family`: of the server's address that is to be reached.
  using Look = std::function<LinkFacts(const std::string& device, std::uint8_t family)>;
  struct Change {
    std::uint32_t slot = 0;
    LinkVerdict verdict;
    /// It is usable, and the device is another one of the same name than when it was last so.
    bool replaced = false;
  };

  /// An empty name: whatever the routes say. `families`: of the server's addresses; a link takes the first
  /// one that it has a way to.
  ShellLinks(std::vector<std::string> devices, std::vector<std::uint8_t> families, Look look);

  /// What is different from before; everything at the first call.
  std::vector<Change> update(std::uint64_t now);
  /// When update() is worth a call without an event, or UINT64_MAX.
  std::uint64_t deadline() const { return recheckAt_; }
  /// Something failed that a change of a link may be the cause of.
  void suspect(std::uint64_t now);
  const std::string& device(std::uint32_t slot) const { return devices_[slot]; }
  std::size_t size() const { return devices_.size(); }

 private:
  const std::vector<std::string> devices_;
  const std::vector<std::uint8_t> families_;
  const Look look_;
  std::vector<std::optional<LinkVerdict>> verdicts_;
  /// The index of a device when it was last usable, while it is away as well.
  std::vector<std::uint32_t> indexes_;
  std::uint64_t recheckAt_ = 0;
  std::uint64_t lookedAt_ = 0;
};

/// Asks the kernel. `tunnel`: index of our own device, over which no path leads.
LinkFacts lookAtLink(io::Netlink& netlink, const std::string& device, const io::IpAddress& server,
                     std::uint32_t tunnel);

}  // namespace mqvpn::tunnel
