#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http3/errors.h"

namespace mqvpn::http3 {

/// Field lines in their order, pseudo-header fields first. Names are lower case.
using Headers = std::vector<std::pair<std::string, std::string>>;

/// The first field of that name, null: none.
const std::string* findHeader(const Headers& headers, std::string_view name);
std::size_t countHeader(const Headers& headers, std::string_view name);

/// RFC 9114 §4.2.2: "The size of a field list is calculated based on the uncompressed size of fields,
/// including the length of the name and value in bytes plus an overhead of 32 bytes for each field."
std::uint64_t fieldSectionSize(const Headers& headers);

/// The rules for messages (RFC 9114 §4.1.2, §4.2, §4.3; RFC 8441 §4; RFC 9297 §3.2): no error or
/// H3_MESSAGE_ERROR.
Error checkRequest(const Headers& headers);
/// `status` gets the three digits.
Error checkResponse(const Headers& headers, unsigned& status);
Error checkTrailers(const Headers& headers);

/// RFC 9297 §3.4, RFC 8941 §3.3: whether the field is there once and is a true Boolean; parameters are
/// ignored.
bool capsuleProtocol(const Headers& headers);

}  // namespace mqvpn::http3
