#pragma once

#include <cstdint>

namespace mqvpn::link {

/// One direction since it was added. At any moment
///   inPackets + duplicated = outPackets + every drop* + writeErrors + frames held (queue, service, delay
///   line),
/// except dropTapRing: those frames never came in.
struct Counters {
  std::uint64_t inPackets = 0;
  std::uint64_t inBytes = 0;
  std::uint64_t outPackets = 0;
  std::uint64_t outBytes = 0;
  std::uint64_t queuePackets = 0;
  std::uint64_t queueBytes = 0;
  std::uint64_t queueHighWaterPackets = 0;
  std::uint64_t queueHighWaterBytes = 0;
  /// In service and in the delay line.
  std::uint64_t transitPackets = 0;
  /// Time in the queue of frames that reached the serialiser (0 for those that found it idle).
  std::uint64_t sojournMaxNs = 0;
  std::uint64_t sojournSumNs = 0;
  std::uint64_t sojournPackets = 0;
  std::uint64_t dropQueue = 0;
  std::uint64_t dropLoss = 0;
  std::uint64_t dropAqm = 0;
  std::uint64_t dropBlackhole = 0;
  std::uint64_t dropMtu = 0;
  std::uint64_t dropDown = 0;
  /// The emulator's own failures: no frame slot left, a frame larger than a slot, the TAP's transmit ring
  /// overran.
  std::uint64_t dropPool = 0;
  std::uint64_t dropOversize = 0;
  std::uint64_t dropTapRing = 0;
  std::uint64_t duplicated = 0;
  std::uint64_t reordered = 0;
  std::uint64_t writeErrors = 0;
  /// How late the process was against each frame's due time.
  std::uint64_t lateMaxNs = 0;
  std::uint64_t lateSumNs = 0;
};

/// Calls visit(name, value) for each counter, in the order of the documentation.
template <class Visit>
void forEachCounter(const Counters& c, Visit visit) {
  visit("inPackets", c.inPackets);
  visit("inBytes", c.inBytes);
  visit("outPackets", c.outPackets);
  visit("outBytes", c.outBytes);
  visit("queuePackets", c.queuePackets);
  visit("queueBytes", c.queueBytes);
  visit("queueHighWaterPackets", c.queueHighWaterPackets);
  visit("queueHighWaterBytes", c.queueHighWaterBytes);
  visit("transitPackets", c.transitPackets);
  visit("sojournMaxNs", c.sojournMaxNs);
  visit("sojournSumNs", c.sojournSumNs);
  visit("sojournPackets", c.sojournPackets);
  visit("dropQueue", c.dropQueue);
  visit("dropLoss", c.dropLoss);
  visit("dropAqm", c.dropAqm);
  visit("dropBlackhole", c.dropBlackhole);
  visit("dropMtu", c.dropMtu);
  visit("dropDown", c.dropDown);
  visit("dropPool", c.dropPool);
  visit("dropOversize", c.dropOversize);
  visit("dropTapRing", c.dropTapRing);
  visit("duplicated", c.duplicated);
  visit("reordered", c.reordered);
  visit("writeErrors", c.writeErrors);
  visit("lateMaxNs", c.lateMaxNs);
  visit("lateSumNs", c.lateSumNs);
}

}  // namespace mqvpn::link
