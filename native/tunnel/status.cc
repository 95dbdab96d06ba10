#include "tunnel/status.h"

namespace mqvpn::tunnel {

ConnectionStatus describe(const Tunnel& tunnel, const quic::Connection* connection) {
  ConnectionStatus status;
  status.mtu = tunnel.mtu();
  status.queueBytes = tunnel.queue().bytes();
  status.queuePackets = tunnel.queue().packets();
  status.memoryBytes = tunnel.memoryBytes();
  status.tunnel = tunnel.counters();
  status.queue = tunnel.queue().counters();
  if (connection != nullptr) {
    status.quic = connection->stats();
    status.remote = connection->network().remote;
    status.memoryBytes += status.quic.memoryBytes;
  }
  return status;
}

}  // namespace mqvpn::tunnel
