#pragma once

#include <libmnl/libmnl.h>
#include <linux/netlink.h>

#include <cstdint>
#include <string>

#include "io/netlink_types.h"

namespace mqvpn::io {

/// One request to rtnetlink as it grows. No request of ours comes near the size of its buffer.
class NetlinkMessage {
 public:
  NetlinkMessage(std::uint16_t type, std::uint16_t flags) : message_(mnl_nlmsg_put_header(buffer_)) {
    message_->nlmsg_type = type;
    message_->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
  }
  NetlinkMessage(const NetlinkMessage&) = delete;
  NetlinkMessage& operator=(const NetlinkMessage&) = delete;

  nlmsghdr* get() { return message_; }
  /// The family's header, zeroed; first.
  template <typename Header>
  Header* header() {
    return static_cast<Header*>(mnl_nlmsg_put_extra_header(message_, sizeof(Header)));
  }
  void number(std::uint16_t type, std::uint32_t value) { mnl_attr_put_u32(message_, type, value); }
  void byte(std::uint16_t type, std::uint8_t value) { mnl_attr_put_u8(message_, type, value); }
  void text(std::uint16_t type, const std::string& value) {
    mnl_attr_put_strz(message_, type, value.c_str());
  }
  /// An empty address is left out.
  void address(std::uint16_t type, const IpAddress& value) {
    if (!value.empty()) mnl_attr_put(message_, type, value.size(), value.bytes.data());
  }
  void nestedNumber(std::uint16_t outer, std::uint16_t inner, std::uint32_t value) {
    nlattr* nest = mnl_attr_nest_start(message_, outer);
    number(inner, value);
    mnl_attr_nest_end(message_, nest);
  }

 private:
  alignas(nlmsghdr) char buffer_[512];
  nlmsghdr* message_;
};

}  // namespace mqvpn::io
