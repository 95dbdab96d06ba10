// A client and a server of HTTP/3 over real sockets, for tests against other implementations (ci/interop) and
// for nothing else:
//
//   mqvpn-interop-peer server --listen ADDR:PORT --cert FILE --key FILE [--retry] [--body BYTES]
//       answers GET with 200 and a body, whose size a path "/N" names; POST with what it carried
//   mqvpn-interop-peer client --connect ADDR:PORT --name HOST (--ca FILE | --insecure) --get PATH
//       [--requests N] [--ticket FILE] [--token FILE] [--rebind-after BYTES] [--migrate-after BYTES]
//       [--out FILE] [--timeout SECONDS]
//       downloads; exit code 0 when all of it came
//
// Both: [--key-update-after BYTES] [--keylog FILE] [--priority GNUTLS-STRING] [--congestion cubic|bbr]
// [--no-offload] [--handshake-timeout SECONDS]. What happens is said as JSON lines on stdout.
#include <exception>
#include <iostream>

#include "interop_client.h"
#include "interop_options.h"
#include "interop_server.h"

int main(int count, char** words) {
  try {
    const mqvpn::test::InteropOptions options = mqvpn::test::parseInteropOptions(count, words);
    return options.server ? mqvpn::test::runInteropServer(options) : mqvpn::test::runInteropClient(options);
  } catch (const std::exception& error) {
    std::cerr << "mqvpn-interop-peer: " << error.what() << '\n';
    return 2;
  }
}
