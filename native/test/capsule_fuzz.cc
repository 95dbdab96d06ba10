// The data stream of a CONNECT-IP request, read by a client and by a server, whole and split: both ways the
// same must come out.

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "connect_ip_session_support.h"

using namespace mqvpn::connect_ip;
using namespace mqvpn::connect_ip::test;

namespace {

/// In pieces of at most `most` bytes, each in a DATA frame.
template <typename End>
void feed(End& end, const ByteVector& input, std::size_t most) {
  for (std::size_t at = 0; at < input.size(); at += most) {
    const auto from = input.begin() + static_cast<std::ptrdiff_t>(at);
    end.data(ByteVector(from, from + static_cast<std::ptrdiff_t>(std::min(most, input.size() - at))));
  }
}

void demand(bool condition) {
  if (!condition) std::abort();
}

void clients(const ByteVector& input, std::size_t piece, Compat compat) {
  ClientConfig config = clientConfig();
  config.compat = compat;
  LoneClient whole(config);
  LoneClient split(config);
  for (LoneClient* client : {&whole, &split}) client->accept();
  feed(whole, input, input.size() + 1);
  feed(split, input, piece);
  demand(whole.side.addresses == split.side.addresses);
  demand(whole.side.routes == split.side.routes);
  demand(whole.side.packets == split.side.packets);
  demand(whole.side.ended == split.side.ended);
  demand(!whole.transport.closed);
  for (const auto& list : whole.side.addresses)
    for (const Prefix& one : list) demand(one.hostBitsZero());
  // Routes that were accepted can be said again.
  for (const auto& list : whole.side.routes) {
    std::vector<IpRange> ordered = list;
    orderRanges(ordered);
    ByteVector capsule;
    appendRouteAdvertisement(capsule, ordered);
    mqvpn::quic::Reader reader(capsule);
    reader.varint();
    reader.varint();
    std::vector<IpRange> again;
    demand(!parseRouteAdvertisement(reader.rest(), again) && again == ordered);
  }
}

void servers(const ByteVector& input, std::size_t piece) {
  LoneServer whole;
  LoneServer split;
  auto& first = whole.request();
  auto& second = split.request();
  feed(whole, input, input.size() + 1);
  feed(split, input, piece);
  demand(first.packets == second.packets);
  demand(first.ended == second.ended);
  demand(whole.transport.streams.at(0).written == split.transport.streams.at(0).written);
  demand(!whole.transport.closed);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const ByteVector input(data + 2, data + size);
  const std::size_t piece = std::size_t{data[1] & 0x1fU} + 1;
  switch (data[0] % 4) {
    case 0:
      clients(input, piece, Compat::kTolerant);
      break;
    case 1:
      clients(input, piece, Compat::kStrict);
      break;
    case 2:
      servers(input, piece);
      break;
    default: {
      const std::string_view path(reinterpret_cast<const char*>(input.data()), input.size());
      if (const auto scope = parsePath(path))
        demand(parsePath(expandTemplate(kDefaultTemplate, *scope)) == scope);
      break;
    }
  }
  return 0;
}
