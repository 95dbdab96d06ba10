#include "quic/congestion.h"

#include "quic/bbr.h"
#include "quic/cubic.h"

namespace mqvpn::quic {

namespace {
/// No control at all: what is sent is what the application has.
class Uncontrolled final : public CongestionController {
 public:
  void onSent(Time, std::uint64_t, std::uint64_t) override {}
  void onAck(const AckSample&, const Rtt&) override {}
  void onLoss(const LossSample&, const Rtt&) override {}
  void onDatagramSize(std::uint64_t) override {}
  /// More than a path has in flight at 5 Gbit/s and 100 ms; bounds memory.
  std::uint64_t window() const override { return 64U << 20; }
  std::uint64_t pacingRate(const Rtt&) const override { return 0; }
  bool inSlowStart() const override { return false; }
  std::uint64_t bandwidth(const Rtt&) const override { return 0; }
  std::string_view stateName() const override { return "none"; }
};
}  // namespace

std::string_view congestionAlgorithmName(CongestionAlgorithm algorithm) {
  switch (algorithm) {
    case CongestionAlgorithm::kCubic:
      return "cubic";
    case CongestionAlgorithm::kBbr:
      return "bbr";
    case CongestionAlgorithm::kNone:
      break;
  }
  return "none";
}

std::unique_ptr<CongestionController> makeCongestionController(CongestionChoice choice,
                                                               std::uint64_t maxDatagramSize, Time now) {
  switch (choice.algorithm) {
    case CongestionAlgorithm::kCubic:
      return std::make_unique<Cubic>(maxDatagramSize, choice.initialPackets);
    // Flows that begin at different times probe at different times; a simulation repeats exactly.
    case CongestionAlgorithm::kBbr:
      return std::make_unique<Bbr>(maxDatagramSize, now, now, choice.initialPackets);
    case CongestionAlgorithm::kNone:
      break;
  }
  return std::make_unique<Uncontrolled>();
}

}  // namespace mqvpn::quic
